"""What is tried, and what a trial finds. Pure values."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Value = str | int | bool
"""Of a setting."""

Part = Literal["hearing", "answering", "ending"]
"""Speech to text; question to the first sound of its answer, language model and voice at work together, since they
compete for the cores; silence to the end of the turn. What is measured in one go."""

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
"""All settings that are tuned."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to run a part: a value for each of its settings."""

    part: Part
    values: tuple[tuple[str, Value], ...]

    def __getitem__(self, key: str) -> Value:
        return dict(self.values)[key]

    def having(self, key: str, value: Value) -> Arm:
        """The same but for one setting."""
        return Arm(self.part, tuple((name, value if name == key else old) for name, old in self.values))


@dataclass(frozen=True, slots=True)
class Sample:
    """What one arm did once. Figures that its part does not have are 0."""

    of: str  # the recording or the question
    took_s: float  # hearing: the final; answering: to the first sound; ending: from the true end of speech
    audio_s: float = 0.0  # that was heard, or spoken
    work_s: float = 0.0  # that went into it
    errors: int = 0  # words that were replaced, lost or added; phrases that were not heard, where only these are known
    words: int = 0  # that were said, or phrases; 0 where neither is known
    first_token_s: float = 0.0
    tokens_per_s: float = 0.0  # while the voice was at work as well
    cut_off: bool = False  # an endpoint came before the speaker was done


Samples = tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """Two arms on the same things, taking turns: what slows the machine for a while slows both."""

    key: str  # the setting in which they differ
    rival: Arm  # the one in use
    arm: Arm
    before: Samples  # of the rival
    after: Samples  # of the arm: of the same things in the same order

    @property
    def value(self) -> Value:
        return self.arm[self.key]


@dataclass(frozen=True, slots=True)
class Choice:
    """The value of a setting, and why."""

    key: str
    value: Value
    default: Value
    reason: str  # one line, with figures where there are any
    measured: bool = True  # another value was tried


@dataclass(frozen=True, slots=True)
class Untried:
    """What there would have been to try."""

    key: str
    value: Value
    reason: str


def took_s(samples: Sequence[Sample]) -> float:
    """The median."""
    return statistics.median(one.took_s for one in samples)


def error_rate(samples: Sequence[Sample]) -> float | None:
    """Word errors for each word that was said; None where nobody knows what was."""
    words = sum(one.words for one in samples)
    return sum(one.errors for one in samples if one.words) / words if words else None


def real_time_factor(samples: Sequence[Sample]) -> float | None:
    """Seconds of work for a second of sound, over all; None where there was no sound."""
    audio_s = sum(one.audio_s for one in samples)
    return sum(one.work_s for one in samples) / audio_s if audio_s else None


def cut_offs(samples: Sequence[Sample]) -> int:
    return sum(one.cut_off for one in samples)


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds, in the median.

    Work begins while it is not yet sure that the user is done: words are decoded after `early_pause_s` of silence, the answer
    is begun after `pause_s`, and nothing sounds before `ending_s`. So what is quicker than that is not felt.
    """

    early_pause_s: float
    pause_s: float
    playout_s: float
    hearing_s: float = 0.0
    answering_s: float = 0.0
    ending_s: float = 0.0

    @property
    def ready_s(self) -> float:
        """After so much silence the first sound of the answer is there."""
        return max(self.pause_s, self.early_pause_s + self.hearing_s) + self.answering_s

    @property
    def voice_to_voice_s(self) -> float:
        return max(self.ending_s, self.ready_s) + self.playout_s

    def having(self, part: Part, seconds: float) -> Waits:
        """The same, with another time for one part."""
        hearing_s = seconds if part == "hearing" else self.hearing_s
        answering_s = seconds if part == "answering" else self.answering_s
        ending_s = seconds if part == "ending" else self.ending_s
        return Waits(self.early_pause_s, self.pause_s, self.playout_s, hearing_s, answering_s, ending_s)


SHARE = 0.25
"""Of the whole limit that one trial may take, so that a large model leaves something for the others."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds."""

    limit_s: float
    spent_s: float = 0.0
    longest_s: Mapping[Part, float] = field(default_factory=dict)  # trial of each part

    @property
    def left_s(self) -> float:
        return max(0.0, self.limit_s - self.spent_s)

    def charged(self, took_s: float, part: Part | None = None, *, arms: int = 2) -> Budget:
        """With what a trial of `arms` took, or something that is no trial."""
        longest_s = dict(self.longest_s)
        if part is not None:
            longest_s[part] = max(took_s * 2 / arms, longest_s.get(part, 0.0))
        return Budget(self.limit_s, self.spent_s + took_s, longest_s)

    def fits(self, part: Part) -> bool:
        """Whether a trial that takes as long as the longest of its part so far would end in time."""
        return self.left_s > 0 and self.longest_s.get(part, 0.0) <= self.left_s

    def allowance_s(self, part: Part) -> float:
        """What a trial may take: more than its like has taken, not more than its share."""
        return min(self.left_s, max(SHARE * self.limit_s, self.longest_s.get(part, 0.0)))
