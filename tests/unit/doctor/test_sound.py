"""What `voicecli doctor` makes of microphone and speaker, and how it finds a sound again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.doctor.laws import lawful, only, states
from voicecli.audio.resample import resample
from voicecli.audio.sounds import READY_HZ, ready_sound
from voicecli.doctor.round_trip import QUIETEST_DB, Block, Echo, find_echo, joined, level_of
from voicecli.doctor.sound import Capture, ChosenDevice, DeviceFacts, Playback, SoundFacts, sound_findings
from voicecli.types import LISTEN_RATE_HZ, Pcm

SOUND = resample(ready_sound(), READY_HZ, LISTEN_RATE_HZ)
BLOCK = 160


def in_blocks(pcm: Pcm, handed_at_s: float, device_at_s: float, *, ends: bool) -> list[Block]:
    """Blocks of 10 ms in even pace; a microphone gives each at its end, a speaker takes it at its beginning."""
    starts = range(0, len(pcm) - BLOCK + 1, BLOCK)
    late = BLOCK if ends else 0
    return [
        Block(pcm[at : at + BLOCK], handed_at_s + (at + late) / LISTEN_RATE_HZ, device_at_s + at / LISTEN_RATE_HZ)
        for at in starts
    ]


def room(delay_s: float, gain_db: float, noise_units: float = 20.0) -> tuple[Pcm, Pcm]:
    """What was played, with 0.7 s of silence before and 0.6 s behind, and what a microphone heard of it."""
    played = np.concatenate([np.zeros(11200, np.int16), SOUND, np.zeros(9600, np.int16)])
    late = np.roll(played, round(delay_s * LISTEN_RATE_HZ)) * 10 ** (gain_db / 20)
    noise = np.random.default_rng(1).standard_normal(len(played)) * noise_units
    return played, (late + noise).astype(np.int16)


@pytest.mark.parametrize("delay_s", [0.02, 0.2])
@pytest.mark.parametrize("gain_db", [0.0, -20.0, -35.0])
def test_the_sound_is_found_with_its_delay_and_its_loss(delay_s: float, gain_db: float) -> None:
    played, heard = room(delay_s, gain_db)
    echo = find_echo(in_blocks(played, 100.0, 100.03, ends=False), in_blocks(heard, 100.0, 99.99, ends=True))
    assert echo is not None
    assert echo.is_heard
    assert echo.round_trip_s == pytest.approx(delay_s, abs=0.001)
    assert echo.hidden_latency_s == pytest.approx(delay_s - 0.04, abs=0.001)
    assert echo.loss_db == pytest.approx(-gain_db, abs=1.5)


def test_a_late_block_does_not_change_the_round_trip() -> None:
    played, heard = room(0.1, -10)
    blocks = in_blocks(heard, 100.0, 100.0, ends=True)
    blocks[90] = replace(blocks[90], handed_at_s=blocks[90].handed_at_s + 0.5)
    echo = find_echo(in_blocks(played, 100.0, 100.0, ends=False), blocks)
    assert echo is not None
    assert echo.round_trip_s == pytest.approx(0.1, abs=0.001)


def test_noise_is_no_echo() -> None:
    played, heard = room(0.1, -120, noise_units=400)
    echo = find_echo(in_blocks(played, 0, 0, ends=False), in_blocks(heard, 0, 0, ends=True))
    assert echo is not None
    assert not echo.is_heard


def test_nothing_played_and_nothing_heard_give_no_echo() -> None:
    played, heard = room(0.1, 0)
    sound, silence = in_blocks(played, 0, 0, ends=False), in_blocks(0 * played, 0, 0, ends=False)
    assert find_echo(silence, in_blocks(heard, 0, 0, ends=True)) is None
    assert find_echo(sound, silence) is None
    assert find_echo(sound, []) is None
    assert find_echo([], sound) is None


def test_the_silence_of_a_resampler_is_silence() -> None:
    """It has a few units; if they counted, the sound would be taken to begin with the first block."""
    played, heard = room(0.1, -10)
    hissing = played + np.where(np.arange(len(played)) % 7, 0, 3).astype(np.int16)
    echo = find_echo(in_blocks(hissing, 0, 0, ends=False), in_blocks(heard, 0, 0, ends=True))
    assert echo is not None
    assert echo.round_trip_s == pytest.approx(0.1, abs=0.001)


def test_levels_are_over_full_scale() -> None:
    assert level_of(np.full(100, 32767, np.int16)) == pytest.approx(0, abs=0.01)
    assert level_of(np.zeros(100, np.int16)) == QUIETEST_DB
    assert level_of(joined([])) == QUIETEST_DB


DEVICE = DeviceFacts(("USB", "HDA"), ChosenDevice("USB", "ALSA", 1, 48000.0))
HEARD, PLAYED = Capture(2.1, 2.1, False, -65.0), Playback(2.1, 2.1)
ECHO = Echo(0.4, 0.09, 0.01, 25.0)
GOOD = SoundFacts("Linux", DEVICE, DEVICE, HEARD, PLAYED, ECHO)


def test_a_machine_that_hears_itself_passes() -> None:
    assert states(sound_findings(GOOD)) == dict.fromkeys(
        ("microphone", "level", "speaker", "round trip", "echo"), "passed"
    )
    assert "1 more (choose with --input-device)" in only(sound_findings(GOOD), "microphone").text


@pytest.mark.parametrize("system", ["Linux", "Darwin", "Windows"])
def test_exact_zeros_are_a_refused_permission(system: str) -> None:
    facts = replace(GOOD, system=system, heard=replace(HEARD, is_zero=True, level_db=QUIETEST_DB), echo=None)
    found = only(sound_findings(facts), "level")
    assert found.state == "failed"
    assert "exact zeros for 2.1 s" in found.text
    assert ("System Settings" in found.advice) == (system == "Darwin")
    assert "echo" not in states(sound_findings(facts)), "a deaf microphone tells nothing of an echo"


@pytest.mark.parametrize(
    ("heard", "echo", "state", "part"),
    [
        (Capture(0.0, 2.1, True, QUIETEST_DB), None, "failed", "delivers nothing"),
        (Capture(1.0, 2.1, False, -65.0), ECHO, "warned", "1.0 s of sound in 2.1 s"),
        (Capture(2.1, 2.1, False, -20.0), ECHO, "warned", "loud"),
        (Capture(2.1, 2.1, False, -100.0), None, "warned", "almost nothing"),
        (Capture(2.1, 2.1, False, -100.0), replace(ECHO, share=0.01), "warned", "almost nothing"),
        (Capture(2.1, 2.1, False, -100.0), ECHO, "passed", "-100 dB"),
    ],
)
def test_the_level_is_judged(heard: Capture, echo: Echo | None, state: str, part: str) -> None:
    found = only(sound_findings(replace(GOOD, heard=heard, echo=echo)), "level")
    assert found.state == state
    assert part in found.text


@pytest.mark.parametrize(("took_s", "state"), [(2.1, "passed"), (9.0, "warned"), (0.3, "warned")])
def test_a_speaker_keeps_real_time(took_s: float, state: str) -> None:
    assert only(sound_findings(replace(GOOD, played=Playback(took_s, 2.1))), "speaker").state == state


def test_no_echo_is_right_with_headphones() -> None:
    for echo in (None, replace(ECHO, share=0.01)):
        found = only(sound_findings(replace(GOOD, echo=echo)), "echo")
        assert found.state == "skipped"
        assert "headphones" in found.advice


@pytest.mark.parametrize(
    ("change", "line", "part"),
    [
        ({"round_trip_s": 0.5}, "round trip", "slow"),
        ({"round_trip_s": 0.5, "hidden_latency_s": 0.4}, "round trip", "400 ms of it not reported"),
        ({"loss_db": -6.0}, "echo", "6 dB louder"),
    ],
)
def test_an_echo_that_is_hard_to_cancel_is_warned_of(change: dict[str, float], line: str, part: str) -> None:
    found = only(sound_findings(replace(GOOD, echo=replace(ECHO, **change))), line)
    assert found.state == "warned"
    assert part in found.text


def test_without_devices_both_lines_fail() -> None:
    none = DeviceFacts((), problem="there is no input device")
    assert states(sound_findings(SoundFacts("Linux", none, none))) == {"microphone": "failed", "speaker": "failed"}


def test_a_device_that_is_not_the_one_asked_for_says_what_there_is() -> None:
    wrong = DeviceFacts(("USB",), problem="no input device matches 'x'", hint="input devices: 0 USB")
    found = only(sound_findings(replace(GOOD, microphone=wrong, heard=None)), "microphone")
    assert (found.state, found.text, found.advice) == ("failed", "no input device matches 'x'", "input devices: 0 USB")


def test_no_sound_only_lists() -> None:
    facts = SoundFacts("Linux", DEVICE, DEVICE, is_tried=False)
    assert states(sound_findings(facts)) == {"microphone": "passed", "speaker": "passed", "level and echo": "skipped"}


LEVEL, TIME_S = st.floats(QUIETEST_DB, 40), st.floats(0, 100)
TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)
DEVICES = st.builds(
    DeviceFacts,
    st.tuples() | st.tuples(TEXT),
    st.just(DEVICE.chosen),
    problem=st.just("") | TEXT,
    hint=st.just("") | TEXT,
)


@given(
    st.builds(
        SoundFacts, TEXT, DEVICES, DEVICES,
        st.none() | st.builds(Capture, TIME_S, TIME_S, level_db=LEVEL),
        st.none() | st.builds(Playback, TIME_S, TIME_S),
        st.none() | st.builds(Echo, st.floats(0, 1), TIME_S, TIME_S, LEVEL),
    )
)  # fmt: skip
def test_whatever_the_facts_the_findings_are_lawful(facts: SoundFacts) -> None:
    lawful(sound_findings(facts))
