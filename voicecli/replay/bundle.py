"""What a report holds, as values. Times are those of the recording's one clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from voicecli.bench.environment import Told
from voicecli.bench.result import Machine
from voicecli.events import Event, Ready
from voicecli.types import FRAME_SAMPLES, Pcm

SCHEMA = 1
"""Of the files in the zip; a reader refuses any other."""


LatencySeconds = Annotated[float, Field(ge=0, le=60)]
"""Seconds; with more a replay would hardly end."""


@dataclass(frozen=True, slots=True)
class StageLatencies:
    """What the engines took; medians of a recording. The defaults are round figures for two cores."""

    decode_s: LatencySeconds = 0.2  # speech-to-text
    end_of_turn_s: LatencySeconds = 0.03  # the end-of-turn model
    first_token_s: LatencySeconds = 0.3
    token_s: LatencySeconds = 0.02  # each of the others
    first_audio_s: LatencySeconds = 0.2  # of a piece of the answer


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class About:
    """Where it comes from."""

    version: str  # of voicecli
    taken_at: str  # ISO 8601, UTC
    machine: Machine
    settings: dict[str, Told]  # `section.key` -> value
    models: dict[str, str]  # name -> SHA-256 of its largest file
    findings: tuple[dict[str, object], ...] = ()  # of voicecli doctor
    latencies: StageLatencies = field(default_factory=StageLatencies)
    schema_version: int = SCHEMA


@dataclass(frozen=True, slots=True)
class UserAction:
    """What the user did at the keyboard."""

    at_s: float
    what: Literal["mute", "unmute", "interrupt", "ask", "repeat", "hold", "let go"]
    text: str = ""  # the question, or the answer to repeat


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Times:
    """When the sounds were captured, came and sounded."""

    captured_at_s: tuple[float, ...] = ()  # first sample of each frame
    arrived_at_s: tuple[float, ...] = ()  # the same frame, when the program got it
    listenings: tuple[
        int, ...
    ] = ()  # frames of each time that the microphone was listened to; all but the last unheard
    speaker_rate_hz: int = 48_000
    block_samples: tuple[int, ...] = ()
    reported_at_s: tuple[float, ...] = ()  # when the speaker told each block ...
    sounds_at_s: tuple[float, ...] = ()  # ... and when its first sample left the loudspeaker
    echoes: bool = False  # an echo canceller was at work
    actions: tuple[UserAction, ...] = ()


@dataclass(frozen=True, slots=True)
class Sounds:
    """All that sounded."""

    microphone: Pcm  # (n * FRAME_SAMPLES,) at LISTEN_RATE_HZ, as the device gave it
    echo_free: Pcm  # the same without the echo; empty where none was cancelled
    speaker: Pcm  # (m,) at `times.speaker_rate_hz`
    times: Times


@dataclass(frozen=True, slots=True)
class Recording:
    """A conversation that can be held again."""

    about: About
    events: tuple[Event, ...]
    sounds: Sounds

    @property
    def times(self) -> Times:
        return self.sounds.times

    @property
    def began_s(self) -> float:
        """Clock time of the first frame."""
        return self.times.captured_at_s[0]

    @property
    def voiced(self) -> bool:
        """Answers were spoken; else there was no speaker, and they were written."""
        return all(event.speaker for event in self.events if isinstance(event, Ready))


MAX_GAP_S = 60.0
"""Between two frames: a machine that slept may have had one; with more the recording would be replayed for ages."""


def inconsistency(sounds: Sounds) -> str:
    """Why times and sounds cannot be of one conversation; empty where they can."""
    times, microphone_samples, speaker_samples = sounds.times, len(sounds.microphone), len(sounds.speaker)
    captured, arrived = times.captured_at_s, times.arrived_at_s
    if len(sounds.echo_free) not in (0, microphone_samples):
        return f"{microphone_samples} samples of the microphone, {len(sounds.echo_free)} without the echo"
    if not captured or len(captured) != len(arrived) or len(captured) * FRAME_SAMPLES != microphone_samples:
        return f"{microphone_samples} samples of the microphone, times of {len(captured)} and {len(arrived)} frames"
    if sum(times.listenings) != len(captured) or min(times.listenings) < 0:
        return f"{len(captured)} frames, {sum(times.listenings)} of them listened to"
    blocks = (len(times.block_samples), len(times.reported_at_s), len(times.sounds_at_s))
    if len(set(blocks)) != 1 or sum(times.block_samples) != speaker_samples or min(times.block_samples, default=0) < 0:
        return f"{speaker_samples} samples of the speaker, {sum(times.block_samples)} in {blocks[0]} blocks"
    if not 8_000 <= times.speaker_rate_hz <= 192_000:
        return f"a speaker at {times.speaker_rate_hz} Hz"
    gaps = [later - earlier for earlier, later in zip(arrived, arrived[1:], strict=False)]
    if not all(0 <= gap <= MAX_GAP_S for gap in gaps):
        return f"frames that are not in order, or more than {MAX_GAP_S:.0f} s apart"
    if not all(abs(came - taken) <= MAX_GAP_S for came, taken in zip(arrived, captured, strict=True)):
        return "frames that came at another time than they were captured"
    return ""
