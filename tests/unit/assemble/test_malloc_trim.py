"""Free memory goes back to the system after an answer."""

from __future__ import annotations

import asyncio
import ctypes
from pathlib import Path

import pytest

from voicecli import events
from voicecli.assemble.malloc_trim import trim, trim_after_answers
from voicecli.types import TurnId

ARENA_MB, BLOCK_BYTES = 64, 100_000


def resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1000


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="no glibc")
def test_what_was_needed_once_is_given_back() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    blocks = [libc.malloc(BLOCK_BYTES) for _ in range(ARENA_MB * 1_000_000 // BLOCK_BYTES)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK_BYTES)
    last = blocks.pop()  # as long as the last one is held, the system gets none of what is before it
    for block in blocks:
        libc.free(block)
    held_mb = resident_mb()
    trim()
    given_mb = held_mb - resident_mb()
    libc.free(last)
    assert given_mb > ARENA_MB / 2


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    trim()


def test_it_is_given_back_when_an_answer_is_over_and_at_no_other_time(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    reported: list[events.Event] = []
    monkeypatch.setattr("voicecli.assemble.malloc_trim.trim", lambda: given.append(reported[-1].at_s))

    async def reported_of(*happened: events.Event) -> None:
        publish = trim_after_answers(reported.append)
        for event in happened:
            publish(event)
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(reported_of(events.Audible(at_s=1.0, turn=TurnId(1))))
    assert not given
    asyncio.run(reported_of(events.TurnDone(at_s=2.0, turn=TurnId(1), spoken="Noon.")))
    assert given == [2.0]
    assert [event.at_s for event in reported] == [1.0, 2.0]
