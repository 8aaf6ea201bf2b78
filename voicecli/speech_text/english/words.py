"""Abbreviations, addresses, file names, identifiers and signs."""

from __future__ import annotations

import re

from voicecli.speech_text.english.numbers import Rule, cardinal, ordinal

_REGNAL = frozenset({
    "Henry", "Louis", "Elizabeth", "George", "Charles", "Edward", "James", "William", "Richard", "Philip",
    "Ferdinand", "Frederick", "Napoleon", "Alexander", "Catherine", "Leo", "Pius", "Benedict", "Paul", "Gregory",
    "Clement", "Innocent", "Francis", "Peter", "Nicholas", "Ramses", "Ptolemy", "Gustav", "Christian",
})  # fmt: skip
_ROMAN = {
    "I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7, "VIII": 8, "IX": 9, "X": 10, "XI": 11, "XII": 12,
    "XIII": 13, "XIV": 14, "XV": 15, "XVI": 16, "XVII": 17, "XVIII": 18, "XIX": 19, "XX": 20, "XXI": 21, "XXII": 22,
}  # fmt: skip
_DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Fri": "Friday", "Sat": "Saturday",
    "Sun": "Sunday",
}  # fmt: skip


def _roman(match: re.Match[str]) -> str:
    """Spell a Roman numeral: ordinals for monarchs, cardinals for wars and chapters."""
    number = _ROMAN[match["numeral"]]
    if match["name"] in _REGNAL:
        return f"{match['name']} the {ordinal(number)}"
    return f"{match['name']} {cardinal(str(number))}"


def _email(match: re.Match[str]) -> str:
    local, _, host = match[0].partition("@")
    for sign, said in ((".", " dot "), ("_", " underscore "), ("-", " dash "), ("+", " plus ")):
        local = local.replace(sign, said)
    return f"{local} at {host.replace('.', ' dot ')}"


def _path(match: re.Match[str]) -> str:
    path = re.sub(r"^~", "home", match[0])
    path = re.sub(r"^(\.\.?)(?=/)", lambda dots: " ".join(["dot"] * len(dots[1])), path)
    return path.replace("/", " slash ").strip()


def _day(match: re.Match[str]) -> str:
    return _DAYS[match["day"]]


def _initials(match: re.Match[str]) -> str:
    """Drop the periods after a name's initials, but not in "vitamin C. Then"."""
    before = match.string[: match.start()].split()
    return match[0] if before and before[-1][0].islower() else match[0].replace(".", "")


def _day_span(match: re.Match[str]) -> str:
    return f"{_DAYS[match['start']]} to {_DAYS[match['end']]}"


def _dotted(match: re.Match[str]) -> str:
    return match[0].replace(".", "")


def _flag(match: re.Match[str]) -> str:
    return "dash " * len(match[0])


_EMAIL: Rule = (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), _email)

