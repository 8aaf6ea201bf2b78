"""What a line may become, and what is known to follow a command."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.slash.commands import COMMANDS
from voicecli.slash.complete import FRESH_S, Offer, Value, Values, offers

VOICES = [Value("af_heart"), Value("bm_george", "British"), Value("heartbeat")]


def known(name: str) -> Sequence[Value]:
    return VOICES if name == "voice" else ()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("/", [f"/{one.name} {one.arguments}".rstrip() for one in COMMANDS]),
        ("/mu", ["/mute"]),
        ("/L", ["/language [CODE]", "/latency"]),
        ("/zz", []),
        ("//", []),
        ("why", []),
        ("", []),
        ("/voice ", ["af_heart", "bm_george", "heartbeat"]),
        ("/vo bm", ["bm_george"]),
        ("/voice HEART", ["heartbeat", "af_heart"]),
        ("/s x", []),
        ("/voice zz", []),
        ("/quit ", []),
    ],
)
def test_commands_first_and_then_what_follows_them(line: str, shown: list[str]) -> None:
    assert [offer.shown for offer in offers(line, known)] == shown


def test_an_offer_is_a_line_that_can_be_sent_or_gone_on_with() -> None:
    assert offers("/mut", known) == (Offer("/mute", "/mute", "mute or unmute the microphone"),)
    assert [offer.line for offer in offers("/voi", known)] == ["/voice "]
    assert offers("/voice bm", known) == (Offer("/voice bm_george", "bm_george", "British"),)


@given(st.text(alphabet="/abcdehimnoqstuvwy ", max_size=12))
def test_every_offer_starts_with_a_command(line: str) -> None:
    names = tuple(f"/{one.name}" for one in COMMANDS)
    assert all(offer.line.startswith(names) for offer in offers(line, known))


def test_values_are_looked_for_once_and_again_when_they_are_old() -> None:
    async def run() -> None:
        now_s, looks = 0.0, 0
        failing = False

        async def voices() -> Sequence[Value]:
            nonlocal looks
            looks += 1
            if failing:
                raise OSError("gone")
            return VOICES

        async with asyncio.TaskGroup() as tasks:
            values = Values({"voice": voices}, tasks.create_task, lambda: now_s)
            assert (values.of("voice"), values.of("speed")) == ((), ())
            await asyncio.sleep(0)
            assert values.of("voice") == VOICES
            assert looks == 1
            now_s, failing = FRESH_S, True
            assert values.of("voice") == VOICES
            await asyncio.sleep(0)
            assert (values.of("voice"), looks) == ((), 2)

    asyncio.run(run())
