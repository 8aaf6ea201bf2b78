"""What a grader reads in an answer besides its words: language, Markdown, loops, calls written as text. Pure.

Nothing here raises, whatever the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_MARKS = re.compile(r"[\u0300-\u036f]")
_QUOTES = str.maketrans("’‘´“”‐‑", "'''\"\"--")
_CONTRACTIONS = tuple(
    (re.compile(pattern), full)
    for pattern, full in (
        (r"\bcan't\b|\bcannot\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"n't\b", " not"),
        (r"(?<=\w)'re\b", " are"),
        (r"\bi'm\b", "i am"),
        (r"(?<=\w)'ll\b", " will"),
        (r"(?<=\w)'ve\b", " have"),
    )
)

_MARKDOWN = re.compile(r"```|\*\*|__\w|`|^\s*#{1,6} |^\s*[-*•+] |^\s*\d+[.)] |\]\(\w|^\s*\|.*\|", re.MULTILINE)
_CALL = re.compile(
    r"</?tool_call|\"(?:name|arguments|parameters)\"\s*:|\{\s*\"\w+\"\s*:"
    r"|\b(?:current_time|set_timer|list_timers|cancel_timer)\b|\bcalculate\s*\(|\bcalculate function\b",
    re.IGNORECASE,
)

FUNCTION_WORDS = {
    "en": "the is are of and to in it you that for with was on as have this not can be i a an what my your there they",
    "es": "el la los las de que y en es un una por con para no se su como mas esta son del al lo muy pero yo hay tiene",
    "fr": "le la les des de et en est un une que pour dans vous je il elle ne pas sur avec au du ce sont qui y a ils",
    "de": "der die das und ist ein eine in zu den von mit nicht ich sie es auf fur sind wie im dem man kann oder hat",
    "it": "il la le gli di che e un una per con non sono del della in si come piu nel lo i ha da al sei anche c'e",
    "pt": "o a os as de que e um uma para com nao em do da no na por sao se mais como voce eu ao tem dos das seu",
}
"""Frequent words of each language, without accents."""

_SCRIPTS = {
    "hi": re.compile(r"[\u0900-\u097f]"),
    "ja": re.compile(r"[\u3041-\u30ff\u3400-\u9fff]"),
    "zh": re.compile(r"[\u3400-\u9fff]"),
}
_KANA = re.compile(r"[\u3041-\u30fa]")
_FOREIGN = re.compile(r"[\u0400-\u04ff\u0600-\u06ff\u0900-\u097f\u3041-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LETTER = re.compile(r"[^\W\d_]")

FOREIGN_SHARE = 0.1
"""More letters of another script than this share make an answer one in another language."""

OWN_SHARE = 0.5
"""In an answer in Hindi, Japanese or Chinese this share of the letters is in its script; names may be Latin."""

LEAST_KANA_CHARS = 8
"""From this length on, Japanese has kana; a short answer may be all kanji."""

CLEARLY = 1.5
"""An answer is in another language if the words of that one weigh this much more. Shared words weigh less."""

LOOP_WORDS, LOOP_TIMES = 5, 3
"""The same five words three times are a loop, and so is the same sentence three times."""

SHORT_LOOP_TIMES = 6
"""A word or two repeated without anything between them, this often, are a loop as well."""

LOOP_CHARS = 8
"""The same in languages without spaces: as many characters, three times."""

_SHORT_LOOP = re.compile(rf"(?<!\w)((?:[^\W\d]+\W+){{1,4}}?)\1{{{SHORT_LOOP_TIMES - 1},}}")
_SENTENCE = re.compile(r"[^.!?。！？\n]+")


def normalized(text: str) -> str:
    """Return the text in lower case, without accents, contractions and line breaks, with plain quotes."""
    plain = unicodedata.normalize("NFKC", text).translate(_QUOTES).lower()
    plain = without_accents(plain)
    for contraction, full in _CONTRACTIONS:
        plain = contraction.sub(full, plain)
    return " ".join(plain.split())


def without_accents(text: str) -> str:
    """Return the text without the accents of Latin letters."""
    return unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", text)))


def words_of(plain: str) -> list[str]:
    """Return the words of a normalized text, without punctuation."""
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", plain)


def has_markdown(text: str) -> bool:
    """Return whether an answer has marks that are not to be spoken: lists, headings, code, bold."""
    return _MARKDOWN.search(text) is not None


def has_written_call(text: str) -> bool:
    """Return whether a tool call, or talk about one, was written into the answer."""
    return _CALL.search(text) is not None


def has_loop(text: str) -> bool:
    """Return whether an answer repeats itself without end."""
    plain = normalized(text)
    words = words_of(plain)
    runs = Counter(tuple(words[at : at + LOOP_WORDS]) for at in range(len(words) - LOOP_WORDS + 1))
    sentences = Counter(sentence.strip() for sentence in _SENTENCE.findall(plain) if len(words_of(sentence)) > 1)
    joined = "".join(_FOREIGN.findall(plain))
    chars = Counter(joined[at : at + LOOP_CHARS] for at in range(len(joined) - LOOP_CHARS + 1))
    most = max((count for counter in (runs, sentences, chars) for count in counter.values()), default=0)
    return most >= LOOP_TIMES or _SHORT_LOOP.search(f"{plain} ") is not None


def is_in_other_language(text: str, expected: str) -> bool:
    """Return whether an answer is clearly in another language than `expected` (ISO 639-1)."""
    letters = len(_LETTER.findall(text))
    if not letters:
        return False
    if expected in _SCRIPTS:
        own = len(_SCRIPTS[expected].findall(text))
        kana = _KANA.search(text) is not None
        long = letters >= LEAST_KANA_CHARS
        mistaken = (expected == "ja" and long and not kana) or (expected == "zh" and kana)
        return own < OWN_SHARE * letters or mistaken
    if len(_FOREIGN.findall(text)) > FOREIGN_SHARE * letters:
        return True
    weights = language_weights(text)
    own_weight = weights.pop(expected, 0.0)
    return max(weights.values()) >= max(CLEARLY, CLEARLY * own_weight)


def language_weights(text: str) -> dict[str, float]:
    """Return how much the words of a text, each counted once, speak for each language with Latin letters."""
    words = set(words_of(normalized(text)))
    sets = {code: frozenset(listed.split()) for code, listed in FUNCTION_WORDS.items()}
    shared = Counter(word for listed in sets.values() for word in listed)
    return {code: sum(1 / shared[word] for word in words if word in listed) for code, listed in sets.items()}
