"""Run typed lines: questions go to the conversation, commands to their handlers."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol

from voicecli.conversation.latency import PART_NAMES, TurnLatency
from voicecli.errors import VoiceCliError
from voicecli.slash.commands import COMMANDS_BY_NAME, NAMES, Command, Mistake, Question, help_text, parse

LATENCIES_SHOWN = 5

Handler = Callable[[str], Awaitable[str]]
"""Run a command with its argument; return the text to show, empty for none. Raise VoiceCliError if it fails.

Typed lines wait until a handler returns, so it starts long work as a task of its own."""

Start = Callable[[Coroutine[Any, Any, None]], object]
"""Start a task that ends with the conversation."""


class Subject(Protocol):
    """The parts of a conversation that the built-in commands change."""

    def toggle_mute(self) -> None: ...

    def set_system_prompt(self, system_prompt: str) -> None: ...

    def latencies(self) -> tuple[TurnLatency, ...]: ...

    def quit(self) -> None: ...

    def ask(self, text: str) -> None: ...


class CommandDispatcher:
    """Run typed lines one after the other; `report` shows a command's result to the user."""

    def __init__(self, subject: Subject, report: Callable[[str], None]) -> None:
        self._subject = subject
        self._report = report
        self._handlers: Mapping[str, Handler] = {}
        self._start: Start = lambda work: work.close()
        self._busy = False
        self._waiting: deque[str] = deque()

    def open(self, handlers: Mapping[str, Handler], start: Start) -> None:
        """Add the commands that need loaded engines."""
        self._handlers, self._start = handlers, start

    def dispatch(self, text: str) -> None:
        """Ask a question or run a command as soon as the command before it is done."""
        self._waiting.append(text)
        self._run_waiting()

    def _run_waiting(self) -> None:
        while self._waiting and not self._busy:
            match parse(self._waiting.popleft(), NAMES):
                case Question(question):
                    self._subject.ask(question)
                case Mistake(message):
                    self._report(message)
                case Command(name, argument):  # pragma: no branch
                    self._run(name, argument)

    def _run(self, name: str, argument: str) -> None:
        if argument and not COMMANDS_BY_NAME[name].arguments:
            self._report(f"/{name} takes no argument, but {argument!r} was given.")
            return
        match name:
            case "help":
                self._report(help_text())
            case "latency":
                self._report(latency_text(self._subject.latencies()))
            case "mute":
                self._subject.toggle_mute()
            case "quit":
                self._waiting.clear()
                self._subject.quit()
            case "system" if not argument:
                self._report("/system needs the instruction, for example: /system Answer in one word.")
            case "system":
                self._subject.set_system_prompt(argument)
                self._report("The language model gets this instruction from the next question on.")
            case _ if name not in self._handlers:
                self._report(f"/{name} is not available here.")
            case _:
                self._busy = True
                self._start(self._handle(self._handlers[name], argument))

    async def _handle(self, handler: Handler, argument: str) -> None:
        """Run a handler and report its result or its error; the conversation goes on in either case."""
        try:
            text = await handler(argument)
        except Exception as error:
            text = error_text(error)
        finally:
            self._busy = False
        if text:
            self._report(text)
        self._run_waiting()


def error_text(error: Exception) -> str:
    """Return the message for a command that failed."""
    if isinstance(error, VoiceCliError):
        message = error.message
        if message.partition(" ")[0].isalpha():  # "whisper-base" is a name
            message = message[0].upper() + message[1:]
        sentences = (message, error.hint)
        return " ".join(f"{one.rstrip('.')}." for one in sentences if one)
    return f"That failed: {type(error).__name__}: {error}"


def latency_text(latencies: tuple[TurnLatency, ...]) -> str:
    """Return total and parts of the last answers, the oldest first, one line each."""
    if not latencies:
        return "No answer has been spoken yet."
    lines = []
    for one in latencies[-LATENCIES_SHOWN:]:
        parts = " + ".join(f"{name} {part:.2f}" for name, part in zip(PART_NAMES, one.parts, strict=True))
        lines.append(f"{one.voice_to_voice_s:.2f} s = {parts}")
    return "\n".join(lines)
