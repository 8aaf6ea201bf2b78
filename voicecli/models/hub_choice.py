"""Choose files of a hub's repository for the embedded language model. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from voicecli.errors import SettingsError

STAND_INS = ("Q4_K_M", "Q4_K_S", "Q4_0", "Q4_1", "IQ4_XS", "IQ4_NL", "MXFP4", "Q5_K_M", "Q5_K_S", "Q6_K", "Q8_0")
"""Quantizations for a repository without the usual one, the best balance of size and quality first."""

_QUANTIZATION = re.compile(r"(?:UD-)?(?:I?Q\d+(?:_[0-9A-Z]+)*|BF16|F16|F32|MXFP4(?:_MOE)?)", re.IGNORECASE)
_SPLIT = re.compile(r"-(?P<number>\d{5})-of-(?P<total>\d{5})$")


def quantization_of(path: str) -> str:
    """Return the quantization that the name of a GGUF file tells, in capitals; empty if it tells none."""
    stem = _SPLIT.sub("", path.rpartition("/")[2].removesuffix(".gguf"))
    found = [match[0] for match in _QUANTIZATION.finditer(stem)]
    return found[-1].upper() if found else ""


def choose_files(paths: Iterable[str], wanted: str, *, named: bool, repository: str) -> list[str]:
    """Return the GGUF files with the wanted quantization, in the order of their parts.

    `named`: the user has named it; otherwise a repository without it gives the next best one. Raise SettingsError with
    what there is instead.
    """
    there: dict[str, list[str]] = {}
    for path in sorted(paths):
        name = path.rpartition("/")[2].lower()
        if name.endswith(".gguf") and not name.startswith("mmproj"):
            there.setdefault(quantization_of(path), []).append(path)
    if not there:
        raise SettingsError(f"{repository} has no GGUF files", "repositories that have them often end in -GGUF")
    order = (wanted,) if named else (wanted, *STAND_INS)
    chosen = next((there[one] for one in order if one in there), None)
    if chosen is None and not named and len(there) == 1:
        chosen = next(iter(there.values()))
    if chosen is None:
        names = ", ".join(name for name in there if name)
        raise SettingsError(f"{repository} has no {wanted}", f"it has: {names}" if names else "")
    return _one_model(chosen)


def _one_model(paths: Sequence[str]) -> list[str]:
    """Return one file, or all parts of one file."""
    split = _SPLIT.search(paths[0].removesuffix(".gguf"))
    if split is None:
        return [paths[0]]
    start = paths[0].removesuffix(".gguf")[: split.start()]
    return [path for path in paths if path.startswith(f"{start}-")]


def is_whole(names: Sequence[str]) -> bool:
    """Return whether files on disk are a GGUF file, or all parts of one."""
    parts = [_SPLIT.search(name.removesuffix(".gguf")) for name in names]
    return bool(parts) and all(part is None or int(part["total"]) == len(parts) for part in parts)


def listed_files(tree: object) -> Mapping[str, tuple[int, str]]:
    """Return path -> size and SHA-256 of the large files in the hub's answer; what does not fit is passed over."""
    files: dict[str, tuple[int, str]] = {}
    for entry in tree if isinstance(tree, list) else ():
        lfs = entry.get("lfs") if isinstance(entry, Mapping) else None
        if not isinstance(lfs, Mapping):
            continue
        path, size, digest = entry.get("path"), lfs.get("size"), lfs.get("oid")
        if isinstance(path, str) and isinstance(size, int) and isinstance(digest, str):
            files[path] = size, digest.removeprefix("sha256:")
    return files
