"""Completions for a line that begins with a slash."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from voicecli.events import Clock
from voicecli.slash.commands import COMMANDS, NAMES, CommandHelp, completions, is_command
from voicecli.slash.dispatcher import Start

FRESH_S = 30.0
"""Values found are used for this long without another lookup: devices come and go, servers load models."""


@dataclass(frozen=True, slots=True)
class Value:
    """A complete argument of a command."""

    text: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A completion of the line."""

    line: str  # ends in a space where an argument may follow
    shown: str
    help: str


ValuesOf = Callable[[str], Sequence[Value]]
"""Return the possible arguments of a command, given its name without the slash."""

LookUp = Callable[[], Awaitable[Sequence[Value]]]


def offers(line: str, values_of: ValuesOf) -> tuple[Offer, ...]:
    """Return the completions of a line: commands, or arguments of its command; none for a question."""
    if not is_command(line):
        return ()
    name, space, argument = line[1:].partition(" ")
    matches = completions(name.lower(), NAMES)
    if not space:
        return tuple(offer_of(command) for command in COMMANDS if command.name in matches)
    found = name.lower() if name.lower() in matches else matches[0] if len(matches) == 1 else ""
    values = matching(argument.strip(), values_of(found)) if found else []
    return tuple(Offer(f"/{found} {value.text}", value.text, value.help) for value in values)


def offer_of(command: CommandHelp) -> Offer:
    """Return the completion for a command, with a space where an argument may follow."""
    space = " " if command.arguments else ""
    return Offer(f"/{command.name}{space}", f"/{command.name}{space}{command.arguments}", command.help)


def matching(typed: str, values: Sequence[Value]) -> list[Value]:
    """Return the values that start with `typed`, then those that contain it; case is ignored."""
    wanted = typed.casefold()
    containing = [value for value in values if wanted in value.text.casefold()]
    return sorted(containing, key=lambda value: not value.text.casefold().startswith(wanted))


class Values:
    """Possible arguments of each command, looked up in the background. Belongs to the loop."""

    def __init__(self, look_ups: Mapping[str, LookUp], start: Start, clock: Clock) -> None:
        self._look_ups = look_ups
        self._start = start
        self._clock = clock
        self._known: dict[str, Sequence[Value]] = {}
        self._looked_up_s: dict[str, float] = {}

    def of(self, name: str) -> Sequence[Value]:
        """Return the values known now; start a lookup when they are older than `FRESH_S` or missing."""
        now_s = self._clock()
        if name in self._look_ups and now_s - self._looked_up_s.get(name, -FRESH_S) >= FRESH_S:
            self._looked_up_s[name] = now_s
            self._start(self._look_up(name))
        return self._known.get(name, ())

    async def _look_up(self, name: str) -> None:
        """Store the values of one command; a failed lookup offers none, and the command itself reports why."""
        try:
            self._known[name] = await self._look_ups[name]()
        except Exception:
            self._known.pop(name, None)
