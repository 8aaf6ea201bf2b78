"""Grade an answer by the rules of its question. Pure; it never raises, whatever was answered."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from voicecli.bench.answers.numbers import number_words, numbers_in
from voicecli.bench.answers.questions import NO_CALL, Question, matches
from voicecli.bench.answers.text import (
    has_loop,
    has_markdown,
    has_written_call,
    is_in_other_language,
    normalized,
    words_of,
)

CHANGING_TOOLS = frozenset({"set_timer", "cancel_timer"})
"""Tools whose needless call is a mistake even beside the right one; the others only read."""

TIMER_UNITS = {"hours": 3600, "minutes": 60, "seconds": 1}

PLACE_ARGUMENTS = ("zone", "place", "time_zone", "timezone", "location", "city")
HERE = frozenset({"", "here", "local", "local time", "current location", "my location", "user"})
"""What models write for the place of the user, or leave out."""

_COMMON = "timer alarm countdown reminder a an the for my of to hour hours minute minutes second seconds min"
COMMON_LABEL_WORDS = frozenset(_COMMON.split())
"""Words of a label that nobody has to have said."""

ADMISSIONS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(do|does|did) not (actually |currently |really |yet |personally |even )?"
        r"(know|have|remember|recall|see|hear|store|keep|eat|sleep|own)\b",
        r"\bcan not (actually |really |currently |directly |possibly )?"
        r"(know|tell|say|see|hear|access|check|answer|provide|give|predict|remember|determine|be (known|sure|certain)|"
        r"look|find|confirm|guess|recall|help with|read|share|report|feel|smell)",
        r"\b(not able|unable|impossible|hard|difficult) (for me )?to (know|tell|say|see|hear|access|check|answer|"
        r"provide|give|predict|remember|determine|find|guess|recall|read|share|report)",
        r"\b(have|has|had|having|with|there is) no (direct |real[- ]time |current )?"
        r"(access|way|idea|information|record|memory|knowledge|data|means|ability)",
        r"\bwithout (access|knowing|more|further|additional|information)",
        r"\bnot (have|been|be) (any |the )?(access|information|to(?:ld)|shared|provided|given|mentioned|known)",
        r"\bhave not (yet |been )?(to(?:ld)|shared|mentioned|given|provided|said)",
        r"\bnot (to(?:ld)|shared|provided|given|mentioned|sure|aware|certain|something i (know|can))\b",
        r"\bneed (more|to know|your|further|some more)\b",
        r"\b(check|look at|consult|refer to|visit) (a|the|your|an|with|online|local|outside|it)\b",
        r"\b(which|what) (city|location|place|match|game|team|sport) (are|is|do|did|you)\b",
        r"\bwhere (you are|are you|you live|do you live|you were)\b",
        r"\b(depends on|depending on) (where|your|the location|when|which)",
        r"\b(could|can|would) you (please )?(tell|share|let|specify|provide|clarify)",
        r"\bplease (tell|share|provide|specify|check|let|clarify|give)",
        r"\b(only you|nobody|no one|no-one) (really |can |could )?(know|tell|say|predict)",
        r"\bas an? (ai|artificial|language model|assistant|computer|machine|virtual|digital)\b",
        r"\b(unknown|not known) (to me|yet)?\b",
        r"\black (the )?(access|information|means|ability)",
        r"\b(knowledge|training|data) (does not|do not|ends|only goes|stops)",
        r"\bif you (tell|let|share|give|describe)\b",
    )
)
"""How one says that something cannot be known, in English, on normalized text."""


@dataclass(frozen=True, slots=True)
class CallMade:
    """A tool call, as the events of the conversation have it."""

    tool: str
    arguments: str  # JSON, as the model wrote it
    outcome: str  # "done", "failed", ...
    result: str


@dataclass(frozen=True, slots=True)
class Grade:
    """What a rule-bound reader says about one answer."""

    right: bool
    why: str = ""  # the first rule that was broken
    invented: bool = False
    false_call: bool = False  # a tool was called where none was needed
    written_call: bool = False  # a call was written into the answer, so it would be spoken
    loop: bool = False
    markdown: bool = False
    wrong_language: bool = False
    meaningless: bool = False
    words: int = 0


def grade(question: Question, answer: str, calls: Sequence[CallMade] = (), earlier: Collection[str] = ()) -> Grade:
    """Return the grade of an answer. `earlier`: the answers before it in the same conversation."""
    plain = normalized(answer)
    broken = [*faults(question, answer, plain), *call_faults(question, calls), *rule_faults(question, plain)]
    language = question.language
    meaningless = is_meaningless(answer, question.ask, earlier) and not (question.call and calls)
    if meaningless:
        broken.insert(0, "meaningless")
    empty = meaningless or has_written_call(answer)  # nothing is claimed
    return Grade(
        right=not broken,
        why=broken[0] if broken else "",
        invented=question.cannot_know and not (empty or admits(question, plain)),
        false_call=question.call == NO_CALL and bool(calls),
        written_call=has_written_call(answer),
        loop=has_loop(answer),
        markdown=has_markdown(answer),
        wrong_language=bool(language) and is_in_other_language(answer, language),
        meaningless=meaningless,
        words=len(plain.split()),
    )


def faults(question: Question, answer: str, plain: str) -> Iterator[str]:
    """Yield what is wrong with an answer to any question."""
    if has_loop(answer):
        yield "loop"
    if has_written_call(answer):
        yield "a call is written into it"
    if question.language and is_in_other_language(answer, question.language):
        yield f"not in {question.language}"
    if not question.call and len(plain.split()) < question.min_words:
        yield f"fewer than {question.min_words} words"
    if question.max_words is not None and len(plain.split()) > question.max_words:
        yield f"more than {question.max_words} words"


def rule_faults(question: Question, plain: str) -> Iterator[str]:
    """Yield what an answer's content lacks, or has too much."""

    def found(pattern: str) -> bool:
        return matches(pattern, plain, question.language)

    if question.any and not any(map(found, question.any)):
        yield f"none of {' / '.join(question.any)}"
    yield from (f"without {pattern}" for pattern in question.all if not found(pattern))
    yield from (f"with {pattern}" for pattern in question.none if found(pattern))
    if question.number is not None and not question.call and not says_number(question, plain):
        yield f"without the number {question.number:g}"
    if question.cannot_know and not admits(question, plain):
        yield "invented"
    if question.answered and declines(plain):
        yield "declined"


