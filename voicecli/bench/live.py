"""Measure `voicecli talk` on a virtual sound card, from outside and by its own events (`bench live`).

Acoustic latency is from the end of the user's voice in the recording to the first audible sample at the speaker; both
sides are recorded on one clock. The latency that the program computes itself is reported beside it.
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
"""Longest wait for the end of an answer."""

UNHEARD_S = 3.0
"""If no event comes within this time, the question was not heard."""

REST_S = 1.0
"""From the end of an answer to the next question: earlier speech may count as a continuation of the last one."""

BEFORE_S = 0.2
"""How far before the start of the player the recording is searched."""


GUEST = "Until this is over, your default sound devices are virtual and you do not hear other programs."


@dataclass(frozen=True, slots=True)
class LiveTurn:
    """The result of one question."""

    outcome: Outcome  # by the events of the program, which also give its `latency`
    acoustic_s: float | None  # None: nothing was played, or too early
    cut_in: bool  # the answer began before the question had ended


ShowTurn = Callable[[LiveTurn, int, int], None]
"""Shows a turn, given its number from 1 on and the total."""


def measure(
    corpus: Corpus, environ: Mapping[str, str], echo_db: float | None, narrate: Callable[[str], None], show: ShowTurn
) -> Found:
    """Ask each recording once, after the first one as a warm-up. `environ`: settings of the program.

    Raise DeviceError if there is no virtual sound card, EngineError if the program ends.
    """
    with VirtualCard() as card, card.echo(-echo_db) if echo_db is not None else nullcontext():
        if card.is_guest:
            narrate(GUEST)
        first_s, turns, events = asyncio.run(hold_conversation(card, corpus.said, environ, narrate, show))
    return replace(found(turns, events), corpus=corpus.reported, warm_ups={"the first question, once before": first_s})


async def hold_conversation(
    card: VirtualCard,
    said: Sequence[Utterance],
    environ: Mapping[str, str],
    narrate: Callable[[str], None],
    show: ShowTurn,
) -> tuple[float, list[LiveTurn], list[Event]]:
    """Return the duration of the warm-up, all turns, and all events."""
    turns: list[LiveTurn] = []
    with TemporaryDirectory(prefix="voicecli-live-") as folder:
        async with talk_child({**card.env, **environ}, narrate, "--no-history") as child:
            await child.ready()
            began_s = time.monotonic()
            await ask(card, child, said[0], Path(folder, "said.wav"))
            warm_s = time.monotonic() - began_s
            for number, one in enumerate(said, 1):
                turns.append(await ask(card, child, one, Path(folder, "said.wav")))
                show(turns[-1], number, len(said))
        return warm_s, turns, child.events


async def ask(card: VirtualCard, child: TalkChild, said: Utterance, path: Path) -> LiveTurn:
    """Ask a recording, wait for the end of the answer, and measure."""
    write_clip(path, said.pcm)
    asked_s = time.monotonic() - BEFORE_S
    seen = len(child.events)
    await asyncio.to_thread(card.say, path)

    def answered() -> bool:
        return child.is_idle() and any(isinstance(event, SpeechStarted) for event in child.events[seen:])

    if await child.until(lambda: len(child.events) > seen, UNHEARD_S):
        await child.until(answered, ANSWER_S)
    await asyncio.sleep(REST_S)
    began_s = asked_s + found_at_s(card.air.since(asked_s), said.pcm)
    mine = [event for event in child.events[seen:] if not isinstance(event, LevelMeasured)]
    return turn_of(said, began_s, mine, loud_times(card.speaker.since(asked_s), asked_s))


def turn_of(said: Utterance, began_s: float, events: Sequence[Event], loud_s: Sequence[float]) -> LiveTurn:
    """Return the result of a question; `began_s`: when the recording began to sound."""
    from_s, until_s = began_s + said.voiced_from_s, began_s + said.voiced_until_s
    scene = Scene(GROUP, said.name, said.pcm, said.voiced_from_s, said.voiced_until_s, slots=said.slots)
    result = outcome(Said(scene, began_s, from_s, until_s), events, (), loud_s)
    cut_in = cuts_in(loud_s, from_s, until_s)
    computed = latencies(event for event in events if event.turn == answering(events))
    own = computed[-1] if computed and not cut_in else None
    return LiveTurn(replace(result, latency=own), None if cut_in else voice_to_voice_s(loud_s, until_s), cut_in)


def answering(events: Sequence[Event]) -> object:
    """Return the id of the last turn that was played; a value that no turn has if there is none."""
    return next((event.turn for event in reversed(events) if isinstance(event, Audible)), "none")


def found(turns: Sequence[LiveTurn], events: Sequence[Event]) -> Found:
    """Return metrics, counts and turns; the caller adds the corpus."""
    outcomes = [turn.outcome for turn in turns]
    heard = [(turn.outcome.said.scene.name, turn.acoustic_s) for turn in turns if turn.acoustic_s is not None]
    samples = tuple(round(acoustic_s, 4) for _, acoustic_s in heard)
    acoustic = [Metric(GROUP, ACOUSTIC, "s", samples, of=tuple(name for name, _ in heard))] if heard else []
    answered = sum(turn.acoustic_s is not None for turn in turns)
    cut_off = sum(turn.cut_in or turn.outcome.cut_off for turn in turns)
    return Found(
        corpus="",
        metrics=(*acoustic, *metrics_of(GROUP, outcomes)),
        counts=(
            Count(GROUP, "answered", answered, len(turns), better="higher"),
            Count(GROUP, "cut off before the end", cut_off, len(turns)),
            Count(GROUP, "gaps inside answers", sum(one.gaps for one in outcomes), answered),
        ),
        turns=tuple(record for one in outcomes if (record := record_of(one))),
        events=tuple(json.loads(event_json(event)) for event in events if not isinstance(event, LevelMeasured)),
    )
