"""The conversations of a measurement, and their order."""

from __future__ import annotations

import numpy as np
import pytest

from voicecli.bench.corpus import Corpus
from voicecli.bench.scenes import SCENARIOS
from voicecli.bench.speech import Utterance
from voicecli.bench.voice_to_voice import TOGETHER, chosen, plan


def corpus(count: int) -> Corpus:
    pcm = np.ones(16_000, np.int16)
    return Corpus("recordings", tuple(Utterance(f"{index}.wav", pcm, 0.3, 0.9) for index in range(count)))


def test_each_scenario_is_held_and_the_first_one_between_the_others() -> None:
    held = plan(corpus(16), SCENARIOS, 16)
    names = [scenario.name for scenario, _ in held]
    assert set(names) == {one.name for one in SCENARIOS}
    assert names[0] == "quiet"
    assert names.count("quiet") == 2
    assert names[1] != "quiet"
    assert sum(len(scenes) for scenario, scenes in held if scenario.name == "quiet") == 16
    assert max(len(scenes) for _, scenes in held) == TOGETHER


@pytest.mark.parametrize("turns", [1, 2, 7, 8, 9, 30])
@pytest.mark.parametrize("count", [1, 3, 40])
def test_as_many_questions_as_were_asked_for_each_by_a_recording_of_its_own(turns: int, count: int) -> None:
    held = plan(corpus(count), chosen(["quiet"]), turns)
    asked = [scene.name for _, scenes in held for scene in scenes]
    assert len(asked) == turns
    assert len(set(asked)) == min(turns, count)


def test_somebody_else_speaks_over_an_answer_where_there_is_somebody() -> None:
    [(_, scenes)] = plan(corpus(3), chosen(["interruption"]), 8)
    assert all(scene.over is not None and scene.over.name != scene.name for scene in scenes)
    [(_, alone)] = plan(corpus(1), chosen(["interruption"]), 1)
    assert alone[0].over is not None


def test_the_same_plan_every_time() -> None:
    one, other = (
        [(scenario.name, [scene.name for scene in scenes]) for scenario, scenes in plan(corpus(9), SCENARIOS, 16)]
        for _ in range(2)
    )
    assert one == other


def test_scenarios_by_name_keep_their_order() -> None:
    assert [one.name for one in chosen(["echo", "quiet"])] == ["quiet", "echo"]
    assert chosen([]) == list(SCENARIOS)
