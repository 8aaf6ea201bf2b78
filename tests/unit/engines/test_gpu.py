"""What is said of a GPU that is not there, or is hidden."""

from __future__ import annotations

import pytest

from voicecli.engines import gpu
from voicecli.errors import EngineError


def test_a_gpu_that_is_there_is_taken() -> None:
    gpu.require_cuda("Whisper", devices=1)
    gpu.require_cuda_provider(["CUDAExecutionProvider", "CPUExecutionProvider"])


def test_a_missing_gpu_is_reported_with_all_that_was_looked_for() -> None:
    with pytest.raises(EngineError) as caught:
        gpu.require_cuda("Whisper", devices=0)
    for part in ("NVIDIA driver", "nvidia-smi", "cuDNN 9", "cuBLAS 12"):
        assert part in caught.value.message
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(
    ("present", "part"),
    [
        (("onnxruntime", "onnxruntime-gpu"), "the first shadows the second"),
        (("onnxruntime",), "onnxruntime-gpu: not found"),
        ((), "ONNX Runtime offers CPUExecutionProvider"),
    ],
)
def test_a_provider_that_is_not_offered_is_explained(
    monkeypatch: pytest.MonkeyPatch, present: tuple[str, ...], part: str
) -> None:
    monkeypatch.setattr(gpu, "installed", lambda name: name in present)
    with pytest.raises(EngineError) as caught:
        gpu.require_cuda_provider(["CPUExecutionProvider"])
    assert part in caught.value.message


def test_without_pips_libraries_there_is_nothing_to_open() -> None:
    gpu.preload_libraries()
