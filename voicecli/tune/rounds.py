"""What is worth trying on this machine, in order of promise. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from voicecli.tune.values import PART_OF, Arm, Part, Value

FIRST_TEXT_CHUNK_CHARS = (40, 80)
"""Beside the default. Beyond 80 hardly any first clause is longer."""

MOST_COUNTS = 3
"""Of threads, beside the default: the nearest."""

COMPUTE_TYPES = {"cpu": ("float32", "int8"), "gpu": ("int8_float16", "float16", "float32")}
"""Of those that CTranslate2 has. int8_float32 is what int8 is on a processor."""

SYNTHETIC = "synthetic speech does not vouch for a smaller model: --speech FOLDER"
"""Every model understands Kokoro."""

LEAST_WORDS = 50
"""With fewer a single wrong one is more than the 2 points that count as equally good."""

MORE = "name.txt beside name.wav tells what is said"

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
"""Where most is to be gained first. The end of a turn is last: how long a silence may be without being felt depends on
how soon the answer is ready. It is measured at the beginning, all its values in one go."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to try."""

    device: str  # cpu or gpu
    cores: int  # physical
    stt_models: tuple[str, ...]  # installed, the smallest first
    tts_models: tuple[str, ...]
    compute_types: Collection[str]  # that Whisper can run with here
    embedded: bool  # the language model runs in this process, so that its threads are ours
    doubt: str = ""  # why word errors here do not vouch for a smaller recogniser


@dataclass(frozen=True, slots=True)
class Round:
    """Values of one setting that are tried against the one in use."""

    key: str
    values: tuple[Value, ...]
    held: Mapping[Value, str] = field(default_factory=dict)  # measured, but not taken, and why

    @property
    def part(self) -> Part:
        return PART_OF[self.key]


def start(defaults: Mapping[str, Value]) -> dict[Part, Arm]:
    """How each part runs before anything is tuned."""
    return {
        part: Arm(part, tuple((key, defaults[key]) for key, its in PART_OF.items() if its == part))
        for part in dict.fromkeys(PART_OF.values())
    }


def rounds(machine: Machine, defaults: Mapping[str, Value], modes: Sequence[str]) -> list[Round]:
    """In order of promise; a setting without anything to try has no round.

    `defaults` are those of PART_OF's keys with threads as they come out, not 0; `modes` are all endpoint modes.
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
    held = {"stt.model": unvouched(machine, defaults["stt.model"])}
    return [Round(one.key, one.values, held.get(one.key, {})) for one in found if one.values]


def unvouched(machine: Machine, default: Value) -> dict[Value, str]:
    """Recognisers smaller than the default, where word errors do not tell whether they hear as well."""
    smaller = machine.stt_models[: machine.stt_models.index(str(default))] if machine.doubt else ()
    return dict.fromkeys(smaller, machine.doubt)


def doubt_of(*, synthetic: bool, words: int) -> str:
    """Why recordings do not vouch for a smaller recogniser; `words`: how many are known to be said in them."""
    if synthetic:
        return SYNTHETIC
    return f"{words} known words do not vouch for a smaller model: {MORE}" if words < LEAST_WORDS else ""


def thread_counts(default: int, cores: int) -> list[int]:
    """Powers of two up to all cores, all of them and all but one: those that are nearest to the default first."""
    powers = [1 << power for power in range(cores.bit_length())]
    counts = {one for one in (*powers, cores - 1, cores) if 1 <= one <= cores} - {default}
    return sorted(counts, key=lambda one: (abs(math.log2(one / default)), one))[:MOST_COUNTS]
