"""Tools on the live screen: the question, its keys, and what came of a call."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.unit.ui.turns import ONE
from voicecli.events import ApprovalRequested, Ready, ToolCalled, ToolDone, UserTyped
from voicecli.types import Approval
from voicecli.ui.frame import Scene, frame
from voicecli.ui.live import LiveScreen
from voicecli.ui.screen import Controls

READY = Ready(at_s=0, microphone="mic", speaker="speaker", stt="stt", llm="llm", llm_why="", tts="tts")
TYPED = UserTyped(at_s=1, turn=ONE, text="What day is it in Tokyo?")
ASKED = ApprovalRequested(at_s=2, turn=ONE, call="1.1", tool="clock.now", arguments='{"zone": "Asia/Tokyo"}')
CALLED = ToolCalled(at_s=3, turn=ONE, call="1.1", tool="clock.now", arguments='{"zone": "Asia/Tokyo"}')
DONE = ToolDone(at_s=4, turn=ONE, call="1.1", tool="clock.now", outcome="done", text="Sunday", took_s=1)


@pytest.fixture
def live(tmp_path: Path) -> LiveScreen:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    screen = LiveScreen(lambda: 0.0, tmp_path / "log", console)
    for event in (READY, TYPED):
        screen.show(event)
    return screen


def press(live: LiveScreen, *keys: str) -> list[Approval]:
    given: list[Approval] = []
    ignored = lambda *_: None  # noqa: E731
    for key in keys:
        live.handle_key(key, Controls(ignored, ignored, ignored, ignored, answer_approval=given.append))
    return given


def lines(live: LiveScreen, width: int = 80, height: int = 24) -> str:
    console = Console(file=io.StringIO(), width=width, height=height)
    return "\n".join(line.plain for line in frame(Scene(live.view, live.line), console, width, height))


def test_the_keys_answer_only_while_leave_is_asked(live: LiveScreen) -> None:
    assert press(live, "y", "a", "n") == []
    live.show(ASKED)
    assert press(live, "y", "a", "n") == ["yes", "always", "no"]
    live.show(CALLED)
    assert press(live, "y", "a", "n") == []


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 48), (40, 12)])
def test_the_question_and_its_keys_are_in_sight(live: LiveScreen, width: int, height: int) -> None:
    live.show(ASKED)
    shown = " ".join(lines(live, width, height).split())
    assert '⚙ clock.now(zone="Asia/Tokyo")' in shown
    assert "y yes · a always" in shown
    assert "y allow a always n refuse" in shown


def test_while_typing_the_keys_are_letters(live: LiveScreen) -> None:
    live.show(ASKED)
    assert press(live, "t", "y") == []
    assert live.line is not None
    assert live.line.text == "y"
    assert "y allow" not in lines(live)


def test_what_came_of_it_stands_below_the_question(live: LiveScreen) -> None:
    for event in (ASKED, CALLED, DONE):
        live.show(event)
    shown = lines(live)
    assert '⚙ clock.now(zone="Asia/Tokyo") → Sunday' in shown
    assert "Allow?" not in shown
    assert shown.index("What day") < shown.index("⚙")
