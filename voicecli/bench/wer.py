"""What was said against what was heard, counted as Whisper's paper does (Radford et al. 2022, appendix C). Pure."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import jiwer

from voicecli.bench.result import Metric
from voicecli.languages import UNSPACED


def word_errors(reference: str, hypothesis: str, language: str = "en") -> tuple[int, int]:
    """Words that were replaced, lost or added, and words of the reference, both after `normalise`."""
    said, heard = normalise(reference, language), normalise(hypothesis, language)
    if not said:
        return len(heard.split()), 0
    measured = jiwer.process_words(said, heard)
    return measured.substitutions + measured.deletions + measured.insertions, len(said.split())


def wer_metric(group: str, name: str, said: Sequence[tuple[str, tuple[int, int]]]) -> Metric:
    """Share of wrong words of each text, by what it was said in; texts without a word are left out.

    The share over all texts is the count of errors: long texts weigh more there.
    """
    known = [(of, 100 * wrong / total) for of, (wrong, total) in said if total]
    return Metric(group, name, "%", tuple(share for _, share in known), of=tuple(of for of, _ in known))


def normalise(text: str, language: str = "en") -> str:
    """Words in one spelling, with single spaces: "I've 20 oz" and "i have twenty oz" are the same."""
    return " ".join(str(normaliser(language)(text)).split())


@functools.cache
def normaliser(language: str) -> Callable[[str], str]:
    """OpenAI's: the English one also knows contractions, spellings and numbers."""
    if language == "en":
        from whisper_normalizer.english import EnglishTextNormalizer

        english: Callable[[str], str] = EnglishTextNormalizer()
        return english
    from whisper_normalizer.basic import BasicTextNormalizer

    basic: Callable[[str], str] = BasicTextNormalizer(split_letters=language in UNSPACED)
    return basic
