"""WS /v1/speak: sound from the first clause on, one last message for each utterance, and silence after a cancel."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.exceptions import ConnectionClosed

from tests.server.tts_stage import TONE, Stage, hear, on_stage, say, stepped, types
from voicecli.speech_text.pacing import MOST_LEAD_S

DONE = ("done", "cancelled", "error")


def test_a_text_in_bits_is_spoken_and_reported_word_by_word() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/v1/speak") as socket:
            ready, _ = await hear(socket, "ready")
            assert ready[0] == {
                "type": "ready",
                "voice": "anna",
                "language": "en-us",
                "speed": 1.0,
                "streams": True,
                "format": "s16le",
                "sample_rate_hz": 24_000,
            }
            await say(socket, "<think>hm</think>", "It **co", "sts** £", "3 to", "day.")
            messages, samples = await hear(socket, *DONE)
            assert samples == 5 * len(TONE), "it costs three pounds today"
            assert types(messages) == ["audio_started", *["spoken"] * 4, "done"]
            words = [word for message in messages[1:-1] for word in message["words"]]
            assert words == [
                {"text": "It", "end_s": 0.25},
                {"text": "costs", "end_s": 0.5},
                {"text": "£3", "end_s": 1.0},
                {"text": "today.", "end_s": 1.25},
            ]
            assert messages[-1] == {"type": "done", "utterance": 1, "audio_s": 1.25}

    on_stage(play)


def test_the_first_clause_sounds_while_the_rest_is_being_written() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/v1/speak") as socket:
            await say(socket, "The first clause is here, ", "and the se", end=False)
            messages, _ = await hear(socket, "audio_started")
            assert types(messages) == ["ready", "audio_started"]
            await say(socket, "cond follows.")
            assert (await hear(socket, *DONE))[0][-1]["audio_s"] == 2.25

    on_stage(play)


def test_start_chooses_for_the_utterances_that_follow() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/v1/speak") as socket:
            await say(socket, "Hello there, you. ", end=False)
            await socket.send('{"type": "start", "voice": "bert", "speed": 0.8}')
            await say(socket, "And more of it.")
            await say(socket, "Diez.")
            messages, _ = await hear(socket, "done")
            messages += (await hear(socket, "done"))[0]
            readies = [message for message in messages if message["type"] == "ready"]
            assert [(ready["voice"], ready["speed"]) for ready in readies] == [("anna", 1.0), ("bert", 0.8)]
            assert [voice for voice, _ in stage.voices.said] == ["anna", "anna", "bert"]
            assert [message["utterance"] for message in messages if message["type"] == "done"] == [1, 2]

    on_stage(play)


def test_a_voice_that_was_used_learns_to_stream() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/v1/speak") as socket, asyncio.timeout(20):
            ready: dict[str, object] = {"streams": False}
            await socket.send('{"type": "start", "voice": "bert"}')
            await say(socket, "Dos palabras.")
            assert [message["streams"] for message in (await hear(socket, "done"))[0][:2]] == [True, False]
            while not ready["streams"]:
                await socket.send('{"type": "start", "voice": "bert"}')
                ready = (await hear(socket, "ready"))[0][-1]
            await say(socket, "Y dos.")
            await hear(socket, "done")
        assert stage.voices.learnt == ["anna", "bert"], "once"

    on_stage(play)


def test_after_a_cancel_nothing_more_is_heard_of_what_was_written() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/v1/speak") as socket:
            await say(socket, "One two three four five six.")
            await say(socket, "Queued behind it.")
            stepped(stage).allow(2)
            for _ in range(5):  # ready, audio_started, and for one word sound and its end, and sound again
                await socket.recv()
            await socket.send('{"type": "cancel"}')
            messages, _ = await hear(socket, "cancelled")
            stepped(stage).allow(50)
            more, samples = await hear(socket, "cancelled")
            assert samples == 0
            assert (messages[-1], more[-1]) == (
                {"type": "cancelled", "utterance": 1, "audio_s": 0.5},
                {"type": "cancelled", "utterance": 2, "audio_s": 0.0},
            )
            await socket.send('{"type": "cancel"}')
            await say(socket, "And now this.")
            after, samples = await hear(socket, *DONE)
            assert samples == 3 * len(TONE)
            assert after[0] == {"type": "audio_started", "utterance": 3}, "a cancel of nothing has no answer"

    on_stage(play, steps=0)


@pytest.mark.parametrize(
    ("frame", "code", "part"),
    [
        ('{"type": "shout"}', "bad_message", "shout"),
        ('{"type": "text", "text": "Hi", "loud": true}', "bad_message", "loud"),
        ('{"type": "start", "voice": "hanna"}', "invalid_value", "hanna"),
        ('{"type": "start", "sample_rate_hz": 8000}', "bad_message", "24000"),
        ('{"type": "start", "speed": 3}', "bad_message", "speed"),
        ("Hello", "bad_message", "JSON"),
        ('{"type": "end"}', "no_utterance", "end came before"),
        (b"Hello", "bad_message", "binary"),
    ],
)
def test_a_message_that_makes_no_sense_is_reported_and_changes_nothing(
    frame: str | bytes, code: str, part: str
) -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/v1/speak") as socket:
            await socket.send(frame)
            messages, _ = await hear(socket, "error")
            error = messages[-1]
            assert (error["code"], error["utterance"]) == (code, None)
            assert part in error["message"]
            await say(socket, "Hello there.")
            assert (await hear(socket, *DONE))[0][-1] == {"type": "done", "utterance": 1, "audio_s": 0.5}
            assert stage.voices.said[0][0] == "anna"

    on_stage(play)


def test_an_utterance_ends_once_however_it_ends() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/v1/speak") as socket:
            await say(socket, "The voice will crash here, ", "and", end=False)
            failed, _ = await hear(socket, *DONE)
            assert failed[-1]["code"] == "engine"
            assert failed[-1]["utterance"] == 1
            await say(socket, " the rest is not spoken.")
            await say(socket, "word " * 2001)
            long, samples = await hear(socket, *DONE)
            assert (types(long), long[0]["code"], long[0]["utterance"], samples) == (["error"], "text_too_long", 2, 0)
            for number, silent in enumerate(("🎉", "An unsayable text."), start=3):
                await say(socket, silent)
                assert (await hear(socket, *DONE))[0] == [{"type": "done", "utterance": number, "audio_s": 0.0}]

    on_stage(play)


def test_sound_comes_at_most_so_far_ahead_of_its_playing() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/v1/speak") as socket:
            await say(socket, "word and word. " * 200)
            samples = 0
            while samples < 8 * 24_000:
                frame = await socket.recv()
                samples += len(frame) // 2 if isinstance(frame, bytes) else 0
            await socket.send('{"type": "cancel"}')
            messages, _ = await hear(socket, *DONE)
            assert messages[-1]["audio_s"] < MOST_LEAD_S + 15, "what is worth having, and the chunk under way"

    on_stage(play, clock=lambda: 1000.0)


def test_who_is_gone_costs_one_audio_chunk() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/v1/speak") as socket:
            await say(socket, "One two three four five six seven eight.")
            stepped(stage).allow(1)
            await hear(socket, "audio_started")
        while stage.sessions.active:  # noqa: ASYNC110 - the server has noticed
            await asyncio.sleep(0.01)
        stepped(stage).allow(8)
        await asyncio.sleep(0)
        assert stepped(stage).done == 1

    on_stage(play, steps=0)


def test_a_server_that_leaves_says_what_is_written_and_then_goodbye() -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket("/v1/speak") as socket:
            await say(socket, "This is written, and this too", end=False)
            await hear(socket, "audio_started")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(stage.sessions.drain())
                messages, _ = await hear(socket, *DONE)
                assert messages[-1]["audio_s"] == 1.5
                with pytest.raises(ConnectionClosed) as left:
                    await socket.recv()
                assert left.value.rcvd is not None
                assert left.value.rcvd.code == 1001
        async with stage.socket("/v1/speak") as late:
            with pytest.raises(ConnectionClosed):
                json.loads(await late.recv())

    on_stage(play)
