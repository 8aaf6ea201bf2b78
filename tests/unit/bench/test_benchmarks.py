"""The pure parts of benchmarks/: figures are only as good as these."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.report import table
from benchmarks.room.scores import Score
from benchmarks.sound import HOP, MOST_SHIFT, RATE_HZ, Signal, distance
from benchmarks.steps import NAIVE, arms
from benchmarks.turns import HEAD, row
from voicecli.bench.hesitations import quietest, room_tone
from voicecli.bench.wer import found_slots, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A 20-oz Latté, please!", "a twenty ounce latte please"),
        ("two 12 ounces", "two twelve ounce"),
        ("50% milk", "fifty percent milk"),
        ("I'd like 110 of them", "i'd like one hundred and ten of them"),
    ],
)
def test_words_are_written_one_way(text: str, expected: str) -> None:
    assert " ".join(words(text)) == expected


def test_a_slot_is_found_as_whole_words_however_it_is_spelt() -> None:
    slots = ("twenty ounce", "latte", "some milk")
    assert found_slots(slots, "A 20 oz latte with some milk.") == 3
    assert found_slots(slots, "A 20 oz platter with some of it, milk.") == 1


def voice_like(seed: int) -> Signal:
    """A second of noise that swells and falls."""
    noise = np.random.default_rng(seed).normal(0, 0.1, RATE_HZ)
    swell: Signal = np.sin(np.linspace(0, 12, RATE_HZ)) ** 2
    return noise * swell


def test_a_sound_is_at_no_distance_from_itself() -> None:
    found = distance(voice_like(0), voice_like(0))
    assert (found.mel_db, found.level_db, found.level_spread_db) == (0, 0, 0)


def test_loudness_and_a_late_start_are_no_difference_in_sound() -> None:
    late = np.concatenate([np.zeros(HOP * (MOST_SHIFT - 5)), 0.5 * voice_like(0)])
    found = distance(voice_like(0), late)
    assert found.mel_db < 0.1
    assert found.level_spread_db < 0.1
    assert found.level_db == pytest.approx(-6.02, abs=0.01)


def test_another_sound_is_far_away() -> None:
    assert distance(voice_like(0), voice_like(1)).mel_db > 3


def test_arms_go_from_naive_to_the_product_and_skip_what_this_version_cannot_set() -> None:
    every = arms(list(NAIVE))
    assert len(every) == len(NAIVE) + 2
    assert not every[-1].settings
    assert all(len(one.settings) == len(other.settings) + 1 for one, other in zip(every, every[1:], strict=False))
    assert len(arms(["stt.window"])) == 3
    assert every[0].environment["VOICECLI_STT_WINDOW"] == "full"
    assert every[-1].environment["VOICECLI_LLM_TEMPERATURE"] == "0"


def test_a_row_of_turns_counts_out_of_what_there_was() -> None:
    found = Score(answers=4, barge_ins=2, missed=1, to_silence_s=(0.2,), utterances=2, waits_s=(0.5, 0.7))
    assert dict(zip(HEAD, row("room", found), strict=True)) == {
        "": "room",
        "answers": 4,
        "self-answers": 0,
        "false interruptions": 0,
        "missed interruptions": "1 of 2",
        "softer after, ms": "",
        "silent after, ms": "200 / 200",
        "continued after a pause": 0,
        "cut off": "0 of 2",
        "wait, ms": "600 / 690",
    }
    assert row("noise", Score(answers=3))[4:] == ["", "", "", 0, "", ""]


def test_a_table_is_markdown() -> None:
    assert table(["a", "b"], [["x", 1]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"


def test_a_pause_for_thought_is_put_where_it_is_quiet_and_sounds_like_the_room() -> None:
    noise = np.random.default_rng(0)
    room = noise.normal(0, 30, 16_000)
    voice = noise.normal(0, 3000, 16_000)
    voice[8000 : 8000 + 640] = 0  # between two words, half a second in
    pcm = np.concatenate([room, voice]).astype(np.int16)
    assert abs(quietest(pcm, 1.47) - (16_000 + 8000 + 320)) <= 320
    assert np.abs(room_tone(pcm).astype(float)).max() < 300
