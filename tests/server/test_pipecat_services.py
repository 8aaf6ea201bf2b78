"""Our Pipecat services against servers that play a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.server.scripted_listen import READY, START, Close, Expect, scripted
from voicecli.errors import SettingsError
from voicecli.server.stt.protocol import Failure, Final, Partial, SpeechEnded, SpeechStarted, Timings
from voicecli.server.tts import protocol as speak

pytest.importorskip("pipecat", reason="needs voicecli[pipecat]")

from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    STTUpdateSettingsFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.transcriptions.language import Language

from tests.server.pipeline import Seen, run
from voicecli.pipecat import (
    VoicecliSTTService,
    VoicecliSTTSettings,
    VoicecliTTSService,
    VoicecliTTSSettings,
)
from voicecli.pipecat.tts import Contexts


def final(utterance: int, text: str) -> Final:
    timings = Timings(queue_ms=0, decode_ms=100, after_end_ms=300)
    return Final(utterance=utterance, text=text, language="en", audio_s=1.0, timings=timings)


def test_a_turn_lasts_until_the_last_final_and_the_end_of_a_pipeline_waits_for_it() -> None:
    async def main() -> list[Frame]:
        script = scripted(
            START,
            READY,
            SpeechStarted(utterance=1, at_s=0.1),
            Partial(utterance=1, stable="I would", unstable="like"),
            SpeechEnded(utterance=1, at_s=1.0),
            SpeechStarted(utterance=2, at_s=1.4),
            final(1, "I would like"),
            Failure(code="overload", message="too much at once", hint="send less"),
            Expect({"type": "stop"}),
            final(2, "a coffee."),
            Close(1000),
        )
        async with script as (url, _), run([VoicecliSTTService(url=url)]) as (_, seen):
            await seen.until(lambda: bool(seen.of(ErrorFrame)))
        return seen.frames

    reported = {
        ProposedUserStartedSpeakingFrame: "started",
        ProposedUserStoppedSpeakingFrame: "stopped",
        InterimTranscriptionFrame: "interim",
        ErrorFrame: "error",
    }
    frames = asyncio.run(main())
    named = [frame.text if type(frame) is TranscriptionFrame else reported.get(type(frame), "") for frame in frames]
    order = [name for name in dict.fromkeys(named) if name]  # a proposal goes both ways, so it comes twice
    assert order == ["started", "interim", "I would like", "error", "a coffee.", "stopped"]
    (interim,) = (frame.text for frame in frames if type(frame) is InterimTranscriptionFrame)
    assert interim == "I would like"
    assert [frame.error for frame in frames if type(frame) is ErrorFrame] == ["too much at once (send less)"]


def test_an_interruption_is_reported_to_the_server_and_what_still_comes_of_it_is_not_heard() -> None:
    old, stale, new = (bytes([level, 0]) * 2400 for level in (1, 2, 3))

    async def main() -> Seen:
        script = scripted(
            Expect({"type": "start", "voice": "af_heart", "speed": None}),
            speak.Ready(voice="af_heart", language="en", speed=1, streams=True, sample_rate_hz=24_000),
            Expect({"type": "text", "text": "One."}),
            Expect({"type": "end"}),
            speak.AudioStarted(utterance=1),
            old,
            Expect({"type": "cancel"}),
            stale,
            speak.Cancelled(utterance=1, audio_s=0.2),
            Expect({"type": "text", "text": "Two."}),
            Expect({"type": "end"}),
            speak.AudioStarted(utterance=2),
            new,
            speak.SpokenWords(utterance=2, words=(speak.SpokenWord(text="Two.", end_s=0.1),)),
            speak.Done(utterance=2, audio_s=0.1),
        )
        settings = VoicecliTTSSettings(voice="af_heart")
        async with script as (url, _), run([VoicecliTTSService(url=url, settings=settings)]) as (worker, seen):
            await worker.queue_frame(TTSSpeakFrame("One."))
            await seen.until(lambda: bool(seen.of(TTSAudioRawFrame)))
            await worker.queue_frames([InterruptionFrame(), TTSSpeakFrame("Two.")])
            await seen.until(lambda: bool(seen.of(TTSStoppedFrame)))
        return seen

    seen = asyncio.run(main())
    assert not seen.of(ErrorFrame)
    assert b"".join(frame.audio for frame in seen.of(TTSAudioRawFrame)) == old + new
    assert [frame.text for frame in seen.of(TTSTextFrame)] == ["Two."]


def test_a_text_that_cannot_be_spoken_is_reported_and_the_next_one_is_spoken() -> None:
    async def main() -> Seen:
        script = scripted(
            Expect({"type": "start"}),
            speak.Ready(voice="af_heart", language="en", speed=1, streams=True, sample_rate_hz=24_000),
            Expect({"type": "text", "text": "One."}),
            Expect({"type": "end"}),
            speak.Failed(utterance=1, code="engine", message="the voice failed", hint="try again"),
            Expect({"type": "text", "text": "Two."}),
            Expect({"type": "end"}),
            speak.AudioStarted(utterance=2),
            bytes(4800),
            speak.Done(utterance=2, audio_s=0.1),
        )
        async with script as (url, _), run([VoicecliTTSService(url=url)]) as (worker, seen):
            await worker.queue_frames([TTSSpeakFrame("One."), TTSSpeakFrame("Two.")])
            await seen.until(lambda: len(seen.of(TTSStoppedFrame)) == 2)
        return seen

    seen = asyncio.run(main())
    assert "the voice failed (try again)" in [frame.error for frame in seen.of(ErrorFrame)]
    assert seen.of(TTSAudioRawFrame)


@asynccontextmanager
async def listen_state(hang_up: Callable[[int], bool]) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """A server that is ready and hears nothing, and the starts that it got; some connections break."""
    starts: list[dict[str, Any]] = []

    async def handle(connection: ServerConnection) -> None:
        starts.append(json.loads(await connection.recv()))
        await connection.send(READY.model_dump_json())
        if hang_up(len(starts)):
            connection.transport.abort()
        async for message in connection:
            if isinstance(message, str) and json.loads(message) == {"type": "stop"}:
                await connection.close()

    async with serve(handle, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}", starts


def sessions(
    work: Callable[[PipelineWorker], Awaitable[None]], hang_up: Callable[[int], bool] = lambda _: False
) -> list[dict[str, Any]]:
    """The starts of a service's first two sessions."""

    async def main() -> list[dict[str, Any]]:
        ready = asyncio.Queue[None]()
        async with listen_state(hang_up) as (url, starts):
            service = VoicecliSTTService(url=url, settings=VoicecliSTTSettings(language=Language.EN_GB))

            @service.event_handler("on_connected")
            async def on_connected(_: VoicecliSTTService) -> None:
                ready.put_nowait(None)

            async with run([service]) as (worker, _):
                await ready.get()
                await work(worker)
                await ready.get()
        return starts

    return asyncio.run(main())


