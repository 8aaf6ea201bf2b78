"""Choose a language model for this machine. Pure.

    Manifest (language models, each better than those before it) + Machine + Speeds -> Choice

The order of the manifest is the ladder, so more memory or more speed can only lead to a higher rung.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from voicecli.languages import name_of
from voicecli.models.manifest import Model

SPEAKING_TPS = 3.7
"""Tokens that Kokoro speaks in a second: a model that writes fewer leaves gaps in its answers."""

VOICE_CORES = 0.6
"""Cores that the voice takes while it speaks: Kokoro's real-time factor on two cores is 0.30 (docs/benchmarks.md)."""

VOICE_BYTES = 1_000_000_000
"""Memory of everything but the language model: a conversation over files peaked at 1054 MB, 247 of it SmolLM2-135M."""

QUESTION_TOKENS = 12
"""Tokens that are read after the user's last word; those before it are sent ahead."""

CLAUSE_TOKENS = 9
"""Tokens of a first clause: Qwen2.5-Coder-1.5B wrote 8.5 a second, and the clause took 1.07 s."""

FIRST_CLAUSE_S, GIVEN_UP_S = 2.0, 3.0
"""Longest time in which a model may read the end of a question and write the first clause of its answer: to be worth
its download, and to be used once it is here. One busy hour then does not take a good model away."""

GPU_RESERVE_BYTES = 3_000_000_000
"""GPU memory that is left to the context, to speech and to the screen."""

UNPROVEN_CORES, UNPROVEN_BYTES = 6, 8_000_000_000
"""Cores and free memory from which a model that our questions have not measured is worth its download."""

READING_EXTRA_BYTES, WRITING_EXTRA_BYTES = 200_000_000, 100_000_000
"""Added to a file's size, these make the time for a token proportional to it: SmolLM2-135M (98 MB), Qwen2.5-Coder 0.5B
(491 MB) and 1.5B (1117 MB) read 162, 70 and 37 tokens a second and write 54, 19.5 and 8.5 (two cores). From one of them
that gives the others within 17 %."""

REFERENCE_BYTES = 1_117_320_768
REFERENCE_READING_TPS, REFERENCE_WRITING_TPS = 18.5, 5.4
"""Speed of Qwen2.5-Coder-1.5B for each core in reading, and on a single core in writing."""

WRITING_EXPONENT = 0.65
"""Writing is bound by memory: two cores write 1.6 times as fast as one."""

MOST_CORES = 8
"""More cores than this do not count: the embedded model uses no more threads."""

QUESTIONS = 60
"""Questions of the battery by which models are scored."""

ANY_LANGUAGE = "auto"
"""Setting for a conversation whose language is not known beforehand."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a conversation can have of this machine, before its models are loaded."""

    free_memory_bytes: int
    cores: int
    gpu_memory_bytes: int = 0
    """Free GPU memory; 0 if the embedded runtime cannot use a GPU."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second that a model reads and writes with nothing beside it."""

    reading_tps: float
    writing_tps: float

    @property
    def first_clause_s(self) -> float:
        """Seconds from the end of a question to the end of the answer's first clause."""
        return QUESTION_TOKENS / self.reading_tps + CLAUSE_TOKENS / self.writing_tps


