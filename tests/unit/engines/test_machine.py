"""What the files of the kernel and other programs say about this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicecli.engines import machine
from voicecli.types import MemoryFacts


def test_other_programs_may_be_absent_fail_or_hang() -> None:
    assert machine.output_of("no-such-program") == ""
    assert machine.output_of("false") == ""
    assert machine.output_of("echo", "yes") == "yes"
    assert machine.output_of("tail", "-f", "/dev/null", within_s=0.1) == ""


def put(root: Path, **files: str) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


MEMINFO = "MemTotal:       8000 kB\nMemFree:        1000 kB\nMemAvailable:   4000 kB\n"


def test_available_memory_is_what_linux_says(tmp_path: Path) -> None:
    assert machine.memory_facts(put(tmp_path, proc__meminfo=MEMINFO)) == MemoryFacts(4096000, 8192000)


@pytest.mark.parametrize(
    ("files", "available"),
    [
        ({"memory_DOT_max": "3000", "memory_DOT_current": "2500", "memory_DOT_stat": "inactive_file 400\n"}, 900),
        ({"memory_DOT_max": "max", "memory_DOT_current": "2500"}, 4096000),
        ({"memory_DOT_max": "3000"}, 4096000),
        ({"memory__memory_DOT_limit_in_bytes": "3000", "memory__memory_DOT_usage_in_bytes": "1000"}, 2000),
        ({"memory__memory_DOT_limit_in_bytes": "9223372036854771", "memory__memory_DOT_usage_in_bytes": "1"}, 4096000),
    ],
)  # fmt: skip
def test_a_container_may_allow_less(files: dict[str, str], available: float, tmp_path: Path) -> None:
    put(tmp_path, proc__meminfo=MEMINFO)
    put(tmp_path, **{f"sys__fs__cgroup__{name}": content for name, content in files.items()})
    facts = machine.memory_facts(tmp_path)
    assert facts.available_bytes == available
    assert bool(facts.limit) == (available < 4096000)


VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               10.
Pages active:                            500.
Pages inactive:                           20.
Pages speculative:                         5.
"""


def test_macos_counts_pages() -> None:
    assert machine.from_vm_stat(VM_STAT, "17179869184") == MemoryFacts(35 * 16384, 17179869184)
    assert machine.from_vm_stat("", "") == MemoryFacts(None, None)


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu_DOT_max": "150000 100000\n"}, 1.5),
        ({"cpu_DOT_max": "max 100000\n"}, None),
        ({"cpu__cpu_DOT_cfs_quota_us": "200000", "cpu__cpu_DOT_cfs_period_us": "100000"}, 2),
        ({"cpu__cpu_DOT_cfs_quota_us": "-1", "cpu__cpu_DOT_cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_a_container_may_allow_fewer_cores(files: dict[str, str], cores: float | None, tmp_path: Path) -> None:
    put(tmp_path, **{f"sys__fs__cgroup__{name}": content for name, content in files.items()})
    assert machine.quota_cores(tmp_path) == cores


def test_a_share_of_a_core_counts_as_one(tmp_path: Path) -> None:
    assert machine.usable_cores(put(tmp_path, **{"sys__fs__cgroup__cpu_DOT_max": "50000 100000"})) == 1


def test_the_processor_has_a_name(tmp_path: Path) -> None:
    assert machine.processor(put(tmp_path, proc__cpuinfo="processor\t: 0\nmodel name\t: A Fast One\n")) == "A Fast One"
    assert machine.processor(tmp_path / "nothing")


def test_what_this_process_holds_is_free_for_it(tmp_path: Path) -> None:
    assert machine.held_bytes(put(tmp_path, proc__self__status="RssAnon:\t    2000 kB\n")) == 2048000
    assert machine.held_bytes(tmp_path / "nothing") == 0
