"""WS /ws: sound in binary frames, END and errors in text frames, and nothing spoken that was not meant to be."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.server.tts_stage import TONE, Stage, on_stage, stepped


async def answer(socket: ClientConnection, text: str | bytes) -> tuple[list[bytes], list[str]]:
    """Sound and texts up to END, which must be the last of both."""
    await socket.send(text)
    sound: list[bytes] = []
    texts: list[str] = []
    async with asyncio.timeout(20):
        while "END" not in texts:
            frame = await socket.recv()
            (sound if isinstance(frame, bytes) else texts).append(frame)  # type: ignore[arg-type]
    return sound, texts


def test_a_text_is_spoken_and_ended() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/ws") as socket:
            for _ in range(2):
                sound, texts = await answer(socket, "Three short words.")
                assert (b"".join(sound), texts) == (TONE.tobytes() * 3, ["END"])
            sound, texts = await answer(socket, "42")
            assert (len(sound), texts) == (1, ["END"])
            assert stage.voices.said[-1] == ("anna", "forty-two"), "a number is JSON and no request"

    on_stage(play)


def test_a_request_says_how() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/ws") as socket:
            config = {"voice": "bert", "speed": 1.5, "lang_code": "e", "volume_multiplier": 5}
            sound, texts = await answer(socket, json.dumps({"text": "7 words", "config": config}))
            assert texts == ["END"]
            assert stage.voices.asked == [("bert", 1.5, "e")]
            assert stage.voices.said == [("bert", "siete words")], "read in the voice's language"
            pcm = np.frombuffer(b"".join(sound), "<i2")
            assert pcm.max() == 32767, "clipped where it would wrap"
            assert np.array_equal(pcm[:4], TONE[:4] * 5)

    on_stage(play)


@pytest.mark.parametrize(
    ("frame", "part"),
    [
        ('{"text": "Hello", "config": {"pitch": 2}}', "config.pitch"),
        ('{"text": "Hello", "voice": "anna"}', "voice"),
        ('{"text": "Hello"', "not valid JSON"),
        ('{"config": {}}', "text"),
        ('{"text": "Hello", "config": {"speed": 9}}', "config.speed"),
        ('{"text": "Hello", "config": {"voice": "hanna"}}', "nearest: anna"),
        ("", "nothing in the text"),
        (b"Hello", "binary"),
        ("word " * 2001, "at most 10000"),
    ],
)
def test_a_mistake_is_reported_and_never_spoken(frame: str | bytes, part: str) -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/ws") as socket:
            sound, (error, _) = await answer(socket, frame)
            assert error.startswith("ERROR: ")
            assert part in error
            assert (sound, stage.voices.said) == ([], [])
            assert (await answer(socket, "Hello there."))[1] == ["END"], "the connection goes on"

    on_stage(play)


def test_a_voice_that_fails_says_so_in_a_text_frame() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/ws") as socket:
            sound, texts = await answer(socket, "One two crash.")
            assert len(sound) == 2
            assert texts == ["ERROR: RuntimeError: the voice broke (the log file has the details)", "END"]

    on_stage(play)


def test_clients_take_turns() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/ws") as one, stage.socket("/ws") as other:
            await one.send("One long text that has many words.")
            await other.send("Another long text that has many words.")
            for _ in range(3):
                while stepped(stage).waiting < 2:  # noqa: ASYNC110 - both have asked
                    await asyncio.sleep(0)
                stepped(stage).allow(2)
                assert isinstance(await one.recv(), bytes)
                assert isinstance(await other.recv(), bytes)

    on_stage(play, steps=0)


def test_who_is_gone_costs_one_audio_chunk() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/ws") as socket:
            await socket.send("One two three four five six seven eight.")
            stepped(stage).allow(1)
            await socket.recv()
        stepped(stage).allow(8)
        while stage.sessions.active:  # noqa: ASYNC110 - the server has noticed
            await asyncio.sleep(0.01)
        assert stepped(stage).done <= 2

    on_stage(play, steps=0)


def test_a_full_server_and_one_that_leaves_say_so() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/ws") as first:
            assert (await answer(first, "Hello."))[1] == ["END"]
            async with stage.socket("/ws") as second:
                with pytest.raises(ConnectionClosed) as refused:
                    await second.recv()
                assert refused.value.rcvd is not None
                assert refused.value.rcvd.code == 1013
            await stage.sessions.drain()
            with pytest.raises(ConnectionClosed) as left:
                await first.recv()
            assert left.value.rcvd is not None
            assert left.value.rcvd.code == 1001

    on_stage(play, most=1)
