"""The NVIDIA card, if one is configured or present. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voicecli.doctor.finding import Finding

INSTALL_GPU = "pip install 'voicecli[gpu]'"
REINSTALL_ONNXRUNTIME = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'onnxruntime-gpu<1.27'"


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """An NVIDIA card, and what the engines need to use it."""

    wanted_by: tuple[str, ...] = ()  # settings that ask for a GPU
    has_device: bool = False
    cards: tuple[str, ...] = ()  # name, memory and driver of each, as nvidia-smi prints them
    has_driver: bool = False  # libcuda can be loaded
    has_cudnn: bool = False
    has_cublas: bool = False
    has_gpu_build: bool = False  # onnxruntime-gpu is installed
    is_shadowed: bool = False  # onnxruntime is installed, too, and hides onnxruntime-gpu
    ctranslate2_devices: int | None = None  # None: the query failed
    providers: tuple[str, ...] = ()  # execution providers of ONNX Runtime
    broken: Mapping[str, str] = field(default_factory=dict)  # engine -> why the query failed


def gpu_findings(facts: GpuFacts) -> list[Finding]:
    """Return the findings about the card and its libraries; one finding if there is no card.

    A missing card is skipped, or a failure if the settings ask for one.
    """
    if not facts.wanted_by and not facts.has_device:
        shadow = [_shadow(facts)] if facts.is_shadowed else []
        return [Finding("NVIDIA card", "skipped", "none found"), *shadow]
    if not facts.has_device:
        options = " and ".join(facts.wanted_by)
        text = f"none found, but the settings ask for one: {options}"
        return [Finding("NVIDIA card", "failed", text, "use --profile cpu", {"wanted by": list(facts.wanted_by)})]
    return [_card(facts), _libraries(facts), _whisper(facts), _kokoro(facts)]


def _card(facts: GpuFacts) -> Finding:
    reported = {"cards": list(facts.cards), "wanted by": list(facts.wanted_by), "driver": facts.has_driver}
    if not facts.has_driver:
        return _missing(
            facts, "NVIDIA card", "found, but its driver (libcuda) does not load", "install NVIDIA's driver"
        )
    idle = "" if facts.wanted_by else "; not used (use it with --profile gpu)"
    return Finding("NVIDIA card", "passed", f"{'; '.join(facts.cards) or 'found'}{idle}", facts=reported)


def _libraries(facts: GpuFacts) -> Finding:
    parts = {"cuDNN 9": facts.has_cudnn, "cuBLAS 12": facts.has_cublas}
    if all(parts.values()):
        return Finding("CUDA libraries", "passed", "cuDNN 9 and cuBLAS 12", facts=parts)
    absent = " and ".join(name for name, there in parts.items() if not there)
    return _missing(facts, "CUDA libraries", f"{absent} not found", INSTALL_GPU)


def _whisper(facts: GpuFacts) -> Finding:
    name = "CTranslate2"
    if facts.ctranslate2_devices is None:
        why = facts.broken.get("ctranslate2", "no answer")
        return _missing(facts, name, f"CUDA devices could not be listed: {why}", INSTALL_GPU)
    if facts.ctranslate2_devices < 1:
        return _missing(facts, name, "finds no CUDA device", "install a driver for CUDA 12, or use --profile cpu")
    return Finding(name, "passed", "finds a CUDA device", facts={"devices": facts.ctranslate2_devices})


def _kokoro(facts: GpuFacts) -> Finding:
    name = "ONNX Runtime"
    if "CUDAExecutionProvider" in facts.providers:
        return Finding(name, "passed", "offers CUDA", facts={"providers": list(facts.providers)})
    if facts.is_shadowed:
        return _shadow(facts)
    if not facts.has_gpu_build:
        return _missing(facts, name, "the CPU build is installed; onnxruntime-gpu is missing", INSTALL_GPU)
    offered = ", ".join(facts.providers) or facts.broken.get("onnxruntime", "nothing")
    return _missing(facts, name, f"offers no CUDA; available: {offered}", REINSTALL_ONNXRUNTIME)


def _shadow(facts: GpuFacts) -> Finding:
    text = "onnxruntime and onnxruntime-gpu are both installed, and the first hides the second with its CUDA support"
    return _missing(facts, "ONNX Runtime", text, REINSTALL_ONNXRUNTIME)


def _missing(facts: GpuFacts, name: str, text: str, advice: str) -> Finding:
    """Return a failure if the settings ask for the card, else a warning: the card is only unused."""
    reported = {
        "cuDNN 9": facts.has_cudnn,
        "cuBLAS 12": facts.has_cublas,
        "providers": list(facts.providers),
        "shadowed": facts.is_shadowed,
    }
    return Finding(name, "failed" if facts.wanted_by else "warned", text, advice, reported)
