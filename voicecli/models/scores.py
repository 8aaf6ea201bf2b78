"""How many questions of the battery each language model answers rightly on this machine, kept beside their files.

`voicecli bench answers` writes it. It counts more than the score of the catalogue: it was measured with the prompt, the
settings and the files of this user.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field, TypeAdapter, ValidationError

from voicecli.models.ladder import QUESTIONS
from voicecli.models.manifest import Entry, Model

SCORES_FILE = "scores.json"
"""In the models folder: the newest result of each model."""

LEAST_ASKED = 40
"""Fewer questions are no score: it would be off by a dozen of 60, by chance."""


class KeptScore(Entry):
    """The newest result of one model."""

    right: int = Field(ge=0)
    asked: int = Field(ge=1)
    categories: dict[str, tuple[int, int]]  # right and asked
    invented: int
    loops: int
    first_token_s: float | None
    writing_tps: float | None
    version: str  # of voicecli
    date: datetime.date

    @property
    def of_60(self) -> int:
        """The score on the scale of the catalogue."""
        return round(QUESTIONS * self.right / self.asked)

    @property
    def text(self) -> str:
        """The score for a list, such as "51 of 60 right here"."""
        return f"{self.of_60} of {QUESTIONS} right here"


_KEPT = TypeAdapter(dict[str, KeptScore])


def load_scores(folder: Path) -> dict[str, KeptScore]:
    """Return what is kept, by the name of the model; nothing if the file is absent or damaged."""
    try:
        return _KEPT.validate_json((folder / SCORES_FILE).read_bytes())
    except (OSError, ValidationError):
        return {}


def with_own_scores(models: Sequence[Model], scores: Mapping[str, KeptScore]) -> tuple[Model, ...]:
    """Return the models of the catalogue, with the scores of this machine where there are any."""
    return tuple(
        model.model_copy(update={"score": scores[model.name].of_60}) if model.name in scores else model
        for model in models
    )


def keep_score(folder: Path, model: str, score: KeptScore) -> bool:
    """Keep a score in place of the one before. Return whether it was kept: few questions are no score."""
    if score.asked < LEAST_ASKED:
        return False
    fresh = folder / f"{SCORES_FILE}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(_KEPT.dump_json({**load_scores(folder), model: score}, indent=1))
        fresh.replace(folder / SCORES_FILE)
    except OSError:
        return False
    return True
