"""The models that a conversation needs, and the memory that they take. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from voicecli.doctor.finding import Finding
from voicecli.printable import size_text
from voicecli.types import MemoryFacts

ModelState = Literal["whole", "incomplete", "absent", "damaged", "own", "unknown"]
"""own: a file or folder of the user's that no manifest describes; unknown: nothing has that name."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The state of one model on disk."""

    name: str  # as in the settings: a name in the manifest, or a path
    state: ModelState
    kind: str = ""  # stt, tts, voices, llm, turn
    size_bytes: int = 0  # on disk, or of the download if files are missing
    files: tuple[str, ...] = ()  # missing files, or files with wrong bytes
    is_hashed: bool = False
    hint: str = ""  # of an unknown model: similar names
    memory_bytes: int = 0  # that it takes, if the manifest says so


def model_findings(models: list[ModelFacts], *, offline: bool) -> list[Finding]:
    """Return a finding for each model. `offline`: voicecli talk would not download missing ones.

    The advice at the first missing model downloads all of them.
    """
    missing = [facts.name for facts in models if facts.state in ("absent", "incomplete")]
    all_of_them = {name: " ".join(missing) for name in missing[:1]}
    return [_model(facts, offline, all_of_them.get(facts.name, facts.name)) for facts in models]


def _model(facts: ModelFacts, offline: bool, to_fetch: str) -> Finding:
    reported = {"state": facts.state, "bytes": facts.size_bytes, "hashed": facts.is_hashed, "files": list(facts.files)}
    name, fetch = facts.name.rpartition("/")[2], f"voicecli download-models {to_fetch}"
    match facts.state:
        case "whole":
            checked = "checksum is correct" if facts.is_hashed else "size is correct, checksum not verified"
            return Finding(name, "passed", f"{size_text(facts.size_bytes)}, {checked}", facts=reported)
        case "own":
            return Finding(
                name, "passed", f"{size_text(facts.size_bytes)}, your own file, not verified", facts=reported
            )
        case "absent":
            later = "" if offline else "; voicecli talk would download it first"
            return Finding(name, "failed", f"not found{later}", fetch, reported)
        case "incomplete":
            return Finding(name, "failed", f"files are missing: {first_names(facts.files)}", fetch, reported)
        case "damaged":
            cure = f"voicecli download-models --remove {facts.name} && {fetch}"
            return Finding(name, "failed", f"wrong checksum: {first_names(facts.files)}", cure, reported)
        case _:
            return Finding(
                name,
                "failed",
                "neither a known model nor a file",
                facts.hint or "voicecli download-models --list",
                reported,
            )


def first_names(names: tuple[str, ...]) -> str:
    """Return the first two names and the number of the others, which are in the facts."""
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


PROGRAM_BYTES = 150e6
"""voicecli with the libraries of all its engines and no model loaded: 146 MB (resident, Linux)."""

HEADROOM = 1.3
"""Factor on the memory needed: other programs need some, too."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Memory that a model takes: a multiple of its size on disk plus a fixed part."""

    of_size: float
    fixed_bytes: float = 0.0


COSTS: Mapping[str, Cost] = {
    "stt": Cost(2.2),
    "tts": Cost(3.4),
    "voices": Cost(0.0),  # one of them is loaded, half a megabyte
    "turn": Cost(1.0, 60e6),
    "llm": Cost(1.0, 150e6),
}
"""Measured once loaded and put to work, on a CPU, each default model in a process of its own: whisper-base (150 MB)
took 327 MB at its peak, kokoro-v1.0-int8 (92 MB) 314 MB, smart-turn-v3.2 (9 MB) 67 MB, smollm2-135m-instruct (98 MB)
246 MB with 3500 of its 4096 tokens of context filled. llama.cpp maps the file as it is, so there the rest is context
and buffers. Together they make 1.1 GB; a whole conversation over files peaked at 1054 MB. Of other models this is an
estimate."""


def memory_findings(facts: MemoryFacts, models: list[ModelFacts]) -> list[Finding]:
    """Return the finding about memory. `models` are those that will be loaded into main memory."""
    needed = needed_bytes(models)
    reported = {"available bytes": facts.available_bytes, "total bytes": facts.total_bytes, "needed bytes": needed}
    if facts.available_bytes is None:
        return [Finding("memory", "skipped", f"about {size_text(needed)} needed; free memory is unknown", "", reported)]
    where = f" ({facts.limit})" if facts.limit else ""
    text = f"{size_text(facts.available_bytes)} free{where}, about {size_text(needed)} needed"
    advice = "close other programs, or choose smaller models: voicecli download-models --list"
    if facts.available_bytes < needed:
        return [Finding("memory", "failed", text, advice, reported)]
    if facts.available_bytes < needed * HEADROOM:
        return [Finding("memory", "warned", f"{text}: barely enough", advice, reported)]
    return [Finding("memory", "passed", text, facts=reported)]


def needed_bytes(models: list[ModelFacts]) -> float:
    """Return the bytes needed, the program itself included. A model of unknown kind counts with its size on disk."""
    return PROGRAM_BYTES + sum(model.memory_bytes or _estimated_bytes(model) for model in models)


def _estimated_bytes(model: ModelFacts) -> float:
    cost = COSTS.get(model.kind, Cost(1.0))
    return cost.of_size * model.size_bytes + cost.fixed_bytes
