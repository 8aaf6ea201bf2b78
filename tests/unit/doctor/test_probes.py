"""The parts of probes that can be led astray: crashing imports, files of the kernel, models on disk, the fence."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.defaults import SETTINGS
from tests.unit.doctor.laws import lawful, only, states
from voicecli.doctor.examination import Examination, Request, guarded, settings_finding
from voicecli.doctor.finding import Finding
from voicecli.doctor.gpu import gpu_findings
from voicecli.doctor.models import MemoryFacts
from voicecli.doctor.probes import gpu, models, processes, program
from voicecli.doctor.probes.processes import run_in_subprocess
from voicecli.doctor.probes.program import terminal_facts
from voicecli.doctor.program import terminal_findings
from voicecli.errors import DeviceError, SettingsError


@pytest.fixture
def broken_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules that do all that a broken installation does."""
    (tmp_path / "fine_one.py").write_text("")
    (tmp_path / "raises.py").write_text("raise OSError('PortAudio library not found')")
    (tmp_path / "crashes.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    (tmp_path / "ends.py").write_text("import os; os._exit(3)")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))


@pytest.mark.usefixtures("broken_packages")
def test_a_package_that_crashes_takes_no_other_along() -> None:
    modules = ["fine_one", "crashes", "raises", "absent_one", "ends", "fine_one"]
    assert program.broken_modules(modules) == {
        "crashes": f"crash ({signal.strsignal(signal.SIGILL)})",
        "raises": "OSError PortAudio library not found",
        "absent_one": "ModuleNotFoundError No module named 'absent_one'",
        "ends": "exit code 3",
    }


@pytest.mark.usefixtures("broken_packages")
def test_an_import_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hangs.py").write_text("import sys; sys.stdin.read() or __import__('threading').Event().wait()")
    monkeypatch.setattr(program, "LONGEST_S", 1.0)
    assert program.broken_modules(["fine_one", "hangs"]) == {"hangs": "no end within 1 s"}


def test_a_python_that_does_not_start_breaks_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refusing = tmp_path / "python"
    refusing.write_text("#!/bin/sh\nexit 9\n")
    refusing.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(refusing))
    assert program.broken_modules(["a", "b"]) == dict.fromkeys(["a", "b"], "Python does not start: exit code 9")


def test_a_probe_may_hang_crash_or_raise_in_its_own_process() -> None:
    assert run_in_subprocess("operator", "add", 2, 3, within_s=30) == 5
    with pytest.raises(DeviceError, match="hangs: no answer within 0 s"):
        run_in_subprocess("signal", "pause", within_s=0.2)
    with pytest.raises(DeviceError, match="crashes"):
        run_in_subprocess("os", "abort", within_s=30)
    with pytest.raises(ModuleNotFoundError):
        run_in_subprocess("no_such_module", "look", within_s=30)
    with pytest.raises(RuntimeError, match="ValueError"):
        run_in_subprocess("builtins", "int", "x", within_s=30)
    with pytest.raises(DeviceError, match="no device") as caught:
        run_in_subprocess("tests.unit.doctor.test_probes", "no_device", within_s=30)
    assert caught.value.hint == "buy one"


def no_device() -> None:
    raise DeviceError("no device", "buy one")


def test_absent_distributions_are_not_loaded() -> None:
    facts = program.python_facts({"rich": "rich", "no-such-distribution": "no_such_module"})
    assert facts.versions["rich"]
    assert facts.versions["no-such-distribution"] is None
    assert not facts.broken


def test_other_programs_may_be_absent_fail_or_hang() -> None:
    assert processes.output_of("no-such-program") == ""
    assert processes.output_of("false") == ""
    assert processes.output_of("echo", "yes") == "yes"
    assert processes.output_of("tail", "-f", "/dev/null", within_s=0.1) == ""


def put(root: Path, **files: str) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


MEMINFO = "MemTotal:       8000 kB\nMemFree:        1000 kB\nMemAvailable:   4000 kB\n"


