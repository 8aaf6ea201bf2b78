"""The state that a screen shows, folded from events. Pure; no terminal, no clock.

An answer is prepared while the user may still go on speaking. Its text is stored as it arrives, but `Exchange.answer`
stays empty until the utterance has ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from voicecli.conversation.latency import LatencyFold, TurnLatency
from voicecli.events import (
    Announced,
    AnswerCut,
    AnswerReplayed,
    Audible,
    AwakeChanged,
    Component,
    ComponentChanged,
    CutReason,
    Event,
    FalseInterruption,
    FramesDropped,
    HoldChanged,
    LevelMeasured,
    ModelDownload,
    ModelOffered,
    MuteChanged,
    NothingHeard,
    Notice,
    OfferAnswered,
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
from voicecli.printable import one_line, printable
from voicecli.turns.speculation import Speculation
from voicecli.types import TurnId
from voicecli.ui.listen_state import ListenState
from voicecli.ui.tool_uses import ToolUse, apply_tool_event, pending_approval

State = Literal["Starting", "Ready", "Listening", "Hearing", "Thinking", "Speaking", "Muted", "Asleep"]
Outcome = Literal["open", "done", "interrupted", "reopened", "failed"]

CUT_REASONS: dict[CutReason, str] = {
    "loop": "cut: the model began to repeat itself",
    "length": "cut: as long as an answer may be (llm.max_answer_tokens)",
}

LEVELS_KEPT = 48
"""4.8 s of input level: the widest meter."""

QUIET_DB = -90.0

READY_FIELDS = dict[Component, str](microphone="microphone", speaker="speaker", model="llm", voice="tts")
"""The field of `Ready` that names each component."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why a turn has no complete answer."""

    stage: Stage
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Note:
    """A message to the user, shown between the exchanges."""

    text: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """An utterance of the user and the answer to it."""

    turn: TurnId
    typed: bool = False
    released: bool = False  # the utterance has ended, so the answer may be shown
    stable: str = ""
    unstable: str = ""
    transcript: str | None = None
    written: str = ""  # the answer so far, whether shown or not
    spoken_end: int = 0  # characters of `written` that have been played
    audible: bool = False
    cut: CutReason | None = None  # why the model was stopped
    outcome: Outcome = "open"
    failure: Failure | None = None
    tool_uses: tuple[ToolUse, ...] = ()
    marks: LatencyFold = field(default_factory=LatencyFold)

    @property
    def heard(self) -> tuple[str, str]:
        """The words of the user: (stable, may still change)."""
        if self.transcript is not None:
            return self.transcript, ""
        gap = " " if self.stable and self.unstable and not self.stable[-1].isspace() else ""
        return self.stable + gap, self.unstable

    @property
    def answer(self) -> tuple[str, str]:
        """The answer as written: (spoken, not yet spoken). Both are empty while the user may still go on.

        A word counts as spoken once it begins: half a bright word looks like a mistake.
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
        """Return the exchange after one more event of its turn."""
        return replace(self._apply(event), marks=self.marks.apply(event))

    def _apply(self, event: Event) -> Exchange:
        match event:
            case UserTyped(text=text):
                return replace(self, typed=True, released=True, transcript=printable(text))
            case PartialHeard(stable=stable, unstable=unstable) if self.transcript is None:
                return replace(self, stable=printable(stable), unstable=printable(unstable))
            case SpeechStarted() | SpeechPaused() | SpeechResumed():
                return replace(self, released=False, transcript=None, written="", spoken_end=0, cut=None)
            case SpeechEnded():
                return replace(self, released=True)
            case Transcribed(text=text) if not self.typed:
                return replace(self, transcript=printable(text), written="", spoken_end=0, cut=None)
            case _:
                return self._apply_answer(event)

    def _apply_answer(self, event: Event) -> Exchange:
        match event:
            case TokenArrived(text=text):
                return replace(self, written=self.written + printable(text))
            case AnswerCut(reason=reason):
                return replace(self, cut=reason)
            case Audible():
                return replace(self, audible=True)
            case SpokenUpTo(source_end=source_end):
                return replace(self, spoken_end=max(self.spoken_end, source_end))
            case TurnDone():
                return replace(self, outcome="done", spoken_end=len(self.written))
            case TurnInterrupted(reopened=True):
                return replace(self, outcome="reopened", written="", spoken_end=0)
            case TurnInterrupted(spoken=spoken):
                played = len(spoken) if self.written.startswith(printable(spoken)) else self.spoken_end
                return replace(self, outcome="interrupted", spoken_end=played)
            case TurnFailed(stage=stage, message=message, hint=hint):
                return replace(self, outcome="failed", failure=Failure(stage, printable(message), printable(hint)))
            case Announced(text=text):
                return replace(self, released=True, transcript="", written=printable(text))
            case _:
                return replace(self, tool_uses=apply_tool_event(self.tool_uses, event))


@dataclass(frozen=True, slots=True)
class Repeat:
    """An earlier answer that is being spoken again."""

    turn: TurnId
    audible: bool = False


def apply_repeat_event(repeat: Repeat | None, event: Event) -> Repeat | None:
    """Return the answer being repeated after one more event."""
    match event:
        case AnswerReplayed(turn=turn) if turn is not None:
            return Repeat(turn)
        case Audible(turn=turn) if repeat is not None and repeat.turn == turn:
            return replace(repeat, audible=True)
        case TurnDone(turn=turn) | TurnInterrupted(turn=turn) | TurnFailed(turn=turn):
            return None if repeat is not None and repeat.turn == turn else repeat
        case _:
            return repeat


@dataclass(frozen=True, slots=True)
class ViewModel:
    """Everything that a screen may show. `apply` each event in order."""

    ready: Ready | None = None
    muted: bool = False
    listen_state: ListenState = field(default_factory=ListenState)
    entries: tuple[Exchange | Note, ...] = ()  # oldest first
    latencies: tuple[TurnLatency, ...] = ()  # of audible turns, oldest first
    levels_db: tuple[float, ...] = ()  # input level, ten values a second, newest last
    remark: str = ""  # why the latest sound was no question, until the next one
    dropped_frames: int = 0
    speculation: Speculation = field(default_factory=Speculation)
    underrun_gaps: int = 0
    problems: tuple[ComponentChanged, ...] = ()  # the latest of each component that is not ok, newest last
    repeat: Repeat | None = None
    demo_model: str = ""  # the small language model of a first conversation; empty where another one answered at first
    offer: str = ""  # the question whether a better model may be downloaded, until it is answered
    download: ModelDownload | None = None  # of a better model, while it is under way

    @property
    def state(self) -> State:
        """The state of the newest turn that is not over."""
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
    def is_demo(self) -> bool:
        """Whether the small language model of a first conversation answers."""
        return self.ready is not None and bool(self.demo_model) and self.ready.llm == self.demo_model

    @property
    def is_answering(self) -> bool:
        """Whether there is an answer to interrupt, also while the user speaks over it."""
        return self.repeat is not None or any(one.released and one.outcome == "open" for one in self.exchanges)

    @property
    def pending_approval(self) -> ToolUse | None:
        """The tool call that waits for approval."""
        waiting = (pending_approval(one.tool_uses) for one in self.exchanges if one.outcome == "open")
        return next(filter(None, waiting), None)

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
        """The latest input level, in dB relative to full scale."""
        return self.levels_db[-1] if self.levels_db else QUIET_DB

    @property
    def comparable_latencies(self) -> tuple[TurnLatency, ...]:
        """Latencies of the turns that are spoken, or typed, like the latest one."""
        return tuple(one for one in self.latencies if one.typed == self.latencies[-1].typed)

    @property
    def last_answer(self) -> str:
        """The latest answer with words, as written; empty if there is none."""
        return next((one.written for one in reversed(self.exchanges) if one.released and one.written), "")

    @property
    def last_question(self) -> str:
        """The latest words of the user; empty if there are none."""
        return next((one.transcript for one in reversed(self.exchanges) if one.transcript), "")

    @property
    def can_repeat(self) -> bool:
        """Whether the last answer can be spoken again now: there is one and a voice for it, and nobody speaks."""
        quiet = self.state in ("Listening", "Muted", "Ready")
        return quiet and self.has_speaker and self.ready is not None and bool(self.ready.tts and self.last_answer)

    def exchange(self, turn: TurnId | None) -> Exchange | None:
        """Return the exchange of a turn."""
        return next((one for one in reversed(self.exchanges) if one.turn == turn), None)

    def apply(self, event: Event) -> ViewModel:
        """Return the view after one more event."""
        match event:
            case Ready():
                kept = (entry for entry in self.entries if not (isinstance(entry, Note) and entry.passing))
                ready, listen_state = one_line(event), self.listen_state.apply(event)
                demo_model = ready.llm if ready.demo else ""
                return replace(self, ready=ready, entries=tuple(kept), listen_state=listen_state, demo_model=demo_model)
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
                return self._apply_component(event)
            case ModelOffered(text=text):
                return replace(self, offer=printable(text))
            case OfferAnswered():
                return replace(self, offer="")
            case ModelDownload(state=state):
                return replace(self, download=None if state == "over" else event)
            case TurnFailed(message=message) if self.repeat is not None and self.repeat.turn == event.turn:
                return replace(self, repeat=None, entries=(*self.entries, Note(printable(message))))
            case _ if event.turn is not None:
                repeat, speculation = apply_repeat_event(self.repeat, event), self.speculation.apply(event)
                return replace(self._apply_turn(event, event.turn), speculation=speculation, repeat=repeat)
            case _:
                return self

    def _apply_component(self, event: ComponentChanged) -> ViewModel:
        clean = replace(event, name=printable(event.name), message=printable(event.message))
        rest = tuple(one for one in self.problems if one.component != event.component)
        problems = rest if event.condition == "ok" else (*rest, clean)
        entries = (*self.entries, Note(clean.message))
        if self.ready is None:
            return replace(self, problems=problems, entries=entries)
        named: Any = {READY_FIELDS[event.component]: event.name}
        ready = replace(self.ready, **named)
        return replace(self, problems=problems, entries=entries, ready=one_line(ready))

    def _apply_turn(self, event: Event, turn: TurnId) -> ViewModel:
        match event:
            case SpeechStarted() | UserTyped() | Announced() if self.exchange(turn) is None:
                opened = Exchange(turn).apply(event)
                return replace(self, entries=(*self.entries, opened), remark="")
            case NothingHeard(reason=reason):
                dropped = self.exchange(turn)
                rest = tuple(one for one in self.entries if one is not dropped)
                return replace(self, entries=rest, remark=f"no words ({reason})" if reason else "no words")
            case FalseInterruption(text=text, reason=reason):
                return replace(self, remark=f"ignored: {printable(text) or reason}")
            case PlaybackUnderrun():
                return replace(self, underrun_gaps=self.underrun_gaps + 1)
            case _:
                return self._apply_exchange(event, turn)

    def _apply_exchange(self, event: Event, turn: TurnId) -> ViewModel:
        before = self.exchange(turn)
        if before is None:
            return self
        after = before.apply(event)
        entries = tuple(after if one is before else one for one in self.entries)
        latency = after.latency if isinstance(event, Audible) and not before.audible else None
        measured = self.latencies if latency is None else (*self.latencies, latency)
        return replace(self, entries=entries, latencies=measured)
