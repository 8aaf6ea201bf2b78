"""Check that the configured GPU can be used, and report what is missing if not.

Written from the documentation of CTranslate2 (CUDA 12, cuDNN 9) and ONNX Runtime; not run on a GPU yet.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.metadata
import importlib.util
import shutil
from pathlib import Path

from voicecli.errors import EngineError

PIP_LIBRARIES = {"nvidia.cublas": ("libcublasLt.so.12", "libcublas.so.12"), "nvidia.cudnn": ("libcudnn.so.9",)}
"""Libraries that CTranslate2 4.x opens by name, in order of dependency, by the package that contains them."""

CPU_HINT = "run on the processor with --profile cpu, or install the GPU parts: pip install 'voicecli[gpu]'"


def require_cuda(engine: str, devices: int) -> None:
    """Raise EngineError, with everything that was checked, if `devices`, the number of CUDA devices, is 0."""
    if devices < 1:
        raise EngineError(f"{engine} was asked to run on a GPU and found none ({'; '.join(findings())})", CPU_HINT)


def require_cuda_provider(providers: list[str]) -> None:
    """Raise EngineError if CUDA is not among ONNX Runtime's `providers`."""
    if "CUDAExecutionProvider" in providers:
        return
    if shadowed():
        raise EngineError(
            "onnxruntime and onnxruntime-gpu are both installed; the first shadows the second, so CUDA is not offered",
            "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'onnxruntime-gpu<1.27'",
        )
    raise EngineError(
        f"Kokoro was asked to run on a GPU; ONNX Runtime offers {', '.join(providers)} ({'; '.join(findings())})",
        CPU_HINT,
    )


def preload_libraries() -> None:
    """Open the CUDA libraries that pip installed, so that CTranslate2 finds them without LD_LIBRARY_PATH.

    The dynamic loader reuses an open library of the same name (faster-whisper's README, section GPU).
    """
    for package, names in PIP_LIBRARIES.items():
        spec = importlib.util.find_spec(package) if importlib.util.find_spec("nvidia") else None
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in (Path(folder) / "lib" / name for name in names):
                if path.is_file():
                    ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)


def shadowed() -> bool:
    """Return whether both builds of ONNX Runtime are installed: they share a module, and the last install wins."""
    return installed("onnxruntime") and installed("onnxruntime-gpu")


def installed(distribution: str) -> bool:
    """Return whether a distribution of that name is installed."""
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def findings() -> list[str]:
    """Return one phrase for each part of a CUDA setup: driver, tools, libraries and packages."""
    parts = {
        "NVIDIA driver (libcuda)": loadable("cuda"),
        "nvidia-smi": shutil.which("nvidia-smi") is not None,
        "cuDNN 9": loadable("cudnn") or installed("nvidia-cudnn-cu12"),
        "cuBLAS 12": loadable("cublas") or installed("nvidia-cublas-cu12"),
        "onnxruntime-gpu": installed("onnxruntime-gpu"),
    }
    return [f"{name}: {'found' if found else 'not found'}" for name, found in parts.items()]


def loadable(library: str) -> bool:
    """Return whether the dynamic loader finds and loads a shared library of that name."""
    path = ctypes.util.find_library(library)
    if path is None:
        return False
    try:
        ctypes.CDLL(path)
    except OSError:
        return False
    return True
