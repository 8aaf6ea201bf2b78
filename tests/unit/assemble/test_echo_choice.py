"""When the echo is cancelled, and what is said where it cannot be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.defaults import SETTINGS
from voicecli.assemble.devices import Files, load_canceller
from voicecli.errors import EngineError
from voicecli.events import Event, Notice
from voicecli.settings.model import Settings


def with_echo(echo: str, barge_in: str = "auto") -> Settings:
    audio = SETTINGS.audio.model_copy(update={"echo": echo})
    listen = SETTINGS.listen.model_copy(update={"barge_in": barge_in})
    return SETTINGS.model_copy(update={"audio": audio, "listen": listen})


def unexpected(event: Event) -> None:
    raise AssertionError(event)


@pytest.mark.parametrize("echo", ["auto", "on"])
def test_between_devices_the_echo_is_cancelled(echo: str) -> None:
    assert load_canceller(with_echo(echo), Files(), unexpected) is not None


@pytest.mark.parametrize(
    ("echo", "files"),
    [("off", Files()), ("auto", Files((Path("question.wav"),))), ("auto", Files(output=Path("answer.wav")))],
)
def test_off_and_files_cost_nothing(echo: str, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "livekit", None)  # any import of it would fail
    assert load_canceller(with_echo(echo), files, unexpected) is None


def test_with_headphones_there_is_none_to_cancel_unless_asked_for() -> None:
    assert load_canceller(with_echo("auto", "headphones"), Files(), unexpected) is None
    assert load_canceller(with_echo("on", "headphones"), Files(), unexpected) is not None


def test_without_livekit_auto_says_so_once_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "livekit", None)
    reported: list[Event] = []
    assert load_canceller(with_echo("auto"), Files(), reported.append) is None
    (notice,) = reported
    assert isinstance(notice, Notice)
    assert "No echo cancellation" in notice.text
    assert "headphones" in notice.text


def test_without_livekit_on_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "livekit", None)
    with pytest.raises(EngineError, match="cannot be imported"):
        load_canceller(with_echo("on"), Files(), unexpected)
