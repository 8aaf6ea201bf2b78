"""The check for old words finds them, and only them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_words.py"


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_words", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "line",
    [
        "class Tongues:",
        "self._tongue = tongue",
        "LULL_MS = 80",
        "from voicecli.audio.ear import Ear",
        "def take(self, event: Event) -> None:",
        "def _tell(self, text: str) -> None:",
        "    tell: Callable[[str], None]",
        "self._feed(text)",
        "told_settings(settings)",
        "case TalkedOver():",
        "class LastingSpeaker:",
        "if tools.needs_leave(name):",
        "## Ways to talk",
        "class SeedClient(Client):",
    ],
)
def test_an_old_word_is_found(check: ModuleType, line: str) -> None:
    assert list(check.findings(line))


@pytest.mark.parametrize(
    "line",
    [
        "the first hearing aid appears",
        "class WakeGate:",
        "retold stories calmly",
        "cancelling the task leaves nothing behind",
        "def take_up(self) -> int:",
        "rng = np.random.default_rng(seed)",
        "the interpreter spells everything",
    ],
)
def test_other_words_are_not(check: ModuleType, line: str) -> None:
    assert not list(check.findings(line))


def test_it_fails_on_a_file_with_one_and_says_where(
    check: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.py").write_text("x = 1\nsentry = None\n", encoding="utf-8")
    assert check.main([str(tmp_path)]) == 1
    assert f"{tmp_path / 'old.py'}:2: 'sentry': use WakeGate" in capsys.readouterr().out
    (tmp_path / "old.py").write_text("wake_gate = None\n", encoding="utf-8")
    assert check.main([str(tmp_path)]) == 0