def says_number(question: Question, plain: str) -> bool:
    """Return whether the number is in a normalized answer, in digits or in words of the question's language."""
    if question.number is None:
        return True
    if any(is_near(value, question) for value in numbers_in(plain)):
        return True
    if question.language in ("en", ""):
        return False
    spoken = normalized(number_words(question.number, question.language)).replace("-", " ")
    return bool(spoken) and matches(rf"{re.escape(spoken)}(?!\w)", plain.replace("-", " "), question.language)


def is_near(value: float, question: Question) -> bool:
    """Return whether a value is the number of the question."""
    number = question.number or 0.0
    return abs(value - number) <= question.within + 1e-9 * abs(number)


def admits(question: Question, plain: str) -> bool:
    """Return whether an answer says that it cannot know, and claims nothing that `none` forbids."""
    invents = any(matches(pattern, plain, question.language) for pattern in question.none)
    return declines(plain) and not invents


def declines(plain: str) -> bool:
    """Return whether a normalized text says that something is not known or cannot be done."""
    return any(admission.search(plain) for admission in ADMISSIONS)


def is_meaningless(answer: str, asked: str, earlier: Collection[str]) -> bool:
    """Return whether an answer says nothing: it is empty, the question again, or an earlier answer again."""
    words = words_of(normalized(answer))
    if not words:
        return True
    repeated = len(words) > 3 and any(words == words_of(normalized(before)) for before in earlier)
    return repeated or (len(words) > 2 and words == words_of(normalized(asked)))


def call_faults(question: Question, calls: Sequence[CallMade]) -> Iterator[str]:
    """Yield what is wrong with the calls: another tool, other arguments, or a call where none was needed."""
    if question.call == NO_CALL:
        if calls:
            yield f"called {calls[0].tool}"
        return
    if not question.call:
        return
    done = [call for call in calls if call.outcome == "done"]
    right = [call for call in done if call.tool == question.call]
    needless = [call.tool for call in done if call.tool in CHANGING_TOOLS and call.tool != question.call]
    if needless:
        yield f"called {needless[0]}"
    elif not right:
        yield f"did not call {question.call}"
    elif question.call in CHANGING_TOOLS and len(right) > 1:
        yield f"called {question.call} {len(right)} times"
    else:
        yield from argument_faults(question, right[-1])


def argument_faults(question: Question, call: CallMade) -> Iterator[str]:
    """Yield what is wrong with the arguments of the right tool."""
    arguments = arguments_of(call)
    label = normalized(str(arguments.get("label") or ""))
    if question.seconds is not None and seconds_of(arguments) != question.seconds:
        yield f"a timer of {seconds_of(arguments):g} s, not {question.seconds:g} s"
    if question.label and not matches(question.label, label, question.language):
        yield f"the label {label!r} is not {question.label}"
    if not question.label and is_invented(label, question):
        yield f"the label {label!r} was not said"
    place = place_of(arguments)
    if question.here and place not in HERE:
        yield f"the time in {place!r}, not here"
    if question.place and not matches(question.place, place, question.language):
        yield f"the time in {place!r}, not in {question.place}"
    if question.number is not None and not any(is_near(value, question) for value in numbers_in(call.result.lower())):
        yield f"calculated {call.result!r}, not {question.number:g}"


def is_invented(label: str, question: Question) -> bool:
    """Return whether a label has words, and none of them was said or names a time."""
    said = set(words_of(normalized(question.ask)))
    words = [word for word in words_of(label) if word not in COMMON_LABEL_WORDS and not numbers_in(word)]
    stems = {word[:4] for word in said if len(word) > 3}
    return bool(words) and not any(word in said or word[:4] in stems for word in words)


def arguments_of(call: CallMade) -> dict[str, object]:
    """Return the arguments as an object; an empty one if they are none."""
    try:
        found = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def place_of(arguments: dict[str, object]) -> str:
    """Return the place or the time zone of a call as words: "america new york"."""
    named = next((str(arguments[name]) for name in PLACE_ARGUMENTS if arguments.get(name)), "")
    return " ".join(words_of(normalized(named.replace("_", " "))))


def seconds_of(arguments: dict[str, object]) -> float:
    """Return the length of a timer; what is no number counts as zero."""
    total = 0.0
    for unit, length_s in TIMER_UNITS.items():
        try:
            total += float(str(arguments.get(unit) or 0)) * length_s
        except ValueError:
            continue
    return total
