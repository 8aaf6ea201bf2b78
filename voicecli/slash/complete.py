"""What a line that begins with a slash may become. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from voicecli.slash.commands import COMMANDS, NAMES, CommandHelp
from voicecli.slash.parse import completions, is_command


@dataclass(frozen=True, slots=True)
class Value:
    """What may follow the name of a command, whole."""

    text: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A line that may be meant."""

    line: str  # ends in a space where something may follow
    shown: str
    help: str


ValuesOf = Callable[[str], Sequence[Value]]
"""What may follow a command, by its name without the slash."""


def offers(line: str, values_of: ValuesOf) -> tuple[Offer, ...]:
    """Commands that begin as the line does, or what may follow its command; nothing for a question."""
    if not is_command(line):
        return ()
    name, space, argument = line[1:].partition(" ")
    begun = completions(name.lower(), NAMES)
    if not space:
        return tuple(offer_of(command) for command in COMMANDS if command.name in begun)
    found = name.lower() if name.lower() in begun else begun[0] if len(begun) == 1 else ""
    values = fitting(argument.strip(), values_of(found)) if found else []
    return tuple(Offer(f"/{found} {value.text}", value.text, value.help) for value in values)


def offer_of(command: CommandHelp) -> Offer:
    """A command with a place for what follows."""
    space = " " if command.arguments else ""
    return Offer(f"/{command.name}{space}", f"/{command.name}{space}{command.arguments}", command.help)


def fitting(begun: str, values: Sequence[Value]) -> list[Value]:
    """Those that begin so, then those with it in them."""
    wanted = begun.casefold()
    texts = [value.text.casefold() for value in values]
    first = [value for value, text in zip(values, texts, strict=True) if text.startswith(wanted)]
    return first + [
        value for value, text in zip(values, texts, strict=True) if wanted in text and not text.startswith(wanted)
    ]
