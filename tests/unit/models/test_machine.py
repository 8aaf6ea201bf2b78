"""What the embedded language model can have of this machine."""

from __future__ import annotations

import pytest

from voicecli.engines import machine as facts
from voicecli.models import machine
from voicecli.types import MemoryFacts


def test_this_machine_has_memory_and_cores_and_uses_no_gpu_unasked() -> None:
    here = machine.this_machine()
    assert here.free_memory_bytes > 0
    assert here.cores >= 1
    assert here.gpu_memory_bytes == 0


def test_an_unknown_memory_is_taken_for_a_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_facts", lambda: MemoryFacts(None, None))
    assert machine.this_machine().free_memory_bytes == machine.UNKNOWN_BYTES


def test_the_free_memory_of_a_gpu_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "output_of", lambda *command: "7000\n5000")
    assert machine.this_machine(gpu_layers=-1).gpu_memory_bytes == 7000 << 20
    monkeypatch.setattr(facts, "output_of", lambda *command: "")
    assert machine.this_machine(gpu_layers=-1).gpu_memory_bytes == 0
