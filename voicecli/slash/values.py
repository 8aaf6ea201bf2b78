"""What may follow a command, as far as it is known: it is looked for while one types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from voicecli.events import Clock
from voicecli.slash.complete import Value
from voicecli.slash.dispatcher import Start

FRESH_S = 30.0
"""What was found is offered for so long without another look: devices come, servers load models."""

LookUp = Callable[[], Awaitable[Sequence[Value]]]


class Values:
    """Of each command that has some. Belongs to the loop."""

    def __init__(self, look_ups: Mapping[str, LookUp], start: Start, clock: Clock) -> None:
        self._look_ups = look_ups
        self._start = start
        self._clock = clock
        self._known: dict[str, Sequence[Value]] = {}
        self._looked_s: dict[str, float] = {}

    def of(self, name: str) -> Sequence[Value]:
        """What is known now; where that is old, or nothing, it is looked for."""
        now_s = self._clock()
        if name in self._look_ups and now_s - self._looked_s.get(name, -FRESH_S) >= FRESH_S:
            self._looked_s[name] = now_s
            self._start(self._look(name))
        return self._known.get(name, ())

    async def _look(self, name: str) -> None:
        """What cannot be found is not offered; the command itself says why."""
        try:
            self._known[name] = await self._look_ups[name]()
        except Exception:
            self._known.pop(name, None)
