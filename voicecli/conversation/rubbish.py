"""Answers that a language model had better not read again. Pure.

Small models imitate what they have said: after one answer that is none, or that comes a second time, the next ones are
the same. Such an answer is shown and spoken, and then forgotten together with its question.
"""

from __future__ import annotations

from collections.abc import Iterable

from voicecli.speech_text.chunker import Strength, clause_ends
from voicecli.speech_text.loops import words_of

LEAST_WORDS = 4
"""Shorter answers, such as "Yes, I am.", may well come twice."""


def is_rubbish(question: str, answer: str, earlier: Iterable[tuple[str, str]]) -> bool:
    """Return whether an answer says nothing, repeats its question, or answered an earlier, other question already.

    `earlier`: questions and answers.
    An empty answer is not rubbish: the user has cut it off, or the model failed.
    """
    said, asked = words_of(answer), words_of(question)
    if not said:
        return bool(answer.strip())
    if len(said) < LEAST_WORDS:
        return False
    return said == asked or any(words_of(before) == said and words_of(other) != asked for other, before in earlier)


def whole_sentences(text: str) -> str:
    """Return `text` without an unfinished sentence at its end."""
    ends = [end.at for end in clause_ends(f"{text}\n", False, len(text) + 1) if end.strength is Strength.SENTENCE]
    return text[: next((at for at in reversed(ends) if at <= len(text)), 0)]
