"""The commands of a conversation. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandHelp:
    """What a list of commands tells of one."""

    name: str  # without the slash
    arguments: str  # as a user would read it; empty for none
    help: str


COMMANDS = (
    CommandHelp("device", "[mic|speaker NAME]", "use another microphone or speaker, or list them"),
    CommandHelp("doctor", "", "look for what does not work here; takes some seconds"),
    CommandHelp("help", "", "list the commands"),
    CommandHelp("history", "[WORDS]", "the last conversations, or those with these words"),
    CommandHelp("language", "[CODE]", "hear another language, or auto; or list them"),
    CommandHelp("latency", "", "where the time of the last answers went"),
    CommandHelp("model", "[NAME]", "let another language model answer, or list them"),
    CommandHelp("mute", "", "stop listening, or go on"),
    CommandHelp("new", "", "begin another conversation; this one stays in the history"),
    CommandHelp("quit", "", "end the conversation"),
    CommandHelp("resume", "ID|last", "go on with an earlier conversation"),
    CommandHelp("save", "[FILE]", "write this conversation into a Markdown file"),
    CommandHelp("speed", "[X]", "how fast the voice speaks, 0.5 to 2"),
    CommandHelp("system", "TEXT", "instruct the language model, from the next question"),
    CommandHelp("voice", "[NAME]", "speak with another voice, or list them"),
)

NAMES = tuple(command.name for command in COMMANDS)


def command(name: str) -> CommandHelp:
    """One that is known."""
    return next(one for one in COMMANDS if one.name == name)


def help_text() -> str:
    """One line a command."""
    heads = [f"/{command.name} {command.arguments}".rstrip() for command in COMMANDS]
    width = max(map(len, heads))
    return "\n".join(f"{head:<{width}}  {one.help}" for head, one in zip(heads, COMMANDS, strict=True))
