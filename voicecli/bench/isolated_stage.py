"""The work of each stage by itself, while nothing else runs.

In a conversation a call takes longer where others run beside it, and when they do is chance: in one of ten pairs of
runs of one program decodes differed by a sixth. What a comparison names a stage by is measured here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from voicecli.bench.scenes import Scene
from voicecli.bench.watch import Call, EngineWatch
from voicecli.conversation.parts import Engines
from voicecli.types import Message, SpeechSegment

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
