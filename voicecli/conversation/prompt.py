"""What every request to the language model begins with, beside the instructions of the settings. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date

from voicecli.types import Message

Examples = Mapping[str, tuple[Message, ...]]
"""For each language (ISO 639-1) a short conversation that shows how to answer."""


def about_now(today: date, place: str) -> str:
    """Return what the model knows of the time and the place; `place` may be empty.

    A prompt that changes has to be read anew, so the time of day is left to the tool.
    """
    day = f"Today is {today:%A}, {today.day} {today:%B %Y}."
    return f"{day} The user is in {place}." if place else day


def parse_examples(text: str) -> Examples:
    """Return the examples in `config/examples.toml`: for each language, pairs of a question and its answer.

    Raise ValueError if it is something else, which is a mistake of its author, not of the user.
    """
    return {
        language: tuple(
            message
            for question, answer in turns
            for message in (Message("user", question), Message("assistant", answer))
        )
        for language, turns in tomllib.loads(text).items()
    }
