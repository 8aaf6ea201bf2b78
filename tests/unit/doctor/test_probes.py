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
from voicecli.doctor.probes import gpu, program
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
    for name in ("probes.program.python_facts", "probes.models.model_facts", "models.memory_findings"):
        monkeypatch.setattr(f"voicecli.doctor.{name}", lambda *a, **k: raising(RuntimeError("broken")))
    reported: list[str] = []
    groups = list(Examination(request()).run(reported.append))
    assert [group.title for group in groups] == ["Program", "Models", "Sound"]
    assert len(reported) == 9
    for group, broken in ((groups[0], "program"), (groups[1], "models"), (groups[1], "memory")):
        assert only(group.findings, broken).text == "could not be checked: RuntimeError: broken"
    assert "embedded" in states(groups[1].findings)
