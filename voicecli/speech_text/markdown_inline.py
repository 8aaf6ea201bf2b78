"""Marks inside a line of Markdown, and the words to speak for them.

Each rule has a pattern for a whole mark and one for text that may still grow into one. Both depend on the character
before the mark and on a bounded part of the line after it. So a mark that is never closed delays the text only briefly,
and the result does not depend on how the stream is divided.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass

from voicecli.speech_text.phrases import PHRASES, SpokenPhrases


@dataclass(frozen=True, slots=True)
class Mark:
    """One kind of markup."""

    growing: re.Pattern[str]  # matches all remaining text while the decision must wait
    whole: re.Pattern[str]
    say: Callable[[re.Match[str], SpokenPhrases], str]


ENGLISH = PHRASES["en"]


def inline_mark(text: str, at: int, phrases: SpokenPhrases = ENGLISH) -> tuple[int, str] | None:
    """Return where the mark at `at` ends and the words for it; `(at, "")` to wait for more text; None for plain text.

    `text[at - 1]` must exist: marks depend on the character before them.
    """
    for mark in _MARKS_AT.get(text[at], _OTHER_MARKS):
        if mark.growing.fullmatch(text, at) is not None:
            return at, ""
        if (match := mark.whole.match(text, at)) is not None:
            return match.end(), mark.say(match, phrases)
    return None


def plain(text: str, phrases: SpokenPhrases) -> str:
    """Return a complete part of one line without its marks."""
    text = f"\n{text}\n"  # marks depend on the characters around them, and the line's end decides all of them
    at, said = 1, []
    while at < len(text) - 1:
        end, spoken = inline_mark(text, at, phrases) or (at + 1, text[at])
        said.append(spoken)
        at = end
    return "".join(said)


def _nothing(_: re.Match[str], __: SpokenPhrases) -> str:
    return ""


def _neighbors(match: re.Match[str]) -> tuple[str, str]:
    return match.string[match.start() - 1], match.string[match.end()]


def _emphasis(match: re.Match[str], __: SpokenPhrases) -> str:
    """Drop the marks of emphasis; keep those of products, powers and snake_case."""
    before, after = _neighbors(match)
    if before == after == " ":
        return match[0]
    if not (before.isalnum() and after.isalnum()):
        return ""
    is_bold = match[0].startswith("**") and not (before.isdigit() and after.isdigit())
    return "" if is_bold else match[0]


def _angle(match: re.Match[str], __: SpokenPhrases) -> str:
    """Keep the sign of a comparison; drop the brackets around a <placeholder>."""
    before, after = _neighbors(match)
    compares = (before.isspace() and after.isspace()) or (before.isalnum() and after.isalnum())
    compares = compares or after in "=0123456789"
    return match[0] if compares else ""


_WORDLIKE = re.compile(r"[\w .,:/@+#'~-]{1,40}")


def _code(match: re.Match[str], phrases: SpokenPhrases) -> str:
    code = re.sub(r"\(\)|^\$ ", "", match["code"].strip())
    if not _WORDLIKE.fullmatch(code) or not any(map(str.isalnum, code)):
        return phrases.code_inside
    return code


def _entity(match: re.Match[str], __: SpokenPhrases) -> str:
    said = html.unescape(match[0])
    return said if said.isprintable() else " "


_BREAKING_TAG = re.compile(r"<(?:/?(?:br|p|li|div|tr|ul|ol|hr))\b", re.IGNORECASE)


def _tag(match: re.Match[str], __: SpokenPhrases) -> str:
    return " " if _BREAKING_TAG.match(match[0]) else ""


_BEFORE_HOST = re.compile(r"(?:https?://)?(?:[^/@\s]*@)?(?:www\.)?", re.IGNORECASE)
_AFTER_HOST = re.compile(r"[/:?#].*")


def _host(match: re.Match[str], __: SpokenPhrases) -> str:
    return _AFTER_HOST.sub("", _BEFORE_HOST.sub("", match[0], count=1))


def _link(match: re.Match[str], phrases: SpokenPhrases) -> str:
    return plain(match["text"], phrases)


_MATHS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(written), said)
    for written, said in (
        (r"\\(?:text|mathrm|mathbf|operatorname)\{([^{}]*)\}", r"\1"),
        (r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", r"\1 over \2"),
        (r"\\sqrt\{([^{}]*)\}", r"the square root of \1"),
        (r"\^\{?2\}?(?!\d)", " squared"),
        (r"\^\{?3\}?(?!\d)", " cubed"),
        (r"\^(?:\{([^{}]*)\}|(\w))", r" to the power of \1\2"),
        (r"_(?:\{([^{}]*)\}|(\w))", r" sub \1\2"),
        (r"\\(?:times|cdot)", " times "),
        (r"\\div", " divided by "),
        (r"\\pm", " plus or minus "),
        (r"\\(?:leq?|leqslant)\b", " is at most "),
        (r"\\(?:geq?|geqslant)\b", " is at least "),
        (r"\\neq?\b", " is not equal to "),
        (r"\\approx", " is about "),
        (r"\\(?:to|rightarrow)\b", " to "),
        (r"\\(?:left|right|,|;|!|quad)", ""),
        (r"\\(alpha|beta|gamma|delta|epsilon|theta|lambda|mu|pi|sigma|tau|phi|omega|sin|cos|tan|log|ln)\b", r" \1 "),
        (r"\\(%|\$)", r"\1"),
        (r"=", " equals "),
        (r"\+", " plus "),
        (r"(?<=[\w)])\s*-", " minus "),
        (r"<", " is less than "),
        (r">", " is greater than "),
    )
)
_SAYABLE_MATHS = re.compile(r"[\w\s().,:/%$'-]+")


def _maths(match: re.Match[str], phrases: SpokenPhrases) -> str:
    formula = match["formula"]
    if phrases is not ENGLISH:  # the words for signs exist only in English
        return formula if formula.isalnum() else phrases.formula_inside
    for written, said in _MATHS:
        formula = written.sub(said, formula)
    said = " ".join(formula.split())
    return said if len(said) <= 60 and _SAYABLE_MATHS.fullmatch(said) else phrases.formula_inside


_TAG_NAMES = (
    "a|abbr|b|big|blockquote|br|center|code|dd|del|details|div|dl|dt|em|font|h[1-6]|hr|i|img|ins|kbd|li|mark|ol|p|pre|q|"
    "s|samp|small|span|strike|strong|sub|summary|sup|table|tbody|td|th|thead|tr|tt|u|ul|var"
)
EMOJI = (
    "\u00ad\u200b\u200d\ufe0e\ufe0f\u20e3\u231a\u231b\u23e9-\u23fa\u25aa-\u25fe\u2600-\u27bf\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001faff\U000e0020-\U000e007f"
)


def _mark(growing: str, whole: str, say: Callable[[re.Match[str], SpokenPhrases], str]) -> Mark:
    return Mark(re.compile(growing, re.IGNORECASE), re.compile(whole, re.IGNORECASE), say)


_NEVER = r"(?!)"
_CODE = _mark(r"`(?:[^`\n]{1,120}`?)?", r"`(?P<code>[^`\n]{1,120})`(?!`)", _code)
_CODE_WITH_TICKS = _mark(
    r"``(?:(?:[^`\n]|`(?!`)){1,120}`{0,2})?",
    r"``(?!`)(?P<code>(?:[^`\n]|`(?!`)){1,120})``(?!`)",
    _code,
)
_LOST_TICKS = _mark(_NEVER, r"`+", _nothing)
_EMPHASIS = _mark(r"\*+|_+", r"\*+|_+", _emphasis)
_STRIKE = _mark(r"~+", r"~{2,}", _nothing)
_FOOTNOTE = _mark(
    r"\[\^?[\w, ]{0,20}\]?",
    r"\[(?:\^[\w-]{1,20}|\d{1,3}(?:,[ ]?\d{1,3}){0,9})\](?!\()",
    _nothing,
)
_LINK_TEXT = r"(?:[^\[\]\n]|\[[^\[\]\n]{0,80}\]){0,200}"
_LINK_TARGET = r"(?:[^()\n]|\([^()\n]{0,100}\)){0,500}"
_LINK = _mark(
    rf"!?\[{_LINK_TEXT}(?:\[[^\[\]\n]{{0,80}}|\](?:\({_LINK_TARGET}(?:\([^()\n]{{0,100}})?)?)?|!",
    rf"!?\[(?P<text>{_LINK_TEXT})\]\({_LINK_TARGET}\)",
    _link,
)
_SOURCE = _mark(r"【[^】\n]{0,60}", r"【[^】\n]{0,60}】", _nothing)
_COMMENT = _mark(r"<(?:!(?:-(?:-[^\n]{0,300})?)?)?", r"<!--[^\n]{0,300}?-->", _nothing)
_TAG = _mark(
    rf"</?(?:[a-z1-6]{{0,10}}|(?:{_TAG_NAMES})(?:[ ][^<>\n]{{0,200}})?/?)",
    rf"</?(?:{_TAG_NAMES})(?:[ ][^<>\n]{{0,200}})?/?>",
    _tag,
)
_ANGLE = _mark(r"[<>]", r"[<>]", _angle)
_ENTITY = _mark(r"&[#a-z0-9]{0,10}", r"&(?:#\d{1,6}|#x[0-9a-f]{1,5}|[a-z][a-z0-9]{1,9});", _entity)
_ESCAPED_MATHS = _mark(
    r"\\(?:\((?:[^\\\n]|\\[^)\n]){0,120}\\?)?",
    r"\\\((?P<formula>(?:[^\\\n]|\\[^)\n]){1,120})\\\)",
    _maths,
)
_ESCAPE = _mark(r"\\", r"\\(?P<char>[!-/:-@\[-`{-~])", lambda match, _: match["char"])
_DOLLAR_MATHS = _mark(
    r"\$(?:[a-z\\(-][^$\n]{0,80}\$?)?",
    r"\$(?P<formula>(?=[a-z\\(-])[^$\n]{0,80}[^$\s])\$(?!\d)",
    _maths,
)
_URL_START = r"(?<![^\W_])(?:https?://|www\.)"
_URL_END = r"(?<![.,;:!?'\"*_)\]])"
_URL = _mark(
    rf"(?<![^\W_])(?:h(?:t(?:t(?:p(?:s?:?/?)?)?)?)?|w(?:w(?:w)?)?)|{_URL_START}[^\s<>`|]{{0,2000}}",
    rf"{_URL_START}[^\s<>`|]{{1,2000}}{_URL_END}",
    _host,
)
_KEYCAP = _mark("[0-9#*]\ufe0f?", "[0-9#*]\ufe0f?\u20e3", _nothing)
_ARROW = _mark(r"[-=]{1,3}", r"[-=]{1,3}>", lambda _, __: "→")
_DASH = _mark(r"-{1,2}", r"(?<!-)--(?![-\w])|(?<=[^\W\d])--(?=[^\W\d])", lambda _, __: "—")
_PICTURE = _mark(_NEVER, f"[{EMOJI}]+", _nothing)

_OTHER_MARKS = (_PICTURE,)

_MARKS_AT: dict[str, tuple[Mark, ...]] = {
    "\\": (_ESCAPED_MATHS, _ESCAPE),
    "*": (_KEYCAP, _EMPHASIS),
    "_": (_EMPHASIS,),
    "~": (_STRIKE,),
    "`": (_CODE, _CODE_WITH_TICKS, _LOST_TICKS),
    "[": (_FOOTNOTE, _LINK),
    "!": (_LINK,),
    "【": (_SOURCE,),
    "<": (_COMMENT, _TAG, _ANGLE),
    ">": (_ANGLE,),
    "&": (_ENTITY,),
    "$": (_DOLLAR_MATHS,),
    "-": (_ARROW, _DASH),
    "=": (_ARROW,),
    **dict.fromkeys("hHwW", (_URL,)),
    **dict.fromkeys("0123456789#", (_KEYCAP,)),
}
