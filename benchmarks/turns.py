"""Measure turn-taking with echoes and noises: the tables of docs/turn-taking.md.

python -m benchmarks.turns --speech FOLDER              all of them
python -m benchmarks.turns --speech FOLDER --quick      a few of each, to see that it works
python -m benchmarks.turns --only rooms                 rooms or noises
python -m benchmarks.turns --fixed                      with round figures for what the engines take

Whole conversations with the product's own parts and real models, in a simulated room (benchmarks/room) on a clock that
jumps: an engine's call takes the time on that clock that it really took. What the engines do at the same time is made
one after the other here, so on the same machine a conversation is somewhat slower. The answers are scripted. FOLDER is
as in benchmarks/speech.py, with noises in `noise/*.wav`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.report import table
from benchmarks.room.acoustics import Room
from benchmarks.room.scenes import answers, barge_ins, murmurs
from benchmarks.room.scores import Score, score
from benchmarks.room.sounds import NEAR_DB, Clip, cough, fan, keyboard, to_level, voiced_clip
from benchmarks.room.stage import Cast, Costs, Scene, Set, play, settings_with
from benchmarks.speech import recordings, speech_option, spoken
from voicecli.assemble.devices import make_vad
from voicecli.audio.files.wav import read_clip
from voicecli.bench.machine import machine
from voicecli.settings.model import Settings
from voicecli.types import Pcm

ECHOES_DB = (-10.0, -20.0, -30.0)
DELAYS_S = (0.04, 0.12, 0.25)
DRIFTS_PPM = (100.0, -100.0, 100.0)
AFTER_S = 2.5  # of an answer, until somebody speaks over it
STAGGER_S = 0.08  # later in each further room, so that all do not meet the same pause of the answer
NOISE_ROOM = Room(0.12, -20.0)
NOISES_DB = (0.0, -10.0)  # over the user's voice
ORDERS, NOISE_ORDERS, COUGHS = 10, 2, 6
NOISE_S = 20.0
LISTENERS = ("am_michael", "bf_emma")  # not the assistant's own voice
MURMURS = ("Mm-hm.", "Yeah.", "Okay.", "Right.")

HEAD = (
    ("", "answers", "self-answers", "false interruptions", "missed interruptions")
    + ("softer after, ms", "silent after, ms", "went on after a silence")
    + ("cut off", "wait, ms")
)
TIMES = "Times are median / 95th percentile, from the first voiced sample of the user; the wait from the last."


@dataclass(frozen=True, slots=True)
class Bench:
    """What all tables share."""

    cast: Cast
    settings: Settings
    clips: Sequence[Clip]  # orders of different speakers
    quick: bool

    def play(self, name: str, room: Room, scene: Scene, *, echo: bool = True) -> Score:
        """One conversation, told on stderr."""
        reported = room.echo_db == -np.inf and not echo
        settings = settings_with({"listen.barge_in": "headphones"}) if reported else self.settings
        found = score(play(self.cast, Set(room, settings, echo), scene))
        print(f"{name}, {room.echo_db:g} dB, {1000 * room.delay_s:.0f} ms: {found}", file=sys.stderr, flush=True)
        return found


def room_rows(bench: Bench) -> Iterator[list[object]]:
    """Each echo level, as it is and cancelled. As it is, answers interrupt each other, so one order will do."""
    arms: list[tuple[str, float, bool, int]] = [
        ("`--barge-in headphones`", -np.inf, False, ORDERS),
        ("headphones, not told", -np.inf, True, ORDERS),
    ]
    for echo_db in ECHOES_DB:
        arms.append((f"{echo_db:.0f} dB, cancelled", echo_db, True, ORDERS))
        arms.append((f"{echo_db:.0f} dB, as it is", echo_db, False, 1))
    for name, echo_db, echo, count in arms[: 2 if bench.quick else None]:
        total = Score()
        for index, (delay_s, drift_ppm) in enumerate(zip(DELAYS_S, DRIFTS_PPM, strict=True)):
            room = Room(delay_s, echo_db, drift_ppm=drift_ppm, seed=index)
            clips = bench.clips[:count][index :: len(DELAYS_S)]
            if clips:
                total += bench.play(name, room, barge_ins(clips, AFTER_S + index * STAGGER_S), echo=echo)
        yield row(name, total)


def noise_rows(bench: Bench, noises: Sequence[tuple[str, Pcm]]) -> Iterator[list[object]]:
    """Each noise throughout, with barge-ins; then what is heard over answers that nobody means to interrupt."""
    for name, noise in noises:
        for noise_db in NOISES_DB[: 1 if bench.quick else None]:
            scene = barge_ins(bench.clips[:NOISE_ORDERS], AFTER_S, to_level(noise, NEAR_DB + noise_db))
            yield row(f"{name}, {noise_db:+.0f} dB", bench.play(name, NOISE_ROOM, scene))
    count = 1 if bench.quick else COUGHS
    bursts = [cough(seed) for seed in range(count)]
    yield row(f"{count} coughs", bench.play("coughs", NOISE_ROOM, answers(count, bursts=bursts, after_s=AFTER_S)))
    voices = LISTENERS[:1] if bench.quick else LISTENERS
    said = [(f"{voice} {text}", spoken(voice, text)) for voice in voices for text in MURMURS[: 1 if bench.quick else 4]]
    heard = [clip for clip in (clip_of(name, pcm, bench.settings) for name, pcm in said) if clip is not None]
    yield row(f"{len(heard)} backchannels", bench.play("backchannels", NOISE_ROOM, murmurs(heard, AFTER_S)))


def row(name: str, found: Score) -> list[object]:
    """Counts out of what there was, times in ms."""
    missed = f"{found.missed} of {found.barge_ins}" if found.barge_ins else ""
    cut_off = f"{found.cut_off} of {found.utterances}" if found.utterances else ""
    counts = (found.answers, found.self_answers, found.false_interruptions, missed)
    softer, silent, wait = (in_ms(times_s) for times_s in (found.to_duck_s, found.to_silence_s, found.waits_s))
    return [name, *counts, softer, silent, found.resumes, cut_off, wait]


def in_ms(times_s: Sequence[float]) -> str:
    """Median and 95th percentile; empty where there is nothing."""
    if not times_s:
        return ""
    median, p95 = np.percentile(times_s, (50, 95))
    return f"{1000 * median:.0f} / {1000 * p95:.0f}"


def clip_of(name: str, pcm: Pcm, settings: Settings) -> Clip | None:
    """The voiced part of a recording, by the product's own gate."""
    return voiced_clip(name, pcm, make_vad(settings.listen))


