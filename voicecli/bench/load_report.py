"""Turn what the clients of a load test measured into rows of figures, and into the metrics and counts of a result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from voicecli.bench.environment import load_doubts
from voicecli.bench.result import Better, Count, Metric
from voicecli.bench.wer import found_slots, words

STAGE = "serve-stt"
P50, P95 = 0.5, 0.95

LATE_S = 0.1
"""If the clients send their frames later than this, the machine was too busy to measure on."""


@dataclass(frozen=True, slots=True)
class TimedText:
    """A transcript and when it came."""

    at_s: float  # after the true end of speech; negative while it lasts
    text: str


@dataclass(frozen=True, slots=True)
class UtteranceResult:
    """One utterance of a client, and the server's transcripts of it."""

    name: str
    voiced_s: float  # from the first voiced sample to the last
    audio_s: float  # sent, including the silence until the next utterance
    partials: tuple[TimedText, ...] = ()
    finals: tuple[TimedText, ...] = ()
    answered: bool = False  # a final came in time
    slots: tuple[str, ...] = ()
    late_s: float = 0.0  # longest delay of a frame behind its time
    errors: str = ""  # the server's error messages

    @property
    def final_s(self) -> float | None:
        """Return the time from the true end of speech to the last final; None if none came in time."""
        return self.finals[-1].at_s if self.answered else None

    @property
    def settled_s(self) -> float | None:
        """Return the time from the true end of speech to the last change of the words shown, partial or final."""
        shown = sorted((one for one in (*self.partials, *self.finals) if one.text.strip()), key=lambda one: one.at_s)
        changed = [one for before, one in zip([None, *shown], shown, strict=False) if words_differ(before, one)]
        return changed[-1].at_s if changed else None

    @property
    def first_partial_s(self) -> float | None:
        """Return the time from the first voiced sample to the first partial with words."""
        shown = [one for one in self.partials if one.text.strip()]
        return shown[0].at_s + self.voiced_s if shown else None

    @property
    def partials_in_time(self) -> int:
        """Return the number of partials that came while the user was speaking."""
        return sum(one.at_s <= 0 for one in self.partials)

    @property
    def text(self) -> str:
        """Return all finals; without one in time, the last text shown."""
        finals = self.finals if self.answered else (*self.partials, *self.finals)[-1:]
        return " ".join(one.text for one in finals)


@dataclass(frozen=True, slots=True)
class Session:
    """One client's session."""

    results: tuple[UtteranceResult, ...] = ()
    refused: str = ""  # why the server did not accept it
    lost: str = ""  # why it ended early


@dataclass(frozen=True, slots=True)
class ResourceUse:
    """What the server's processes used of the machine during a run."""

    cpu_s: float
    wall_s: float
    rss_start_mb: float
    rss_peak_mb: float
    others_cpu_s: float  # by processes that are neither server nor clients


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one run; None where there is nothing to report."""

    clients: int
    utterances: int
    refused: int
    no_final: int
    lost: int
    final_p50_s: float | None
    final_p95_s: float | None
    settled_p50_s: float | None
    settled_p95_s: float | None
    first_partial_p50_s: float | None
    partials_per_s: float | None  # of speech
    slots_found: float | None  # share
    late_s: float  # of the clients themselves; see LATE_S
    cpu_s_per_audio_s: float | None
    cores: float | None
    other_cores: float | None
    rss_start_mb: float | None
    rss_peak_mb: float | None


def summarize(sessions: Sequence[Session], use: ResourceUse | None) -> Row:
    """Sum up a run; `use` is None if the server's process is unknown."""
    results = [one for session in sessions for one in session.results]
    finals, settled = sort_known(one.final_s for one in results), sort_known(one.settled_s for one in results)
    first = sort_known(one.first_partial_s for one in results)
    audio_s = sum(one.audio_s for one in results)
    slots = sum(len(one.slots) for one in results)
    voiced_s = sum(one.voiced_s for one in results)
    return Row(
        clients=len(sessions),
        utterances=len(results),
        refused=sum(bool(session.refused) for session in sessions),
        no_final=sum(not one.answered for one in results),
        lost=sum(bool(session.lost) for session in sessions),
        final_p50_s=quantile(finals, P50),
        final_p95_s=quantile(finals, P95),
        settled_p50_s=quantile(settled, P50),
        settled_p95_s=quantile(settled, P95),
        first_partial_p50_s=quantile(first, P50),
        partials_per_s=sum(one.partials_in_time for one in results) / voiced_s if voiced_s else None,
        slots_found=sum(found_slots(one.slots, one.text) for one in results) / slots if slots else None,
        late_s=max((one.late_s for one in results), default=0.0),
        cpu_s_per_audio_s=use.cpu_s / audio_s if use and audio_s else None,
        cores=use.cpu_s / use.wall_s if use else None,
        other_cores=use.others_cpu_s / use.wall_s if use else None,
        rss_start_mb=use.rss_start_mb if use else None,
        rss_peak_mb=use.rss_peak_mb if use else None,
    )


