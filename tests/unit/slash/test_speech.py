"""/voice and /speed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from voicecli.errors import SettingsError
from voicecli.slash.speech import Speech, speed_of


@dataclass
class Speaker:
    """Strict: three voices, and the languages that they are for."""

    voice: str = "af_heart"
    speed: float = 1.0
    chosen: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        return ["af_heart", "bm_george", "bm_lewis"]

    def name_of(self, voice: str) -> str:
        return f"kokoro {voice}"

    def pace(self, speed: float) -> None:
        self.speed = speed

    def set_voice(self, voice: str) -> str:
        if voice not in self.names():
            raise SettingsError(f"there is no voice {voice!r}", "nearest: bm_george")
        self.chosen.append(voice)
        return f"{voice} speaks."


class Talk:
    """The commands, and what came of them."""

    def __init__(self, speaker: Speaker) -> None:
        self.reported: list[object] = []
        self.speech = Speech(speaker, speaker, lambda *changed: self.reported.append(changed))

    def run(self, *actions: Callable[[], Awaitable[str]]) -> list[object]:
        async def run() -> None:
            for action in actions:
                self.reported.append(await action())

        asyncio.run(run())
        return [one for one in self.reported if one]


def test_another_voice_is_chosen_and_reported() -> None:
    speaker = Speaker()
    talk = Talk(speaker)
    (changed,) = talk.run(lambda: talk.speech.voice("bm_george"))
    assert changed == ("kokoro bm_george", "From the next answer on: bm_george speaks.")
    assert speaker.chosen == ["bm_george"]


def test_without_an_argument_both_say_how_it_is() -> None:
    talk = Talk(Speaker())
    voices, speed = talk.run(lambda: talk.speech.voice(""), lambda: talk.speech.speed(""))
    assert voices == "The voice is af_heart. There are: af_heart, bm_george, bm_lewis."
    assert str(speed).startswith("The voice speaks at 1 times its own speed.")


def test_an_unknown_voice_is_an_error_for_the_dispatcher() -> None:
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
    (reported,) = talk.run(lambda: talk.speech.speed(text))
    assert (repr(text) in str(reported)) is (speed is None)
    assert speaker.speed == (speed or 1.0)
