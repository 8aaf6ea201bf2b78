"""Events to and from JSON, one object per line: the format of `--ui jsonl` and of event files."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TextIO

import voicecli.events
from voicecli.events import Event, LevelMeasured
from voicecli.ui.line_input import LineScreen


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


class JsonlScreen(LineScreen):
    """Writes every event as a line of JSON; the ten input levels a second only with `levels`."""

    def __init__(self, out: TextIO, input_fd: int | None, *, levels: bool = False) -> None:
        super().__init__(out, input_fd)
        self._levels = levels

    def show(self, event: Event) -> None:
        """Write the event at once."""
        self._input.observe(event)
        if self._levels or not isinstance(event, LevelMeasured):
            print(event_json(event), file=self._out, flush=True)
