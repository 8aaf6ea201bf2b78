"""The newest score of each model is kept on this machine."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from voicecli.app.slash_wiring import with_scores
from voicecli.engines.llm.available import AvailableModel, AvailableModels
from voicecli.models.manifest import Manifest
from voicecli.models.scores import LEAST_ASKED, SCORES_FILE, KeptScore, keep_score, load_scores, with_own_scores

QWEN = "qwen2.5-coder-1.5b-instruct"
SCORE = KeptScore(
    right=102,
    asked=120,
    categories={"sums": (9, 10)},
    invented=1,
    loops=0,
    first_token_s=0.2,
    writing_tps=8.5,
    version="1",
    date=datetime.date(2026, 12, 1),
)


def test_a_score_is_kept_in_place_of_the_one_before(tmp_path: Path) -> None:
    assert load_scores(tmp_path) == {}
    assert keep_score(tmp_path / "models", "small", SCORE)
    assert keep_score(tmp_path / "models", "large", SCORE)
    better = SCORE.model_copy(update={"right": 110})
    assert keep_score(tmp_path / "models", "small", better)
    assert load_scores(tmp_path / "models") == {"small": better, "large": SCORE}
    assert better.of_60 == 55
    assert better.text == "55 of 60 right here"


def test_few_questions_are_no_score(tmp_path: Path) -> None:
    assert not keep_score(tmp_path, "small", SCORE.model_copy(update={"asked": LEAST_ASKED - 1}))
    assert not (tmp_path / SCORES_FILE).exists()


@pytest.mark.parametrize("text", ["", "{", '{"small": {"right": -1}}', "[]"])
def test_a_damaged_file_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / SCORES_FILE).write_text(text)
    assert load_scores(tmp_path) == {}


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    assert not keep_score(tmp_path / "models", "small", SCORE)


def test_a_score_of_this_machine_counts_more_than_that_of_the_catalogue() -> None:
    small, large = (model for model in Manifest.load().model if model.name in ("smollm2-135m-instruct", QWEN))
    scored, same = with_own_scores([small, large], {small.name: SCORE})
    assert scored.score == 51
    assert small.score != 51
    assert same == large


def test_the_list_of_models_has_their_scores() -> None:
    small, other = (AvailableModel(name, "embedded", "embedded") for name in ("small", "other"))
    found = with_scores(AvailableModels((small, other), ("Ollama is away",)), {"small": SCORE})
    assert [one.where for one in found.models] == ["embedded, 51 of 60 right here", "embedded"]
    assert found.unreachable == ("Ollama is away",)
