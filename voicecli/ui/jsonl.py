"""Events to and from JSON, one object per line: the format of `--ui jsonl` and of event files."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Self, TextIO

import voicecli.events
from voicecli.events import Event, LevelMeasured
from voicecli.ui.line_input import LineInput

if TYPE_CHECKING:
    from types import TracebackType

    from voicecli.ui.screen import Controls


def event_json(event: Event) -> str:
    """Return an event as one line of JSON without the line end: its name, then its fields in declaration order."""
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    return json.dumps({"event": type(event).__name__, **values}, ensure_ascii=False)


def event_of(line: str) -> Event:
    """Return the event that `event_json` wrote. Raise ValueError on anything else."""
    values = json.loads(line)
    if not isinstance(values, dict):
        raise ValueError(f"not an event: {line!r}")
    name = str(values.pop("event", ""))
    kind = getattr(voicecli.events, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Event)):
        raise ValueError(f"no such event: {name!r}")
    try:
        event: Event = kind(**values)
    except TypeError as error:
        raise ValueError(f"wrong fields for {name}: {error}") from error
    return event


class JsonlScreen:
    """Writes every event as a line of JSON; the ten input levels a second only with `levels`."""

    def __init__(self, out: TextIO, input_fd: int | None, *, levels: bool = False) -> None:
        self._out = out
        self._levels = levels
        self._input = LineInput(input_fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._out.flush()

    def show(self, event: Event) -> None:
        """Write the event at once."""
        self._input.observe(event)
        if self._levels or not isinstance(event, LevelMeasured):
            print(event_json(event), file=self._out, flush=True)

    async def run(self, controls: Controls) -> None:
        """Ask each line of the input."""
        await self._input.run(controls)
