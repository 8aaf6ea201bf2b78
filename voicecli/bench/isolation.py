"""Work in a process of its own: what it takes of the machine is its own, and given back at its end."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from multiprocessing.connection import Connection
from typing import Concatenate, ParamSpec, TypeVar

from voicecli.bench.scenes import Scene
from voicecli.bench.watch import Call, EngineWatch
from voicecli.conversation.respond import Engines
from voicecli.errors import EngineError
from voicecli.types import Message, SpeechSegment

P = ParamSpec("P")
T = TypeVar("T")
END_S = 10.0
"""Longest wait for a process that has nothing left to do: an engine's thread may hang in native code."""

Note = Callable[[object], None]


def apart(work: Callable[Concatenate[Note, P], T], note: Note, /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work(note, *args, **kwargs)` returns there; what it notes is noted here, as it comes.

    `work` is a function of a module; its values are pickled. Raises what it raises, and EngineError where the process
    ends without a word.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(there, work, args, kwargs), name=f"{work.__name__}")
    process.start()
    there.close()
    try:
        for kind, value in _messages(here):
            match kind:
                case "note":
                    note(value)
                case "failed":
                    raise value  # type: ignore[misc]  # an exception, as _work sends it
                case _:
                    return value  # type: ignore[return-value]  # T, as _work sends it
        process.join(END_S)
        raise EngineError(
            f"the process of the measurement ended with {process.exitcode}", "is there enough memory? voicecli doctor"
        )
    finally:
        process.join(END_S)
        process.kill()
        here.close()


def _messages(here: Connection) -> Iterator[tuple[str, object]]:
    """Until the other end is closed."""
    while True:
        try:
            yield here.recv()
        except EOFError:
            return


def _work(there: Connection, work: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    """The other process."""
    try:
        value = work(lambda reported: there.send(("note", reported)), *args, **kwargs)
    except Exception as error:
        there.send(("failed", error))
    else:
        there.send(("done", value))
    there.close()
    os._exit(0)  # an engine's thread may still be in native code, and the interpreter's own end would wait for it


PROMPT = Message("system", "Answer in one or two short sentences.")

Solo = tuple[str, tuple[Call, ...]]
"""Name of a recording, and the calls that were made for it."""


async def alone(engines: Engines, watch: EngineWatch, scenes: Sequence[Scene]) -> tuple[Solo, ...]:
    """Each recording is decoded, judged, answered and said, one call after the other; `engines` are under `watch`.

    Raises EngineError or BackendUnavailable.
    """
    done = []
    for number, scene in enumerate(scenes):
        before = len(watch.calls)
        begin_s = -1000.0 * (number + 1)  # a moment of its own: what is known of one speech stands for no other
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
