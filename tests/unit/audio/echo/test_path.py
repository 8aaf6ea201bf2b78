"""Does the microphone hear the loudspeaker at all?"""

from __future__ import annotations

import numpy as np
import pytest

from voicecli.audio.echo.path import EchoPath
from voicecli.types import FRAME_SAMPLES, LISTEN_RATE_HZ, Pcm

RNG = np.random.default_rng(5)
DELAY_SAMPLES = LISTEN_RATE_HZ // 10
EARLIER_SAMPLES = 2 * FRAME_SAMPLES
"""The playback is told before it is heard."""


def noise(seconds: float, level_db: float) -> Pcm:
    return RNG.normal(0, 32768 * 10 ** (level_db / 20), round(seconds * LISTEN_RATE_HZ)).astype(np.int16)


def delayed(played: Pcm, gain_db: float) -> Pcm:
    late = np.concatenate([np.zeros(DELAY_SAMPLES, np.int16), played])[: len(played)]
    return np.round(late * 10 ** (gain_db / 20)).astype(np.int16)


def listen(path: EchoPath, played: Pcm, heard: Pcm) -> list[bool]:
    """Both sides in step; what the path says after each frame."""
    reported = []
    path.played(played[:EARLIER_SAMPLES])
    for at in range(0, len(heard) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        path.played(played[at + EARLIER_SAMPLES :][:FRAME_SAMPLES])
        path.heard(heard[at : at + FRAME_SAMPLES])
        reported.append(path.is_silent)
    return reported


@pytest.mark.parametrize(("gain_db", "silent"), [(-10, False), (-40, False), (-75, True), (-90, True)])
def test_what_comes_back_hardly_at_all_is_nothing(gain_db: float, silent: bool) -> None:
    played = noise(3, -20)
    assert listen(EchoPath(), played, delayed(played, gain_db) + noise(3, -70))[-1] == silent


def test_until_it_has_heard_enough_there_is_an_echo() -> None:
    reported = listen(EchoPath(), noise(3, -20), noise(3, -70))
    known_s = reported.index(True) * FRAME_SAMPLES / LISTEN_RATE_HZ
    assert 0.5 < known_s < 1.5  # of the longest delay, and of a window besides


def test_silence_tells_nothing() -> None:
    nothing = np.zeros(3 * LISTEN_RATE_HZ, np.int16)
    assert not any(listen(EchoPath(), nothing, noise(3, -70)))
    assert not any(listen(EchoPath(), noise(3, -65), noise(3, -70)))


def test_a_voice_over_the_answer_changes_nothing() -> None:
    path = EchoPath()
    listen(path, noise(2, -20), noise(2, -70))
    assert all(listen(path, noise(3, -20), noise(3, -25)))


def test_who_takes_the_headphones_off_is_noticed_within_a_second_and_a_half() -> None:
    path, played = EchoPath(), noise(1.5, -20)
    listen(path, noise(2, -20), noise(2, -70))
    assert not listen(path, played, delayed(played, -20) + noise(1.5, -60))[-1]


def test_who_puts_them_on_is_noticed_too() -> None:
    path, played = EchoPath(), noise(2, -20)
    listen(path, played, delayed(played, -20))
    assert not path.is_silent
    assert listen(path, noise(3, -20), noise(3, -60))[-1]
