"""The words of sums in each language that the assistant has voices for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SumWords:
    """How a language asks for a sum and says its result."""

    before: str  # what may stand before the sum
    after: str  # what may stand behind it
    signs: Mapping[str, str]  # an operation as it is said -> as the calculator writes it
    said: Mapping[str, str]  # the reverse, as the answer says it
    result: str
    about: str  # for a rounded result
    forms: tuple[tuple[str, str, str], ...] = ()  # a pattern with numbers, the expression, and how that is said
    adding: str = ""  # before a list of numbers that are to be added
    between: str = ""  # two numbers of the list
    operation: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        spoken = "|".join(sorted(map(re.escape, self.signs), key=len, reverse=True))
        spaced = "|".join(map(re.escape, SPACED))
        pattern = rf" (?P<spaced>{spaced}) |\s*(?<![^\W\d_])(?P<said>{spoken})(?![a-zà-ÿ])\s*"
        object.__setattr__(self, "operation", re.compile(pattern))

    def sign(self, operation: re.Match[str]) -> str:
        """Return the operation as the calculator writes it."""
        return SPACED[operation["spaced"]] if operation["spaced"] else self.signs[operation["said"]]


SYMBOLS = {"+": "+", "×": "*", "*": "*", "÷": "/"}

SPACED = {"-": "-", "−": "-", "x": "*", "/": "/"}
"""Operations only between spaces: 7-11, 9/11 and 4x4 are names."""


def _words(
    before: str,
    after: str,
    plus: str,
    minus: str,
    times: str,
    by: str,
    result: str,
    about: str,
    forms: tuple[tuple[str, str, str], ...] = (),
    adding: str = "",
    between: str = "",
) -> SumWords:
    """Each operation as words that are divided by `|`; the answer says the first."""
    said = {"+": plus, "-": minus, "*": times, "/": by}
    signs = {word: sign for sign, words in said.items() for word in words.split("|")}
    first = {sign: words.split("|")[0] for sign, words in said.items()} | {"**": "to the power of"}
    return SumWords(before, after, {**SYMBOLS, **signs}, first, result, about, forms, adding, between)


_PERCENT = "{1} * {0} / 100"

ENGLISH = _words(
    r"(?:(?:hey|okay|ok|so|please|and)[, ]+)*"
    r"(?:(?:can|could|would) you (?:please )?|do you know )?"
    r"(?:(?:please )?(?:tell me|calculate|compute|work out) )?"
    r"(?:what is|what's|whats|what are|what does|how much is|how much are|how much's|how many is|what)? ?",
    r"(?:,? (?:please|exactly|equals?|makes?|is|is what|equals what))+$|=$| =$",
    "plus",
    "minus|subtract",
    "times|multiplied by",
    "divided by",
    "{sum} is {result}.",
    "{sum} is about {result}.",
    (
        (r"(.+?) ?(?:%|percent|per cent) of (.+)", _PERCENT, "{0} percent of {1}"),
        (r"(?:the )?square root of (.+)", "sqrt({0})", "The square root of {0}"),
        (r"(.+) squared", "{0} ** 2", "{0} squared"),
        (r"(.+) cubed", "{0} ** 3", "{0} cubed"),
        (r"(.+) to the power of (.+)", "{0} ** {1}", "{0} to the power of {1}"),
        (r"half of (.+)", "{0} / 2", "Half of {0}"),
        (r"(?:a|one) third of (.+)", "{0} / 3", "A third of {0}"),
        (r"(?:a|one) quarter of (.+)", "{0} / 4", "A quarter of {0}"),
        (r"(?:the )?product of (.+) and (.+)", "{0} * {1}", "{0} times {1}"),
        (r"subtract (.+) from (.+)", "{1} - {0}", "{1} minus {0}"),
        (r"multiply (.+) (?:by|and|with) (.+)", "{0} * {1}", "{0} times {1}"),
        (r"divide (.+) by (.+)", "{0} / {1}", "{0} divided by {1}"),
    ),
    r"(?:add(?: up| together)?|(?:the )?(?:sum|total) of) ",
    r",? (?:and|plus|to) |, ?",
)

LANGUAGES: Mapping[str, SumWords] = {
    "en": ENGLISH,
    "es": _words(
        r"(?:por favor,? )?(?:cuánto es|cuánto son|cuántos son|qué es|cuánto da|calcula) ?",
        r",? (?:por favor)$",
        "más",
        "menos",
        "por|multiplicado por",
        "dividido por|dividido entre|entre",
        "{sum} es {result}.",
        "{sum} es aproximadamente {result}.",
        ((r"(?:el )?(.+?) ?(?:%|por ciento) de (.+)", _PERCENT, "El {0} por ciento de {1}"),),
    ),
    "fr": _words(
        r"(?:combien font|combien fait|combien ça fait|quel est|qu'est-ce que|ça fait combien|calcule) ?",
        r",? (?:s'il te plaît|s'il vous plaît|font combien|ça fait combien)$",
        "plus",
        "moins",
        "fois|multiplié par",
        "divisé par",
        "{sum} font {result}.",
        "{sum} font environ {result}.",
        ((r"(?:combien font )?(.+?) ?(?:%|pour cent|pourcents?) de (.+)", _PERCENT, "{0} pour cent de {1}"),),
    ),
    "de": _words(
        r"(?:bitte )?(?:(?:was|wie viel|wieviel) (?:ist|sind|macht|ergibt)|berechne) ?",
        r",? (?:bitte)$",
        "plus",
        "minus|weniger",
        "mal|multipliziert mit",
        "geteilt durch|dividiert durch|durch",
        "{sum} ist {result}.",
        "{sum} ist ungefähr {result}.",
        ((r"(.+?) ?(?:%|prozent) von (.+)", _PERCENT, "{0} Prozent von {1}"),),
    ),
    "it": _words(
        r"(?:quanto fa|quanto fanno|quant'è|quanto è|cos'è|calcola) ?(?:il )?",
        r",? (?:per favore)$",
        "più",
        "meno",
        "per|moltiplicato per",
        "diviso|diviso per",
        "{sum} fa {result}.",
        "{sum} fa circa {result}.",
        ((r"(.+?) ?(?:%|per cento|percento) di (.+)", _PERCENT, "Il {0} per cento di {1}"),),
    ),
    "pt": _words(
        r"(?:quanto é|quanto são|quantos são|qual é|quanto dá|calcule|calcula) ?",
        r",? (?:por favor)$",
        "mais",
        "menos",
        "vezes|multiplicado por",
        "dividido por",
        "{sum} é {result}.",
        "{sum} é aproximadamente {result}.",
        ((r"(.+?) ?(?:%|por cento) de (.+)", _PERCENT, "{0} por cento de {1}"),),
    ),
    "hi": _words(
        r"", r" (?:कितना होता है|कितने होते हैं|क्या है|कितना है)$",
        "जमा|प्लस", "घटा|माइनस", "गुणा", "भाग|भागा",
        "{sum}, {result} होता है।", "{sum}, लगभग {result} होता है।",
    ),
    "ja": _words(
        r"", r"(?:は|は何ですか|はいくつですか|はいくつ|は何)$",
        "足す|たす", "引く|ひく", "かける|掛ける", "割る|わる",
        "{sum}は{result}です。", "{sum}は約{result}です。",
    ),
    "zh": _words(
        r"(?:请问)?", r"(?:等于多少|等于几|是多少|得多少)$",
        "加", "减", "乘以|乘", "除以",
        "{sum}等于{result}。", "{sum}约等于{result}。",
    ),
}  # fmt: skip
"""By ISO 639-1 code."""
