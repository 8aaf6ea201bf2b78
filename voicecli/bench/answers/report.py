"""Answers -> what a model is worth: metrics and counts of a result, and a score in one line. Pure."""

from __future__ import annotations

import datetime
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from voicecli import __version__
from voicecli.bench.answers.grade import CallMade, Grade, grade, says_number
from voicecli.bench.answers.questions import CATEGORIES, NO_CALL, Question
from voicecli.bench.answers.text import normalized
from voicecli.bench.result import Count, Metric, Result
from voicecli.models.scores import KeptScore

FIRST_TOKEN, PACE, WORDS = "first token", "tokens a second", "words"
RIGHT = "right"
CALLING = frozenset({"tools", "sums"})
"""Categories in which a call may be right; in any other it delays the answer at best."""

STAGE = "llm"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a model answered to a question. Times are seconds."""

    model: str
    question: str  # its name
    text: str
    calls: tuple[CallMade, ...] = ()
    first_token_s: float | None = None  # from the question to the first token, with a warm prefix
    writing_tps: float | None = None  # tokens a second after the first; None where a tool was called between them
    failed: str = ""  # why there is no whole answer


@dataclass(frozen=True, slots=True)
class Graded:
    """A question, its answer and its grade."""

    question: Question
    answered: Answered
    grade: Grade

    def as_event(self) -> dict[str, object]:
        """Return the answer and its grade for the JSON file."""
        return {"answered": asdict(self.answered), "grade": asdict(self.grade)}


@dataclass(frozen=True, slots=True)
class Score:
    """What one model is worth, by one run of the battery."""

    model: str
    right: int
    asked: int
    categories: Mapping[str, tuple[int, int]]  # right and asked
    invented: int
    loops: int
    markdown: int
    wrong_language: int
    words: float  # median
    first_token_s: float | None  # median
    writing_tps: float | None  # median


def answers_of(result: Result) -> list[Answered]:
    """Return the answers of a result, as `Graded.as_event` wrote them."""
    return [_answered(event["answered"]) for event in result.events if isinstance(event.get("answered"), dict)]


def _answered(fields: object) -> Answered:
    assert isinstance(fields, dict)
    calls = tuple(CallMade(**call) for call in fields["calls"])
    return Answered(**{**fields, "calls": calls})


def graded(questions: Sequence[Question], answers: Iterable[Answered]) -> list[Graded]:
    """Grade the answers to these questions, in the order of the answers; those to other questions are left out."""
    by_name = {one.name: one for one in questions}
    earlier: dict[str, list[str]] = {}
    found: list[Graded] = []
    for one in answers:
        if (question := by_name.get(one.question)) is not None:
            before = earlier.setdefault(one.model, [])
            found.append(grade_one(question, one, before))
            before += [one.text] if question.is_in_a_row else []
    return found


def grade_one(question: Question, answered: Answered, earlier: Sequence[str]) -> Graded:
    """Grade one answer. `earlier`: the answers before it in the conversation of those in a row."""
    if answered.failed:
        return Graded(question, answered, Grade(right=False, why=answered.failed, meaningless=True))
    before = earlier if question.is_in_a_row else ()
    return Graded(question, answered, grade(question, answered.text, answered.calls, before))


def score(model: str, answers: Sequence[Graded]) -> Score:
    """Return what a model is worth."""
    categories = {
        name: (sum(one.grade.right for one in mine), len(mine))
        for name in CATEGORIES
        if (mine := [one for one in answers if one.question.category == name])
    }
    return Score(
        model=model,
        right=sum(one.grade.right for one in answers),
        asked=len(answers),
        categories=categories,
        invented=sum(one.grade.invented for one in answers),
        loops=sum(one.grade.loop for one in answers),
        markdown=sum(one.grade.markdown for one in answers),
        wrong_language=sum(one.grade.wrong_language for one in answers),
        words=statistics.median([one.grade.words for one in answers] or [0]),
        first_token_s=_median(one.answered.first_token_s for one in answers if is_plain(one)),
        writing_tps=_median(one.answered.writing_tps for one in answers),
    )


def kept_score(found: Score, date: datetime.date) -> KeptScore:
    """Return what is kept of a score for the choice of a model."""
    return KeptScore(
        right=found.right,
        asked=found.asked,
        categories=dict(found.categories),
        invented=found.invented,
        loops=found.loops,
        first_token_s=found.first_token_s,
        writing_tps=found.writing_tps,
        version=__version__,
        date=date,
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 3) if known else None


def is_plain(one: Graded) -> bool:
    """Return whether an answer has a time of its first token in which no tool was called."""
    return one.answered.first_token_s is not None and not one.answered.calls


def metrics(model: str, answers: Sequence[Graded]) -> Iterator[Metric]:
    """Yield the times and lengths of a model's answers."""
    first = [(one.question.name, one.answered.first_token_s) for one in answers if is_plain(one)]
    pace = [(one.question.name, one.answered.writing_tps) for one in answers if one.answered.writing_tps]
    lengths = [(one.question.name, one.grade.words) for one in answers]
    waits = tuple(wait_s for _, wait_s in first if wait_s is not None)
    yield Metric(model, FIRST_TOKEN, "s", waits, of=tuple(name for name, _ in first), stage=STAGE)
    yield Metric(model, PACE, "1/s", tuple(tps for _, tps in pace), "higher", tuple(name for name, _ in pace))
    samples = tuple(float(words) for _, words in lengths)
    yield Metric(model, WORDS, "", samples, "neither", tuple(name for name, _ in lengths))