def test_a_change_of_settings_begins_a_new_session() -> None:
    async def change(worker: PipelineWorker) -> None:
        delta = VoicecliSTTSettings(language=Language.DE_AT, hotwords=("Kaiser",), endpoint="patient")
        await worker.queue_frame(STTUpdateSettingsFrame(delta=delta))

    first, second = sessions(change)
    assert (first["language"], first["hotwords"], first["endpoint"]) == ("en", [], "balanced")
    assert (second["language"], second["hotwords"], second["endpoint"]) == ("de", ["Kaiser"], "patient")
    assert first["sample_rate_hz"] == 16_000


def test_a_lost_connection_is_made_again() -> None:
    async def nothing(worker: PipelineWorker) -> None:
        pass

    first, second = sessions(nothing, hang_up=lambda count: count == 1)
    assert first == second


@pytest.mark.parametrize("service", [VoicecliSTTService, VoicecliTTSService])
def test_a_server_that_is_not_there_is_reported_with_what_to_do(service: type[Any]) -> None:
    async def main() -> list[str]:
        async with run([service(url="http://127.0.0.1:9", reconnect_on_error=False)]) as (_, seen):
            await seen.until(lambda: bool(seen.of(ErrorFrame)))
        return [frame.error for frame in seen.of(ErrorFrame)]

    assert "cannot be reached" in asyncio.run(main())[0]


@pytest.mark.parametrize("service", [VoicecliSTTService, VoicecliTTSService])
def test_what_is_no_url_is_refused_at_once(service: type[Any]) -> None:
    with pytest.raises(SettingsError):
        service(url="localhost:8000")


def test_the_texts_of_a_context_are_one_utterance() -> None:
    contexts = Contexts()
    assert not contexts.write("a")
    assert not contexts.write("a")
    assert contexts.end("a")
    assert not contexts.end("a")
    assert contexts.of(1) == "a"
    assert contexts.over(1) == "a"
    assert contexts.of(1) is None


def test_another_context_ends_the_text_of_the_first_and_both_are_completed() -> None:
    contexts = Contexts()
    contexts.write("turn")
    assert contexts.write("aside")
    assert not contexts.end("turn")
    assert contexts.end("aside")
    contexts.write("turn")
    assert [contexts.of(number) for number in (1, 2, 3)] == ["turn", "aside", "turn"]
    assert contexts.over(1) is None  # there is more of it
    assert contexts.over(2) == "aside"
    assert contexts.over(3) == "turn"


def test_an_interruption_cancels_unless_something_may_not_be_interrupted() -> None:
    contexts = Contexts()
    contexts.write("warning")
    contexts.end("warning")
    contexts.write("turn")
    assert contexts.drop("turn") == "end"
    assert contexts.of(2) is None
    assert contexts.drop("turn") == ""
    contexts.write("next")
    assert contexts.over(1) == "warning"
    assert contexts.drop("next") == "cancel"
    contexts.write("last")
    assert contexts.of(4) == "last"


def test_a_text_that_failed_is_still_ended() -> None:
    contexts = Contexts()
    contexts.write("a")
    assert contexts.over(1) == "a"
    assert contexts.end("a")
    assert not contexts.write("b")
    assert contexts.of(2) == "b"
