"""What the microphone hears in a scenario."""

from __future__ import annotations

import numpy as np
import pytest

from voicecli.audio.speech_input import level_db
from voicecli.bench.scenes import FAST, NOISE_S, PAUSE_S, SCENARIOS, Scene, pink_noise, quietest
from voicecli.bench.speech import Utterance
from voicecli.types import LISTEN_RATE_HZ, Pcm

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def tone(length_s: float, peak: int = 8000) -> Pcm:
    at_s = np.arange(round(length_s * LISTEN_RATE_HZ)) / LISTEN_RATE_HZ
    return (peak * np.sin(2 * np.pi * 300 * at_s)).astype(np.int16)


def said(name: str = "one") -> Utterance:
    """Return 0.3 s of silence, a voice that gets soft in its middle, 0.1 s of silence."""
    silence = np.zeros(LISTEN_RATE_HZ // 10, np.int16)
    voice = np.concatenate([tone(0.9), tone(0.1, 200), tone(0.9)])
    pcm = np.concatenate([silence, silence, silence, voice, silence])
    return Utterance(name, pcm, 0.3, 2.2, ("phrase",))


def staged(name: str) -> Scene:
    return BY_NAME[name].stage(said(), said("other"))


@pytest.mark.parametrize("name", BY_NAME)
def test_a_scene_knows_where_the_voice_is(name: str) -> None:
    scene = staged(name)
    first, last = (round(at_s * LISTEN_RATE_HZ) for at_s in (scene.voiced_from_s, scene.voiced_until_s))
    assert not scene.pcm[: first - 2].any() or name == "fast"
    assert level_db(scene.pcm[first : first + 1600]) > -20
    assert level_db(scene.pcm[last - 1600 : last]) > -20
    assert level_db(scene.pcm[last + 320 :]) < -60
    assert (scene.name, scene.slots) == ("one", ("phrase",))


@pytest.mark.parametrize(("name", "snr_db"), [("noise20", 20), ("noise10", 10), ("noise5", 5)])
def test_noise_is_softer_than_the_voice_by_its_db(name: str, snr_db: float) -> None:
    scene = staged(name)
    assert scene.noise is not None
    voice_db = level_db(scene.pcm[round(0.3 * LISTEN_RATE_HZ) : round(2.2 * LISTEN_RATE_HZ)])
    assert voice_db - level_db(scene.noise) == pytest.approx(snr_db, abs=0.2)
    assert scene.scenario == f"noise {snr_db} dB"


def test_pink_noise_has_as_much_power_in_each_octave() -> None:
    spectrum = np.abs(np.fft.rfft(pink_noise(-20).astype(float))) ** 2
    octaves = [spectrum[round(hz * NOISE_S) : round(2 * hz * NOISE_S)].sum() for hz in (200, 400, 800, 1600)]
    assert max(octaves) / min(octaves) < 1.2


def test_the_pause_is_where_the_voice_is_soft() -> None:
    scene = staged("pause")
    assert scene.voiced_until_s == pytest.approx(2.2 + PAUSE_S)
    middle = round((0.3 + 0.95) * LISTEN_RATE_HZ)
    assert not scene.pcm[middle : middle + round(0.8 * PAUSE_S * LISTEN_RATE_HZ)].any()
    assert np.array_equal(np.sort(scene.pcm[scene.pcm != 0]), np.sort(said().pcm[said().pcm != 0]))


def test_a_fast_speaker_takes_less_time() -> None:
    scene = staged("fast")
    assert len(scene.pcm) == pytest.approx(len(said().pcm) / FAST, abs=2)


def test_somebody_else_speaks_over_the_answer() -> None:
    over = staged("interruption").over
    assert over is not None
    assert over.name == "other"


def test_only_one_scenario_has_an_echo() -> None:
    assert [one.name for one in SCENARIOS if one.echoes] == ["echo"]


def test_quietest_searches_only_between_two_samples() -> None:
    pcm = np.concatenate([np.zeros(3200, np.int16), tone(1.0), np.zeros(3200, np.int16)])
    assert 3200 <= quietest(pcm, 3200, 19200) < 19200