def sort_known(values: Iterable[float | None]) -> list[float]:
    """Return the values in order, without None."""
    return sorted(value for value in values if value is not None)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the smallest value that `share` of them do not exceed (nearest rank); None for no values."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def words_differ(before: TimedText | None, now: TimedText) -> bool:
    """Return whether a reader sees other words; punctuation and capitals do not count."""
    return before is None or words(before.text) != words(now.text)


def table_lines(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return a table with a line for each figure and a column for each run; the first line is the head."""
    return [(name, *(cell(one) for one in rows)) for name, cell in FIGURES]


def format_number(value: float | None, digits: int) -> str:
    """Return the rounded number; a dash for None."""
    return "–" if value is None else f"{value:.{digits}f}"


def format_pair(one: float | None, other: float | None, separator: str, digits: int) -> str:
    """Return two rounded numbers; one dash where they are unknown."""
    return "–" if one is None else format_number(one, digits) + separator + format_number(other, digits)


FIGURES: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("clients", lambda row: str(row.clients)),
    ("utterances", lambda row: str(row.utterances)),
    ("clients refused", lambda row: str(row.refused)),
    ("no final", lambda row: str(row.no_final)),
    ("final, p50 / p95 s", lambda row: format_pair(row.final_p50_s, row.final_p95_s, " / ", 2)),
    ("words settled, p50 / p95 s", lambda row: format_pair(row.settled_p50_s, row.settled_p95_s, " / ", 2)),
    ("first partial, p50 s", lambda row: format_number(row.first_partial_p50_s, 2)),
    ("partials per second", lambda row: format_number(row.partials_per_s, 2)),
    ("slots found", lambda row: format_number(row.slots_found, 3)),
    ("CPU s per second of audio", lambda row: format_number(row.cpu_s_per_audio_s, 3)),
    ("cores", lambda row: format_number(row.cores, 2)),
    ("RSS start → peak, MB", lambda row: format_pair(row.rss_start_mb, row.rss_peak_mb, " → ", 0)),
)
"""Finals and settled words count from the true end of speech, the first partial from its start."""


def group_of(clients: int) -> str:
    """Return the name of a run's metrics in a result."""
    return "1 client" if clients == 1 else f"{clients} clients"


def metrics(clients: int, sessions: Sequence[Session]) -> tuple[Metric, ...]:
    """Return the times of all utterances that have them."""
    results = [one for session in sessions for one in session.results]
    group = group_of(clients)
    return (
        metric(group, "final after the end of speech", results, [one.final_s for one in results]),
        metric(group, "words settled after the end of speech", results, [one.settled_s for one in results]),
        metric(group, "first partial after its beginning", results, [one.first_partial_s for one in results]),
    )


def metric(group: str, name: str, results: Sequence[UtteranceResult], samples: Sequence[float | None]) -> Metric:
    """Return a metric of the samples that are not None."""
    known = [(one.name, value) for one, value in zip(results, samples, strict=True) if value is not None]
    return Metric(group, name, "s", tuple(value for _, value in known), of=tuple(of for of, _ in known), stage=STAGE)


def counts(row: Row, sessions: Sequence[Session]) -> tuple[Count, ...]:
    """Return how many clients were accepted and recognized, and what the server used if that is known."""
    group = group_of(row.clients)
    results = [one for session in sessions for one in session.results]
    phrases = sum(len(one.slots) for one in results)
    found = [
        Count(group, "clients refused", row.refused, row.clients),
        Count(group, "sessions lost", row.lost, row.clients),
        Count(group, "without a final", row.no_final, row.utterances),
    ]
    if phrases:
        recognized = sum(found_slots(one.slots, one.text) for one in results)
        found.append(Count(group, "phrases heard", recognized, phrases, better="higher"))
    used: tuple[tuple[str, float | None, str, Better], ...] = (
        ("partials per second", row.partials_per_s, "1/s", "higher"),
        ("CPU time per second of audio", row.cpu_s_per_audio_s, "s", "lower"),
        ("cores", row.cores, "", "lower"),
        ("peak memory", row.rss_peak_mb, "MB", "lower"),
    )
    found += [
        Count(group, name, value, unit=unit, better=better) for name, value, unit, better in used if value is not None
    ]
    return tuple(found)


def doubts(rows: Sequence[Row], threads: int) -> tuple[str, ...]:
    """Return warnings for runs in which other programs or the clients themselves kept the machine too busy."""
    others = sort_known(row.other_cores for row in rows)
    return (*load_doubts(others[-1] if others else None, threads), *late_doubts(rows))


def late_doubts(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return a warning if the clients sent their frames late."""
    late_s = max((row.late_s for row in rows), default=0.0)
    warning = f"the clients sent audio up to {late_s:.2f} s late: this machine is too small for that many clients"
    return (warning,) if late_s > LATE_S else ()
