"""Look for an NVIDIA card, and query the engines about it in another process, because a CUDA library may crash."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from voicecli.doctor.gpu import GpuFacts
from voicecli.engines import gpu
from voicecli.engines.machine import output_of
from voicecli.settings.model import Settings

DEVICES = ("/dev/nvidiactl", "/dev/nvidia0", "/proc/driver/nvidia/version")
"""Each of them exists only with an NVIDIA card. WSL has none of them, so there nvidia-smi decides."""

ASK = """
import json
found = {"broken": {}}
try:
    import ctranslate2
    found["devices"] = ctranslate2.get_cuda_device_count()
except Exception as error:
    found["broken"]["ctranslate2"] = str(error).partition("\\n")[0]
try:
    import onnxruntime
    found["providers"] = onnxruntime.get_available_providers()
except Exception as error:
    found["broken"]["onnxruntime"] = str(error).partition("\\n")[0]
print(json.dumps(found))
"""


def gpu_facts(settings: Settings) -> GpuFacts:
    """Return facts about the card. Query the engines only if a card is configured or present."""
    wanted_by = options(settings)
    cards = tuple(output_of("nvidia-smi", "--query-gpu=name,memory.total,memory.free,driver_version",
                            "--format=csv,noheader", within_s=5.0).splitlines())  # fmt: skip
    has_device = bool(cards) or any(Path(path).exists() for path in DEVICES)
    asked: dict[str, Any] = {}
    if wanted_by or has_device:
        asked = json.loads(output_of(sys.executable, "-P", "-c", ASK, within_s=20.0) or "{}")
    return GpuFacts(
        wanted_by=wanted_by,
        has_device=has_device,
        cards=cards,
        has_driver=gpu.loadable("cuda"),
        has_cudnn=gpu.loadable("cudnn") or gpu.installed("nvidia-cudnn-cu12"),
        has_cublas=gpu.loadable("cublas") or gpu.installed("nvidia-cublas-cu12"),
        has_gpu_build=gpu.installed("onnxruntime-gpu"),
        is_shadowed=gpu.shadowed(),
        ctranslate2_devices=asked.get("devices"),
        providers=tuple(asked.get("providers", ())),
        broken=asked.get("broken", {}),
    )


def options(settings: Settings) -> tuple[str, ...]:
    """Return the settings that ask for a GPU, as `key = value`."""
    devices = {"stt.device": settings.stt.device, "tts.device": settings.tts.device}
    return tuple(f"{key} = {value}" for key, value in devices.items() if value == "cuda")