def counts(model: str, answers: Sequence[Graded]) -> Iterator[Count]:
    """Yield how many answers were right, in all and in each category, and what was wrong with the others."""
    found, of = score(model, answers), len(answers)
    yield Count(model, RIGHT, found.right, of, better="higher")
    for name, (right, asked) in found.categories.items():
        yield Count(model, f"{RIGHT}: {name}", right, asked, better="higher")
        if name == "languages":
            yield from _by_language(model, answers)
    unknowable = sum(one.question.cannot_know for one in answers)
    if unknowable:
        yield Count(model, "invented", found.invented, unknowable)
    yield Count(model, "loops", found.loops, of)
    yield Count(model, "markdown", found.markdown, of)
    yield Count(model, "wrong language", found.wrong_language, of)
    yield Count(model, "meaningless", sum(one.grade.meaningless for one in answers), of)
    yield Count(model, "calls written as text", sum(one.grade.written_call for one in answers), of)
    yield from _tool_counts(model, [one for one in answers if one.question.call])
    without = [one for one in answers if one.question.category not in CALLING]
    if without:
        yield Count(model, "calls in other questions", sum(bool(one.answered.calls) for one in without), len(without))


def _by_language(model: str, answers: Sequence[Graded]) -> Iterator[Count]:
    mine = [one for one in answers if one.question.category == "languages"]
    for code in dict.fromkeys(one.question.language for one in mine):
        of = [one for one in mine if one.question.language == code]
        yield Count(model, f"{RIGHT}: languages, {code}", sum(one.grade.right for one in of), len(of), better="higher")


def _tool_counts(model: str, answers: Sequence[Graded]) -> Iterator[Count]:
    """Yield the calls that were right, those that nobody needed, and the results that the answer holds."""
    without = [one for one in answers if one.question.call == NO_CALL]
    wanted = [one for one in answers if one.question.call != NO_CALL]
    if wanted:
        called = [one for one in wanted if one.grade.right]
        said = [one for one in called if says_result(one)]
        yield Count(model, "right calls", len(called), len(wanted), better="higher")
        if called:
            yield Count(model, "results said", len(said), len(called), better="higher")
    if without:
        yield Count(model, "false calls", sum(one.grade.false_call for one in without), len(without))


def says_result(one: Graded) -> bool:
    """Return whether the answer after a call says something, and the number where one was asked for."""
    plain = normalized(one.answered.text)
    return bool(plain) and says_number(one.question, plain)


def listed_changes(old: Sequence[Graded], new: Sequence[Graded]) -> tuple[list[str], list[str]]:
    """Return the questions that became right and those that became wrong, each with its model."""
    before = {(one.answered.model, one.question.name): one.grade.right for one in old}
    gained: list[str] = []
    lost: list[str] = []
    for one in new:
        was = before.get((one.answered.model, one.question.name))
        if was is not None and was != one.grade.right:
            (gained if one.grade.right else lost).append(f"{one.question.name} ({one.answered.model})")
    return gained, lost
