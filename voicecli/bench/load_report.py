"""What clients have lived through -> one row of figures. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from voicecli.bench.wer import found_slots, words

P50, P95 = 0.5, 0.95


@dataclass(frozen=True, slots=True)
class Heard:
    """A transcript, as it came."""

    at_s: float  # after the true end of speech; less than 0 while it lasts
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance of a client, and what the server made of it."""

    name: str
    voiced_s: float  # from the first voiced sample to the last
    audio_s: float  # of the microphone, silence until the next utterance included
    partials: tuple[Heard, ...] = ()
    finals: tuple[Heard, ...] = ()
    answered: bool = False  # a final came in time
    slots: tuple[str, ...] = ()
    late_s: float = 0.0  # by how much a frame went out after its time, at most
    trouble: str = ""  # what the server said that is no transcript

    @property
    def final_s(self) -> float | None:
        """From the true end of speech to the last final; None where none came in time."""
        return self.finals[-1].at_s if self.answered else None

    @property
    def settled_s(self) -> float | None:
        """From the true end of speech to the last change of the words shown, whatever the server calls them."""
        shown = sorted((one for one in (*self.partials, *self.finals) if one.text.strip()), key=lambda one: one.at_s)
        changed = [one for before, one in zip([None, *shown], shown, strict=False) if differ(before, one)]
        return changed[-1].at_s if changed else None

    @property
    def first_partial_s(self) -> float | None:
        """From the first voiced sample on."""
        shown = [one for one in self.partials if one.text.strip()]
        return shown[0].at_s + self.voiced_s if shown else None

    @property
    def partials_in_time(self) -> int:
        """Those that came while the speaker spoke."""
        return sum(one.at_s <= 0 for one in self.partials)

    @property
    def text(self) -> str:
        """All finals; without one in time, what was shown last."""
        finals = self.finals if self.answered else (*self.partials, *self.finals)[-1:]
        return " ".join(one.text for one in finals)


@dataclass(frozen=True, slots=True)
class Session:
    """One client."""

    said: tuple[Said, ...] = ()
    refused: str = ""  # why it was not let in
    lost: str = ""  # why it ended before all was said


@dataclass(frozen=True, slots=True)
class Use:
    """Of the machine, by the server's processes, while the clients spoke."""

    cpu_s: float
    wall_s: float
    rss_start_mb: float
    rss_most_mb: float
    others_cpu_s: float  # by neither server nor clients


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one run; None where there is nothing to tell."""

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
    late_s: float  # of the clients themselves: with more than a frame's 0.02 the machine was too busy to measure on
    cpu_s_per_audio_s: float | None
    cores: float | None
    other_cores: float | None
    rss_start_mb: float | None
    rss_most_mb: float | None


def row(sessions: Sequence[Session], use: Use | None) -> Row:
    """Sum up; `use` is None where the server's process is not known."""
    said = [one for session in sessions for one in session.said]
    finals, settled = known(one.final_s for one in said), known(one.settled_s for one in said)
    first = known(one.first_partial_s for one in said)
    audio_s = sum(one.audio_s for one in said)
    slots = sum(len(one.slots) for one in said)
    voiced_s = sum(one.voiced_s for one in said)
    return Row(
        clients=len(sessions),
        utterances=len(said),
        refused=sum(bool(session.refused) for session in sessions),
        no_final=sum(not one.answered for one in said),
        lost=sum(bool(session.lost) for session in sessions),
        final_p50_s=quantile(finals, P50),
        final_p95_s=quantile(finals, P95),
        settled_p50_s=quantile(settled, P50),
        settled_p95_s=quantile(settled, P95),
        first_partial_p50_s=quantile(first, P50),
        partials_per_s=sum(one.partials_in_time for one in said) / voiced_s if voiced_s else None,
        slots_found=sum(found_slots(one.slots, one.text) for one in said) / slots if slots else None,
        late_s=max((one.late_s for one in said), default=0.0),
        cpu_s_per_audio_s=use.cpu_s / audio_s if use and audio_s else None,
        cores=use.cpu_s / use.wall_s if use else None,
        other_cores=use.others_cpu_s / use.wall_s if use else None,
        rss_start_mb=use.rss_start_mb if use else None,
        rss_most_mb=use.rss_most_mb if use else None,
    )


def known(values: Iterable[float | None]) -> list[float]:
    """In order, without those that there are not."""
    return sorted(value for value in values if value is not None)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that so much of them do not exceed (nearest rank); None of none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def differ(before: Heard | None, now: Heard) -> bool:
    """Whether a reader sees other words; marks and capitals are no change."""
    return before is None or words(before.text) != words(now.text)


def lines(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """A table with a line for each figure and a column for each run; the first is the head."""
    return [(name, *(cell(one) for one in rows)) for name, cell in LINES]


def figure(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def both(one: float | None, other: float | None, between: str, digits: int) -> str:
    return "–" if one is None else figure(one, digits) + between + figure(other, digits)


LINES: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("clients", lambda row: str(row.clients)),
    ("utterances", lambda row: str(row.utterances)),
    ("clients refused", lambda row: str(row.refused)),
    ("no final", lambda row: str(row.no_final)),
    ("final, p50 / p95 s", lambda row: both(row.final_p50_s, row.final_p95_s, " / ", 2)),
    ("words settled, p50 / p95 s", lambda row: both(row.settled_p50_s, row.settled_p95_s, " / ", 2)),
    ("first partial, p50 s", lambda row: figure(row.first_partial_p50_s, 2)),
    ("partials a second", lambda row: figure(row.partials_per_s, 2)),
    ("slots found", lambda row: figure(row.slots_found, 3)),
    ("CPU s a second of audio", lambda row: figure(row.cpu_s_per_audio_s, 3)),
    ("cores", lambda row: figure(row.cores, 2)),
    ("RSS start → most, MB", lambda row: both(row.rss_start_mb, row.rss_most_mb, " → ", 0)),
)
"""Finals and settled words count from the true end of speech, the first partial from its start."""
