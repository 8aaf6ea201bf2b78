"""Events: what happened, when, and in which turn.

Every part publishes events; the screen, the latency fold, the JSON lines and the tests only read them. `at_s` comes
from the one clock of the conversation. Late events of a turn keep its id, so they never count for the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from voicecli.settings.model import ListenMode
from voicecli.types import TurnId

Clock = Callable[[], float]
"""Seconds on a monotonic clock."""

CLOCK: Clock = time.monotonic
"""The clock of the program. Whoever measures or waits is given one; tests give another."""

Stage = Literal["stt", "llm", "tts", "playout"]

Component = Literal["microphone", "speaker", "model", "voice"]

Condition = Literal["ok", "fallback", "unavailable"]
"""State of a component: the selected one, a fallback, or nothing."""

Volume = Literal["full", "soft", "silent"]
"""The volume of the answer. While silent, it waits where it is."""

CutReason = Literal["loop", "length"]
"""Why an answer ended before the model was done: it went round in circles, or reached `llm.max_answer_tokens`."""

DownloadState = Literal["downloading", "unpacking", "loading", "over"]
"""What is done with a model that is got beside the conversation."""

ToolOutcome = Literal["done", "failed", "denied", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened."""

    at_s: float
    turn: TurnId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(Event):
    """Devices are open and engines are warm: the conversation listens from now on."""

    microphone: str  # empty when there is none
    speaker: str  # empty when there is none
    stt: str
    llm: str
    llm_why: str  # why this language model was selected
    tts: str
    mode: ListenMode = "hands-free"
    wake_phrase: str = ""  # empty where none is needed
    demo: bool = False  # the language model is the small one that a first conversation begins with


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Event):
    """Something that the user should know, for example a device that is missing."""

    text: str
    passing: bool = False  # not relevant once the conversation is ready: what is being loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentChanged(Event):
    """A device or an engine went away, came back, or was replaced. The conversation goes on."""

    component: Component
    condition: Condition
    name: str  # what is in use now; empty when there is nothing
    message: str  # what happened and what is done about it, in one sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOffered(Event):
    """A better language model can be downloaded beside the conversation, if the user agrees."""

    name: str
    text: str  # the question


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferAnswered(Event):
    """The user has agreed to the download, or not."""

    name: str
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDownload(Event):
    """How far a language model is that is got beside the conversation; at most once a second."""

    name: str
    state: DownloadState
    done_bytes: int
    total_bytes: int
    left_s: float | None = None  # None while it is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelMeasured(Event):
    """Input level, ten times a second."""

    level_db: float  # RMS, dB relative to full scale, -90 at the least


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesDropped(Event):
    """The microphone was faster than the listener."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteChanged(Event):
    """The microphone was muted or unmuted."""

    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldChanged(Event):
    """Push-to-talk: the key was pressed or released."""

    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AwakeChanged(Event):
    """Wake phrase: speech is answered from now on, or only after the phrase."""

    awake: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted(Event):
    """The user began to speak."""

    started_at_s: float  # first voiced sample


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialHeard(Event):
    """The partial transcript: words that two hypotheses agree on, and the rest."""

    stable: str
    unstable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechPaused(Event):
    """A first short silence: the turn starts with the speaker held, where it is worth preparing one."""

    ended_at_s: float  # last voiced sample
    preparing: bool  # the turn has started; else it starts at the endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointExpected(Event):
    """How long the pause under way has to be to end the turn. Published again when the words are known."""

    probability: float  # that the user is done, by the sound alone
    wait_ms: float  # from the last voiced sample


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechResumed(Event):
    """It was only a pause. What was prepared in it is discarded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded(Event):
    """The user is done; the answer may sound."""

    ended_at_s: float  # last voiced sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribed(Event):
    """The final transcript of an utterance."""

    text: str
    language: str
    audio_s: float
    language_probability: float = 1.0  # 1 where the language was given, not found


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingHeard(Event):
    """It sounded like speech and had no words. The turn is over."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTyped(Event):
    """A turn that was written, not spoken."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReplayed(Event):
    """A turn that only says an earlier answer again. It is not remembered."""

    text: str  # as written


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced(Event):
    """A turn that nobody asked for: a timer rings."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequested(Event):
    """A tool needs the user's approval. The turn waits for the answer."""

    call: str  # pairs the three events of a call
    tool: str  # such as "timer.set" or "server.tool"
    arguments: str  # a JSON object, as the model wrote it


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled(Event):
    """A tool is at work."""

    call: str
    tool: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDone(Event):
    """A call is over, whether it was made or not."""

    call: str
    tool: str
    outcome: ToolOutcome
    text: str  # what the language model reads as the result
    took_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenArrived(Event):
    """A token of the answer."""

    text: str  # as written, markup included


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCut(Event):
    """The answer ends here, although the model would have gone on."""

    reason: CutReason


@dataclass(frozen=True, slots=True, kw_only=True)
class TextChunkReady(Event):
    """A text chunk is ready for the voice."""

    text: str  # as a voice says it
    source_end: int  # characters of the answer as written that it covers


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesized(Event):
    """Some of the sound of a text chunk is ready."""

    text: str  # of the text chunk
    audio_s: float
    share: float  # of the text chunk that is ready now, 1 for all of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Audible(Event):
    """The first sample of the answer leaves the loudspeaker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ducked(Event):
    """The user may be speaking over the answer, or has stopped."""

    volume: Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseInterruption(Event):
    """A sound over the answer that did not interrupt it. The answer goes on."""

    text: str  # empty where it held no words
    reason: str  # why it does not count


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenUpTo(Event):
    """Progress of the voice through the answer as written."""

    source_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackUnderrun(Event):
    """Silence inside an answer, because the next audio was not ready in time."""

    gap_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnDone(Event):
    """The answer is over and all of it was heard (or written, where there is no speaker)."""

    spoken: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnInterrupted(Event):
    """The user interrupted the answer."""

    spoken: str  # what was heard until then, as written
    reopened: bool  # the user continued the question: it becomes part of the next one


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFailed(Event):
    """The turn ended with an error."""

    stage: Stage
    message: str
    hint: str


Publish = Callable[[Event], None]
