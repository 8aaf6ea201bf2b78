"""One model, many voices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from voicecli.engines.current_voice import CurrentVoice
from voicecli.errors import SettingsError
from voicecli.types import AudioChunk, KnownVoice


class Singer:
    sample_rate_hz = 24_000

    def __init__(self, voice: str, speed: float, streams: bool) -> None:
        self.voice, self.name, self.speed, self.streams = voice, f"choir {voice}", speed, streams
        self.language = "fr-fr" if voice == "ff_siwis" else "en-us"

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        return iter([AudioChunk(np.full(len(text), ord(self.voice[0]), np.int16), 1.0)])


class Choir:
    model = "choir"

    def __init__(self) -> None:
        self.made: list[str] = []
        self.streaming = {"af_heart"}

    def known_voices(self) -> Sequence[KnownVoice]:
        return [KnownVoice("af_heart", "en-us"), KnownVoice("ff_siwis", "fr-fr")]

    def preparing(self, voice: str) -> Iterator[int]:
        raise AssertionError("nobody asks")

    def speaking(self, voice: str, speed: float, language_code: str = "") -> Singer:
        if voice == "nobody":
            raise SettingsError("there is no voice 'nobody'")
        self.made.append(voice)
        return Singer(voice, speed, voice in self.streaming)


def sung(current_voice: CurrentVoice) -> str:
    return chr(next(current_voice.synthesize("la")).pcm[0])


def test_it_speaks_with_the_selected_voice() -> None:
    choir, spoke = Choir(), list[str]()
    current_voice = CurrentVoice(choir, choir.speaking("af_heart", 1.0), 1.25, lambda voice: spoke.append(voice.voice))
    assert (sung(current_voice), current_voice.name, current_voice.sample_rate_hz) == ("a", "choir af_heart", 24_000)
    current_voice.select("ff_siwis")
    assert (sung(current_voice), current_voice.name, current_voice.voice) == ("f", "choir ff_siwis", "ff_siwis")
    assert spoke == ["af_heart", "ff_siwis"]
    assert current_voice.language_of("ff_siwis") == "fr-fr"


def test_a_voice_is_made_again_until_it_streams() -> None:
    choir = Choir()
    current_voice = CurrentVoice(choir, choir.speaking("af_heart", 1.0), 1.0)
    for voice in ("ff_siwis", "af_heart", "ff_siwis"):
        current_voice.select(voice)
    choir.streaming.add("ff_siwis")
    current_voice.select("ff_siwis")
    current_voice.select("ff_siwis")
    assert choir.made == ["af_heart", "ff_siwis", "ff_siwis", "ff_siwis"]


def test_a_voice_that_is_not_there_changes_nothing() -> None:
    choir = Choir()
    current_voice = CurrentVoice(choir, choir.speaking("af_heart", 1.0), 1.0)
    with pytest.raises(SettingsError, match="nobody"):
        current_voice.select("nobody")
    assert current_voice.voice == "af_heart"
    assert sung(current_voice) == "a"


def test_a_speed_holds_from_the_next_answer_on() -> None:
    choir = Choir()
    current_voice = CurrentVoice(choir, choir.speaking("af_heart", 1.0), 1.0)
    current_voice.pace(1.5)
    assert current_voice.speed == 1.5
    assert choir.made == ["af_heart"]
    current_voice.select("af_heart")
    assert choir.made == ["af_heart", "af_heart"]
    assert current_voice.name_of("ff_siwis") == "choir ff_siwis"
    assert current_voice.names() == ["af_heart", "ff_siwis"]