_SAID_FOR = (
    (r"\be\.\s?g\.", "for example"),
    (r"\bi\.\s?e\.", "that is"),
    (r"\betc\.(?=\s+[a-z]|[,;:)!?])|(?<!/)\betc\b(?!/)", "et cetera"),
    (r"\bvs\b\.?", "versus"),
    (r"\b(?:a\.k\.a\.|aka\b)", "also known as"),
    (r"\bw/o\b", "without"),
    (r"\bw/(?=\s|\w)\s?", "with "),
    (r"\b[Aa]pprox\.", "approximately"),
    (r"\bcf\.", "compare"),
    (r"(?<=[a-z] )Dr\.(?=\s[a-z]|[,;])", "Drive"),
    (r"\bDr\.", "Doctor"),
    (r"\bMr\.", "Mister"),
    (r"\bMrs\.", "Mrs"),
    (r"\bMs\.", "Miz"),
    (r"\bProf\.", "Professor"),
    (r"(?<=[a-z] )St\.(?=\s[a-z]|[,;]|$)", "Street"),
    (r"\bSt\.(?=\s[A-Z])", "Saint"),
    (r"\bMt\.(?=\s[A-Z])", "Mount"),
    (r"\bJr\.", "Junior"),
    (r"\bSr\.", "Senior"),
    (r"\bPh\.D\b\.?", "PhD"),
    (r"\bInc\.", "Incorporated"),
    (r"\bLtd\.", "Limited"),
    (r"\bNo\.(?=\s?\d)", "number"),
    (r"\bNos\.(?=\s?\d)", "numbers"),
    (r"\bpp\.(?=\s?\d)", "pages"),
    (r"\bp\.(?=\s?\d)", "page"),
    (r"\b[Ff]ig\.(?=\s?\d)", "figure"),
    (r"\b[Vv]ol\.(?=\s?\d)", "volume"),
    (r"\b[Cc]h\.(?=\s?\d)", "chapter"),
    (r"\b[Ss]ec\.(?=\s?\d)", "section"),
    # Abbreviations that espeak reads as a word, or whose "A" it reads as the article
    (r"\bAWS\b", "A-W-S"),
    (r"\bCLI\b", "C-L-I"),
    (r"\bETA\b", "E-T-A"),
    (r"\bIDE\b", "I-D-E"),
    (r"\bORM\b", "O-R-M"),
    (r"\bUX\b", "U-X"),
    (r"\bCO2\b|\bCO₂", "C-O two"),
    (r"\bH₂O", "H two O"),
    (r"\bWW(?:II|2)\b", "World War two"),
    (r"\bWWI\b", "World War one"),
    (r"\bSaaS\b", "sass"),
    (r"\bnginx\b", "engine X"),
    (r"\bkubectl\b", "kube control"),
    (r"\bstd(in|out)\b", r"standard \1"),
    (r"\bstderr\b", "standard error"),
    (r"\bC#(?!\w)", "C sharp"),
    (r"\bF#(?!\w)", "F sharp"),
    (r"\bC\+\+(?!\w)", "C plus plus"),
)

WORDS: tuple[Rule, ...] = (
    _EMAIL,
    *((re.compile(written), said) for written, said in _SAID_FOR),
    (re.compile(r"\b(?:[A-Z]\.){2,}(?=\s+(?!(?:The|They|It|He|She|We|You|This|But|In)\b)\S|[,;:!?)]|['’]s)"), _dotted),
    (re.compile(r"\b(?:[A-Z]\.)+[A-Z](?=\.)"), _dotted),
    (re.compile(r"(?<!°)\b(?:[A-Z]\.\s)+(?=[A-Z])"), _initials),
    (re.compile(rf"\b(?P<start>{'|'.join(_DAYS)})\.?\s?[-–]\s?(?P<end>{'|'.join(_DAYS)})\b"), _day_span),
    (re.compile(rf"(?<!the )\b(?P<day>{'|'.join(_DAYS)})\b\.?(?=,? \d|, [A-Z]| at \d)"), _day),
    (re.compile(rf"\b(?P<name>[A-Z][a-z]+) (?P<numeral>{'|'.join(sorted(set(_ROMAN) - {'I', 'V', 'X'}))})\b"), _roman),
    (re.compile(rf"\b(?P<name>{'|'.join(sorted(_REGNAL))}) (?P<numeral>V|X)\b(?!\.)"), _roman),
)

NAMES: tuple[Rule, ...] = (
    (re.compile(r"\bhttps?://(?:www\.)?"), ""),
    (re.compile(r"(?<=\w)\(\)"), ""),
    (re.compile(r"(?<![\w/])(?:~|\.{1,2})?/[\w.-]+(?:/[\w.-]*)*|(?<![\w/])[\w.-]+/[\w.-]+(?:/[\w.-]*)+"), _path),
    (re.compile(r"(?<![\w/])[\w-]+/[\w-]+\.[a-z]\w{0,4}\b"), _path),
    (re.compile(r"(?<=[\w)])\.(?=[a-z_]|[A-Z]{2,}\b|[A-Z]\w*\.[a-z])"), " dot "),
    (re.compile(r"(?<!\S)\.(?=[A-Za-z])"), "dot "),
    (re.compile(r"(?<!\S)--?(?=[A-Za-z])"), _flag),
    (re.compile(r"(?<=[^\W_])_+(?=[^\W_])"), " "),
    (re.compile(r"(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)"), ""),
    (re.compile(r"\b[a-z]{2,}(?:[A-Z][a-z0-9]+)+\b"), lambda match: re.sub(r"(?=[A-Z])", " ", match[0]).lower()),
)

