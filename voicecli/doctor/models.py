"""The models that a conversation needs: there, whole, and the bytes that they should be. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voicecli.doctor.finding import Finding

ModelState = Literal["whole", "incomplete", "absent", "damaged", "own", "unknown"]
"""own: a file or folder of the user's, of which no manifest tells what it should be; unknown: nothing of that name."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One model, as it lies on disk."""

    name: str  # as the settings have it: of the manifest, or a path
    state: ModelState
    kind: str = ""  # stt, tts, voices, llm, turn
    size_bytes: int = 0  # what it has or, where it lacks, will have
    files: tuple[str, ...] = ()  # that lack, or whose bytes are wrong
    is_hashed: bool = False
    hint: str = ""  # of an unknown one: what may have been meant


def model_findings(models: list[ModelFacts], *, offline: bool) -> list[Finding]:
    """A line on each; `offline`: voicecli talk would not download what lacks.

    The first one that lacks has the command that fetches all of them.
    """
    lacking = [facts.name for facts in models if facts.state in ("absent", "incomplete")]
    all_of_them = {name: " ".join(lacking) for name in lacking[:1]}
    return [_model(facts, offline, all_of_them.get(facts.name, facts.name)) for facts in models]


def _model(facts: ModelFacts, offline: bool, to_fetch: str) -> Finding:
    reported = {"state": facts.state, "bytes": facts.size_bytes, "hashed": facts.is_hashed, "files": list(facts.files)}
    name, fetch = facts.name.rpartition("/")[2], f"voicecli download-models {to_fetch}"
    match facts.state:
        case "whole":
            checked = "every byte is right" if facts.is_hashed else "right in size, bytes not looked at"
            return Finding(name, "passed", f"{megabytes(facts.size_bytes)}, {checked}", facts=reported)
        case "own":
            return Finding(name, "passed", f"{megabytes(facts.size_bytes)}, your own: taken as it is", facts=reported)
        case "absent":
            later = "" if offline else "; voicecli talk would download it first"
            return Finding(name, "failed", f"is not there{later}", fetch, reported)
        case "incomplete":
            return Finding(name, "failed", f"lacks {shortened(facts.files)}", fetch, reported)
        case "damaged":
            cure = f"voicecli download-models --remove {facts.name} && {fetch}"
            return Finding(name, "failed", f"wrong bytes in {shortened(facts.files)}", cure, reported)
        case _:
            return Finding(
                name,
                "failed",
                "is neither a model of voicecli nor a file",
                facts.hint or "voicecli download-models --list",
                reported,
            )


def shortened(names: tuple[str, ...]) -> str:
    """Two names at most: the others are in the facts."""
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def megabytes(size_bytes: float) -> str:
    """In the unit that reads well."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"
