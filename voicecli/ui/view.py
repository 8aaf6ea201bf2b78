"""What a screen shows, as a value: events in, view out. Pure; no terminal, no clock.

An answer is prepared while the user may still go on. It is folded in as it comes, and `Exchange.answer` stays empty
until the utterance has ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from voicecli.conversation.latency import LatencyFold, TurnLatency, percentile
from voicecli.events import (
    Announced,
    Audible,
    AwakeChanged,
    Component,
    ComponentChanged,
    Event,
    FalseInterruption,
    FramesDropped,
    HoldChanged,
    LevelMeasured,
    MuteChanged,
    NothingHeard,
    Notice,
    PartialHeard,
    PlaybackUnderrun,
    Ready,
    SpeechEnded,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpokenUpTo,
    Stage,
    TokenArrived,
    Transcribed,
    TurnDone,
    TurnFailed,
    TurnInterrupted,
    UserTyped,
)
from voicecli.printable import one_line
from voicecli.printable import printable as printable
from voicecli.turns.speculation import Speculation
from voicecli.types import TurnId
from voicecli.ui.listen_state import ListenState
from voicecli.ui.repeating import Repeat, repeat_after
from voicecli.ui.uses import ToolUse, asked, uses_after

State = Literal["Starting", "Ready", "Listening", "Hearing", "Thinking", "Speaking", "Muted", "Asleep"]
Outcome = Literal["open", "done", "interrupted", "reopened", "failed"]

LEVELS_KEPT = 48
"""4.8 s of input level: as wide as the meter ever gets."""

QUIET_DB = -90.0

READY_FIELDS = dict[Component, str](microphone="microphone", speaker="speaker", model="llm", voice="tts")
"""Where `Ready` names a part."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a turn has no (whole) answer."""

    stage: Stage
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the user should know, in its place between the exchanges."""

    text: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """One utterance of the user and the answer to it."""

    turn: TurnId
    typed: bool = False
    released: bool = False  # the utterance has ended, the answer may be shown
    stable: str = ""
    unstable: str = ""
    transcript: str | None = None
    written: str = ""  # the answer so far, shown or not
    spoken_end: int = 0  # characters of it that were heard
    audible: bool = False
    outcome: Outcome = "open"
    failure: Failure | None = None
    uses: tuple[ToolUse, ...] = ()  # of tools
    marks: LatencyFold = field(default_factory=LatencyFold)

    @property
    def heard(self) -> tuple[str, str]:
        """The words of the user: (firm, may still change)."""
        if self.transcript is not None:
            return self.transcript, ""
        gap = " " if self.stable and self.unstable and not self.stable[-1].isspace() else ""
        return self.stable + gap, self.unstable

    @property
    def answer(self) -> tuple[str, str]:
        """The answer as written: (spoken, still to come). Both empty while the user may still go on.

        The word under way counts as spoken: half a bright word reads like a mistake.
        """
        if not self.released:
            return "", ""
        end = self.spoken_end
        while 0 < end < len(self.written) and self.written[end - 1].isalnum() and self.written[end].isalnum():
            end += 1
        return self.written[:end], self.written[end:]

    @property
    def latency(self) -> TurnLatency | None:
        return self.marks.latency(self.turn)

    def apply(self, event: Event) -> Exchange:
        """The exchange with one more event of its turn."""
        return replace(self._apply(event), marks=self.marks.apply(event))

    def _apply(self, event: Event) -> Exchange:
        match event:
            case UserTyped(text=text):
                return replace(self, typed=True, released=True, transcript=printable(text))
            case PartialHeard(stable=stable, unstable=unstable) if self.transcript is None:
                return replace(self, stable=printable(stable), unstable=printable(unstable))
            case SpeechStarted() | SpeechPaused() | SpeechResumed():
                return replace(self, released=False, transcript=None, written="", spoken_end=0)
            case SpeechEnded():
                return replace(self, released=True)
            case Transcribed(text=text) if not self.typed:
                return replace(self, transcript=printable(text), written="", spoken_end=0)
            case _:
                return self._answered(event)

    def _answered(self, event: Event) -> Exchange:
        match event:
            case TokenArrived(text=text):
                return replace(self, written=self.written + printable(text))
            case Audible():
                return replace(self, audible=True)
            case SpokenUpTo(source_end=source_end):
                return replace(self, spoken_end=max(self.spoken_end, source_end))
            case TurnDone():
                return replace(self, outcome="done", spoken_end=len(self.written))
            case TurnInterrupted(reopened=True):
                return replace(self, outcome="reopened", written="", spoken_end=0)
            case TurnInterrupted(spoken=spoken):
                heard = len(spoken) if self.written.startswith(printable(spoken)) else self.spoken_end
                return replace(self, outcome="interrupted", spoken_end=heard)
            case TurnFailed(stage=stage, message=message, hint=hint):
                return replace(self, outcome="failed", failure=Failure(stage, printable(message), printable(hint)))
            case Announced(text=text):
                return replace(self, released=True, transcript="", written=printable(text))
            case _:
                return replace(self, uses=uses_after(self.uses, event))


@dataclass(frozen=True, slots=True)
class ViewModel:
    """Everything that a screen may show. `apply` each event in order."""

    ready: Ready | None = None
    muted: bool = False
    listen_state: ListenState = field(default_factory=ListenState)
    entries: tuple[Exchange | Note, ...] = ()  # oldest first
    latencies: tuple[TurnLatency, ...] = ()  # of the turns that became audible, in that order
    levels_db: tuple[float, ...] = ()  # input level, ten a second, newest last
    remark: str = ""  # what became of the latest sound, until the next one
    dropped_frames: int = 0
    speculation: Speculation = field(default_factory=Speculation)
    underrun_gaps: int = 0
    troubles: tuple[ComponentChanged, ...] = ()  # of the parts that are not well, one each, the latest last
    repeat: Repeat | None = None  # an earlier answer that is being said again

    @property
    def state(self) -> State:
        """Derived from the newest turn that is not over."""
        if self.ready is None:
            return "Starting"
        live = next((one for one in reversed(self.exchanges) if one.outcome == "open"), None)
        if live is None and self.repeat is not None:
            return "Speaking" if self.repeat.audible else "Thinking"
        if live is None:
            return "Ready" if not self.has_microphone else "Muted" if self.muted else self.listen_state.idle
        if not live.released:
            return "Hearing"
        return "Speaking" if live.audible else "Thinking"

    @property
    def is_answering(self) -> bool:
        """Whether there is an answer to interrupt; also while somebody speaks over it."""
        return self.repeat is not None or any(one.released and one.outcome == "open" for one in self.exchanges)

    @property
    def asked(self) -> ToolUse | None:
        """The tool that leave is asked for."""
        return next((use for one in self.exchanges if one.outcome == "open" and (use := asked(one.uses))), None)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return tuple(one for one in self.entries if isinstance(one, Exchange))

    @property
    def has_microphone(self) -> bool:
        return self.ready is None or bool(self.ready.microphone)

    @property
    def has_speaker(self) -> bool:
        return self.ready is None or bool(self.ready.speaker)

    @property
    def level_db(self) -> float:
        """The latest input level, dB relative to full scale."""
        return self.levels_db[-1] if self.levels_db else QUIET_DB

    @property
    def alike(self) -> tuple[TurnLatency, ...]:
        """Latencies of the turns that began as the latest one did: spoken and typed ones do not compare."""
        return tuple(one for one in self.latencies if one.typed == self.latencies[-1].typed)

    def voice_to_voice_s(self, q: float) -> float | None:
        """The q-th percentile over the conversation, or None before the first answer."""
        return percentile([one.voice_to_voice_s for one in self.alike], q) if self.latencies else None

    def exchange(self, turn: TurnId | None) -> Exchange | None:
        return next((one for one in reversed(self.exchanges) if one.turn == turn), None)

    def apply(self, event: Event) -> ViewModel:
        """The view after one more event."""
        match event:
            case Ready():
                lasting = (entry for entry in self.entries if not (isinstance(entry, Note) and entry.passing))
                return replace(
                    self, ready=one_line(event), entries=tuple(lasting), listen_state=self.listen_state.apply(event)
                )
            case Notice(text=text, passing=passing):
                return replace(self, entries=(*self.entries, Note(printable(text), passing)))
            case LevelMeasured(level_db=level_db):
                return replace(self, levels_db=(*self.levels_db, level_db)[-LEVELS_KEPT:])
            case FramesDropped(count=count):
                return replace(self, dropped_frames=self.dropped_frames + count)
            case MuteChanged(muted=muted):
                return replace(self, muted=muted)
            case HoldChanged() | AwakeChanged():
                return replace(self, listen_state=self.listen_state.apply(event))
            case ComponentChanged():
                return self._part_changed(event)
            case TurnFailed(message=message) if self.repeat is not None and self.repeat.turn == event.turn:
                return replace(self, repeat=None, entries=(*self.entries, Note(printable(message))))
            case _ if event.turn is not None:
                repeat, speculation = repeat_after(self.repeat, event), self.speculation.apply(event)
                return replace(self._of_turn(event, event.turn), speculation=speculation, repeat=repeat)
            case _:
                return self

    def _part_changed(self, event: ComponentChanged) -> ViewModel:
        reported = replace(event, name=printable(event.name), message=printable(event.message))
        rest = tuple(one for one in self.troubles if one.component != event.component)
        troubles = rest if event.condition == "ok" else (*rest, reported)
        entries = (*self.entries, Note(reported.message))
        if self.ready is None:
            return replace(self, troubles=troubles, entries=entries)
        named: Any = {READY_FIELDS[event.component]: event.name}
        ready = replace(self.ready, **named)
        return replace(self, troubles=troubles, entries=entries, ready=one_line(ready))

    def _of_turn(self, event: Event, turn: TurnId) -> ViewModel:
        match event:
            case SpeechStarted() | UserTyped() | Announced() if self.exchange(turn) is None:
                opened = Exchange(turn).apply(event)
                return replace(self, entries=(*self.entries, opened), remark="")
            case NothingHeard(reason=reason):
                gone = self.exchange(turn)
                rest = tuple(one for one in self.entries if one is not gone)
                return replace(self, entries=rest, remark=f"no words ({reason})" if reason else "no words")
            case FalseInterruption(text=text, reason=reason):
                return replace(self, remark=f"passed over: {printable(text) or reason}")
            case PlaybackUnderrun():
                return replace(self, underrun_gaps=self.underrun_gaps + 1)
            case _:
                return self._updated(event, turn)

    def _updated(self, event: Event, turn: TurnId) -> ViewModel:
        before = self.exchange(turn)
        if before is None:
            return self
        after = before.apply(event)
        entries = tuple(after if one is before else one for one in self.entries)
        latency = after.latency if isinstance(event, Audible) and not before.audible else None
        measured = self.latencies if latency is None else (*self.latencies, latency)
        return replace(self, entries=entries, latencies=measured)