Basis = Literal["measured", "scaled", "estimated", "gpu"]
"""Where a speed is from: the model itself; another model that was measured here; the cores; it runs on the GPU."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """Whether a model suits the machine."""

    model: Model
    speed: Speed
    basis: Basis
    problem: str = ""
    """Why it does not, as what follows its name; empty if it does."""

    @property
    def fits(self) -> bool:
        """Whether nothing is against it."""
        return not self.problem


@dataclass(frozen=True, slots=True)
class Choice:
    """A model to use, and a better one to download."""

    use: Model | None
    """The best installed model that this machine can run; None: no installed one fits."""
    why: str
    better: Model | None
    """A better one worth downloading; None: there is none."""
    why_better: str
    candidates: tuple[Model, ...] = ()
    """All that are better, the best first, for when `better` cannot be downloaded."""

    @property
    def from_registries(self) -> tuple[Model, ...]:
        """The candidates that a package registry has, for when no hub can be reached."""
        return tuple(model for model in self.candidates if {"pypi", "npm"} & set(model.kinds))


def choose(
    models: Sequence[Model], machine: Machine, speeds: Mapping[str, Speed], installed: Collection[str], language: str
) -> Choice:
    """Return the best installed language model for this machine, and a better one to download.

    `speeds`: those that were measured on this machine, by model. `language`: of the conversation, ISO 639-1, or
    `ANY_LANGUAGE`. A model that knows the language is better than any that does not.
    """
    ladder = [assess(model, models, machine, speeds) for model in rungs(models, language)]
    here = [found for found in ladder if found.model.name in installed]
    fitting = [found for found in here if found.fits]
    use = fitting[-1] if fitting else None
    above = ladder[ladder.index(use) + 1 :] if use else ladder
    new = [found for found in above if found.model.name not in installed and found.fits]
    candidates = [found for found in reversed(new) if _is_worth_it(found, machine)]
    better = candidates[0] if candidates else None
    return Choice(
        use.model if use else None,
        _why(use, here, len(fitting), machine, language),
        better.model if better else None,
        _why_better(use, better),
        tuple(found.model for found in candidates),
    )


def rungs(models: Sequence[Model], language: str) -> list[Model]:
    """Return the language models from the worst to the best for conversations in a language."""
    known = [model for model in models if model.kind == "llm"]
    return sorted(known, key=lambda model: knows(model, language))


def knows(model: Model, language: str) -> bool:
    """Return whether the model answers in a language."""
    return language == ANY_LANGUAGE or language in model.languages


def assess(model: Model, models: Sequence[Model], machine: Machine, speeds: Mapping[str, Speed]) -> Assessment:
    """Return whether a language model suits the machine: it has room, and it writes in time for the voice."""
    speed, basis = speed_of(model, models, machine, speeds)
    if machine.gpu_memory_bytes >= file_bytes(model) + GPU_RESERVE_BYTES:
        if basis != "measured":
            return Assessment(model, speed, "gpu")
    elif machine.free_memory_bytes < needed_bytes(model):
        return Assessment(model, speed, basis, f"needs {gigabytes(needed_bytes(model))}")
    if beside_voice_tps(speed, machine.cores) < SPEAKING_TPS:
        problem = f"would write only {speed.writing_tps:.1f} tokens a second"
        return Assessment(model, speed, basis, problem)
    if speed.first_clause_s > GIVEN_UP_S:
        return Assessment(model, speed, basis, f"would begin an answer after {speed.first_clause_s:.1f} s")
    return Assessment(model, speed, basis)


def needed_bytes(model: Model) -> int:
    """Return the free memory that a conversation with this model needs, in bytes."""
    return model.memory_mb * 1_000_000 + VOICE_BYTES


def beside_voice_tps(speed: Speed, cores: int) -> float:
    """Return how fast a model writes while the voice speaks, in tokens a second."""
    return speed.writing_tps * (cores - VOICE_CORES) / cores


def speed_of(
    model: Model, models: Sequence[Model], machine: Machine, speeds: Mapping[str, Speed]
) -> tuple[Speed, Basis]:
    """Return how fast a model is here: as measured, else by the measured model of the nearest size, else estimated."""
    if model.name in speeds:
        return speeds[model.name], "measured"
    size = file_bytes(model)
    measured = [(file_bytes(other), speeds[other.name]) for other in models if other.name in speeds]
    if measured:
        other, speed = min(measured, key=lambda pair: abs(math.log(pair[0] / size)))
        return scaled(speed, other, size), "scaled"
    cores = min(machine.cores, MOST_CORES)
    reference = Speed(REFERENCE_READING_TPS * cores, REFERENCE_WRITING_TPS * cores**WRITING_EXPONENT)
    return scaled(reference, REFERENCE_BYTES, size), "estimated"


def scaled(speed: Speed, of_bytes: int, to_bytes: int) -> Speed:
    """Return the speed of a model with a file of another size."""
    return Speed(
        speed.reading_tps * (of_bytes + READING_EXTRA_BYTES) / (to_bytes + READING_EXTRA_BYTES),
        speed.writing_tps * (of_bytes + WRITING_EXTRA_BYTES) / (to_bytes + WRITING_EXTRA_BYTES),
    )


def file_bytes(model: Model) -> int:
    """Return the size of a model's files in bytes."""
    return model.size_bytes or (model.approx_mb or model.memory_mb) * 1_000_000


def gigabytes(size_bytes: float) -> str:
    """Return a size in GB."""
    return f"{size_bytes / 1e9:.1f} GB"


def pace(found: Assessment) -> str:
    """Return how fast a model writes here, and how that is known."""
    if found.basis == "gpu":
        return "runs on the GPU"
    how = {"measured": "", "scaled": " (estimated)", "estimated": " (estimated from the cores)"}
    return f"writes about {max(1, round(found.speed.writing_tps))} tokens a second here{how[found.basis]}"


def _is_worth_it(found: Assessment, machine: Machine) -> bool:
    """Return whether a model is worth its download.

    It is quick, and was scored, or the machine is so large that a newer and larger one is surely better.
    """
    if found.basis == "gpu":
        return True
    is_large = machine.cores >= UNPROVEN_CORES and machine.free_memory_bytes >= UNPROVEN_BYTES
    return found.speed.first_clause_s <= FIRST_CLAUSE_S and (found.model.score is not None or is_large)


def _why(use: Assessment | None, here: Sequence[Assessment], fitting: int, machine: Machine, language: str) -> str:
    free = f"{gigabytes(machine.free_memory_bytes)} free"
    if use is None:
        if not here:
            return "no language model is installed"
        return f"no language model here fits {free}: {here[0].model.name} {here[0].problem}"
    of = f"the best of {fitting} that fit" if fitting > 1 else "the only one here that fits"
    parts = [f"{use.model.name}: {of} {free}", pace(use)]
    if not knows(use.model, language):
        parts.append(f"knows no {name_of(language)}")
    above = here[here.index(use) + 1 :]
    parts += [f"{above[-1].model.name} {above[-1].problem}"] if above else []
    return "; ".join(parts)


def _why_better(use: Assessment | None, better: Assessment | None) -> str:
    if better is None:
        return "nothing better is known that this machine can run"
    return f"{better.model.name}: {_gain(use.model if use else None, better.model)}; {pace(better)}"


def _gain(use: Model | None, better: Model) -> str:
    if better.score is None:
        than = f", {use.parameters_b:g} now" if use else ""
        return f"{better.parameters_b:g} billion parameters{than}"
    than = f", {use.score} now" if use and use.score is not None else ""
    return f"{better.score} of {QUESTIONS} questions right{than}"
