"""A device goes away in the middle of a turn: the turn ends as it should, and history tells the truth."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from tests.conversation.stage import Talk
from voicecli.audio.device import Microphone, Speaker
from voicecli.audio.reconnect.portaudio_calls import OpenDevice
from voicecli.audio.reconnect.reconnector import DeviceReconnector, Source
from voicecli.audio.reconnect.streams import ReconnectingMicrophone, ReconnectingSpeaker
from voicecli.errors import DeviceError
from voicecli.events import Audible, ComponentChanged, Transcribed, TurnDone
from voicecli.types import AudioFrame

T = TypeVar("T")
ANSWER = "This answer is long enough to be under way for quite a while, and it is said in one breath."


class InlineSystem:
    """Calls at once what the product calls on threads."""

    def __init__(self) -> None:
        self.parts: list[OpenDevice] = []
        self.changed: Callable[[], None] = lambda: None

    async def close(self, work: Callable[[], None]) -> None:
        work()

    async def call(self, work: Callable[[], T], undo: Callable[[T], None] | None = None) -> T:
        return work()

    async def rescan(self) -> None: ...


class Mortal:
    """A device of the stage that ends `at_s` after the start, for good."""

    def __init__(self, device: Any, at_s: float) -> None:
        self.name = "mortal"
        self._device = device
        self._at_s = at_s

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop.time() > 1000 + self._at_s:
            raise DeviceError("there is none")
        self._loop = loop

    def close(self) -> None:
        """The stage closes it."""

    def end(self) -> None:
        """It has ended."""

    def idle_s(self) -> float:
        return math.inf if self._loop.time() > 1000 + self._at_s else 0.0

    async def frames(self) -> AsyncIterator[AudioFrame]:
        async for frame in self._device.frames():
            if self.idle_s():
                raise DeviceError("it has gone")
            yield frame


class OnStage:
    """A lasting device around one of the stage, which is opened and closed with it."""

    def __init__(self, reconnecting: Any, device: Any) -> None:
        self._reconnecting, self._device = reconnecting, device

    async def __aenter__(self) -> Any:
        await self._device.__aenter__()
        return await self._reconnecting.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._reconnecting.__aexit__(kind, error, trace)
        await self._device.__aexit__(kind, error, trace)


def reconnector(talk: Talk, part: Any, mortal: Mortal) -> DeviceReconnector[Any]:
    loop = asyncio.get_running_loop()
    source: Source[Any] = Source(part, "", lambda name: mortal)
    return DeviceReconnector(source, InlineSystem(), lambda: True, loop.time, talk.events.append)


def test_an_answer_whose_speaker_goes_away_ends_in_writing_and_is_remembered_whole() -> None:
    talk = Talk()

    def speaker(device: Speaker) -> Speaker:
        reconnecting = ReconnectingSpeaker(
            reconnector(talk, "speaker", Mortal(device, 3.0)), asyncio.get_running_loop().time
        )
        return cast(Speaker, OnStage(reconnecting, device))

    talk.speaker = speaker
    talk.at(1.0, lambda conversation: conversation.ask("Hello?"))
    talk.llm_replies(ANSWER)
    events = talk.run(10)
    audible = next(event.at_s for event in events if isinstance(event, Audible))
    done = next(event for event in events if isinstance(event, TurnDone))
    assert audible < 1003 < done.at_s < 1003 + 2.5
    assert done.spoken.strip() == ANSWER
    assert [message.text for message in talk.history.prompt("And?")][1:3] == ["Hello?", ANSWER]
    assert [event.condition for event in events if isinstance(event, ComponentChanged)] == ["unavailable"]


def test_what_was_said_until_the_microphone_went_away_is_answered_and_typing_still_works() -> None:
    talk = Talk()

    def microphone(device: Microphone) -> Microphone:
        reconnecting = ReconnectingMicrophone(
            reconnector(talk, "microphone", Mortal(device, 2.0)), asyncio.get_running_loop().time
        )
        return Ending(cast(Microphone, OnStage(reconnecting, device)), 14.0)

    talk.microphone = microphone
    talk.user_says("What is the capital of", at=1.0, until=3.0)
    talk.llm_replies("Of France?", "Yes.")
    talk.at(8.0, lambda conversation: conversation.ask("Of France."))
    events = talk.run(10)
    assert [event.text for event in events if isinstance(event, Transcribed)] == ["What is the capital of"]
    assert [event.spoken.strip() for event in events if isinstance(event, TurnDone)] == ["Of France?", "Yes."]


class Ending:
    """A lasting microphone never ends; a test has to."""

    def __init__(self, microphone: Microphone, length_s: float) -> None:
        self.name = "ending"
        self._microphone = microphone
        self._length_s = length_s

    async def __aenter__(self) -> Self:
        self._open = await self._microphone.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._microphone.__aexit__(kind, error, trace)

    async def frames(self) -> AsyncIterator[AudioFrame]:
        async for frame in self._open.frames():
            if frame.captured_at_s > 1000 + self._length_s:
                return
            yield frame