SPANS: tuple[Rule, ...] = (
    (re.compile(r"(?<=[A-Za-z])-(?=\d)"), " "),
    (re.compile(r"(?<=\d)\s*−\s*(?=\d)|(?<=\d)\s+-\s+(?=\d)"), " minus "),
    (re.compile(r"(?<=[\d%°CFKkMm])(?:-|\s?[–—]\s?)(?=[$€£]?\d)"), " to "),
    (re.compile(r"(?<![\w)])[-−](?=[$€£]?\.?\d)"), "minus "),
    (re.compile(r"(?<=\d)\^2\b"), " squared"),
    (re.compile(r"(?<=\d)\^3\b"), " cubed"),
    (re.compile(r"(?<=\d)\^(?=\d)"), " to the power of "),
    (re.compile(r"~\s?(?=[$€£]?\d)"), "about "),
    (re.compile(r"(?<![\w&])#(?=\d)"), "number "),
    (re.compile(r"(?<=\d)(?:\s?x\s?|×)(?=\d)"), " by "),
)

_AROUND = {
    "=": "equals", "==": "equals", "+": "plus", "×": "times", "*": "times", "÷": "divided by", "/": "divided by",
    "<": "is less than", ">": "is greater than", "≤": "is at most", "<=": "is at most", "≥": "is at least",
    ">=": "is at least", "≠": "is not equal to", "!=": "is not equal to", "≈": "is about", "±": "plus or minus",
}  # fmt: skip
"""Signs between two terms."""

_BEFORE_NUMBER = {
    "<": "less than ", ">": "more than ", "≤": "at most ", "<=": "at most ", "≥": "at least ", ">=": "at least ",
    "≈": "about ", "±": "plus or minus ", "+": "plus ", "√": "the square root of ", "§": "section ",
}  # fmt: skip
_ALONE = {
    "→": " to ", "⇒": " to ", "←": " from ", "↔": " and ", "−": " minus ", "²": " squared", "³": " cubed", "π": " pi ",
    "∞": " infinity ", "°": " degrees", "&": " and ", "@": " at ", "×": " times ", "÷": " divided by ",
    "©": "", "®": "", "™": "", "`": "", "{": " ", "}": " ", "<": " ", ">": " ", "*": "", "\\": " ", "^": " ", "%":
    " percent", "~": " ",
}  # fmt: skip


def _signs(table: dict[str, str]) -> str:
    return "|".join(re.escape(sign) for sign in sorted(table, key=len, reverse=True))


SIGNS: tuple[Rule, ...] = (
    (re.compile(r"\b(he|his|him)/(she|hers?)\b", re.IGNORECASE), r"\1 or \2"),
    (re.compile(r"(?<=[A-Za-z])/(?=[A-Za-z])"), " "),
    (re.compile(r"(?<=\d)\s?:\s?(?=\d)"), " to "),
    (re.compile(rf"(?<=[\w)])\s+(?P<sign>{_signs(_AROUND)})\s+(?=[\w(√-])"), lambda m: f" {_AROUND[m['sign']]} "),
    (re.compile(rf"(?<=\d)(?!/)(?P<sign>{_signs(_AROUND)})(?=\d)"), lambda m: f" {_AROUND[m['sign']]} "),
    (re.compile(rf"(?P<sign>{_signs(_BEFORE_NUMBER)})\s?(?=\d)"), lambda m: _BEFORE_NUMBER[m["sign"]]),
    (re.compile(r"(?<=\w)\+(?!\w)"), " plus"),
    (re.compile(r"(?<=\w)\+(?=[A-Za-z])"), " plus "),
    (re.compile(r"(?<=\w)=(?=\w)"), " equals "),
    (re.compile(r"\^2\b"), " squared"),
    (re.compile(r"\^3\b"), " cubed"),
    (re.compile(r"\^(?=\w)"), " to the power of "),
    (re.compile(r"(?<!\w)#(?=[A-Za-z])"), "hashtag "),
    (re.compile(r"(?<=\s)[-–](?=\s)"), "—"),
    (re.compile(r"\s*\|+\s*(?=\w)"), ", "),
    (re.compile(r"\|"), ""),
    (re.compile(_signs({sign: said for sign, said in _ALONE.items() if sign != "&"})), lambda m: _ALONE[m[0]]),
    (re.compile(r"(?<![A-Z])&|&(?![A-Z]\b)"), " and "),
)
