"""PortAudio's calls on threads: a hang is an error and undone when it ends, and nothing restarts meanwhile."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

import pytest

from voicecli.audio.reconnect import portaudio_calls
from voicecli.audio.reconnect.portaudio_calls import MOST_HANGING, Seen, SoundSystem
from voicecli.errors import DeviceError

KNOWN: Seen = frozenset({("built-in", "output")})


@dataclass
class OnePart:
    is_open: bool = True
    released: int = 0

    async def release(self) -> None:
        self.is_open = False
        self.released += 1


def test_the_result_or_error_of_a_call_is_passed_on() -> None:
    def refuse() -> None:
        raise DeviceError("refused")

    async def main() -> None:
        system = SoundSystem(lambda: True)
        assert await system.call(lambda: 7) == 7
        with pytest.raises(DeviceError, match="refused"):
            await system.call(refuse)

    asyncio.run(main())


def test_a_close_that_hangs_is_abandoned_sooner_than_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portaudio_calls, "CLOSE_S", 0.02)
    answers = threading.Event()

    async def main() -> None:
        system = SoundSystem(lambda: True, deadline_s=3600)

        def hang() -> None:
            answers.wait()

        async with asyncio.timeout(10):
            await system.close(hang)
            assert await system.call(lambda: 1) == 1
        answers.set()

    asyncio.run(main())


def test_a_hanging_call_is_an_error_and_undone_when_it_ends_after_all() -> None:
    async def main() -> None:
        system, answers, undone = SoundSystem(lambda: True, deadline_s=0.05), threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def hang() -> str:
            answers.wait()
            return "a stream"

        def undo(stream: str) -> None:
            assert stream == "a stream"
            loop.call_soon_threadsafe(undone.set)

        with pytest.raises(DeviceError, match=r"not answered for 0\.05 s"):
            await system.call(hang, undo)
        assert await SoundSystem(lambda: True).call(lambda: 1) == 1
        answers.set()
        async with asyncio.timeout(10):
            await undone.wait()

    asyncio.run(main())


def test_no_more_calls_are_made_while_too_many_hang() -> None:
    made: list[int] = []

    async def main() -> None:
        system, answers, ended = SoundSystem(lambda: True, deadline_s=0.02), threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def hang() -> None:
            made.append(1)
            answers.wait()

        def undo(result: None) -> None:
            loop.call_soon_threadsafe(ended.set)

        for _ in range(MOST_HANGING):
            with pytest.raises(DeviceError, match="not answered for"):
                await system.call(hang, undo)
        with pytest.raises(DeviceError, match="does not answer"):
            await system.call(hang)
        assert len(made) == MOST_HANGING
        answers.set()
        async with asyncio.timeout(10):
            await ended.wait()
            while True:  # until the last of them has ended
                try:
                    assert await system.call(lambda: 7) == 7
                    break
                except DeviceError:
                    await asyncio.sleep(0)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("elsewhere", "is_idle", "restarts"),
    [
        (KNOWN | {("headset", "output")}, True, True),
        (KNOWN | {("headset", "output")}, False, False),
        (KNOWN, True, False),
        (frozenset(), True, False),
    ],
    ids=["new", "new, but somebody speaks", "nothing new", "the server is gone"],
)
def test_portaudio_restarts_only_for_something_new(
    monkeypatch: pytest.MonkeyPatch, elsewhere: Seen, is_idle: bool, restarts: bool
) -> None:
    started: list[bool] = []

    async def list_devices() -> Seen:
        return elsewhere

    part = OnePart()
    monkeypatch.setattr(portaudio_calls, "list_devices_in_subprocess", list_devices)
    monkeypatch.setattr(portaudio_calls, "listed_here", lambda: KNOWN)
    monkeypatch.setattr(portaudio_calls, "restart", lambda: started.append(part.is_open))

    async def main() -> None:
        system = SoundSystem(lambda: is_idle)
        system.parts.append(part)
        await system.rescan()

    asyncio.run(main())
    assert started == ([False] if restarts else [])
    assert part.released == restarts


def test_nothing_restarts_while_a_call_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    async def list_devices() -> Seen:
        raise AssertionError("PortAudio must not be called")

    monkeypatch.setattr(portaudio_calls, "list_devices_in_subprocess", list_devices)
    answers = threading.Event()

    async def main() -> None:
        system = SoundSystem(lambda: True, deadline_s=0.05)
        with pytest.raises(DeviceError):
            await system.call(answers.wait)
        await system.rescan()
        answers.set()

    asyncio.run(main())


def test_a_subprocess_that_fails_or_hangs_lists_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portaudio_calls, "LIST", "import sys; sys.exit(1)")
    assert asyncio.run(portaudio_calls.list_devices_in_subprocess()) == frozenset()
    monkeypatch.setattr(portaudio_calls, "LIST", 'print(\'[["headset", "input"]]\')')
    assert asyncio.run(portaudio_calls.list_devices_in_subprocess()) == {("headset", "input")}
    monkeypatch.setattr(portaudio_calls, "LIST", "input_that_never_comes = __import__('time').sleep(60)")
    monkeypatch.setattr(portaudio_calls, "LIST_S", 0.2)
    assert asyncio.run(portaudio_calls.list_devices_in_subprocess()) == frozenset()


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (("Error opening InputStream: Invalid device", -9996), "Error opening InputStream: Invalid device"),
        (("Error: Unanticipated host error", -9999, (-1979, 0, "")), "Error: Unanticipated host error"),
        (
            ("Error: Unanticipated host error", -9999, (8, -32, "Broken pipe")),
            "Error: Unanticipated host error: Broken pipe",
        ),
        (("No input device matching 'x'",), "No input device matching 'x'"),
    ],
)
def test_errors_of_portaudio_are_reported_without_codes(parts: tuple[object, ...], words: str) -> None:
    assert portaudio_calls.in_words(Exception(*parts)) == words
