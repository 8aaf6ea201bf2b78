"""The graphics card, where one is wanted or there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voicecli.doctor.finding import Finding

PARTS = "pip install 'voicecli[gpu]'"
UNSHADOW = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'onnxruntime-gpu<1.27'"


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """An NVIDIA card and what the engines need to use it."""

    wanted_by: tuple[str, ...] = ()  # settings that ask for a GPU
    has_device: bool = False
    cards: tuple[str, ...] = ()  # name, memory and driver of each, as nvidia-smi tells
    has_driver: bool = False  # libcuda loads
    has_cudnn: bool = False
    has_cublas: bool = False
    has_gpu_build: bool = False  # onnxruntime-gpu is installed
    is_shadowed: bool = False  # and onnxruntime beside it
    ctranslate2_devices: int | None = None  # None: could not be asked
    providers: tuple[str, ...] = ()  # of ONNX Runtime
    broken: Mapping[str, str] = field(default_factory=dict)  # engine -> why it could not be asked


def gpu_findings(facts: GpuFacts) -> list[Finding]:
    """One line where there is no card: skipped, or failed where one is asked for. Else all that an engine needs."""
    if not facts.wanted_by and not facts.has_device:
        shadow = [_shadow(facts)] if facts.is_shadowed else []
        return [Finding("NVIDIA card", "skipped", "none"), *shadow]
    if not facts.has_device:
        options = " and ".join(facts.wanted_by)
        text = f"none is there; asked for by {options}"
        return [Finding("NVIDIA card", "failed", text, "--profile cpu", {"wanted by": list(facts.wanted_by)})]
    return [_card(facts), _libraries(facts), _whisper(facts), _kokoro(facts)]


def _card(facts: GpuFacts) -> Finding:
    reported = {"cards": list(facts.cards), "wanted by": list(facts.wanted_by), "driver": facts.has_driver}
    if not facts.has_driver:
        return _lack(facts, "NVIDIA card", "is there, its driver (libcuda) does not load", "install NVIDIA's driver")
    idle = "" if facts.wanted_by else "; not used: --profile gpu would"
    return Finding("NVIDIA card", "passed", f"{'; '.join(facts.cards) or 'is there'}{idle}", facts=reported)


def _libraries(facts: GpuFacts) -> Finding:
    parts = {"cuDNN 9": facts.has_cudnn, "cuBLAS 12": facts.has_cublas}
    if all(parts.values()):
        return Finding("CUDA libraries", "passed", "cuDNN 9 and cuBLAS 12", facts=parts)
    absent = " and ".join(name for name, there in parts.items() if not there)
    return _lack(facts, "CUDA libraries", f"{absent} not found", PARTS)


def _whisper(facts: GpuFacts) -> Finding:
    name = "CTranslate2"
    if facts.ctranslate2_devices is None:
        why = facts.broken.get("ctranslate2", "it did not answer")
        return _lack(facts, name, f"could not be asked for CUDA devices: {why}", PARTS)
    if facts.ctranslate2_devices < 1:
        return _lack(facts, name, "finds no CUDA device", "install a driver for CUDA 12, or use --profile cpu")
    return Finding(name, "passed", "finds a CUDA device", facts={"devices": facts.ctranslate2_devices})


def _kokoro(facts: GpuFacts) -> Finding:
    name = "ONNX Runtime"
    if "CUDAExecutionProvider" in facts.providers:
        return Finding(name, "passed", "offers CUDA", facts={"providers": list(facts.providers)})
    if facts.is_shadowed:
        return _shadow(facts)
    if not facts.has_gpu_build:
        return _lack(facts, name, "is the CPU build; onnxruntime-gpu is not installed", PARTS)
    offered = ", ".join(facts.providers) or facts.broken.get("onnxruntime", "nothing")
    return _lack(facts, name, f"does not offer CUDA, but {offered}", UNSHADOW)


def _shadow(facts: GpuFacts) -> Finding:
    text = "onnxruntime and onnxruntime-gpu are both installed; the first hides the second, and with it CUDA"
    return _lack(facts, "ONNX Runtime", text, UNSHADOW)


def _lack(facts: GpuFacts, name: str, text: str, advice: str) -> Finding:
    """A failure where the settings ask for the card; without a wish for it the card only lies idle."""
    reported = {
        "cuDNN 9": facts.has_cudnn,
        "cuBLAS 12": facts.has_cublas,
        "providers": list(facts.providers),
        "shadowed": facts.is_shadowed,
    }
    return Finding(name, "failed" if facts.wanted_by else "warned", text, advice, reported)