def load(folder: Path | None, *, quick: bool, fixed: bool = False) -> Bench:
    """Engines and the orders, of different speakers; `fixed`: what the engines take does not hang on the machine."""
    settings = settings_with({})
    orders = [one for one in recordings(folder) if one.slots]
    count = 1 if quick else ORDERS
    chosen = orders[:: len(orders) // count][:count]
    clips = [clip_of(one.name, one.pcm, settings) for one in chosen]
    return Bench(Cast.load(Costs() if fixed else None), settings, [clip for clip in clips if clip is not None], quick)


def noises_of(folder: Path | None, *, quick: bool) -> list[tuple[str, Pcm]]:
    """The recorded ones, typing and a fan."""
    files = sorted((folder / "noise").glob("*.wav"))[: 1 if quick else None] if folder else []
    made = [("keyboard", keyboard(0, NOISE_S)), ("fan", fan(0, NOISE_S))]
    return [*((path.stem, read_clip(path)) for path in files), *made[: 0 if quick else 2]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    speech_option(options)
    options.add_argument("--quick", action="store_true", help="a few of each")
    options.add_argument("--fixed", action="store_true", help="round figures for what engines take: on a busy machine")
    options.add_argument("--only", choices=["rooms", "noises"])
    chosen = options.parse_args()
    bench = load(chosen.speech, quick=chosen.quick, fixed=chosen.fixed)
    if chosen.only in (None, "rooms"):
        print(f"\nEchoes\n\n{table(HEAD, list(room_rows(bench)))}\n\n{TIMES}", flush=True)
    if chosen.only in (None, "noises"):
        noises = noises_of(chosen.speech, quick=chosen.quick)
        print(f"\nNoises\n\n{table(HEAD, list(noise_rows(bench, noises)))}", flush=True)
    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
