"""Exchange the CPU back end inside xllamacpp's ggml for a build that uses all of this processor.

xllamacpp's wheel runs on any processor with AVX2. ggml can load its CPU back end from a library, too: the package
voicecli-llama-cpu holds builds from the same sources for newer processors (scripts/build-llama-cpu.sh). Server,
tokenizer and templates stay those of xllamacpp.
"""

from __future__ import annotations

import ctypes
import importlib.util
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from voicecli.engines.llm.processor import OWN, CpuBackend, Host, fastest, flags_of, refusal, variant_of

DISTRIBUTION, PACKAGE = "voicecli-llama-cpu", "voicecli_llama_cpu"


def this_host() -> Host:
    """Return what decides about a build on this machine."""
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf8")
    except OSError:
        cpuinfo = ""
    return Host(platform.system(), platform.machine(), flags_of(cpuinfo))


def use_fastest() -> CpuBackend:
    """Let xllamacpp compute with the best installed build for this processor.

    Where there is none that fits, its own stays. Call it before a model is loaded; another call changes nothing.
    """
    better = this_host().variant
    try:
        built_from = version(DISTRIBUTION)
    except PackageNotFoundError:
        return CpuBackend(OWN, better)
    problem = refusal(built_from, version("xllamacpp"))
    if problem:
        return CpuBackend(OWN, better, problem)
    try:
        return CpuBackend(variant_of(_exchange(_folder())))
    except (OSError, AttributeError) as error:  # another C library, or a function is missing
        return CpuBackend(OWN, better, f"it does not load: {error}")


def _folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise OSError(f"{DISTRIBUTION} is damaged")
    return Path(spec.origin).parent


def _exchange(folder: Path) -> str:
    """Return the name of the library that computes from now on. Raise OSError if none does."""
    libraries = {file.name: ctypes.CDLL(str(file)) for file in folder.glob("libggml-cpu-*.so")}
    chosen = fastest({name: library.ggml_backend_score() for name, library in libraries.items()})
    if not chosen:
        raise OSError("none of its builds runs on this processor")
    ggml = _xllamacpp()
    before = ggml.ggml_backend_reg_by_name(b"CPU")
    if before != ggml.ggml_backend_cpu_reg():
        return chosen  # exchanged by an earlier call
    for library in (ggml, ctypes.CDLL(str(folder / "libggml-base.so.0"))):
        _silence(library)
    if not ggml.ggml_backend_load(str(folder / chosen).encode()):
        raise OSError(f"ggml refuses {chosen}")
    ggml.ggml_backend_unload(before)
    return chosen


def _silence(ggml: ctypes.CDLL) -> None:
    """Keep ggml from logging to stderr, across the screen, as it does by default.

    The callback is libc's abs, which looks at the first argument, the level, and does nothing. A Python function would
    wait for Python's global lock, which is held while a model is loaded.
    """
    ggml.ggml_log_set.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    ggml.ggml_log_set(ctypes.cast(ctypes.CDLL(None).abs, ctypes.c_void_p), None)


def _xllamacpp() -> ctypes.CDLL:
    """Return the extension module, which holds ggml and exports its functions."""
    from xllamacpp import xllamacpp

    ggml = ctypes.CDLL(xllamacpp.__file__)
    ggml.ggml_backend_reg_by_name.restype = ctypes.c_void_p
    ggml.ggml_backend_cpu_reg.restype = ctypes.c_void_p
    ggml.ggml_backend_load.restype = ctypes.c_void_p
    ggml.ggml_backend_unload.argtypes = [ctypes.c_void_p]
    return ggml
