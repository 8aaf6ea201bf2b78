"""`/doctor`: what works here and what does not, looked at while the conversation goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from voicecli.doctor.finding import Finding, Group, State, first_to_do, summary
from voicecli.slash.dispatcher import trouble_of

MARKS: dict[State, str] = {"passed": "+", "warned": "!", "failed": "x", "skipped": "-"}
"""Of `voicecli doctor` where nothing is known of the terminal: a screen reader reads these too."""

LOOKING = "Looking at the program, the models, the memory and the sound system; nothing is played…"


class DoctorCommand:
    """The handler of `/doctor`."""

    def __init__(
        self,
        examine: Callable[[], Sequence[Group]],
        tell: Callable[[str], None],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        """`examine` blocks, and is called on a thread."""
        self._examine = examine
        self._tell = tell
        self._start = start
        self._is_looking = False

    async def doctor(self, argument: str) -> str:
        """Returns at once; what is found is told when all of it is."""
        if self._is_looking:
            return "That is being looked at."
        self._is_looking = True
        self._start(self._look())
        return LOOKING

    async def _look(self) -> None:
        try:
            self._tell(findings_text(await asyncio.to_thread(self._examine)))
        except Exception as error:
            self._tell(trouble_of(error))
        finally:
            self._is_looking = False


def findings_text(groups: Sequence[Group]) -> str:
    """A line each, what to do under it, and last how it stands and where to begin."""
    findings = [finding for group in groups for finding in group.findings]
    width = max((len(finding.name) for finding in findings), default=0)
    lines = [line for finding in findings for line in finding_lines(finding, width)]
    first = first_to_do(groups)
    begin = f" Begin with {first.name}: {first.advice}" if first else ""
    return "\n".join([*lines, f"{summary(groups)}.{begin}"])


def finding_lines(finding: Finding, width: int) -> list[str]:
    """Screens wrap them."""
    lines = [f"{MARKS[finding.state]} {finding.name:<{width}}  {finding.text}"]
    return [*lines, f"  > {finding.advice}"] if finding.advice else lines
