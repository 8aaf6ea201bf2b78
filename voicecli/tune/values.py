"""Values of a tuning: arms, samples, trials, choices, the latency they give, and the time budget."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Value = str | int | bool
"""Value of a setting."""

Part = Literal["hearing", "answering", "ending"]
"""What is measured together: speech to text; question to the first sound of its answer, where language model and voice
run at the same time, since they compete for the cores; silence to the end of the turn."""

PART_OF: dict[str, Part] = {
    "stt.model": "hearing",
    "stt.compute_type": "hearing",
    "stt.threads": "hearing",
    "llm.threads": "answering",
    "tts.model": "answering",
    "tts.threads": "answering",
    "tts.streaming": "answering",
    "tts.first_chunk_chars": "answering",
    "listen.endpoint": "ending",
}
"""All tuned settings, with the part that they affect."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to run a part: a value for each of its settings."""

    part: Part
    values: tuple[tuple[str, Value], ...]

    def __getitem__(self, key: str) -> Value:
        return dict(self.values)[key]

    def having(self, key: str, value: Value) -> Arm:
        """Return the arm with another value for one setting."""
        return Arm(self.part, tuple((name, value if name == key else old) for name, old in self.values))


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of an arm. Figures that its part does not have are 0."""

    of: str  # name of the recording, or the question
    took_s: float  # hearing: the final; answering: to the first sound; ending: from the true end of speech
    audio_s: float = 0.0  # heard or spoken
    work_s: float = 0.0  # time that the engine worked
    errors: int = 0  # wrong, missing or added words; missing phrases, if only phrases are known
    words: int = 0  # words said, or phrases; 0 if neither is known
    first_token_s: float = 0.0
    tokens_per_s: float = 0.0  # while the voice was working too
    cut_off: bool = False  # an endpoint came before the user had finished


Samples = tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """Two arms on the same inputs, taking turns: anything that slows the machine down affects both."""

    key: str  # the setting in which they differ
    rival: Arm  # the arm in use
    arm: Arm
    before: Samples  # of the rival
    after: Samples  # of the arm, on the same inputs in the same order

    @property
    def value(self) -> Value:
        return self.arm[self.key]


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen value of a setting, and the reason."""

    key: str
    value: Value
    default: Value
    reason: str  # one line, with figures where there are any
    measured: bool = True  # another value was tried


@dataclass(frozen=True, slots=True)
class Untried:
    """A value that was not tried, and the reason."""

    key: str
    value: Value
    reason: str


def took_s(samples: Sequence[Sample]) -> float:
    """Return the median time."""
    return statistics.median(one.took_s for one in samples)


def error_rate(samples: Sequence[Sample]) -> float | None:
    """Return word errors per word said; None if no text is known."""
    words = sum(one.words for one in samples)
    return sum(one.errors for one in samples if one.words) / words if words else None


def real_time_factor(samples: Sequence[Sample]) -> float | None:
    """Return seconds of work per second of audio over all samples; None without audio."""
    audio_s = sum(one.audio_s for one in samples)
    return sum(one.work_s for one in samples) / audio_s if audio_s else None


def cut_offs(samples: Sequence[Sample]) -> int:
    """Return how often the user was cut off."""
    return sum(one.cut_off for one in samples)


@dataclass(frozen=True, slots=True)
class Waits:
    """Median waits that make up the voice-to-voice latency, in seconds.

    Work begins before it is certain that the user has finished: decoding starts after `early_pause_s` of silence, the
    answer after `pause_s`, and nothing is played before `ending_s`. Faster work than that is hidden by the silence.
    """

    early_pause_s: float
    pause_s: float
    playout_s: float
    hearing_s: float = 0.0
    answering_s: float = 0.0
    ending_s: float = 0.0

    @property
    def ready_s(self) -> float:
        """Return the silence after which the first sound of the answer is ready."""
        return max(self.pause_s, self.early_pause_s + self.hearing_s) + self.answering_s

    @property
    def voice_to_voice_s(self) -> float:
        """Return the time from the last voiced sample to the first sound of the answer."""
        return max(self.ending_s, self.ready_s) + self.playout_s

    def having(self, part: Part, seconds: float) -> Waits:
        """Return the waits with another time for one part."""
        hearing_s = seconds if part == "hearing" else self.hearing_s
        answering_s = seconds if part == "answering" else self.answering_s
        ending_s = seconds if part == "ending" else self.ending_s
        return Waits(self.early_pause_s, self.pause_s, self.playout_s, hearing_s, answering_s, ending_s)


TRIAL_SHARE = 0.25
"""Share of the time limit that one trial may take, so that a large model leaves time for the others."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The time limit and what was used of it, in seconds. It has no clock."""

    limit_s: float
    spent_s: float = 0.0
    longest_s: Mapping[Part, float] = field(default_factory=dict)  # longest trial of each part

    @property
    def left_s(self) -> float:
        """Return the remaining time."""
        return max(0.0, self.limit_s - self.spent_s)

    def charged(self, took_s: float, part: Part | None = None, *, arms: int = 2) -> Budget:
        """Return the budget after a trial of `arms` arms, or after other work if `part` is None."""
        longest_s = dict(self.longest_s)
        if part is not None:
            longest_s[part] = max(took_s * 2 / arms, longest_s.get(part, 0.0))
        return Budget(self.limit_s, self.spent_s + took_s, longest_s)

    def fits(self, part: Part) -> bool:
        """Return whether a trial as long as the longest of its part so far would end in time."""
        return self.left_s > 0 and self.longest_s.get(part, 0.0) <= self.left_s

    def allowance_s(self, part: Part) -> float:
        """Return the time that a trial may take: its share, or as long as the longest of its part."""
        return min(self.left_s, max(TRIAL_SHARE * self.limit_s, self.longest_s.get(part, 0.0)))
