"""What each command does, to whatever may be changed by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol

from voicecli.conversation.latency import PART_NAMES, TurnLatency
from voicecli.errors import VoiceCliError
from voicecli.slash.commands import NAMES, command, help_text
from voicecli.slash.parse import Command, Mistake, Question, parse

LATENCIES_REPORTED = 5

Handler = Callable[[str], Awaitable[str]]
"""Does what a command says, by what follows its name, and returns what is to be told of it; empty: nothing. What takes
long it begins and leaves to itself: until it returns, what is typed waits. Raises VoiceCliError."""

Start = Callable[[Coroutine[Any, Any, None]], object]
"""Begins a task that ends with the conversation."""


class Subject(Protocol):
    """A conversation, as far as the simplest commands change it."""

    def toggle_mute(self) -> None: ...

    def set_system_prompt(self, system_prompt: str) -> None: ...

    def latencies(self) -> tuple[TurnLatency, ...]: ...

    def quit(self) -> None: ...

    def ask(self, text: str) -> None: ...


class CommandDispatcher:
    """Takes what is typed, one after the other. `tell` shows the user what came of a command."""

    def __init__(self, subject: Subject, tell: Callable[[str], None]) -> None:
        self._subject = subject
        self._tell = tell
        self._handlers: Mapping[str, Handler] = {}
        self._start: Start = lambda work: work.close()
        self._busy = False
        self._waiting: deque[str] = deque()

    def open(self, handlers: Mapping[str, Handler], start: Start) -> None:
        """Commands that need what is loaded by now."""
        self._handlers, self._start = handlers, start

    def dispatch(self, text: str) -> None:
        """Ask a question or do what a command says, as soon as the command before is done."""
        self._waiting.append(text)
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and not self._busy:
            match parse(self._waiting.popleft(), NAMES):
                case Question(question):
                    self._subject.ask(question)
                case Mistake(message):
                    self._tell(message)
                case Command(name, argument):  # pragma: no branch
                    self._do(name, argument)

    def _do(self, name: str, argument: str) -> None:
        if argument and not command(name).arguments:
            self._tell(f"/{name} takes nothing behind it, and {argument!r} was found.")
            return
        match name:
            case "help":
                self._tell(help_text())
            case "latency":
                self._tell(latency_text(self._subject.latencies()))
            case "mute":
                self._subject.toggle_mute()
            case "quit":
                self._waiting.clear()
                self._subject.quit()
            case "system" if not argument:
                self._tell("/system wants the instruction, such as: /system Answer in one word.")
            case "system":
                self._subject.set_system_prompt(argument)
                self._tell("The language model is told so from the next question on.")
            case _ if name not in self._handlers:
                self._tell(f"/{name} has nothing to change here.")
            case _:
                self._busy = True
                self._start(self._handled(self._handlers[name], argument))

    async def _handled(self, handler: Handler, argument: str) -> None:
        try:
            await self._reported(handler, argument)
        finally:
            self._busy = False
        self._go_on()

    async def _reported(self, handler: Handler, argument: str) -> None:
        """A command may fail; the conversation goes on."""
        try:
            text = await handler(argument)
        except Exception as error:
            text = trouble_of(error)
        if text:
            self._tell(text)


def trouble_of(error: Exception) -> str:
    """What a user is told of a command that failed."""
    if isinstance(error, VoiceCliError):
        message = error.message
        if message.partition(" ")[0].isalpha():  # "whisper-base" is a name
            message = message[0].upper() + message[1:]
        sentences = (message, error.hint)
        return " ".join(f"{one.rstrip('.')}." for one in sentences if one)
    return f"That failed: {type(error).__name__}: {error}"


def latency_text(latencies: tuple[TurnLatency, ...]) -> str:
    """Total and parts of the last answers, the oldest first."""
    if not latencies:
        return "No answer has sounded yet."
    lines = []
    for one in latencies[-LATENCIES_REPORTED:]:
        parts = " + ".join(f"{name} {part:.2f}" for name, part in zip(PART_NAMES, one.parts, strict=True))
        lines.append(f"{one.voice_to_voice_s:.2f} s = {parts}")
    return "\n".join(lines)
