"""Arms, samples and trials by the number."""

from __future__ import annotations

from collections.abc import Sequence

from voicecli.tune.rounds import default_arms
from voicecli.tune.values import PART_OF, Arm, Sample, Samples, Trial, Value, Waits

DEFAULTS: dict[str, Value] = {
    "stt.model": "base",
    "stt.compute_type": "int8",
    "stt.threads": 2,
    "llm.threads": 1,
    "tts.model": "kokoro-int8",
    "tts.threads": 2,
    "tts.streaming": True,
    "tts.first_chunk_chars": 16,
    "listen.endpoint": "balanced",
}
WAITS = Waits(early_pause_s=0.08, pause_s=0.2, playout_s=0.0, hearing_s=0.3, answering_s=0.5, ending_s=0.45)


def heard(took_s: Sequence[float], errors: Sequence[int] | None = None, words: int = 10) -> Samples:
    """Finals, with the wrong words of each."""
    wrong = errors or [0] * len(took_s)
    return tuple(
        Sample(f"{index}.wav", took, 3.0, took, count, words)
        for index, (took, count) in enumerate(zip(took_s, wrong, strict=True))
    )


def answered(took_s: Sequence[float], factor: float = 0.5) -> Samples:
    return tuple(
        Sample(f"question {index}", took, 2.0, 2.0 * factor, first_token_s=0.1, tokens_per_s=40.0)
        for index, took in enumerate(took_s)
    )


def ended(took_s: Sequence[float], cut: int = 0) -> Samples:
    return tuple(Sample(f"{index}.wav", took, cut_off=index < cut) for index, took in enumerate(took_s))


def trial(key: str, value: Value, before: Samples, after: Samples, in_use: Arm | None = None) -> Trial:
    """The defaults, or what is in use, against one other value."""
    rival = in_use or default_arms(DEFAULTS)[PART_OF[key]]
    return Trial(key, rival, rival.having(key, value), before, after)
