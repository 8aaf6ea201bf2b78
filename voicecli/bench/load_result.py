"""What clients have lived through -> the metrics and counts of a result, a group for each number of clients. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from voicecli.bench.environment import load_doubts
from voicecli.bench.load_report import Row, Said, Session, known
from voicecli.bench.result import Better, Count, Metric
from voicecli.bench.wer import found_slots

STAGE = "serve-stt"

LATE_S = 0.1
"""With clients that speak so much too late, figures say little."""


def group_of(clients: int) -> str:
    return "1 client" if clients == 1 else f"{clients} clients"


def metrics(clients: int, sessions: Sequence[Session]) -> tuple[Metric, ...]:
    """Times of each utterance, where it has them."""
    said = [one for session in sessions for one in session.said]
    group = group_of(clients)
    return (
        metric(group, "final after the end of speech", said, [one.final_s for one in said], STAGE),
        metric(group, "words settled after the end of speech", said, [one.settled_s for one in said], STAGE),
        metric(group, "first partial after its beginning", said, [one.first_partial_s for one in said], STAGE),
    )


def metric(group: str, name: str, said: Sequence[Said], samples: Sequence[float | None], stage: str) -> Metric:
    """Without those that there are not."""
    there = [(one.name, value) for one, value in zip(said, samples, strict=True) if value is not None]
    return Metric(group, name, "s", tuple(value for _, value in there), of=tuple(of for of, _ in there), stage=stage)


def counts(row: Row, sessions: Sequence[Session]) -> tuple[Count, ...]:
    """How many were let in and heard, and what the server used where that is known."""
    group = group_of(row.clients)
    said = [one for session in sessions for one in session.said]
    phrases = sum(len(one.slots) for one in said)
    found = [
        Count(group, "clients refused", row.refused, row.clients),
        Count(group, "sessions lost", row.lost, row.clients),
        Count(group, "without a final", row.no_final, row.utterances),
    ]
    if phrases:
        recalled = sum(found_slots(one.slots, one.text) for one in said)
        found.append(Count(group, "phrases heard", recalled, phrases, better="higher"))
    used: tuple[tuple[str, float | None, str, Better], ...] = (
        ("partials a second", row.partials_per_s, "1/s", "higher"),
        ("CPU time a second of audio", row.cpu_s_per_audio_s, "s", "lower"),
        ("cores", row.cores, "", "lower"),
        ("memory at most", row.rss_most_mb, "MB", "lower"),
    )
    found += [
        Count(group, name, value, unit=unit, better=better) for name, value, unit, better in used if value is not None
    ]
    return tuple(found)


def doubts(rows: Sequence[Row], threads: int) -> tuple[str, ...]:
    """Where other programs, or the clients themselves, had too little of the machine in one of the runs."""
    others = known(row.other_cores for row in rows)
    late_s = max((row.late_s for row in rows), default=0.0)
    late = f"the clients themselves spoke up to {late_s:.2f} s late: this machine is too small for so many"
    return (*load_doubts(others[-1] if others else None, threads), *((late,) if late_s > LATE_S else ()))
