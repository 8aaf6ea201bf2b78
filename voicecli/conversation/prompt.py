"""What every request to the language model begins with, beside the instructions of the settings. Pure."""

from __future__ import annotations

import tomllib
from datetime import date

from voicecli.types import Message


def about_now(today: date, place: str) -> str:
    """Return what the model knows of the time and the place; `place` may be empty.

    A prompt that changes has to be read anew, so the time of day is left to the tool.
    """
    day = f"Today is {today:%A}, {today.day} {today:%B %Y}."
    return f"{day} The user is in {place}." if place else day


def parse_examples(text: str) -> tuple[Message, ...]:
    """Return the conversation in `config/examples.toml`, which has pairs of a question and its answer.

    Raise ValueError if it is something else, which is a mistake of its author, not of the user.
    """
    turns = tomllib.loads(text)["turns"]
    return tuple(
        message for question, answer in turns for message in (Message("user", question), Message("assistant", answer))
    )
