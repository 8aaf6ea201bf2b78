"""How soon does an answer give way to a voice? Read from recordings of both sides of the virtual card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voicecli.bench.outcomes import found_at_s
from voicecli.bench.questions import write_clip
from voicecli.bench.virtual_card import VirtualCard
from voicecli.types import LISTEN_RATE_HZ, Pcm

SILENT_DB = -45.0
SILENT_STEPS = 25
"""Of 10 ms: a shorter silence may be a pause of the voice."""

WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class Order:
    """Something to say over an answer."""

    path: Path
    pcm: Pcm  # (n,) at 16 kHz
    voiced_s: float  # first voiced sample, by Silero


def order(pcm: Pcm, path: Path) -> Order | None:
    """Write the voiced part of a recording to `path`, with 0.3 s before it; None where there is less than a second."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(threshold=0.5, min_silence_duration_ms=300, speech_pad_ms=0)
    found = get_speech_timestamps(pcm.astype(np.float32) / 32768, options)
    if not found or found[-1]["end"] - found[0]["start"] < LISTEN_RATE_HZ:
        return None
    begin = max(0, found[0]["start"] - round(0.3 * LISTEN_RATE_HZ))
    part = pcm[begin : found[-1]["end"] + round(0.2 * LISTEN_RATE_HZ)]
    write_clip(path, part)
    return Order(path, part, (found[0]["start"] - begin) / LISTEN_RATE_HZ)


def silent_after_s(card: VirtualCard, said: Order, began_s: float) -> float | None:
    """From the first voiced sample of an order, played at about `began_s`, to the loudspeaker's silence."""
    voiced_s = began_s - 0.2 + found_at_s(card.air.since(began_s - 0.2), said.pcm) + said.voiced_s
    sound = card.speaker.since(voiced_s)[: round(WITHIN_S * LISTEN_RATE_HZ)]
    steps = len(sound) // 160
    rms = np.sqrt(np.mean(np.square(sound[: steps * 160].reshape(steps, 160), dtype=np.float64), axis=1))
    quiet = rms < 32768 * 10 ** (SILENT_DB / 20)
    return next((at / 100 for at in range(steps - SILENT_STEPS) if quiet[at : at + SILENT_STEPS].all()), None)
