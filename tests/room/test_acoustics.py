"""The simulated room does what its figures say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.room.acoustics import CLIPS_AT, Echo, Room, Signal, Timeline, response
from voicecli.types import LISTEN_RATE_HZ, Pcm

SILENT_DB = -200.0


def noise(length_s: float, level: float = 300.0) -> Pcm:
    """White, with standard deviation `level`: far below where the loudspeaker clips."""
    sound = np.random.default_rng(77).normal(0, level, round(length_s * LISTEN_RATE_HZ))
    return np.rint(sound).astype(np.int16)


def heard(room: Room, pcm: Pcm, blocks: int = 320) -> Signal:
    """All of it through the room."""
    echo = Echo(room)
    for first in range(0, len(pcm), blocks):
        echo.play(pcm[first : first + blocks])
    return echo.capture(0, len(pcm))


def lag(played: Pcm, captured: Signal) -> int:
    """Samples by which the capture is late."""
    size = 1 << (2 * len(played)).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(captured, size) * np.conj(np.fft.rfft(played, size)), size)
    return int(np.argmax(correlation[: len(played)]))


def level_db(sound: Signal | Pcm) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64))))


@pytest.mark.parametrize("echo_db", [-10.0, -20.0, -30.0])
def test_the_echo_is_as_loud_as_asked_for(echo_db: float) -> None:
    played = noise(4)
    captured = heard(Room(0.04, echo_db, floor_db=SILENT_DB), played)
    settled = slice(LISTEN_RATE_HZ, None)
    assert level_db(captured[settled]) - level_db(played[settled]) == pytest.approx(echo_db, abs=0.3)


@given(st.floats(-60, 0), st.floats(0.05, 0.6), st.integers(0, 5))
def test_a_click_s_energy_is_that_of_the_echo_whatever_the_room(echo_db: float, decay_s: float, seed: int) -> None:
    click = response(Room(echo_db=echo_db, decay_s=decay_s, seed=seed))
    assert 10 * np.log10(np.sum(click**2)) == pytest.approx(echo_db)


def test_with_headphones_nothing_is_heard() -> None:
    assert not heard(Room(echo_db=-np.inf, floor_db=-np.inf), noise(0.5)).any()


def test_a_room_has_lost_60_db_after_its_decay() -> None:
    click = response(Room(decay_s=0.4))
    tenth = len(click) // 10
    lost_db = level_db(click[tenth : 2 * tenth]) - level_db(click[-tenth:])
    assert lost_db == pytest.approx(60 * 0.8, abs=1)


@pytest.mark.parametrize("delay_s", [0.04, 0.12, 0.25])
def test_the_echo_is_as_late_as_asked_for_and_nothing_comes_sooner(delay_s: float) -> None:
    played = noise(2)
    captured = heard(Room(delay_s, drift_ppm=0, floor_db=SILENT_DB), played)
    assert lag(played, captured) == round(delay_s * LISTEN_RATE_HZ)
    assert np.abs(captured[: round(delay_s * LISTEN_RATE_HZ)]).max() < 1e-3


@pytest.mark.parametrize("drift_ppm", [-100.0, 100.0])
def test_the_clocks_drift(drift_ppm: float) -> None:
    length_s, part = 20, LISTEN_RATE_HZ // 2
    played = noise(length_s)
    captured = heard(Room(0.04, drift_ppm=drift_ppm), played)
    moved = lag(played[-part:], captured[-part:]) - lag(played[:part], captured[:part])
    assert moved == pytest.approx(-drift_ppm * 1e-6 * (length_s - 0.5) * LISTEN_RATE_HZ, abs=2)


def test_drifting_changes_no_level_where_speech_is() -> None:
    at_s = np.arange(4 * LISTEN_RATE_HZ) / LISTEN_RATE_HZ
    for tone_hz in (200, 3000, 6000):
        played = np.rint(1000 * np.sin(2 * np.pi * tone_hz * at_s)).astype(np.int16)
        still, drifting = (heard(Room(0.04, drift_ppm=ppm, floor_db=SILENT_DB), played) for ppm in (0.0, 150.0))
        steps = [slice(first, first + 1600) for first in range(LISTEN_RATE_HZ, 3 * LISTEN_RATE_HZ, 1600)]
        assert max(abs(level_db(still[step]) - level_db(drifting[step])) for step in steps) < 0.3


@given(st.integers(40, 700))
def test_it_does_not_matter_how_the_playback_is_cut_into_blocks(blocks: int) -> None:
    played = noise(0.1)
    room = Room(0.01, decay_s=0.05, floor_db=SILENT_DB)
    assert np.allclose(heard(room, played, blocks), heard(room, played, len(played)), atol=1e-6)


def test_a_loudspeaker_clips_softly() -> None:
    quiet, loud = noise(2, 300), noise(2, 20_000)
    room = Room(0.04, 0.0, floor_db=SILENT_DB)
    lost_db = (level_db(loud) - level_db(quiet)) - (level_db(heard(room, loud)) - level_db(heard(room, quiet)))
    assert lost_db > 2
    assert level_db(heard(room, loud)) < 20 * np.log10(CLIPS_AT)


def test_a_quiet_room_has_the_microphone_s_own_noise() -> None:
    captured = heard(Room(floor_db=-60.0), np.zeros(LISTEN_RATE_HZ, np.int16))
    assert level_db(captured) - 20 * np.log10(32768) == pytest.approx(-60, abs=0.2)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 200)), max_size=5), st.integers(-50, 600))
def test_a_timeline_is_the_sum_of_what_was_added(parts: list[tuple[int, int]], first: int) -> None:
    timeline, expected = Timeline(), np.zeros(1000)
    for at, length in parts:
        timeline.add(at, np.ones(length))
        expected[at : at + length] += 1
    padded = np.concatenate([np.zeros(50), expected])
    assert np.array_equal(timeline.read(first, first + 100), padded[first + 50 : first + 150])


def test_a_timeline_grows() -> None:
    timeline = Timeline()
    timeline.add(1 << 18, np.ones(3))
    assert timeline.read((1 << 18) - 1, (1 << 18) + 4).tolist() == [0, 1, 1, 1, 0]
    assert not timeline.read(1 << 22, (1 << 22) + 5).any()
