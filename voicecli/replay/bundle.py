"""The data of a recorded conversation. All times are of the same clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from voicecli.bench.environment import SettingValue
from voicecli.bench.result import Machine
from voicecli.events import Event, Ready
from voicecli.types import FRAME_SAMPLES, Pcm

SCHEMA = 1
"""Version of the files in the zip; a reader rejects any other."""


LatencySeconds = Annotated[float, Field(ge=0, le=60)]
"""Seconds. The limit keeps a replay of a forged file from running without end."""


@dataclass(frozen=True, slots=True)
class StageLatencies:
    """Latencies of the engines: medians of a recording. The defaults are round figures for two cores."""

    decode_s: LatencySeconds = 0.2  # speech-to-text
    end_of_turn_s: LatencySeconds = 0.03  # one decision of the end-of-turn model
    first_token_s: LatencySeconds = 0.3
    token_s: LatencySeconds = 0.02  # each later token
    first_audio_s: LatencySeconds = 0.2  # from the text of a chunk to its first audio


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class About:
    """Where a recording comes from."""

    version: str  # version of voicecli
    taken_at: str  # ISO 8601, UTC
    machine: Machine
    settings: dict[str, SettingValue]  # `section.key` -> value
    models: dict[str, str]  # name -> SHA-256 of its largest file
    findings: tuple[dict[str, object], ...] = ()  # findings of voicecli doctor
    latencies: StageLatencies = field(default_factory=StageLatencies)
    schema_version: int = SCHEMA


@dataclass(frozen=True, slots=True)
class UserAction:
    """An action of the user at the keyboard."""

    at_s: float
    what: Literal["mute", "unmute", "interrupt", "ask", "repeat", "hold", "let go"]
    text: str = ""  # the question, or the answer to repeat


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Times:
    """Times at which audio was captured, arrived and sounded."""

    captured_at_s: tuple[float, ...] = ()  # first sample of each frame
    arrived_at_s: tuple[float, ...] = ()  # when the program received the same frame
    listenings: tuple[int, ...] = ()  # number of frames of each use of the microphone; all but the last were discarded
    speaker_rate_hz: int = 48_000
    block_samples: tuple[int, ...] = ()
    reported_at_s: tuple[float, ...] = ()  # when the speaker reported each block ...
    sounds_at_s: tuple[float, ...] = ()  # ... and when its first sample left the loudspeaker
    echoes: bool = False  # an echo canceller was active
    actions: tuple[UserAction, ...] = ()


@dataclass(frozen=True, slots=True)
class Sounds:
    """All recorded audio, int16."""

    microphone: Pcm  # (n * FRAME_SAMPLES,) at LISTEN_RATE_HZ, as captured
    echo_free: Pcm  # the same after echo cancellation; empty without an echo canceller
    speaker: Pcm  # (m,) at `times.speaker_rate_hz`
    times: Times


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded conversation."""

    about: About
    events: tuple[Event, ...]
    sounds: Sounds

    @property
    def times(self) -> Times:
        return self.sounds.times

    @property
    def began_s(self) -> float:
        """Return the clock time of the first frame."""
        return self.times.captured_at_s[0]

    @property
    def voiced(self) -> bool:
        """Return whether answers were spoken; without a speaker they were only shown."""
        return all(event.speaker for event in self.events if isinstance(event, Ready))


MAX_GAP_S = 60.0
"""Longest gap between two frames, as after a sleep of the machine. It limits how long a replay runs."""


def inconsistency(sounds: Sounds) -> str:
    """Return why times and audio do not belong together; empty if they do."""
    times, microphone_samples, speaker_samples = sounds.times, len(sounds.microphone), len(sounds.speaker)
    captured, arrived = times.captured_at_s, times.arrived_at_s
    if len(sounds.echo_free) not in (0, microphone_samples):
        return f"{microphone_samples} samples of the microphone, {len(sounds.echo_free)} without echo"
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
        return f"frames out of order, or more than {MAX_GAP_S:.0f} s apart"
    if not all(abs(came - taken) <= MAX_GAP_S for came, taken in zip(arrived, captured, strict=True)):
        return "frames that arrived long before or after their capture"
    return ""
