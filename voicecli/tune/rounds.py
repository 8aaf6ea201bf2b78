"""List what is worth trying on this machine, most promising first."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from voicecli.tune.values import PART_OF, Arm, Part, Value

FIRST_TEXT_CHUNK_CHARS = (40, 80)
"""Values beside the default. Few first clauses are longer than 80."""

MOST_COUNTS = 3
"""How many thread counts are tried beside the default: the nearest ones."""

COMPUTE_TYPES = {"cpu": ("float32", "int8"), "gpu": ("int8_float16", "float16", "float32")}
"""Those of CTranslate2 that are tried. On a processor int8 means int8_float32."""

SYNTHETIC = "synthetic speech does not show whether a smaller model is good enough: use --speech FOLDER"
"""Every model understands Kokoro."""

LEAST_WORDS = 50
"""With fewer words, a single error is more than the 2 points that count as equally good."""

MORE = "add the text of name.wav as name.txt"

ORDER = (
    "stt.model",
    "stt.compute_type",
    "llm.threads",
    "tts.first_chunk_chars",
    "tts.model",
    "stt.threads",
    "tts.threads",
    "tts.streaming",
    "listen.endpoint",
)
"""Settings with the largest gain first. The endpoint is chosen last, since how much of the silence is hidden depends on
how soon the answer is ready; all its modes are measured together at the beginning."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What can be tried."""

    device: str  # cpu or gpu
    cores: int  # physical
    stt_models: tuple[str, ...]  # installed, the smallest first
    tts_models: tuple[str, ...]
    compute_types: Collection[str]  # that Whisper supports here
    embedded: bool  # the language model runs in this process, so its threads can be set
    doubt: str = ""  # why word errors do not show whether a smaller recognizer is good enough


@dataclass(frozen=True, slots=True)
class Round:
    """Values of one setting to compare with the one in use."""

    key: str
    values: tuple[Value, ...]
    held: Mapping[Value, str] = field(default_factory=dict)  # measured but must not be chosen, with the reason

    @property
    def part(self) -> Part:
        return PART_OF[self.key]


def default_arms(defaults: Mapping[str, Value]) -> dict[Part, Arm]:
    """Return how each part runs with the defaults."""
    return {
        part: Arm(part, tuple((key, defaults[key]) for key, its in PART_OF.items() if its == part))
        for part in dict.fromkeys(PART_OF.values())
    }


def rounds(machine: Machine, defaults: Mapping[str, Value], modes: Sequence[str]) -> list[Round]:
    """Return the rounds, most promising first; a setting without other values has none.

    `defaults` has all keys of PART_OF, with actual thread counts instead of 0; `modes` are all endpoint modes.
    """
    processor = machine.device == "cpu"
    values: dict[str, Sequence[Value]] = {
        "stt.model": machine.stt_models,
        "stt.compute_type": [one for one in COMPUTE_TYPES[machine.device] if one in machine.compute_types],
        "llm.threads": thread_counts(int(defaults["llm.threads"]), machine.cores) if machine.embedded else (),
        "tts.first_chunk_chars": FIRST_TEXT_CHUNK_CHARS,
        "tts.model": machine.tts_models,
        "stt.threads": thread_counts(int(defaults["stt.threads"]), machine.cores) if processor else (),
        "tts.threads": thread_counts(int(defaults["tts.threads"]), machine.cores) if processor else (),
        "tts.streaming": (True, False),
        "listen.endpoint": modes,
    }
    found = [Round(key, tuple(one for one in values[key] if one != defaults[key])) for key in ORDER]
    held = {"stt.model": unverified(machine, defaults["stt.model"])}
    return [Round(one.key, one.values, held.get(one.key, {})) for one in found if one.values]


def unverified(machine: Machine, default: Value) -> dict[Value, str]:
    """Return recognizers smaller than the default with the reason, if word errors cannot vouch for them."""
    smaller = machine.stt_models[: machine.stt_models.index(str(default))] if machine.doubt else ()
    return dict.fromkeys(smaller, machine.doubt)


def doubt_of(*, synthetic: bool, words: int) -> str:
    """Return why recordings cannot vouch for a smaller recognizer; `words`: how many known words they have."""
    if synthetic:
        return SYNTHETIC
    return f"{words} known words are too few to choose a smaller model: {MORE}" if words < LEAST_WORDS else ""


def thread_counts(default: int, cores: int) -> list[int]:
    """Return powers of two up to all cores, all cores and all but one, nearest to the default first."""
    powers = [1 << power for power in range(cores.bit_length())]
    counts = {one for one in (*powers, cores - 1, cores) if 1 <= one <= cores} - {default}
    return sorted(counts, key=lambda one: (abs(math.log2(one / default)), one))[:MOST_COUNTS]
