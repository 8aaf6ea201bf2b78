"""Who is next at the recognizer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence

import pytest

from tests.server.stage import Stage, sound
from voicecli.errors import EngineError
from voicecli.replay import virtual_time
from voicecli.server.stt.scheduler import Batch, DecodeQueueClient, Urgency
from voicecli.types import SpeechSegment, Transcript


def segment(value: int) -> SpeechSegment:
    return SpeechSegment(sound(1, value), 0.0, 1.0)


def on(stage_took_s: float, script: Callable[[Stage, asyncio.TaskGroup], Coroutine[None, None, None]]) -> Stage:
    """Run a script beside the scheduler, until all it began is over."""

    async def main() -> Stage:
        stage = Stage(stage_took_s)
        async with asyncio.TaskGroup() as serving:
            task = serving.create_task(stage.scheduler.serve())
            async with asyncio.TaskGroup() as tasks:
                await script(stage, tasks)
            task.cancel()
        return stage

    return virtual_time.run(main())


def decoded(stage: Stage) -> list[str]:
    return [text for _, text in stage.recognizer.decodes]


def test_finals_come_before_what_may_become_one_and_that_before_partials() -> None:
    async def script(stage: Stage, tasks: asyncio.TaskGroup) -> None:
        queue = stage.scheduler.client(stage.recognizer)
        tasks.create_task(queue.final(segment(1)))
        await asyncio.sleep(0.1)  # it is being decoded
        queue.request_partial(lambda: segment(4), lambda _: None)
        tasks.create_task(queue.final(segment(3), Urgency.EAGER))
        tasks.create_task(queue.final(segment(2)))
        await asyncio.sleep(5)

    assert decoded(on(1.0, script)) == ["1", "2", "3", "4"]


def test_a_partial_is_of_the_newest_audio_and_a_session_has_one_options() -> None:
    async def script(stage: Stage, tasks: asyncio.TaskGroup) -> None:
        queue, said = stage.scheduler.client(stage.recognizer), 1
        tasks.create_task(queue.final(segment(9)))
        await asyncio.sleep(0.1)
        for _ in range(3):
            queue.request_partial(lambda: segment(said), lambda _: None)
        said = 5
        await asyncio.sleep(5)

    stage = on(1.0, script)
    assert decoded(stage) == ["9", "5"]
    assert stage.observer.dropped == 2


def test_sessions_take_turns_with_partials_which_leave_half_of_the_time_free() -> None:
    heard: list[tuple[str, float]] = []

    async def script(stage: Stage, tasks: asyncio.TaskGroup) -> None:
        def request(queue: DecodeQueueClient, value: int) -> None:
            def on_transcript(transcript: Transcript) -> None:
                heard.append((transcript.text, stage.clock() - 1000))
                request(queue, value)

            queue.request_partial(lambda: segment(value), on_transcript)

        clients = [stage.scheduler.client(stage.recognizer) for _ in range(3)]
        for value, queue in enumerate(clients, 1):
            request(queue, value)
        await asyncio.sleep(12.5)
        for queue in clients:
            queue.cancel_partial()

    on(1.0, script)
    assert [text for text, _ in heard] == ["1", "2", "3", "1", "2", "3"]
    assert [round(at_s) for _, at_s in heard] == [1, 3, 5, 7, 9, 11]


def test_whoever_has_left_costs_nothing() -> None:
    async def script(stage: Stage, tasks: asyncio.TaskGroup) -> None:
        queue = stage.scheduler.client(stage.recognizer)
        tasks.create_task(queue.final(segment(1)))
        leaving = tasks.create_task(queue.final(segment(2)))
        await asyncio.sleep(0.1)
        leaving.cancel()
        queue.request_partial(lambda: segment(3), lambda _: None)
        queue.cancel_partial()
        await queue.final(segment(4))

    assert decoded(on(1.0, script)) == ["1", "4"]


def test_what_waits_is_hurried_once_it_is_a_final() -> None:
    async def script(stage: Stage, tasks: asyncio.TaskGroup) -> None:
        queue, early = stage.scheduler.client(stage.recognizer), segment(3)
        tasks.create_task(queue.final(segment(1)))
        tasks.create_task(queue.final(segment(2), Urgency.EAGER))
        tasks.create_task(queue.final(early, Urgency.EAGER))
        await asyncio.sleep(0.1)
        stage.scheduler.promote(early)

    assert decoded(on(1.0, script)) == ["1", "3", "2"]


def test_while_finals_pile_up_nothing_is_decoded_on_speculation() -> None:
    async def script(stage: Stage, tasks: asyncio.TaskGroup) -> None:
        queue = stage.scheduler.client(stage.recognizer)
        tasks.create_task(queue.final(segment(9), Urgency.EAGER))
        for value in range(1, 6):
            tasks.create_task(queue.final(segment(value)))
        await asyncio.sleep(0)

    assert decoded(on(1.0, script))[-1] == "9"


def test_finals_that_end_at_the_same_moment_are_decoded_together_where_that_pays() -> None:
    batches: list[list[str]] = []

    async def script(stage: Stage, tasks: asyncio.TaskGroup) -> None:
        def transcribe_all(segments: Sequence[SpeechSegment]) -> list[Transcript]:
            found = [stage.recognizer.transcribe(one) for one in segments]
            batches.append([transcript.text for transcript in found])
            return found

        def queue(options: str) -> DecodeQueueClient:
            return stage.scheduler.client(stage.recognizer, Batch(transcribe_all, options, longest_s=2.0))

        long = SpeechSegment(sound(3, 5), 0.0, 3.0)
        english, auto = queue("en"), queue("auto")
        said = [(english, segment(1)), (english, segment(2)), (auto, segment(3)), (english, long), (auto, segment(4))]
        finals = [tasks.create_task(one.final(its)) for one, its in said]
        await asyncio.sleep(0.02)
        finals.append(tasks.create_task(english.final(segment(6))))
        found = [(await final).transcript.text for final in finals]
        assert found == ["1", "2", "3", "5", "4", "6"]

    on(1.0, script)
    assert batches == [["1", "2", "6"], ["3", "4"]]


def test_an_error_is_the_one_s_whose_words_they_were() -> None:
    async def script(stage: Stage, tasks: asyncio.TaskGroup) -> None:
        queue = stage.scheduler.client(stage.recognizer)
        with pytest.raises(EngineError, match="it broke"):
            await queue.final(segment(-1))
        found = await queue.final(segment(2))
        assert found.transcript.text == "2"
        assert found.decode_s == pytest.approx(1.0)

    on(1.0, script)


def test_it_tells_how_long_a_final_waited() -> None:
    async def script(stage: Stage, tasks: asyncio.TaskGroup) -> None:
        queue = stage.scheduler.client(stage.recognizer)
        tasks.create_task(queue.final(segment(1)))
        await asyncio.sleep(0.25)
        found = await queue.final(segment(2))
        assert found.queued_s == pytest.approx(0.75)

    on(1.0, script)
