"""A written question: what was typed, what was piped, and as much of the latter as a model can hold. Pure.

Nobody but a model's own tokeniser knows how many tokens a text is, and most servers do not lend theirs. So they are
estimated, on the safe side for prose, code and diffs; a server that finds it too much all the same says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from voicecli.errors import SettingsError

Keep = Literal["head", "tail"]
"""Which end of a text stays when it is too long."""

TOO_LONG_HINT = (
    "--head asks about its beginning, --tail about its end; "
    "--set llm.context_tokens=N makes room, where the model has it"
)

AROUND_TOKENS = 48
"""What a chat template puts around two messages, and what is said about a part that was left out."""

_WORD_CHARS = 3
"""Of a word or an identifier a token is taken to hold so many, and of a row of the same sign."""

_UNIT = re.compile(r" [0-9]|[A-Z]?[a-z]+|[A-Z]+|[ \t]+|(?P<sign>[^\w\s])(?P=sign)*|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Question:
    """At least one of the two is not empty."""

    typed: str
    piped: str

    @property
    def text(self) -> str:
        """The question as the model reads it."""
        if not self.typed or not self.piped:
            return self.typed or self.piped
        return f"{self.typed}\n\nThis is about the following text:\n\n<text>\n{self.piped}\n</text>"


@dataclass(frozen=True, slots=True)
class Fitted:
    """A question that a model can hold."""

    question: Question
    kept_chars: int  # of the piped text
    of_chars: int

    @property
    def is_whole(self) -> bool:
        return self.kept_chars == self.of_chars


def fitted(question: Question, room_tokens: int, keep: Keep | None) -> Fitted:
    """Return the question with as much of the piped text as fits into `room_tokens`, in whole lines where it has any.

    Raise SettingsError when it does not fit and nothing may be left out, or when not even the rest of it fits.
    """
    piped = question.piped
    room = room_tokens - estimated_tokens(question.typed) - AROUND_TOKENS
    if room <= 0:
        raise SettingsError(
            "there is no room for the question beside the answer", "a shorter question, or fewer --max-tokens"
        )
    kept = _tail(piped, room) if keep == "tail" else _head(piped, room)
    if kept == piped:
        return Fitted(question, len(piped), len(piped))
    if keep is None or not kept:
        raise SettingsError(
            f"the input is too long for the model: {len(piped):,} characters, and about {len(kept):,} fit",
            TOO_LONG_HINT,
        )
    gone = f"[{len(piped) - len(kept):,} characters left out]"
    shown = f"{kept}\n{gone}" if keep == "head" else f"{gone}\n{kept}"
    return Fitted(Question(question.typed, shown), len(kept), len(piped))


def estimated_tokens(text: str) -> int:
    """Beside the count of SmolLM2, whose vocabulary is small and English: 0.97 of it for German, 1.5 for Python."""
    return sum(_tokens_of(unit[0]) for unit in _UNIT.finditer(text))


def _head(text: str, tokens: int) -> str:
    end = _fitting_chars(text, tokens)
    return text if end == len(text) else text[: text.rfind("\n", 0, end) + 1 or end].rstrip("\n")


def _tail(text: str, tokens: int) -> str:
    begin = len(text) - _fitting_chars(text[::-1], tokens)
    return text[text.find("\n", begin - 1) + 1 or begin :] if begin else text


def _fitting_chars(text: str, tokens: int) -> int:
    """How many characters at the front are no more than `tokens`. Reads no further than that."""
    for unit in _UNIT.finditer(text):
        tokens -= _tokens_of(unit[0])
        if tokens < 0:
            return unit.start()
    return len(text)


def _tokens_of(unit: str) -> int:
    """Digits are a token each, and so is a space before one.

    Letters beyond ASCII are counted as a small, English vocabulary spells them.
    """
    first = unit[0]
    if not first.isascii():
        return len(unit) * (len(first.encode()) - 1)
    if first in " \t":
        return 0 if unit == " " else 1 + len(unit) // 16 + len(unit.strip())
    return 1 + (len(unit) - 1) // _WORD_CHARS
