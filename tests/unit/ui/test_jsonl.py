"""Events as JSON lines, and back."""

from __future__ import annotations

import asyncio
import io
import json
import os
from dataclasses import fields
from typing import Any

import pytest

import voicecli.events
from tests.unit.ui.test_plain import Conversation
from tests.unit.ui.turns import ASKED, ONE, READY, TEXT_ONLY, audible, ended
from voicecli.events import Event, LevelMeasured, SpeechStarted, TurnDone
from voicecli.ui.jsonl import JsonlScreen, event_json, event_of

EVENTS = [*ASKED, ended(), audible(), READY, TurnDone(at_s=4, turn=ONE, spoken="Hi “you”.\n")]


def test_an_event_is_one_object_with_its_name_first() -> None:
    line = event_json(SpeechStarted(at_s=1.5, turn=ONE, started_at_s=1.25))
    assert line == '{"event": "SpeechStarted", "at_s": 1.5, "turn": 1, "started_at_s": 1.25}'


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_what_was_written_can_be_read(event: Event) -> None:
    line = event_json(event)
    assert "\n" not in line
    assert event_of(line) == event
    assert list(json.loads(line))[1:] == [field.name for field in fields(event)]


def test_every_event_can_be_written() -> None:
    kinds = [kind for kind in vars(voicecli.events).values() if isinstance(kind, type) and issubclass(kind, Event)]
    assert len(kinds) > 20
    for kind in kinds:
        values: dict[str, Any] = {field.name: "x" if field.type == "str" else 1 for field in fields(kind)}
        assert event_of(event_json(kind(**values))) == kind(**values)


@pytest.mark.parametrize(
    "line",
    ["", "[]", "{}", '{"event": "Clock"}', '{"event": "json"}', '{"event": "Ready"}', '{"event": "Event", "x": 1}'],
)
def test_anything_else_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        event_of(line)


@pytest.mark.parametrize(("levels", "count"), [(False, 1), (True, 2)])
def test_the_input_level_comes_only_on_request(levels: bool, count: int) -> None:
    out = io.StringIO()
    with JsonlScreen(out, None, levels=levels) as screen:
        screen.show(LevelMeasured(at_s=0.1, level_db=-40.0))
        screen.show(READY)
    assert len(out.getvalue().splitlines()) == count


def test_questions_come_in_as_lines() -> None:
    conversation = Conversation()
    reading, writing = os.pipe()
    os.write(writing, b"Hello?\n")
    os.close(writing)

    async def main() -> None:
        with JsonlScreen(io.StringIO(), reading) as screen:
            screen.show(TEXT_ONLY)
            done = TurnDone(at_s=1, turn=ONE, spoken="")
            await asyncio.wait_for(screen.run(conversation.controls(lambda _: screen.show(done))), timeout=5)

    asyncio.run(main())
    os.close(reading)
    assert conversation.asked == ["Hello?"]
    assert conversation.has_quit
