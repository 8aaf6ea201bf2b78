"""The battery is well formed, and samples of it hold a share of each kind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voicecli.bench.answers.questions import CATEGORIES, SHARES, Question, chosen, parted, read_battery, sampled
from voicecli.errors import SettingsError

BATTERY = read_battery()


def test_the_battery_is_large_enough_and_no_question_is_asked_twice() -> None:
    assert len(BATTERY) >= 150
    assert len({one.name for one in BATTERY}) == len(BATTERY)
    found = Counter(one.category for one in BATTERY)
    assert found["conversation"] == 20
    assert min(found.values()) >= 14
    tools = [one for one in BATTERY if one.category == "tools"]
    assert sum(one.call == "none" for one in tools) >= 10
    assert sum(one.call != "none" for one in tools) >= 20
    languages = Counter(one.language for one in BATTERY if one.category == "languages")
    assert set(languages) == {"es", "fr", "de", "it", "pt", "hi", "ja", "zh"}
    assert min(languages[code] for code in ("es", "fr", "de", "it", "pt")) >= 10


def test_the_documents_say_how_many_there_are() -> None:
    for name in ("language-models", "commands"):
        assert f"{len(BATTERY)} " in Path(f"docs/{name}.md").read_text(encoding="utf8")


def test_each_question_has_a_rule() -> None:
    for one in BATTERY:
        rules = (one.any, one.all, one.number, one.cannot_know, one.answered, one.call, one.max_words)
        assert any(rule not in ((), None, False, "") for rule in rules), one.name


def test_a_mistake_in_the_battery_is_an_error() -> None:
    with pytest.raises(ValidationError):
        Question(ask="x", any=("(",))
    with pytest.raises(ValidationError):
        Question.model_validate({"ask": "x", "anny": ["y"]})
    with pytest.raises(OSError, match="knowledge.toml"):
        read_battery(Path("nowhere"))


@given(st.integers(0, 5))
def test_a_sample_has_each_kind_in_its_share(seed: int) -> None:
    drawn = sampled(BATTERY, 60, seed)
    assert Counter(one.category for one in drawn) == SHARES
    assert sum(one.cannot_know for one in drawn) == 3
    assert drawn == sampled(BATTERY, 60, seed)
    assert drawn == tuple(one for one in BATTERY if one in drawn)


def test_another_seed_draws_other_questions() -> None:
    assert sampled(BATTERY, 60, 1) != sampled(BATTERY, 60, 2)


def test_categories_are_chosen() -> None:
    assert {one.category for one in chosen(BATTERY, ["sums", "tools"], None, 0)} == {"sums", "tools"}
    assert chosen(BATTERY, [], None, 0) == BATTERY
    assert Counter(one.category for one in chosen(BATTERY, ["sums", "tools"], 10, 0)).total() == 10
    assert len(chosen(BATTERY, ["conversation"], 5, 0)) == 5
    with pytest.raises(SettingsError, match="no category 'poems'"):
        chosen(BATTERY, ["poems"], None, 0)
    assert set(CATEGORIES) == {one.category for one in BATTERY}


@given(st.integers(0, 500), st.dictionaries(st.text(max_size=2), st.integers(1, 50)))
def test_parts_add_up(count: int, weights: dict[str, int]) -> None:
    parts = parted(count, weights)
    assert sum(parts.values()) == (count if weights else 0)
    assert all(abs(parts[name] - count * weight / sum(weights.values())) < 1 for name, weight in weights.items())


def test_more_than_there_are_is_all() -> None:
    few = [one for one in BATTERY if one.category == "sums"][:3]
    assert sampled(few, 10, 0, all_kinds=False) == tuple(few)
    assert sampled([], 10, 0) == ()
