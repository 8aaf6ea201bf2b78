"""/voice and /speed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from voicecli.errors import EngineError, SettingsError
from voicecli.slash.speech import Speech, speed_of


@dataclass
class Speaker:
    """Strict: two voices, of which one has to be learnt."""

    voice: str = "af_heart"
    speed: float = 1.0
    taught: list[str] = field(default_factory=list)
    teaching: Exception | None = None
    hang: asyncio.Event | None = None

    async def names(self) -> list[str]:
        return ["af_heart", "bm_george", "bm_lewis"]

    async def take(self, voice: str = "", speed: float = 0.0) -> tuple[str, bool]:
        if voice and voice not in await self.names():
            raise SettingsError(f"there is no voice {voice!r}", "nearest: bm_george")
        self.voice, self.speed = voice or self.voice, speed or self.speed
        return f"kokoro {self.voice}", self.voice != "af_heart" and self.voice not in self.taught

    async def teach(self) -> None:
        if self.hang:
            await self.hang.wait()
        if self.teaching:
            raise self.teaching
        self.taught.append(self.voice)


class Talk:
    """The commands, and what came of them."""

    def __init__(self, speaker: Speaker) -> None:
        self.told: list[object] = []
        self.tasks: list[asyncio.Task[None]] = []

        def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            self.tasks.append(asyncio.ensure_future(work))
            return self.tasks[-1]

        self.speech = Speech(speaker, lambda *changed: self.told.append(changed), self.told.append, start)

    def run(self, *deeds: Callable[[], Awaitable[str]]) -> list[object]:
        async def run() -> None:
            for deed in deeds:
                self.told.append(await deed())
            await asyncio.gather(*self.tasks, return_exceptions=True)

        asyncio.run(run())
        return [one for one in self.told if one]


def test_another_voice_is_told_and_learnt_if_need_be() -> None:
    speaker = Speaker()
    talk = Talk(speaker)
    changed, learning = talk.run(lambda: talk.speech.voice("bm_george"))
    assert changed == ("kokoro bm_george", "The next answer is spoken by bm_george.")
    assert str(learning).startswith("bm_george has not been spoken with before")
    assert speaker.taught == ["bm_george"]
    again = Talk(speaker)
    assert len(again.run(lambda: again.speech.voice("bm_george"))) == 1


def test_of_two_voices_in_a_row_only_the_last_is_learnt() -> None:
    speaker = Speaker(hang=asyncio.Event())
    talk = Talk(speaker)

    async def go_on() -> str:
        assert speaker.hang is not None
        await asyncio.sleep(0)
        speaker.hang.set()
        return ""

    talk.run(lambda: talk.speech.voice("bm_george"), lambda: talk.speech.voice("bm_lewis"), go_on)
    assert speaker.taught == ["bm_lewis"]
    assert talk.tasks[0].cancelled()


def test_a_voice_that_cannot_be_learnt_is_told_and_spoken_with() -> None:
    speaker = Speaker(teaching=EngineError("espeak failed"))
    talk = Talk(speaker)
    assert talk.run(lambda: talk.speech.voice("bm_george"))[-1] == "Espeak failed."
    assert speaker.voice == "bm_george"


def test_without_an_argument_both_say_how_it_is() -> None:
    talk = Talk(Speaker())
    voices, speed = talk.run(lambda: talk.speech.voice(""), lambda: talk.speech.speed(""))
    assert voices == "The voice is af_heart. There are: af_heart, bm_george, bm_lewis."
    assert str(speed).startswith("The voice speaks at 1 times its own speed.")


def test_an_unknown_voice_is_an_error_for_the_desk() -> None:
    talk = Talk(Speaker())
    with pytest.raises(SettingsError, match="no voice"):
        talk.run(lambda: talk.speech.voice("bm_georg"))


@pytest.mark.parametrize(
    ("text", "speed"),
    [
        ("1.2", 1.2),
        ("1,2", 1.2),
        ("2x", 2.0),
        ("0.5", 0.5),
        ("0.4", None),
        ("2.1", None),
        ("fast", None),
        ("nan", None),
    ],
)
def test_a_speed_is_a_number_in_its_bounds(text: str, speed: float | None) -> None:
    assert speed_of(text) == speed
    speaker = Speaker()
    talk = Talk(speaker)
    (told,) = talk.run(lambda: talk.speech.speed(text))
    assert (repr(text) in str(told)) is (speed is None)
    assert speaker.speed == (speed or 1.0)
