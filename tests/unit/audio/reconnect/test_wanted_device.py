"""The user asks for another device, and gets it as soon as no turn is active."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.unit.audio.reconnect.test_streams import WALL, FakeMicrophone, FakeSpeaker, World, hearing
from voicecli.assemble.devices import ReconnectingDevices
from voicecli.audio.reconnect.streams import ReconnectingMicrophone
from voicecli.events import ComponentChanged, Event, Notice


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(
        "voicecli.audio.reconnect.reconnector.time.time", lambda: asyncio.get_running_loop().time() + WALL.ahead_s
    )
    WALL.ahead_s = 0.0
    return World()


def wanted(world: World, microphone: ReconnectingMicrophone, name: str) -> None:
    """Request a device, as the `/device` command does."""
    (part,) = world.system.parts
    part.request(name)  # type: ignore[attr-defined]


def messages(events: list[Event]) -> list[str]:
    return [
        event.message if isinstance(event, ComponentChanged) else event.text
        for event in events
        if isinstance(event, ComponentChanged | Notice)
    ]


def test_the_new_one_is_heard_and_the_old_one_closed(world: World) -> None:
    first, second = FakeMicrophone("mic"), FakeMicrophone("Blue Yeti")
    world.there = {"": [first], "yeti": [second]}

    async def act(microphone: ReconnectingMicrophone) -> None:
        await asyncio.sleep(1)
        world.is_idle = False
        wanted(world, microphone, "yeti")
        await asyncio.sleep(1)
        assert (microphone.name, second.opened) == ("mic", 0)
        world.is_idle = True
        await asyncio.sleep(1)
        assert microphone.name == "Blue Yeti"
        assert first.closed

    frames = hearing(world, act)
    assert all(frame.pcm.any() for at_s, frame in frames if at_s > 2.5)
    assert world.reported == [("ok", "Blue Yeti")]
    assert messages(world.events) == ["The microphone is Blue Yeti now"]


def test_one_that_does_not_open_changes_nothing_and_that_is_reported(world: World) -> None:
    first = FakeMicrophone("mic")
    world.there = {"": [first]}

    async def act(microphone: ReconnectingMicrophone) -> None:
        wanted(world, microphone, "yeti")
        await asyncio.sleep(1)
        assert microphone.name == "mic"
        assert not first.closed

    frames = hearing(world, act)
    assert np.all([frame.pcm.any() for _, frame in frames])
    assert world.reported == []
    assert messages(world.events) == ["Cannot use yeti, the microphone is still mic: no device matches 'yeti'"]
    assert world.system.scans == 1


def test_one_that_was_plugged_in_later_is_found_by_looking_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    second = FakeMicrophone("Blue Yeti")
    world.there = {"": [FakeMicrophone("mic")]}

    async def rescan() -> None:
        world.there["yeti"] = [second]

    monkeypatch.setattr(world.system, "rescan", rescan)

    async def act(microphone: ReconnectingMicrophone) -> None:
        wanted(world, microphone, "yeti")
        await asyncio.sleep(1)
        assert microphone.name == "Blue Yeti"

    hearing(world, act)


def test_the_same_again_is_reported_as_such_and_the_wanted_one_is_gone_back_to(world: World) -> None:
    world.there = {"": [FakeMicrophone("mic"), FakeMicrophone("mic")], "yeti": [FakeMicrophone("Blue Yeti")]}
    yeti = world.there["yeti"][0]
    back = FakeMicrophone("Blue Yeti")

    async def act(microphone: ReconnectingMicrophone) -> None:
        wanted(world, microphone, "")
        await asyncio.sleep(1)
        wanted(world, microphone, "yeti")
        await asyncio.sleep(1)
        world.there = {"": [FakeMicrophone("mic")]}
        yeti.dead = True
        await asyncio.sleep(1)
        assert microphone.name == "mic"
        world.there["yeti"] = [back]
        await asyncio.sleep(4)
        assert microphone.name == "Blue Yeti"

    hearing(world, act)
    assert messages(world.events)[:2] == ["The microphone is mic, as before", "The microphone is Blue Yeti now"]
    assert world.reported[-2:] == [("fallback", "mic"), ("ok", "Blue Yeti")]


def test_only_parts_that_were_there_at_the_start_can_be_changed() -> None:
    async def run() -> None:
        events: list[Event] = []
        devices = ReconnectingDevices(lambda: True, asyncio.get_running_loop().time, events.append)
        first, second = FakeSpeaker("Box"), FakeSpeaker("HDMI")
        there = {"": first, "hdmi": second}
        assert devices.in_use() == {}
        async with devices.speaker("", lambda name, publish: there[name]) as speaker:
            assert devices.in_use() == {"speaker": "Box"}
            changed = asyncio.Event()
            devices.on_change(changed.set)
            devices.request("speaker", "hdmi")
            async with asyncio.timeout(10):
                while speaker.name != "HDMI":
                    await changed.wait()
                    changed.clear()
            assert devices.in_use() == {"speaker": "HDMI"}
        assert devices.in_use() == {}

    asyncio.run(run())
