"""What each command does, to whatever may be changed by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from voicecli.conversation.latency import PART_NAMES, TurnLatency
from voicecli.slash.parse import Command, CommandHelp, Mistake, Question, parse

COMMANDS = (
    CommandHelp("help", "", "list the commands"),
    CommandHelp("latency", "", "where the time of the last answers went"),
    CommandHelp("mute", "", "stop listening, or go on"),
    CommandHelp("new", "", "forget what was said; it stays in the history file"),
    CommandHelp("quit", "", "end the conversation"),
    CommandHelp("system", "TEXT", "instruct the language model, from the next question"),
)

NAMES = tuple(command.name for command in COMMANDS)

LATENCIES_TOLD = 5


class Subject(Protocol):
    """A conversation, as far as commands change it."""

    def toggle_mute(self) -> None: ...

    def forget(self) -> None: ...

    def instruct(self, system_prompt: str) -> None: ...

    def latencies(self) -> tuple[TurnLatency, ...]: ...

    def quit(self) -> None: ...

    def ask(self, text: str) -> None: ...


class Desk:
    """Takes what is typed. `tell` shows the user what came of a command."""

    def __init__(self, subject: Subject, tell: Callable[[str], None]) -> None:
        self._subject = subject
        self._tell = tell

    def take(self, text: str) -> None:
        """Ask a question or do what a command says."""
        match parse(text, NAMES):
            case Question(question):
                self._subject.ask(question)
            case Mistake(message):
                self._tell(message)
            case Command(name, argument):  # pragma: no branch
                self._do(name, argument)

    def _do(self, name: str, argument: str) -> None:
        if argument and name != "system":
            self._tell(f"/{name} takes nothing behind it, and {argument!r} was found.")
            return
        match name:
            case "help":
                self._tell(help_text())
            case "latency":
                self._tell(latency_text(self._subject.latencies()))
            case "mute":
                self._subject.toggle_mute()
            case "new":
                self._subject.forget()
                self._tell("A new conversation: what was said is forgotten.")
            case "quit":
                self._subject.quit()
            case "system" if not argument:
                self._tell("/system wants the instruction, such as: /system Answer in one word.")
            case _:
                self._subject.instruct(argument)
                self._tell("The language model is told so from the next question on.")


def help_text() -> str:
    """One line a command."""
    heads = [f"/{command.name} {command.arguments}".rstrip() for command in COMMANDS]
    width = max(map(len, heads))
    return "\n".join(f"{head:<{width}}  {one.help}" for head, one in zip(heads, COMMANDS, strict=True))


def latency_text(latencies: tuple[TurnLatency, ...]) -> str:
    """Total and parts of the last answers, the oldest first."""
    if not latencies:
        return "No answer has sounded yet."
    lines = []
    for one in latencies[-LATENCIES_TOLD:]:
        parts = " + ".join(f"{name} {part:.2f}" for name, part in zip(PART_NAMES, one.parts, strict=True))
        lines.append(f"{one.voice_to_voice_s:.2f} s = {parts}")
    return "\n".join(lines)
