"""Answers that a language model had better not read again. Pure.

Small models imitate what they have said: after an answer that goes round in circles, or that comes a second time, the
next ones do so too. Such an answer is shown and spoken, and then forgotten together with its question.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from voicecli.speech_text.chunker import Strength, clause_ends
from voicecli.speech_text.loops import words_of

RUN_WORDS = 4
"""Fewer words in a row may well come twice: "it is one of"."""

OWN_SHARE, EARLIER_SHARE = 0.2, 0.7
"""Least share of runs that an answer repeats from itself, or from an earlier answer, to be rubbish.

SmolLM2-135M wrote "I'm not sure, I'm just a little lost. I'm just a little lost." after "I'm fine, I'm just a little
lost. I'm just a little lost.": shares of 0.2 and 0.7. "It takes about ten minutes to cook pasta" after the same words
about an egg has 0.6 of that answer's.
"""

Run = tuple[str, ...]


def is_rubbish(question: str, answer: str, earlier: Iterable[tuple[str, str]]) -> bool:
    """Return whether an answer says nothing, repeats its question or itself, or answered another question already.

    `earlier`: questions and answers. An empty answer is not rubbish: the user has cut it off, or the model failed.
    """
    said, asked = words_of(answer), words_of(question)
    if not said:
        return bool(answer.strip())
    if not (runs := _runs(said)):
        return False
    if said == asked or 1 - len(set(runs)) / len(runs) >= OWN_SHARE:
        return True
    return any(
        _share(runs, set(_runs(words_of(before)))) >= EARLIER_SHARE
        for other, before in earlier
        if words_of(other) != asked
    )


def _runs(words: Sequence[str]) -> list[Run]:
    return [tuple(words[at : at + RUN_WORDS]) for at in range(len(words) - RUN_WORDS + 1)]


def _share(runs: Sequence[Run], known: set[Run]) -> float:
    return sum(run in known for run in runs) / len(runs)


def whole_sentences(text: str) -> str:
    """Return `text` without an unfinished sentence at its end."""
    ends = [end.at for end in clause_ends(f"{text}\n", False, len(text) + 1) if end.strength is Strength.SENTENCE]
    return text[: next((at for at in reversed(ends) if at <= len(text)), 0)]
