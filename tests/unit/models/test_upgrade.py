"""What is offered, what is said, and how far a download is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.models.stage import manifest, model, source
from voicecli.models.download import Finished, ModelReady, Progress, SourceSkipped
from voicecli.models.manifest import Model
from voicecli.models.upgrade import (
    SPEED_AFTER_S,
    Memory,
    Step,
    Tally,
    described,
    model_bytes,
    next_step,
    no_room,
    question,
    suggestion,
    within_reach,
)
from voicecli.printable import duration_text, size_text
from voicecli.settings.model import UpgradeMode

WEIGHTS = f'{{ name = "a", size = 1117320768, sha256 = "{"0" * 64}" }}'
NEAR = manifest(model("near", source("hub", "me/near@1", WEIGHTS), source("pypi", "near==1", WEIGHTS)))
FAR = manifest(model("far", source("hub", "me/far@1", '{ name = "a" }')))


def near() -> Model:
    return NEAR.find("near")


@pytest.mark.parametrize(
    ("wanted", "refused", "can_answer", "step"),
    [
        ("ask", "", True, "ask"),
        ("ask", "", False, "tell"),
        ("ask", "near", True, "nothing"),
        ("ask", "near", False, "nothing"),
        ("ask", "an older one", True, "ask"),
        ("auto", "", False, "get"),
        ("auto", "near", True, "get"),
        ("never", "", True, "nothing"),
    ],
)
def test_a_refusal_holds_until_another_model_is_better(
    wanted: UpgradeMode, refused: str, can_answer: bool, step: Step
) -> None:
    assert next_step(wanted, "near", Memory(refused), can_answer=can_answer) == step


@pytest.mark.parametrize("can_answer", [True, False])
def test_a_download_that_was_wanted_once_goes_on_without_a_question(can_answer: bool) -> None:
    wanted = Memory(accepted="near")
    assert next_step("ask", "near", wanted, can_answer=can_answer) == "get"
    assert next_step("ask", "another", wanted, can_answer=True) == "ask"
    assert next_step("never", "near", wanted, can_answer=True) == "nothing"


def test_a_model_is_in_reach_from_any_of_its_sources() -> None:
    both = [near(), FAR.find("far")]
    assert within_reach(both, {"pypi", "npm"}) == [near()]
    assert within_reach(both, {"hub"}) == both
    assert within_reach(both, ()) == []


def test_a_time_is_only_said_where_a_speed_was_measured() -> None:
    assert described(near(), Memory()) == "1.1 GB"
    assert described(near(), Memory(bytes_per_s=5e6)) == "1.1 GB, 4 min at the speed of the last download"


def test_the_question_names_model_size_and_reason_once() -> None:
    asked = question(near(), "near: 51 of 60 questions right, 21 now", Memory())
    assert asked == "Get near while we talk? 1.1 GB; 51 of 60 questions right, 21 now"


def test_without_anybody_to_ask_it_says_how_to_get_it() -> None:
    said = suggestion(near(), "near: 51 of 60", Memory())
    assert said == "near would answer better (1.1 GB; 51 of 60): voicecli download-models near, or llm.upgrade = auto"


def test_a_lack_of_memory_is_said_in_figures() -> None:
    assert no_room("near", 1_900_000_000, 800_000_000, "tiny") == (
        "near is downloaded, but needs 1.9 GB of memory and 800 MB are free: tiny stays. "
        "The next start takes near if there is room."
    )


def test_the_size_of_a_model_that_no_source_names_is_about_right() -> None:
    assert model_bytes(FAR.find("far")) == 0
    assert model_bytes(FAR.find("far").model_copy(update={"approx_mb": 3})) == 3_000_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "under a minute"), (59, "under a minute"), (60, "1 min"), (450, "8 min"), (5940, "99 min"), (7200, "2 h")],
)
def test_times_are_shown_roughly(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(("size", "text"), [(8_679_182, "9 MB"), (1_117_320_768, "1.1 GB")])
def test_sizes_are_shown_roughly(size: int, text: str) -> None:
    assert size_text(size) == text


def progress(item: str, done: int, total: int | None = None) -> Progress:
    return Progress("near", item, "download", done, total)


class TestTally:
    def test_adds_up_what_is_downloaded_side_by_side(self) -> None:
        tally = Tally(1000)
        for event in (progress("one", 0), progress("two", 100), progress("one", 300), Finished("near", "one")):
            tally.add(event, 0.0)
        assert (tally.standing().done_bytes, tally.standing().total_bytes) == (400, 1000)

    def test_knows_the_time_left_once_the_speed_was_measured(self) -> None:
        tally = Tally(1000)
        tally.add(progress("one", 0), 0.0)
        tally.add(progress("one", 100), SPEED_AFTER_S / 2)
        assert tally.standing().left_s is None
        tally.add(progress("one", 300), SPEED_AFTER_S)
        assert tally.standing().left_s == pytest.approx(700 / (300 / SPEED_AFTER_S))

    def test_what_an_earlier_run_has_left_is_not_speed(self) -> None:
        tally = Tally(1000)
        tally.add(progress("whole", 500, 500), 0.0)
        tally.add(progress("one", 0), 0.0)
        tally.add(progress("one", 40), 4.0)
        assert tally.bytes_per_s() == 10
        assert tally.standing().done_bytes == 540

    def test_the_speed_is_that_of_the_last_seconds(self) -> None:
        tally = Tally(100_000)
        for second in range(60):
            tally.add(progress("one", 1000 * second), float(second))
        for second in range(60, 120):
            tally.add(progress("one", 60_000 + 10 * (second - 60)), float(second))
        assert tally.bytes_per_s() == 10

    def test_a_download_that_stands_still_has_no_time(self) -> None:
        tally = Tally(1000)
        for second in range(9):
            tally.add(progress("one", 5), float(second))
        assert tally.standing().left_s is None

    def test_the_average_is_that_of_the_whole_download(self) -> None:
        tally = Tally(100_000)
        assert tally.average_bytes_per_s() is None
        tally.add(progress("whole", 500, 500), 0.0)
        tally.add(progress("one", 0), 0.0)
        tally.add(progress("one", 10), SPEED_AFTER_S / 2)
        assert tally.average_bytes_per_s() is None
        tally.add(progress("one", 4000), 40.0)
        assert tally.average_bytes_per_s() == 100

    def test_what_was_there_already_has_no_speed(self) -> None:
        tally = Tally(1000)
        for second in range(9):
            tally.add(progress("one", 1000), float(second))
        assert tally.average_bytes_per_s() is None

    def test_another_source_begins_anew(self) -> None:
        tally = Tally(1000)
        tally.add(progress("one", 700), 0.0)
        tally.add(SourceSkipped("near", "hub", "gone"), 1.0)
        tally.add(progress("two", 10), 1.0)
        assert tally.standing().done_bytes == 10

    def test_is_not_done_before_it_is_unpacked_and_loaded(self) -> None:
        tally = Tally(1000)
        tally.add(progress("one", 1200), 0.0)
        assert tally.standing().done_bytes == 990
        tally.add(Progress("near", "near", "unpack", 250, 1000), 1.0)
        assert (tally.standing().state, tally.standing().done_bytes) == ("unpacking", 250)
        tally.add(ModelReady("near", "pypi", 1000), 2.0)
        assert (tally.standing().state, tally.standing().left_s) == ("loading", None)

    def test_nothing_has_come_yet(self) -> None:
        assert Tally(1000).standing().done_bytes == 0
        assert Tally(1000).bytes_per_s() is None

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 400), st.floats(0, 5)), max_size=40))
    def test_never_shows_more_than_all_of_it_or_a_negative_time(self, reports: list[tuple[str, int, float]]) -> None:
        tally, at_s = Tally(1000), 0.0
        for item, done, wait_s in reports:
            at_s += wait_s
            tally.add(progress(item, done), at_s)
            standing = tally.standing()
            assert 0 <= standing.done_bytes <= 990
            assert standing.left_s is None or standing.left_s > 0
