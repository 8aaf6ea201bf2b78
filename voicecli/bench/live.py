"""`voicecli bench live`: `voicecli talk` on a virtual sound card, measured from outside and by its own events.

Acoustic is from the end of the user's voice, as it stands in the recording, to the first audible sample at the speaker;
both sides are recorded on one clock. What the program reckons itself is told beside it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from voicecli.bench.corpus import Corpus
from voicecli.bench.environment import Found
from voicecli.bench.figures import metrics_of, record_of
from voicecli.bench.outcomes import Outcome, cuts_in, found_at_s, loud_times, outcome, voice_to_voice_s
from voicecli.bench.questions import write_clip
from voicecli.bench.result import Count, Metric
from voicecli.bench.room import Said
from voicecli.bench.scenes import Scene
from voicecli.bench.speech import Utterance
from voicecli.bench.talk_child import TalkChild, talk_child
from voicecli.bench.virtual_card import VirtualCard
from voicecli.conversation.latency import latencies
from voicecli.events import Audible, Event, LevelMeasured, SpeechStarted
from voicecli.ui.jsonl import event_json

GROUP = "live"
ACOUSTIC = "acoustic voice to voice"

ANSWER_S = 45.0
"""Longest wait for an answer to be over."""

UNHEARD_S = 3.0
"""After so long without a sign of it, a question was not heard."""

REST_S = 1.0
"""From the end of an answer to the next question: who speaks sooner may go on with the last one."""

BEFORE_S = 0.2
"""The recording is looked at from so long before the player was started."""


GUEST = "Until this is over your default sound devices are virtual: other programs are not heard."


@dataclass(frozen=True, slots=True)
class LiveTurn:
    """What came of one question."""

    outcome: Outcome  # by the events of the program; its `latency` is what they come to
    acoustic_s: float | None  # None: nothing was heard, or it was heard too early
    cut_in: bool  # the answer sounded before the question was over


Tell = Callable[[LiveTurn, int, int], None]
"""Is told each turn, its number from 1 on, and of how many."""


def measure(
    corpus: Corpus, environ: Mapping[str, str], echo_db: float | None, narrate: Callable[[str], None], tell: Tell
) -> Found:
    """Each recording is asked once, and the first one before that, uncounted. `environ`: settings of the program.

    Raises DeviceError where there is no virtual sound card, EngineError where the program does not keep running.
    """
    with VirtualCard() as card, card.echo(-echo_db) if echo_db is not None else nullcontext():
        if card.is_guest:
            narrate(GUEST)
        first_s, turns, events = asyncio.run(converse(card, corpus.said, environ, narrate, tell))
    return replace(found(turns, events), corpus=corpus.reported, warm_ups={"the first question, once before": first_s})


async def converse(
    card: VirtualCard,
    said: Sequence[Utterance],
    environ: Mapping[str, str],
    narrate: Callable[[str], None],
    tell: Tell,
) -> tuple[float, list[LiveTurn], list[Event]]:
    """How long the warm-up took, all turns, all events."""
    turns: list[LiveTurn] = []
    with TemporaryDirectory(prefix="voicecli-live-") as folder:
        async with talk_child({**card.env, **environ}, narrate, "--no-history") as child:
            await child.ready()
            began_s = time.monotonic()
            await ask(card, child, said[0], Path(folder, "said.wav"))
            warm_s = time.monotonic() - began_s
            for number, one in enumerate(said, 1):
                turns.append(await ask(card, child, one, Path(folder, "said.wav")))
                tell(turns[-1], number, len(said))
        return warm_s, turns, child.events


async def ask(card: VirtualCard, child: TalkChild, said: Utterance, path: Path) -> LiveTurn:
    """Say it, hear the answer to its end, and measure."""
    write_clip(path, said.pcm)
    asked_s = time.monotonic() - BEFORE_S
    seen = len(child.events)
    await asyncio.to_thread(card.say, path)

    def answered() -> bool:
        return child.settled() and any(isinstance(event, SpeechStarted) for event in child.events[seen:])

    if await child.until(lambda: len(child.events) > seen, UNHEARD_S):
        await child.until(answered, ANSWER_S)
    await asyncio.sleep(REST_S)
    began_s = asked_s + found_at_s(card.air.since(asked_s), said.pcm)
    mine = [event for event in child.events[seen:] if not isinstance(event, LevelMeasured)]
    return came_of(said, began_s, mine, loud_times(card.speaker.since(asked_s), asked_s))


def came_of(said: Utterance, began_s: float, events: Sequence[Event], loud_s: Sequence[float]) -> LiveTurn:
    """`began_s`: when the recording began to sound. Pure, like all that follows."""
    from_s, until_s = began_s + said.voiced_from_s, began_s + said.voiced_until_s
    scene = Scene(GROUP, said.name, said.pcm, said.voiced_from_s, said.voiced_until_s, slots=said.slots)
    came = outcome(Said(scene, began_s, from_s, until_s), events, (), loud_s)
    cut_in = cuts_in(loud_s, from_s, until_s)
    reckoned = latencies(event for event in events if event.turn == answering(events))
    own = reckoned[-1] if reckoned and not cut_in else None
    return LiveTurn(replace(came, latency=own), None if cut_in else voice_to_voice_s(loud_s, until_s), cut_in)


def answering(events: Sequence[Event]) -> object:
    """The last turn that was heard; a value that no turn has where there is none."""
    return next((event.turn for event in reversed(events) if isinstance(event, Audible)), "none")


def found(turns: Sequence[LiveTurn], events: Sequence[Event]) -> Found:
    """Metrics, counts and turns; the corpus is the caller's to tell."""
    came = [turn.outcome for turn in turns]
    heard = [(turn.outcome.said.scene.name, turn.acoustic_s) for turn in turns if turn.acoustic_s is not None]
    samples = tuple(round(acoustic_s, 4) for _, acoustic_s in heard)
    acoustic = [Metric(GROUP, ACOUSTIC, "s", samples, of=tuple(name for name, _ in heard))] if heard else []
    answered = sum(turn.acoustic_s is not None for turn in turns)
    cut_off = sum(turn.cut_in or turn.outcome.cut_off for turn in turns)
    return Found(
        corpus="",
        metrics=(*acoustic, *metrics_of(GROUP, came)),
        counts=(
            Count(GROUP, "answered", answered, len(turns), better="higher"),
            Count(GROUP, "cut off before the end", cut_off, len(turns)),
            Count(GROUP, "gaps inside answers", sum(one.gaps for one in came), answered),
        ),
        turns=tuple(record for one in came if (record := record_of(one))),
        events=tuple(json.loads(event_json(event)) for event in events if not isinstance(event, LevelMeasured)),
    )
