"""A better model: the offer and its keys, how far its download is, and that a demo model answers meanwhile."""

from __future__ import annotations

import asyncio
import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.unit.ui.turns import READY, TEXT_ONLY
from voicecli.events import (
    ComponentChanged,
    DownloadState,
    Event,
    FalseInterruption,
    ModelDownload,
    ModelOffered,
    OfferAnswered,
)
from voicecli.types import TurnId
from voicecli.ui.frame import DEMO_HINT, Scene, frame
from voicecli.ui.line_editor import Line
from voicecli.ui.live import LiveScreen
from voicecli.ui.plain import PlainScreen
from voicecli.ui.screen import Controls
from voicecli.ui.view import ViewModel

DEMO = replace(READY, llm="tiny", demo=True)
OFFER = ModelOffered(at_s=1, name="big-instruct", text="Get big-instruct while we talk? 1.1 GB")
ANSWERED = OfferAnswered(at_s=2, name="big-instruct", accepted=True)
SWITCHED = ComponentChanged(at_s=9, component="model", condition="ok", name="big-instruct", message="It is here.")


def standing(state: DownloadState, done: int = 43, left_s: float | None = None) -> Event:
    return ModelDownload(
        at_s=3,
        name="big-instruct",
        state=state,
        done_bytes=done,
        total_bytes=100,
        left_s=left_s,
    )


def shown(*events: Event, line: Line | None = None, width: int = 80, height: int = 24) -> list[str]:
    view = ViewModel()
    for event in events:
        view = view.apply(event)
    console = Console(file=io.StringIO(), width=width, height=height)
    return [text.plain.strip() for text in frame(Scene(view, line), console, width, height)]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (standing("downloading"), "↓ big 43 %"),
        (standing("downloading", left_s=360), "↓ big 43 %, 6 min"),
        (standing("unpacking"), "↓ big unpacking 43 %"),
        (standing("loading", 100), "↓ big loading"),
    ],
)
def test_the_header_tells_how_far_the_download_is(event: Event, text: str) -> None:
    assert shown(DEMO, event)[0].split("   ")[1] == text
    assert "↓" not in shown(DEMO, event, standing("over"))[0]


def test_the_demo_hint_lasts_until_another_model_answers() -> None:
    assert any(line.endswith(DEMO_HINT) for line in shown(DEMO, standing("downloading")))
    assert not any(DEMO_HINT in line for line in shown(READY))
    assert not any(DEMO_HINT in line for line in shown(DEMO, SWITCHED))
    assert any(DEMO_HINT in line for line in shown(DEMO, SWITCHED, replace(SWITCHED, name="tiny")))


def test_what_has_just_happened_goes_before_the_demo_hint() -> None:
    heard = FalseInterruption(
        at_s=4, turn=TurnId(1), text="a long remark that needs all of the line there is", reason=""
    )
    (status,) = [line for line in shown(DEMO, heard) if line.startswith("●")]
    assert status.endswith("all of the line there is")


def test_the_offer_and_its_keys_are_in_sight_until_it_is_answered() -> None:
    assert "▼ Get big-instruct while we talk? 1.1 GB" in shown(DEMO, OFFER)
    assert shown(DEMO, OFFER)[-1].startswith("enter yes   n no")
    assert shown(DEMO, OFFER, line=Line())[-1].startswith("enter yes   n enter no")
    assert "no" not in shown(DEMO, OFFER, line=Line("Why?", 4))[-1].split()
    assert not any("▼" in line for line in shown(DEMO, OFFER, ANSWERED))


@pytest.mark.parametrize(
    ("typing", "keys", "answers", "asked"),
    [
        (False, ["enter"], [True], []),
        (False, ["y"], [True], []),
        (False, ["n"], [False], []),
        (True, ["enter"], [True], []),
        (True, ["y", "enter"], [], ["y"]),
        (True, ["W", "h", "y", "enter"], [], ["Why"]),
    ],
)
def test_a_key_answers_the_offer(
    typing: bool, keys: list[str], answers: list[bool], asked: list[str], tmp_path: Path
) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    live, given, questions = LiveScreen(lambda: 0.0, tmp_path / "log", console), list[bool](), list[str]()
    live.show(TEXT_ONLY if typing else DEMO)
    ignored = lambda *_: None  # noqa: E731
    controls = Controls(ignored, ignored, questions.append, ignored, answer_offer=given.append)
    for key in ["enter", "n" if not typing else "backspace"]:
        live.handle_key(key, controls)
    assert given == [], "nothing is offered yet"
    live.show(OFFER)
    for key in keys:
        live.handle_key(key, controls)
    assert (given, questions) == (answers, asked)


def test_on_lines_enter_agrees_and_the_offer_says_so() -> None:
    out, given = io.StringIO(), list[bool]()
    person, program = os.openpty()
    os.write(person, b"\n\x04")

    async def main() -> None:
        screen = PlainScreen(out, program)
        ignored = lambda *_: None  # noqa: E731
        for event in (replace(TEXT_ONLY, demo=True), OFFER, standing("downloading")):
            screen.show(event)
        await asyncio.wait_for(
            screen.run(Controls(ignored, ignored, ignored, ignored, answer_offer=given.append)), timeout=5
        )

    asyncio.run(main())
    os.close(person)
    os.close(program)
    assert given == [True]
    lines = out.getvalue().splitlines()
    assert "  a demo model; /model for a better one" in lines
    assert lines[-1] == "Get big-instruct while we talk? 1.1 GB (Enter or yes, or no)"
