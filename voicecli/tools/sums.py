"""Plain sums, as people ask for them: "What is 17 times 23?", "wie viel ist 15 Prozent von 80". Pure.

A small language model is often wrong about them and the calculator never is. Only a question that is nothing but a sum
is recognized: two numbers or more with an operation between them, or a root or a square. Everything else is for the
language model, which has the calculator as a tool.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from voicecli.errors import ToolError
from voicecli.tools.calculator import calculate
from voicecli.tools.number_words import decimal_comma, number_at
from voicecli.tools.sum_words import LANGUAGES, SumWords

MAX_OPERATIONS = 8
SPOKEN_DECIMALS = 3
"""A result with more digits behind the point is rounded: nobody remembers more of what is said."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum that was asked for."""

    expression: str  # for the calculator
    spoken: str  # such as "17 times 23"
    language: str


@dataclass(frozen=True, slots=True)
class SumAnswer:
    """The answer to a sum."""

    text: str  # one sentence
    expression: str  # that the calculator has computed


def answer_to_sum(question: str, language: str = "en") -> SumAnswer | None:
    """Return the answer to a question that is a plain sum; None if it is not one, or has no result."""
    asked = plain_sum(question, language)
    if asked is None:
        return None
    try:
        result = calculate(asked.expression)
    except ToolError:
        return None
    words = LANGUAGES[asked.language]
    exact = Decimal(result)
    rounded = round(exact, SPOKEN_DECIMALS)
    shown = f"{rounded.normalize():f}" if exact != rounded else f"{exact:f}"
    sentence = words.about if exact != rounded else words.result
    text = sentence.format(sum=asked.spoken, result=decimal_comma(shown, asked.language))
    return SumAnswer(text, asked.expression)


def plain_sum(question: str, language: str = "en") -> Sum | None:
    """Return the sum that a question asks for; None if it is anything else."""
    words = LANGUAGES.get(language)
    if words is None:
        return None
    text = " ".join(question.casefold().strip().strip("?!.¿¡।？。！").split())
    text = _without(words.before, text, re.match)
    text = _without(words.after, text, re.search)
    return _Reader(text.strip(" ,?"), words, language).whole()


def _without(pattern: str, text: str, find: Callable[[str, str], re.Match[str] | None]) -> str:
    found = find(pattern, text)
    return text[: found.start()] + text[found.end() :] if found else text


class _Reader:
    """Reads a sum from its beginning to its end."""

    def __init__(self, text: str, words: SumWords, language: str) -> None:
        self._text = text
        self._words = words
        self._language = language
        adding = re.match(words.adding, text) if words.adding else None
        self._at = adding.end() if adding else 0
        self._is_adding = adding is not None
        self._operator = re.compile(words.between) if adding else words.operation

    def whole(self) -> Sum | None:
        """Return the sum if the text is one and nothing more."""
        for pattern, expression, spoken in self._words.forms:
            if (form := re.fullmatch(pattern, self._text)) and (sum_of := self._formed(form, expression, spoken)):
                return sum_of
        first = self._number()
        if first is None:
            return None
        expression, spoken = first
        for _ in range(MAX_OPERATIONS):
            operation = self._operation()
            number = self._number() if operation else None
            if operation is None or number is None:
                return None
            expression += f" {operation[0]} {number[0]}"
            spoken += f" {operation[1]} {number[1]}"
            if self._at == len(self._text):
                return Sum(expression, spoken, self._language)
        return None

    def _formed(self, form: re.Match[str], expression: str, spoken: str) -> Sum | None:
        numbers = [_Reader(part, self._words, self._language)._only_number() for part in form.groups()]
        if any(number is None for number in numbers):
            return None
        values = [number for number in numbers if number is not None]
        return Sum(
            expression.format(*(value for value, _ in values)),
            spoken.format(*(said for _, said in values)),
            self._language,
        )

    def _only_number(self) -> tuple[str, str] | None:
        number = self._number()
        return number if self._at == len(self._text) else None

    def _number(self) -> tuple[str, str] | None:
        """Read a number. Return it as the calculator reads it, and as it is said."""
        found = number_at(self._text, self._at, self._language)
        if found is None:
            return None
        value, self._at = found
        said = decimal_comma(value, self._language)
        return (f"({value})" if value.startswith("-") else value), said

    def _operation(self) -> tuple[str, str] | None:
        found = self._operator.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        sign = "+" if self._is_adding else self._words.sign(found)
        return sign, self._words.said[sign]
