"""Isolate measurements: run work in a subprocess, and run each stage of a conversation by itself."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from multiprocessing.connection import Connection
from typing import Concatenate, ParamSpec, TypeVar

from voicecli.bench.scenes import Scene
from voicecli.bench.watch import Call, EngineWatch
from voicecli.conversation.parts import Engines
from voicecli.errors import EngineError
from voicecli.types import Message, SpeechSegment

P = ParamSpec("P")
T = TypeVar("T")
END_S = 10.0
"""Longest wait for a process that has finished its work: an engine's thread may hang in native code."""

Report = Callable[[object], None]


def run_in_subprocess(
    work: Callable[Concatenate[Report, P], T], report: Report, /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Return what `work(report, *args, **kwargs)` returns in a subprocess; its reports are passed on as they come.

    `work` must be a module's function; all values are pickled. Raise what it raises, and EngineError if the process
    ends without a result.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(there, work, args, kwargs), name=f"{work.__name__}")
    process.start()
    there.close()
    try:
        for kind, value in _messages(here):
            match kind:
                case "report":
                    report(value)
                case "failed":
                    raise value  # type: ignore[misc]  # an exception, as _work sends it
                case _:
                    return value  # type: ignore[return-value]  # T, as _work sends it
        process.join(END_S)
        raise EngineError(
            f"the measuring process ended with exit code {process.exitcode}", "check the free memory: voicecli doctor"
        )
    finally:
        process.join(END_S)
        process.kill()
        here.close()


def _messages(here: Connection) -> Iterator[tuple[str, object]]:
    """Yield messages until the other end is closed."""
    while True:
        try:
            yield here.recv()
        except EOFError:
            return


def _work(there: Connection, work: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    """Run the work in the subprocess and send its result."""
    try:
        result = work(lambda value: there.send(("report", value)), *args, **kwargs)
    except Exception as error:
        there.send(("failed", error))
    else:
        there.send(("done", result))
    there.close()
    os._exit(0)  # an engine's thread may still be in native code, and the interpreter's own end would wait for it


PROMPT = Message("system", "Answer in one or two short sentences.")

IsolatedCalls = tuple[str, tuple[Call, ...]]
"""Name of a recording, and the engine calls that it caused."""


async def run_stages_alone(engines: Engines, watch: EngineWatch, scenes: Sequence[Scene]) -> tuple[IsolatedCalls, ...]:
    """Transcribe, judge, answer and speak each recording, one call after another, with `engines` observed by `watch`.

    In a conversation a call takes longer while others run beside it, by chance: in one of ten pairs of runs of the same
    program decodes differed by a sixth. A comparison therefore names a slower stage by these times. Raise EngineError
    or BackendUnavailable if an engine fails.
    """
    done = []
    for number, scene in enumerate(scenes):
        before = len(watch.calls)
        begin_s = -1000.0 * (number + 1)  # a start of its own, so that no cached result of another utterance is used
        speech = SpeechSegment(scene.pcm, begin_s + scene.voiced_from_s, begin_s + scene.voiced_until_s)
        transcript = await engines.stt_worker.run(engines.stt.transcribe, speech)
        if engines.turn is not None:
            await engines.turn_worker.run(engines.turn.probability, speech)
        text = transcript.text or scene.name
        async with aclosing(engines.llm.reply([PROMPT, Message("user", text)])) as reply:
            async for _ in reply:
                pass
        if engines.tts is not None:
            await engines.tts_worker.run(lambda voice, said: list(voice.synthesize(said)), engines.tts, text)
        done.append((scene.name, tuple(watch.calls[before:])))
    return tuple(done)
