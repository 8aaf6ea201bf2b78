"""Slash commands: their names and help, and how a typed line is parsed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

SUGGESTION_CUTOFF = 0.5
"""Least similarity of a suggested name, as difflib measures it; "voise" and "voice" are at 0.8."""


@dataclass(frozen=True, slots=True)
class CommandHelp:
    """One entry in the list of commands."""

    name: str  # without the slash
    arguments: str  # as a user would read it; empty for none
    help: str


COMMANDS = (
    CommandHelp("device", "[mic|speaker NAME]", "use another microphone or speaker, or list them"),
    CommandHelp("doctor", "", "check what does not work here; takes a few seconds"),
    CommandHelp("help", "", "list the commands"),
    CommandHelp("history", "[WORDS]", "list the last conversations, or search them"),
    CommandHelp("language", "[CODE]", "hear another language, or auto; or list them"),
    CommandHelp("latency", "", "show where the time of the last answers went"),
    CommandHelp("model", "[NAME]", "use another language model, or list them"),
    CommandHelp("mute", "", "mute or unmute the microphone"),
    CommandHelp("new", "", "start a new conversation; this one stays in the history"),
    CommandHelp("quit", "", "end the conversation"),
    CommandHelp("resume", "ID|last", "continue an earlier conversation"),
    CommandHelp("save", "[FILE]", "save this conversation as a Markdown file"),
    CommandHelp("speed", "[X]", "set how fast the voice speaks, 0.5 to 2"),
    CommandHelp("system", "TEXT", "instruct the language model, from the next question"),
    CommandHelp("voice", "[NAME]", "speak with another voice, or list them"),
)

COMMANDS_BY_NAME = {one.name: one for one in COMMANDS}
NAMES = tuple(COMMANDS_BY_NAME)


@dataclass(frozen=True, slots=True)
class Command:
    """A known command."""

    name: str
    argument: str  # all that follows the name; may be empty


@dataclass(frozen=True, slots=True)
class Question:
    """A text for the language model."""

    text: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """An unknown command; `message` suggests similar names."""

    message: str


def help_text() -> str:
    """Return the list of commands, one line each."""
    heads = [f"/{one.name} {one.arguments}".rstrip() for one in COMMANDS]
    width = max(map(len, heads))
    return "\n".join(f"{head:<{width}}  {one.help}" for head, one in zip(heads, COMMANDS, strict=True))


def is_command(text: str) -> bool:
    """Return whether a line is a command; two slashes start a question that begins with one slash."""
    return text.startswith("/") and not text.startswith("//")


def parse(text: str, names: Sequence[str]) -> Command | Question | Mistake:
    """Parse a typed line; an unambiguous prefix of one of `names` is enough."""
    if not is_command(text):
        return Question(text[1:] if text.startswith("//") else text)
    wanted, _, argument = text[1:].strip().partition(" ")
    found = completions(wanted.lower(), names)
    if wanted and (len(found) == 1 or wanted.lower() in found):
        return Command(wanted.lower() if wanted.lower() in found else found[0], argument.strip())
    near = found if wanted and found else get_close_matches(wanted.lower(), names, n=3, cutoff=SUGGESTION_CUTOFF)
    meant = f"Did you mean {' or '.join(f'/{name}' for name in near)}? " if near else ""
    return Mistake(
        f"There is no command /{wanted}. {meant}/help lists the commands; // starts a question with a slash."
    )


def completions(prefix: str, values: Sequence[str]) -> list[str]:
    """Return the values that start with `prefix`, in their order."""
    return [value for value in values if value.startswith(prefix)]