def test_available_memory_is_what_linux_says(tmp_path: Path) -> None:
    assert models.memory_facts(put(tmp_path, proc__meminfo=MEMINFO)) == MemoryFacts(4096000, 8192000)


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
    facts = models.memory_facts(tmp_path)
    assert facts.available_bytes == available
    assert bool(facts.limit) == (available < 4096000)


VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               10.
Pages active:                            500.
Pages inactive:                           20.
Pages speculative:                         5.
"""


def test_macos_counts_pages() -> None:
    assert models.from_vm_stat(VM_STAT, "17179869184") == MemoryFacts(35 * 16384, 17179869184)
    assert models.from_vm_stat("", "") == MemoryFacts(None, None)


def test_the_settings_tell_who_wants_a_card() -> None:
    wanting = SETTINGS.model_copy(update={"stt": SETTINGS.stt.model_copy(update={"device": "cuda"})})
    assert gpu.options(SETTINGS) == ()
    assert gpu.options(wanting) == ("stt.device = cuda",)
    lawful(gpu_findings(gpu.gpu_facts(SETTINGS)))


def test_the_terminal_of_this_test_can_be_looked_at() -> None:
    lawful(terminal_findings(terminal_facts()))


def raising(error: Exception) -> list[Finding]:
    raise error


@pytest.mark.parametrize(
    ("error", "text", "advice"),
    [
        (DeviceError("no device", "buy one"), "no device", "buy one"),
        (DeviceError("no device"), "no device", "--json"),
        (ExceptionGroup("tasks", [ValueError("odd"), DeviceError("no device", "buy one")]), "no device", "buy one"),
        (ValueError("odd\nand long"), "could not be checked: ValueError: odd", "report it"),
        (ImportError("no", name="soxr"), "could not be checked: ImportError: no", "soxr"),
        (OSError("PortAudio library not found"), "PortAudio library not found", "libportaudio2"),
    ],
)
def test_a_look_that_breaks_is_a_failed_finding(error: Exception, text: str, advice: str) -> None:
    (found,) = lawful(guarded("Sound", lambda: raising(error)))
    assert found.state == "failed"
    assert text in found.text
    assert advice in found.advice


def request(**changes: object) -> Request:
    embedded = SETTINGS.model_copy(update={"llm": SETTINGS.llm.model_copy(update={"backend": "embedded"})})
    return Request(embedded, ["smollm2-135m-instruct"], {}, aloud=False, quick=True, **changes)  # type: ignore[arg-type]


def test_settings_that_do_not_hold_are_a_finding() -> None:
    found = settings_finding(request(problem=SettingsError("unknown setting x.y", "did you mean x.z?")))
    assert (found.state, found.advice) == ("failed", "did you mean x.z?")
    lawful([settings_finding(request(problem=SettingsError("bad")))])


def test_changed_settings_are_named_and_their_values_go_into_the_report() -> None:
    changed = {f"stt.key{number}": "1" for number in range(4)}
    found = settings_finding(Request(SETTINGS, [], changed))
    assert found.text == "4 changed: stt.key0, stt.key1, stt.key2, ..."
    assert found.facts == changed
    assert settings_finding(Request(SETTINGS, [], {})).text == "all defaults"


def test_a_look_that_breaks_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (("program", "python_facts"), ("models", "model_facts"), ("models", "memory_facts")):
        monkeypatch.setattr(f"voicecli.doctor.probes.{module}.{name}", lambda *a, **k: raising(RuntimeError("broken")))
    reported: list[str] = []
    groups = list(Examination(request()).run(reported.append))
    assert [group.title for group in groups] == ["Program", "Models", "Sound"]
    assert len(reported) == 9
    for group, broken in ((groups[0], "program"), (groups[1], "models"), (groups[1], "memory")):
        assert only(group.findings, broken).text == "could not be checked: RuntimeError: broken"
    assert "embedded" in states(groups[1].findings)
