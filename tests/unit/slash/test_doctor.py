"""/doctor."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

from voicecli.doctor.finding import Finding, Group
from voicecli.slash.doctor import LOOKING, DoctorCommand, findings_text

GROUPS = [
    Group("Program", [Finding("packages", "passed", "all load")]),
    Group(
        "Sound", [Finding("speaker", "failed", "none is there", "plug one in"), Finding("card", "skipped", "no GPU")]
    ),
]

TEXT = """\
+ packages  all load
x speaker   none is there
  > plug one in
- card      no GPU
1 passed, 1 failed, 1 skipped. Begin with speaker: plug one in"""


def test_a_line_each_what_to_do_under_it_and_where_to_begin() -> None:
    assert findings_text(GROUPS) == TEXT
    assert findings_text([]) == "0 passed."


def looked(examine: Callable[[], Sequence[Group]], times: int = 1) -> list[str]:
    reported: list[str] = []

    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            command = DoctorCommand(examine, reported.append, tasks.create_task)
            reported.extend([await command.doctor("") for _ in range(times)])

    asyncio.run(run())
    return reported


def test_it_is_looked_at_off_the_loop_and_once_at_a_time() -> None:
    threads: list[threading.Thread] = []

    def examine() -> Sequence[Group]:
        threads.append(threading.current_thread())
        return GROUPS

    assert looked(examine, times=2) == [LOOKING, "That is being looked at.", TEXT]
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


def test_a_look_that_breaks_is_reported() -> None:
    def broken() -> Sequence[Group]:
        raise OSError("no disk")

    assert looked(broken)[-1] == "That failed: OSError: no disk"
