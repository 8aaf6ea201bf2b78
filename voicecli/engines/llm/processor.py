"""How the embedded llama.cpp uses the processor: which build of ggml's CPU back end, and how many threads. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OWN = "AVX2"
"""What the wheel of xllamacpp is built for."""

VARIANTS: Mapping[str, frozenset[str]] = {
    "sapphirerapids": frozenset({"avx512vbmi", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_int8"}),
    "zen4": frozenset({"avx512vbmi", "avx512_vnni", "avx512_bf16"}),
    "cooperlake": frozenset({"avx512_vnni", "avx512_bf16"}),
    "icelake": frozenset({"avx512vbmi", "avx512_vnni"}),
    "cascadelake": frozenset({"avx512_vnni"}),
    "skylakex": frozenset({"avx512f", "avx512cd", "avx512vl", "avx512dq", "avx512bw"}),
    "alderlake": frozenset({"avx_vnni"}),
}
"""ggml's builds beyond AVX2, best first, with the flags of /proc/cpuinfo that they need (ggml/src/CMakeLists.txt)."""


@dataclass(frozen=True, slots=True)
class Host:
    """What decides about a build, as the operating system reports it."""

    system: str  # Linux
    machine: str  # x86_64
    flags: frozenset[str] = frozenset()  # of /proc/cpuinfo

    @property
    def variant(self) -> str | None:
        """Return ggml's build that suits this processor better than xllamacpp's own; None: there is none."""
        if (self.system, self.machine) != ("Linux", "x86_64"):
            return None
        return next((name for name, needs in VARIANTS.items() if needs <= self.flags), None)


@dataclass(frozen=True, slots=True)
class CpuBackend:
    """The build of ggml's CPU back end that computes."""

    name: str  # OWN, or one of VARIANTS
    better: str | None = None  # the variant for this processor, where it is not in use
    problem: str = ""  # why an installed build is not in use


def flags_of(cpuinfo: str) -> frozenset[str]:
    """Return the features of the first processor in the text of /proc/cpuinfo."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            return frozenset(value.split())
    return frozenset()


def refusal(built_from: str, xllamacpp: str) -> str:
    """Return why a build may not be loaded into this version of xllamacpp; empty if it may.

    ggml promises nothing about builds of different versions.
    """
    if built_from == xllamacpp:
        return ""
    return f"it was built from xllamacpp {built_from}, and {xllamacpp} is installed"


def fastest(scores: Mapping[str, int]) -> str | None:
    """Return the library with the highest score; None if none runs here.

    ggml's builds score themselves on this processor: 0 means that it lacks an instruction that they use.
    """
    able = {name: score for name, score in scores.items() if score > 0}
    return max(able, key=able.__getitem__, default=None)


def variant_of(file_name: str) -> str:
    """Return the variant in the name of a library: "libggml-cpu-zen4.so" -> "zen4"."""
    return file_name.removeprefix("libggml-cpu-").removesuffix(".so")


SMALL_MODEL_BYTES = 400_000_000
"""Up to this size one thread fewer than cores writes several times faster than the voice speaks."""


def writing_threads(cores: int, model_bytes: int) -> int:
    """Return how many threads write: all cores but one, which is the voice's; all of them with a larger model.

    A small model writes far ahead of the voice, which is then what the user waits for. With a larger one the wait is
    for the first whole clause, a dozen tokens.
    """
    return max(1, cores - 1) if model_bytes <= SMALL_MODEL_BYTES else max(1, cores)
