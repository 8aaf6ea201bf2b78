"""The microphone hears the playback itself, only shifted, or nothing of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.audio.echo.correlation import LONGEST_DELAY_SAMPLES, WINDOW_SAMPLES, EchoCorrelation, EchoPath
from voicecli.types import FRAME_SAMPLES, LISTEN_RATE_HZ, Pcm

RNG = np.random.default_rng(3)


def noise(samples: int, level: float = 3000.0) -> Pcm:
    return RNG.normal(0, level, samples).astype(np.int16)


@given(shift=st.integers(0, LONGEST_DELAY_SAMPLES), loudness=st.floats(0.05, 1.0))
def test_a_shifted_and_softer_playback_is_explained_whole(shift: int, loudness: float) -> None:
    correlation, sound = EchoCorrelation(), noise(LONGEST_DELAY_SAMPLES + WINDOW_SAMPLES)
    correlation.played(sound)
    correlation.captured((sound[shift : shift + WINDOW_SAMPLES] * loudness).astype(np.int16))
    assert correlation.explained() == pytest.approx(1.0, abs=0.01)
    assert correlation.is_playback()


def test_what_is_older_than_the_memory_is_forgotten() -> None:
    correlation, sound = EchoCorrelation(), noise(LONGEST_DELAY_SAMPLES + WINDOW_SAMPLES)
    correlation.played(sound)
    correlation.played(noise(LONGEST_DELAY_SAMPLES + WINDOW_SAMPLES))
    correlation.captured(sound[:WINDOW_SAMPLES])
    assert not correlation.is_playback()


@pytest.mark.parametrize(("voice", "explained"), [(0.0, 1.0), (1.0, 0.5), (2.0, 0.2)])
def test_a_voice_over_it_takes_its_share(voice: float, explained: float) -> None:
    correlation, sound = EchoCorrelation(), noise(LONGEST_DELAY_SAMPLES + WINDOW_SAMPLES)
    correlation.played(sound)
    correlation.captured((sound[2000 : 2000 + WINDOW_SAMPLES] + voice * noise(WINDOW_SAMPLES)).astype(np.int16))
    assert correlation.explained() == pytest.approx(explained, abs=0.1)


def test_silence_on_either_side_is_no_playback() -> None:
    correlation = EchoCorrelation()
    assert not correlation.is_playback()
    correlation.captured(noise(WINDOW_SAMPLES))
    assert not correlation.is_playback()
    correlation = EchoCorrelation()
    correlation.played(noise(LONGEST_DELAY_SAMPLES + WINDOW_SAMPLES))
    assert not correlation.is_playback()


DELAY_SAMPLES = LISTEN_RATE_HZ // 10
EARLIER_SAMPLES = 2 * FRAME_SAMPLES
"""How far the playback is pushed ahead of its echo."""


def noise_db(seconds: float, level_db: float) -> Pcm:
    return RNG.normal(0, 32768 * 10 ** (level_db / 20), round(seconds * LISTEN_RATE_HZ)).astype(np.int16)


def delayed(played: Pcm, gain_db: float) -> Pcm:
    late = np.concatenate([np.zeros(DELAY_SAMPLES, np.int16), played])[: len(played)]
    return np.round(late * 10 ** (gain_db / 20)).astype(np.int16)


def listen(path: EchoPath, played: Pcm, captured: Pcm) -> list[bool]:
    """Push both sides in step, and return whether the path is silent after each frame."""
    silent_after = []
    path.played(played[:EARLIER_SAMPLES])
    for at in range(0, len(captured) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        path.played(played[at + EARLIER_SAMPLES :][:FRAME_SAMPLES])
        path.captured(captured[at : at + FRAME_SAMPLES])
        silent_after.append(path.is_silent)
    return silent_after


@pytest.mark.parametrize(("gain_db", "silent"), [(-10, False), (-40, False), (-75, True), (-90, True)])
def test_what_comes_back_hardly_at_all_is_nothing(gain_db: float, silent: bool) -> None:
    played = noise_db(3, -20)
    assert listen(EchoPath(), played, delayed(played, gain_db) + noise_db(3, -70))[-1] == silent


def test_an_echo_is_assumed_until_enough_was_heard() -> None:
    silent_after = listen(EchoPath(), noise_db(3, -20), noise_db(3, -70))
    known_s = silent_after.index(True) * FRAME_SAMPLES / LISTEN_RATE_HZ
    assert 0.5 < known_s < 1.5  # of the longest delay, and of a window besides


def test_silence_proves_nothing() -> None:
    nothing = np.zeros(3 * LISTEN_RATE_HZ, np.int16)
    assert not any(listen(EchoPath(), nothing, noise_db(3, -70)))
    assert not any(listen(EchoPath(), noise_db(3, -65), noise_db(3, -70)))


def test_a_voice_over_the_answer_changes_nothing() -> None:
    path = EchoPath()
    listen(path, noise_db(2, -20), noise_db(2, -70))
    assert all(listen(path, noise_db(3, -20), noise_db(3, -25)))


def test_headphones_that_are_taken_off_are_noticed_within_a_second_and_a_half() -> None:
    path, played = EchoPath(), noise_db(1.5, -20)
    listen(path, noise_db(2, -20), noise_db(2, -70))
    assert not listen(path, played, delayed(played, -20) + noise_db(1.5, -60))[-1]


def test_headphones_that_are_put_on_are_noticed_too() -> None:
    path, played = EchoPath(), noise_db(2, -20)
    listen(path, played, delayed(played, -20))
    assert not path.is_silent
    assert listen(path, noise_db(3, -20), noise_db(3, -60))[-1]
