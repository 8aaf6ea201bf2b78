"""What happens in a room: scenes that a benchmark plays in many of them."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.room.sounds import Clip
from benchmarks.room.stage import Director, Scene
from voicecli.events import Audible
from voicecli.types import Pcm

REST_S = 1.0
"""Silence before each question."""

LATER_S = 0.23

AUDIBLE_S, ANSWER_S = 6.0, 18.0
"""Longest wait for the first sample of an answer, and for its end."""


def barge_ins(clips: Sequence[Clip], after_s: float, noise: Pcm | None = None) -> Scene:
    """For each clip an answer, the clip over it, and the answer to the clip, to its end.

    The first clip begins `after_s` after the first sample of the answer, each other one `LATER_S` later than the last:
    answers have pauses, and no figure should depend on one of them.
    """

    async def scene(director: Director) -> None:
        director.card.background(noise)
        for index, clip in enumerate(clips):
            audible = await asked(director)
            if audible is not None:
                span = director.say(clip, audible.at_s + after_s + index * LATER_S)
                await director.wait_until(span.until_s + REST_S)
            await director.settles(ANSWER_S)

    return scene


def murmurs(clips: Sequence[Clip], after_s: float) -> Scene:
    """For each clip an answer, and the clip over it as a listener says "mm-hm"."""

    async def scene(director: Director) -> None:
        for clip in clips:
            audible = await asked(director)
            if audible is not None:
                director.say(clip, audible.at_s + after_s, murmur=True)
            await director.settles(ANSWER_S)

    return scene


def answers(count: int, noise: Pcm | None = None, bursts: Sequence[Pcm] = (), after_s: float = 2.0) -> Scene:
    """So many answers that nobody interrupts, with `noise` throughout, and a burst over each `after_s` into it."""

    async def scene(director: Director) -> None:
        director.card.background(noise)
        for index in range(count):
            audible = await asked(director)
            if audible is not None and bursts:
                director.card.sound(bursts[index % len(bursts)], audible.at_s + after_s)
            await director.settles(ANSWER_S)

    return scene


async def asked(director: Director) -> Audible | None:
    """Type a question after a rest; return the first sample of the answer, if it comes."""
    await director.wait_until(director.now_s + REST_S)
    director.ask()
    return await director.happens(Audible, AUDIBLE_S)
