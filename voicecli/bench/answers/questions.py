"""The battery: what is asked, what a right answer has to hold, and samples of it.

    battery/<category>.toml -> Question

Patterns are regular expressions that begin at a word, on text without accents and contractions (`text.normalized`).
"""

from __future__ import annotations

import random
import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from voicecli.bench.answers.text import without_accents
from voicecli.errors import SettingsError

CATEGORIES = (
    "knowledge",
    "sums",
    "how-to",
    "follow-ups",
    "instructions",
    "unknown",
    "transforming",
    "languages",
    "tools",
    "conversation",
)
"""In the order in which they are asked and shown."""

IN_A_ROW = "conversation"
"""The category whose questions are asked in one conversation, so that each has all earlier ones before it."""

NO_CALL = "none"
"""Value of `Question.call` where a tool would be a mistake."""

SHARES = {
    "knowledge": 13,
    "sums": 9,
    "how-to": 7,
    "follow-ups": 6,
    "instructions": 5,
    "unknown": 6,
    "transforming": 5,
    "languages": 5,
    "tools": 4,
}
"""Questions of each category in a sample of 60. The conversation is asked as a whole or not at all."""

WITHOUT_SPACES = frozenset({"ja", "zh"})


def _is_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    return without_accents(pattern)


Pattern = Annotated[str, AfterValidator(_is_pattern)]


class Question(BaseModel):
    """A question and the rules of a right answer, all of which have to hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ask: str = Field(min_length=1)
    category: str = ""
    before: tuple[tuple[str, str], ...] = ()
    """Earlier questions and the answers that were given to them."""
    language: str = "en"
    """ISO 639-1: the conversation is in it, and so is a right answer. "" leaves the answer's language open."""

    any: tuple[Pattern, ...] = ()
    """At least one of them matches."""
    all: tuple[Pattern, ...] = ()
    """Each of them matches."""
    none: tuple[Pattern, ...] = ()
    """None of them matches."""
    number: float | None = None
    """This number is in the answer, in digits or in words."""
    within: float = 0.0
    """How far off the number may be."""
    max_words: int | None = None
    min_words: int = 1
    cannot_know: bool = False
    """A right answer says that this cannot be known; any other is invented."""
    answered: bool = False
    """A right answer does not decline."""

    call: str = ""
    """The tool that has to be called, or "none". Without it calls do not matter."""
    seconds: float | None = None
    """Length of the timer."""
    place: Pattern = ""
    """What the place or time zone has to match whose time is asked for."""
    here: bool = False
    """The time here is asked for: no place is named."""
    label: Pattern = ""
    """What the label of the timer has to match."""
    timers: tuple[str, ...] = ()
    """Labels of timers of ten minutes that are running when the question is asked."""

    @property
    def name(self) -> str:
        """Return what identifies the question: it stays the same as long as nobody rewrites it."""
        asked = [*(question for question, _ in self.before), self.ask]
        return f"{self.category}: {' … '.join(asked)}"

    @property
    def is_in_a_row(self) -> bool:
        """Return whether it is asked in the conversation of its category, after all earlier questions."""
        return self.category == IN_A_ROW

    @property
    def kind(self) -> str:
        """Return the part of the category that a sample holds its share of."""
        tool = "without a tool" if self.call == NO_CALL else self.call
        return f"{self.language} {tool} {'cannot be known' if self.cannot_know else ''}"


def matches(pattern: str, plain: str, language: str) -> bool:
    """Return whether a pattern is found in a normalized text, from the beginning of a word on."""
    begin = "" if language in WITHOUT_SPACES else r"(?<!\w)"
    return re.search(f"{begin}(?:{pattern})", plain, re.IGNORECASE) is not None


def read_battery(folder: Path = Path(__file__).parent / "battery") -> tuple[Question, ...]:
    """Return all questions. Raise ValueError if a file is wrong, which is a mistake of its author."""
    found: list[Question] = []
    for category in CATEGORIES:
        tables = tomllib.loads((folder / f"{category}.toml").read_text(encoding="utf8"))
        found += [Question(category=category, **table) for table in tables["question"]]
    return tuple(found)


def chosen(questions: Sequence[Question], only: Sequence[str], sample: int | None, seed: int) -> tuple[Question, ...]:
    """Return the questions of some categories (of all, if none is named), or a sample of them.

    Raise SettingsError for an unknown category.
    """
    if unknown := [name for name in only if name not in CATEGORIES]:
        raise SettingsError(f"there is no category {unknown[0]!r}", f"categories: {', '.join(CATEGORIES)}")
    found = [one for one in questions if not only or one.category in only]
    return tuple(found) if sample is None else sampled(found, sample, seed, all_kinds=not only)


def sampled(questions: Sequence[Question], count: int, seed: int, *, all_kinds: bool = True) -> tuple[Question, ...]:
    """Return `count` questions by lot, each category with its share, each kind in it about as often as the others.

    The same seed draws the same questions from the same battery. `all_kinds`: shares are those of SHARES, so the
    conversation is left out; else by the number of questions. The order is that of the battery.
    """
    random_order = random.Random(seed)
    by_category: dict[str, list[Question]] = defaultdict(list)
    for one in questions:
        by_category[one.category].append(one)
    weights = SHARES if all_kinds else {name: len(found) for name, found in by_category.items()}
    wanted = parted(count, {name: weights[name] for name in by_category if name in weights})
    drawn = {one.name for name, share in wanted.items() for one in _mixed(by_category[name], random_order)[:share]}
    return tuple(one for one in questions if one.name in drawn)


def parted(count: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Part `count` in proportion to the weights, by largest remainder."""
    total = sum(weights.values()) or 1
    exact = {name: count * weight / total for name, weight in weights.items()}
    parts = {name: int(share) for name, share in exact.items()}
    left = count - sum(parts.values()) if exact else 0
    for name in sorted(exact, key=lambda name: parts[name] - exact[name])[:left]:
        parts[name] += 1
    return parts


def _mixed(questions: Sequence[Question], random_order: random.Random) -> list[Question]:
    """Return the questions in a random order in which the kinds take turns."""
    kinds: dict[str, list[Question]] = defaultdict(list)
    for one in questions:
        kinds[one.kind].append(one)
    groups = list(kinds.values())
    random_order.shuffle(groups)
    for group in groups:
        random_order.shuffle(group)
    longest = max(map(len, groups), default=0)
    return [group[at] for at in range(longest) for group in groups if at < len(group)]
