"""What every speaker must do: files and the simulated room on a virtual clock, a sound card on a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.room.acoustics import Room
from benchmarks.room.card import RoomCard
from tests.card.pulse import open_speaker
from tests.defaults import SETTINGS
from voicecli.audio.device import Speaker
from voicecli.audio.files.wav import WavSpeaker
from voicecli.bench.virtual_card import VirtualCard
from voicecli.events import Audible, Clock, Event, PlaybackUnderrun, Publish
from voicecli.replay import virtual_time
from voicecli.types import PlaybackChunk, TurnId

ONE, TWO = TurnId(1), TurnId(2)
Run = Callable[[Coroutine[Any, Any, None]], None]


@dataclass(frozen=True)
class Opened:
    """How to open a speaker, and how to run what uses it."""

    open: Callable[[Clock, Publish], AbstractAsyncContextManager[Speaker]]
    run: Run = virtual_time.run


def chunk(turn: TurnId, seconds: float) -> PlaybackChunk:
    tone = 8000 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * 24_000)) / 24_000)
    return PlaybackChunk(turn, tone.astype(np.int16), 24_000, 2)


@pytest.fixture(params=["wav", "room", pytest.param("card", marks=pytest.mark.card)])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Return each kind of speaker."""
    if request.param == "wav":
        return Opened(lambda clock, publish: WavSpeaker(tmp_path / "out.wav", clock, publish))
    if request.param == "room":
        return Opened(lambda clock, publish: RoomCard(Room(), SETTINGS.audio, clock, publish))
    card: VirtualCard = request.getfixturevalue("card")
    return Opened(lambda clock, publish: open_speaker(card, publish), asyncio.run)


def play(opened: Opened, act: Callable[[Speaker, asyncio.Event], Awaitable[None]]) -> list[Event]:
    events: list[Event] = []

    async def main() -> None:
        reported = asyncio.Event()

        def publish(event: Event) -> None:
            if event.turn in (ONE, TWO):
                events.append(event)
                reported.set()

        async with opened.open(asyncio.get_running_loop().time, publish) as speaker:
            await act(speaker, reported)

    opened.run(main())
    return events


def test_a_turn_is_heard_to_its_end_and_reported_to_be_audible_once(opened: Opened) -> None:
    async def act(speaker: Speaker, reported: asyncio.Event) -> None:
        speaker.begin(ONE, held=False)
        speaker.play(chunk(ONE, 0.2))
        speaker.play(chunk(ONE, 0.2))
        speaker.finish(ONE)
        assert speaker.lead_s() == pytest.approx(0.4, abs=0.05)
        await speaker.drained()
        assert speaker.heard_s() == pytest.approx(0.4, abs=0.01)
        assert speaker.lead_s() == 0

    events = play(opened, act)
    assert [event.turn for event in events if isinstance(event, Audible)] == [ONE]
    assert not [event for event in events if isinstance(event, PlaybackUnderrun)]


def test_a_held_turn_is_silent_until_it_is_released(opened: Opened) -> None:
    async def act(speaker: Speaker, reported: asyncio.Event) -> None:
        speaker.begin(ONE, held=True)
        speaker.play(chunk(ONE, 0.1))
        await asyncio.sleep(0.3)
        assert not reported.is_set()
        assert speaker.heard_s() == 0
        speaker.release(ONE)
        speaker.finish(ONE)
        await speaker.drained()

    assert isinstance(play(opened, act)[0], Audible)


def test_a_flush_leaves_nothing_to_be_heard_but_what_was_heard_is_known(opened: Opened) -> None:
    async def act(speaker: Speaker, reported: asyncio.Event) -> None:
        speaker.begin(ONE, held=False)
        speaker.play(chunk(ONE, 5.0))
        await asyncio.wait_for(reported.wait(), 5.0)
        await asyncio.sleep(0.3)
        speaker.flush()
        heard_s = speaker.heard_s()
        assert 0.1 < heard_s < 1.0
        assert speaker.lead_s() == 0
        await asyncio.wait_for(speaker.drained(), 1.0)
        assert speaker.heard_s() == pytest.approx(heard_s, abs=0.15)

    play(opened, act)


def test_a_chunk_of_another_turn_is_dropped(opened: Opened) -> None:
    async def act(speaker: Speaker, reported: asyncio.Event) -> None:
        speaker.begin(TWO, held=False)
        speaker.play(chunk(ONE, 5.0))
        assert speaker.lead_s() == 0
        await asyncio.wait_for(speaker.drained(), 1.0)

    assert not play(opened, act)


def test_a_gap_inside_an_answer_is_reported(opened: Opened) -> None:
    async def act(speaker: Speaker, reported: asyncio.Event) -> None:
        speaker.begin(ONE, held=False)
        speaker.play(chunk(ONE, 0.1))
        await speaker.drained()
        await asyncio.sleep(0.4)
        speaker.play(chunk(ONE, 0.1))
        speaker.finish(ONE)
        await speaker.drained()

    (gap,) = [event for event in play(opened, act) if isinstance(event, PlaybackUnderrun)]
    assert gap.gap_s > 0.2
