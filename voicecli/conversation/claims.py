"""Answers that claim an action of a tool, such as "I've set a timer", which needs a call to be true. Pure, English."""

from __future__ import annotations

import re
from collections.abc import Iterable

_DONE = (
    "set|started|canceled|cancelled|stopped|created|added|removed|deleted|cleared|paused|scheduled|sent|"
    "turned (?:on|off)|switched (?:on|off)"
)
_DOING = "setting|starting|cancell?ing|stopping|creating|adding|removing|deleting|scheduling|sending|turning|switching"
_DO = "set|start|cancel|stop|create|add|remove|delete|clear|pause|schedule|send|turn|switch"

_CLAIM = (
    rf"\bi(?: have|'ve)(?: just| now)? (?:{_DONE})\b[^.!?]*\b(?:{{things}})",
    rf"\bi(?: will|'ll| am|'m)(?: now| just)? (?:{_DO}|{_DOING})\b[^.!?]*\b(?:{{things}})",
    rf"(?:\A|[.!?,] )i (?:just |now )?(?:{_DONE})\b[^.!?]*\b(?:{{things}})",
    rf"\byou(?: have|'ve) (?:{_DONE})\b[^.!?]*\b(?:{{things}})",
    rf"\b(?:{{things}})\b[^.!?]* (?:is|are|was|were|has been|have been)(?: now)? (?:{_DONE})\b",
    rf"(?:\A|[.!?,] )(?:{_DOING}|started|cancell?ed|stopped)\b[^.!?]*\b(?:{{things}})",
    rf"(?:\A|[.!?,] )(?:{{things}}) (?:{_DONE})\b",
)

_ABOUT_THE_PAST = re.compile(
    r"(?:and |so |but |well,? )*(?:did|have|has|had|is|are|was|were|what|when|how|which|who|why|where|do|does)\b"
)
"""How a question begins that is no request: it may be about what was done before."""

_ALSO = {"timer": ("reminder", "alarm")}

_SHORTEST_THING = 4
"""Shorter words of tool names are verbs and prepositions."""


def claims_action(answer: str, question: str, tools: Iterable[str]) -> bool:
    """Return whether the answer to a request claims that something was done which needs one of the tools.

    What a tool acts on is a word of its name: "timer" of `set_timer`.
    """
    if _ABOUT_THE_PAST.match(_plain(question)):
        return False
    things = "|".join(map(re.escape, sorted(_things(tools))))
    return bool(things) and any(re.search(claim.format(things=things), _plain(answer)) for claim in _CLAIM)


def _things(tools: Iterable[str]) -> set[str]:
    words = {word.casefold() for tool in tools for word in re.split(r"[^A-Za-z]+", tool)}
    things = {word.removesuffix("s") for word in words if len(word) >= _SHORTEST_THING}
    things -= set(_DO.split("|"))
    return things | {also for thing in things for also in _ALSO.get(thing, ())}


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())
