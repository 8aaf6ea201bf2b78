"""Commands by slash: what a line means, and what is done about it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from voicecli.conversation.latency import TurnLatency
from voicecli.errors import SettingsError
from voicecli.slash.commands import COMMANDS, NAMES, Command, Mistake, Question, is_command, parse
from voicecli.slash.dispatcher import CommandDispatcher, Handler


@dataclass
class Strict:
    """Takes the calls of its script, in order, and no other."""

    script: list[tuple[str, str]]
    known: tuple[TurnLatency, ...] = ()
    reported: list[str] = field(default_factory=list)

    def _expect(self, name: str, argument: str = "") -> None:
        assert self.script, f"unexpected {name}"
        assert self.script.pop(0) == (name, argument)

    def toggle_mute(self) -> None:
        self._expect("mute")

    def set_system_prompt(self, system_prompt: str) -> None:
        self._expect("set_system_prompt", system_prompt)

    def quit(self) -> None:
        self._expect("quit")

    def ask(self, text: str) -> None:
        self._expect("ask", text)

    def latencies(self) -> tuple[TurnLatency, ...]:
        return self.known


def typed(text: str, *script: tuple[str, str], known: tuple[TurnLatency, ...] = ()) -> str:
    subject = Strict(list(script), known)
    CommandDispatcher(subject, subject.reported.append).dispatch(text)
    assert not subject.script, f"never called: {subject.script}"
    return "\n".join(subject.reported)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("/new", Command("new", "")),
        ("/N", Command("new", "")),
        ("/sys Be  brief. ", Command("system", "Be  brief.")),
        ("what is /new?", Question("what is /new?")),
        ("//etc is what?", Question("/etc is what?")),
    ],
)
def test_a_line_is_a_command_a_prefix_of_one_or_a_question(text: str, meant: object) -> None:
    assert parse(text, NAMES) == meant


def test_a_whole_name_wins_over_a_longer_one_and_an_ambiguous_prefix_is_a_mistake() -> None:
    assert parse("/new", ["new", "newer"]) == Command("new", "")
    assert parse("/ne", ["new", "newer"]) == Mistake(
        "There is no command /ne. Did you mean /new or /newer? "
        "/help lists the commands; // starts a question with a slash."
    )


@pytest.mark.parametrize(("text", "part"), [("/sistem", "/system?"), ("/zzz", "/zzz. /help"), ("/", "/help")])
def test_a_typo_is_reported_with_similar_names(text: str, part: str) -> None:
    assert part in typed(text)


def test_commands_do_what_they_say() -> None:
    assert typed("/mute", ("mute", "")) == ""
    assert "next question" in typed("/system Be brief.", ("set_system_prompt", "Be brief."))
    assert typed("/quit", ("quit", "")) == ""
    assert typed("Why?", ("ask", "Why?")) == ""


def test_a_missing_or_unexpected_argument_is_reported_and_nothing_is_done() -> None:
    assert "needs the instruction" in typed("/system")
    assert "'now'" in typed("/quit now")


def test_help_names_each_command() -> None:
    assert [line.split()[0] for line in typed("/help").splitlines()] == [f"/{one.name}" for one in COMMANDS]
    assert not is_command("//help")


def test_the_document_has_each_command_and_no_other() -> None:
    text = (Path(__file__).parents[3] / "docs" / "slash-commands.md").read_text(encoding="utf8")
    assert set(re.findall(r"`/([a-z]+)", text)) - {"sys"} == set(NAMES)


def test_latency_lists_the_parts_of_the_last_answers() -> None:
    one = TurnLatency(None, False, 0.2, 0.1, 0.3, 0.1, 0.2, 0.1, 1.0, ())
    assert typed("/latency") == "No answer has been spoken yet."
    reported = typed("/latency", known=(one,) * 7).splitlines()
    assert len(reported) == 5
    assert reported[0].startswith("1.00 s = endpoint 0.20 + stt 0.10 + first token 0.30")


async def at_the_dispatcher(lines: list[str], handlers: Mapping[str, Handler], *script: tuple[str, str]) -> list[str]:
    """Return the reports after all lines, typed at once, are done."""
    subject = Strict(list(script))
    async with asyncio.TaskGroup() as tasks:
        dispatcher = CommandDispatcher(subject, subject.reported.append)
        dispatcher.open(handlers, tasks.create_task)
        for line in lines:
            dispatcher.dispatch(line)
    assert not subject.script, f"never called: {subject.script}"
    return subject.reported


def test_lines_typed_after_a_command_wait_until_it_is_done() -> None:
    order: list[str] = []

    async def voice(argument: str) -> str:
        for _ in range(5):
            await asyncio.sleep(0)
        order.append(argument)
        return f"now {argument}"

    async def run() -> None:
        reported = await at_the_dispatcher(
            ["/voice a", "/voice b", "Who?", "/mute"], {"voice": voice}, ("ask", "Who?"), ("mute", "")
        )
        assert reported == ["now a", "now b"]

    asyncio.run(run())
    assert order == ["a", "b"]


def test_a_command_that_fails_is_reported_and_the_next_one_is_done() -> None:
    async def bad(argument: str) -> str:
        raise SettingsError("there is no voice 'x'", "nearest: y")

    async def broken(argument: str) -> str:
        raise ZeroDivisionError("by zero")

    async def silent(argument: str) -> str:
        return ""

    async def run() -> list[str]:
        lines = ["/voice x", "/speed 1", "/save", "Who?"]
        return await at_the_dispatcher(lines, {"voice": bad, "speed": broken, "save": silent}, ("ask", "Who?"))

    reported = asyncio.run(run())
    assert reported == ["There is no voice 'x'. nearest: y.", "That failed: ZeroDivisionError: by zero"]


def test_lines_after_quit_are_ignored() -> None:
    async def slow(argument: str) -> str:
        await asyncio.sleep(0)
        return "done"

    assert asyncio.run(at_the_dispatcher(["/save", "/quit", "Who?"], {"save": slow}, ("quit", ""))) == ["done"]


def test_a_command_without_a_handler_is_not_available() -> None:
    assert "not available here" in typed("/voice af_heart")
