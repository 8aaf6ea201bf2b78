"""Recognize a transcript that begins with the wake phrase. Pure.

A recognizer spells a phrase in its own way: "Hey, Computer.", "hay computer", "OK, my croft". So letters are compared,
not words: those of the first few words, together, with those of the phrase, once as written and once as they sound.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from difflib import SequenceMatcher

ALIKE = 0.7
"""Letters, as a share of both, that have to be the same. Many that sound alike are spelt apart: "hay computer" has 0.91
with "hey computer", "OK Naboo" 0.82 with "OK Nabu"."""

SOUNDS_ALIKE = 0.92
"""The same of both as they sound, where the first and the last sound have to agree besides, as vowels do not tell much:
"the computer" has 0.95 with "hey computer", "hey competitor" 0.91, "Alex" 0.91 with "Alexa"."""

BEGINS_ALIKE = 0.6
"""Share of letters in common with which a beginning that is shorter than the phrase may still become it."""

MORE_WORDS = 2
"""A phrase may be transcribed as this many more words: "mycroft" as "my craft", "hey nabu" as "hey nah boo"."""

_FILLERS = "ah and er hm oh okay ok so uh uhm um well yes yeah"
FILLERS = frozenset(_FILLERS.split())
MOST_FILLERS = 2
"""Words that may be said before the phrase, and how many of them."""

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+(?:['’][^\W]+)?")
"""A word, or a character of a script that puts no spaces between words."""

_BETWEEN = " \t\n,.;:!?…–—-、。，！？"
"""What may stand between the phrase and the question."""

_SOUNDS = (
    ("ph", "f"), ("ck", "k"), ("qu", "kw"), ("x", "ks"), ("wh", "w"), ("gh", "g"), ("c(?=[eiy])", "s"), ("[cq]", "k"),
    ("z", "s"), ("v", "f"), ("d(?![aeiouy])", "t"), ("[aeiouy]+h?", "a"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WakeMatch:
    """What a transcript with the wake phrase says to the assistant."""

    rest: str  # without the phrase; empty where nothing follows it


@dataclass(frozen=True, slots=True)
class WakePhrase:
    """A wake phrase. `text` is as the user wrote it in the settings, and contains letters."""

    text: str
    _letters: str = field(init=False)
    _words: int = field(init=False)

    def __post_init__(self) -> None:
        words = [match[0] for match in _WORD.finditer(self.text)]
        object.__setattr__(self, "_letters", _letters(words))
        object.__setattr__(self, "_words", len(words))

    def match(self, text: str) -> WakeMatch | None:
        """Return the question after the phrase; None where the text does not begin with the phrase."""
        for words in self._beginnings(text):
            ends = [(self._correlation(words[:count]), -count) for count in range(1, self._most_words + 1)]
            correlation, count = max(ends[: len(words)], default=(0.0, 0))
            if correlation:
                rest = text[words[-count - 1].end() :].lstrip(_BETWEEN)
                return WakeMatch(rest[:1].upper() + rest[1:])
        return None

    def may_become(self, text: str) -> bool:
        """Return whether more words could make the text begin with the phrase."""
        return any(
            len(heard) < len(self._letters)
            and SequenceMatcher(None, heard, self._letters[: len(heard)], autojunk=False).ratio() >= BEGINS_ALIKE
            for heard in (_letters([word[0] for word in words]) for words in self._beginnings(text))
        )

    def strip(self, text: str) -> str:
        """Return the text without a phrase at its beginning."""
        found = self.match(text)
        return text if found is None else found.rest

    @property
    def _most_words(self) -> int:
        return self._words + MORE_WORDS

    def _beginnings(self, text: str) -> list[list[re.Match[str]]]:
        """Return the words of a text from the first one on, and from behind each leading filler."""
        words = list(_WORD.finditer(text))
        found = [words]
        for skipped in range(1, MOST_FILLERS + 1):
            if len(words) >= skipped and words[skipped - 1][0].casefold() in FILLERS:
                found.append(words[skipped:])
            else:
                break
        return found

    def _correlation(self, words: list[re.Match[str]]) -> float:
        """Return how similar the words are to the phrase; 0 where they are not the phrase."""
        heard = _letters([word[0] for word in words])
        sound, own = _sound(heard), _sound(self._letters)
        if (sound[:1], sound[-1:]) != (own[:1], own[-1:]):
            return 0.0
        spelt, sounds = _ratio(heard, self._letters), _ratio(sound, own)
        return spelt + sounds if spelt >= ALIKE and sounds >= SOUNDS_ALIKE else 0.0


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _letters(words: list[str]) -> str:
    """Return letters and digits of all words together, without case and accents."""
    bare = unicodedata.normalize("NFKD", "".join("okay" if word.casefold() == "ok" else word for word in words))
    return "".join(letter for letter in bare.casefold() if letter.isalnum())


def _sound(letters: str) -> str:
    """Return roughly how letters sound in English: vowels are equal, and so are consonants that are often confused."""
    for spelt, sound in _SOUNDS:
        letters = re.sub(spelt, sound, letters)
    return re.sub(r"(.)\1+", r"\1", letters)
