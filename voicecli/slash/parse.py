"""A typed line -> a command, a question, or what was probably meant. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

NEAR = 0.5
"""How alike a name has to be to be offered, as difflib counts; "voise" and "voice" are at 0.8."""


@dataclass(frozen=True, slots=True)
class Command:
    """One that is known."""

    name: str
    argument: str  # all that follows the name; may be empty


@dataclass(frozen=True, slots=True)
class Question:
    """A text for the language model."""

    text: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """No command; `message` says which may be meant."""

    message: str


def is_command(text: str) -> bool:
    """Whether a line is one: two slashes begin a question that begins with one."""
    return text.startswith("/") and not text.startswith("//")


def parse(text: str, names: Sequence[str]) -> Command | Question | Mistake:
    """A line by the names that are known; the beginning of a name is enough where no other begins so."""
    if not is_command(text):
        return Question(text[1:] if text.startswith("//") else text)
    wanted, _, argument = text[1:].strip().partition(" ")
    found = completions(wanted.lower(), names)
    if wanted and (len(found) == 1 or wanted.lower() in found):
        return Command(wanted.lower() if wanted.lower() in found else found[0], argument.strip())
    near = found if wanted and found else get_close_matches(wanted.lower(), names, n=3, cutoff=NEAR)
    meant = f"Did you mean {' or '.join(f'/{name}' for name in near)}? " if near else ""
    return Mistake(f"There is no command /{wanted}. {meant}/help lists them; // asks a text that begins with a slash.")


def completions(begun: str, values: Sequence[str]) -> list[str]:
    """The values that begin so, in their order: names of commands, or what may follow one."""
    return [value for value in values if value.startswith(begun)]
