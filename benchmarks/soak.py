"""Check that `voicecli talk` stays as quick and small as it is when it is kept open.

python -m benchmarks.soak --speech FOLDER                     30 minutes of questions and answers, and a verdict
python -m benchmarks.soak --speech FOLDER --minutes 6         a look: thirds are compared, whatever the length
python -m benchmarks.soak --speech FOLDER --json FILE         all samples as well

One program, one conversation, kept in a history of its own, over a virtual sound card (PulseAudio). The recordings are
asked in turn, again and again; after each answer the program's memory, threads and open files are looked at. The first
third of the time is compared with the last. Exit code 1 where anything grew, was dropped or got slower.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import table
from voicecli.bench.corpus import load_corpus
from voicecli.bench.live import ANSWER_S, REST_S, LiveTurn, ask
from voicecli.bench.speech import Utterance
from voicecli.bench.talk_child import TalkChild, talk_child
from voicecli.bench.virtual_card import VirtualCard
from voicecli.conversation.latency import PART_NAMES, percentile
from voicecli.events import FramesDropped, PlaybackUnderrun
from voicecli.settings.load import as_environ, load_settings

MEMORY_GROWTH, LATENCY_GROWTH = 1.05, 1.10
QUESTIONS = 12
ANSWER_TOKENS = 40
SLOWEST = 5


@dataclass(frozen=True, slots=True)
class Moment:
    """The program after one answer."""

    at_s: float  # since it was ready
    memory_mb: float  # resident
    threads: int
    files: int  # open descriptors
    acoustic_s: float | None  # voice to voice; None: nothing was heard, or too early
    parts: tuple[float, ...] | None  # what each stage added, computed by the program: PART_NAMES
    name: str


async def soak(
    card: VirtualCard, said: Sequence[Utterance], minutes: float, folder: Path
) -> tuple[list[Moment], int, int]:
    """Return moments, frames dropped, and gaps inside answers."""
    flags = {"llm.max_answer_tokens": ANSWER_TOKENS, "llm.temperature": 0.0, "history.file": str(folder / "history.db")}
    moments: list[Moment] = []
    async with talk_child({**card.env, **as_environ(flags)}, log) as child:
        await child.ready()
        began_s = time.monotonic()
        while time.monotonic() - began_s < minutes * 60:
            one = said[len(moments) % len(said)]
            turn = await ask(card, child, one, folder / "said.wav")
            moments.append(look(child, time.monotonic() - began_s, turn))
            log(line_of(moments[-1]))
        dropped = sum(event.count for event in child.events if isinstance(event, FramesDropped))
        gaps = sum(isinstance(event, PlaybackUnderrun) for event in child.events)
    return moments, dropped, gaps


def look(child: TalkChild, at_s: float, turn: LiveTurn) -> Moment:
    """Return what Linux reports under /proc (https://man7.org/linux/man-pages/man5/proc_pid_status.5.html)."""
    proc = Path("/proc", str(child.pid))
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    memory_mb = int(status["VmRSS"].split()[0]) / 1000
    files = len(list((proc / "fd").iterdir()))
    own = turn.outcome.latency
    name = turn.outcome.said.scene.name
    return Moment(at_s, memory_mb, int(status["Threads"]), files, turn.acoustic_s, own.parts if own else None, name)


def line_of(moment: Moment) -> str:
    """Return a progress line."""
    heard = f"{moment.acoustic_s:.2f} s" if moment.acoustic_s is not None else "no answer"
    return f"{moment.at_s:6.0f} s  {heard}  {moment.memory_mb:.0f} MB  {moment.threads} threads  {moment.files} files"


def rows_of(moments: Sequence[Moment], minutes: float) -> tuple[list[list[object]], bool]:
    """Return a row for each figure, first third against last, and whether all are within bounds."""
    third_s = minutes * 20
    first = [one for one in moments if one.at_s < third_s]
    last = [one for one in moments if one.at_s > 2 * third_s]
    rows: list[list[object]] = []
    holds = True
    for name, of, bound in (
        ("memory, MB, median", lambda part: statistics.median(one.memory_mb for one in part), MEMORY_GROWTH),
        ("threads, most", lambda part: max(one.threads for one in part), 1.0),
        ("open files, least", lambda part: min(one.files for one in part), 1.0),  # a write opens some for a moment
        ("voice to voice, p50, s", lambda part: quantile(part, 50), LATENCY_GROWTH),
        ("voice to voice, p95, s", lambda part: quantile(part, 95), LATENCY_GROWTH),
    ):
        before, after = of(first), of(last)
        holds &= after <= before * bound
        rows.append([name, f"{before:.4g}", f"{after:.4g}", f"{after / before:.3f}", f"{bound:.2f}"])
    return rows, holds


def quantile(moments: Sequence[Moment], q: float) -> float:
    return percentile([one.acoustic_s for one in moments if one.acoustic_s is not None], q)


def slowest(moments: Sequence[Moment]) -> list[list[object]]:
    """Return a row for each of the slowest answers: when, how slow, and what each stage added."""
    by_sum = sorted(((sum(one.parts), one.at_s, one.parts) for one in moments if one.parts), reverse=True)
    return [[f"{at_s:.0f}", f"{all_s:.2f}", *(f"{part_s:.2f}" for part_s in parts)] for all_s, at_s, parts in by_sum]


def log(text: str) -> None:
    """Print on stderr."""
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, help="folder of recordings; without it Kokoro asks")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    said = load_corpus(options.speech, load_settings({}).settings, log, QUESTIONS).said
    if options.minutes * 20 < len(said) * (ANSWER_S / 3 + REST_S):
        parser.error("a third of the time has to hold each recording once")
    with TemporaryDirectory(prefix="voicecli-soak-") as folder, VirtualCard() as card:
        moments, dropped, gaps = asyncio.run(soak(card, said, options.minutes, Path(folder)))
    rows, holds = rows_of(moments, options.minutes)
    answered = sum(one.acoustic_s is not None for one in moments)
    print(table(["", "first third", "last third", "ratio", "at most"], rows))
    print("\nThe slowest, in seconds:\n")
    print(table(["at", "all", *PART_NAMES], slowest(moments)[:SLOWEST]))
    print(f"\n{answered} of {len(moments)} questions answered, {dropped} frames dropped, {gaps} gaps inside answers.")
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in moments], indent=1))
    return 0 if holds and not dropped else 1


if __name__ == "__main__":
    sys.exit(main())
