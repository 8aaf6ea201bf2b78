"""Ask several models the battery, and keep each answer as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from voicecli.bench.answers.questions import SHARES, Question
from voicecli.bench.answers.report import (
    Answered,
    Graded,
    answers_of,
    counts,
    grade_one,
    graded,
    kept_score,
    metrics,
    score,
)
from voicecli.bench.answers.run import Asker
from voicecli.bench.environment import Found, RunStart, conclude, model_digests
from voicecli.bench.result import ANSWERS, Result, write_result
from voicecli.bench.rounds import few
from voicecli.bench.stage_llm import CHUNKS_AS_TOKENS, opened_model
from voicecli.engines.llm.select import Narrate
from voicecli.errors import SettingsError
from voicecli.models.scores import keep_score
from voicecli.settings.model import Settings

Watch = Callable[[str, Question], None]
"""Called before each question, with the model that is asked."""


@dataclass
class Run:
    """One run of the command: what is asked of whom, and what has been answered."""

    begun: RunStart
    models: Sequence[tuple[str, Settings]]  # the name that was given, or "", and its settings
    questions: Sequence[Question]
    seed: int
    file: Path | None = None  # written after each answer
    answers: list[Graded] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    is_whole: bool = False  # everybody has answered everything

    def resume(self, result: Result) -> None:
        """Continue after the answers of a result, which are graded anew. Raise SettingsError if it asks for more."""
        answers = answers_of(result)
        self.answers = graded(self.questions, answers)
        self.digests |= result.models
        if others := len(answers) - len(self.answers):
            raise SettingsError(
                f"{others} of its {len(answers)} answers are to other questions, and would be lost",
                "repeat the --only, --sample and --seed that it was made with, or name another --json FILE",
            )

    def of(self, model: str) -> list[Graded]:
        """Return the answers of a model so far."""
        return [one for one in self.answers if one.answered.model == model]

    def missing(self, model: str) -> list[Question]:
        """Return what a model has not answered yet; an unfinished conversation is held again from its beginning."""
        answered = {one.question.name for one in self.of(model)}
        if any(one.is_in_a_row and one.name not in answered for one in self.questions):
            self.answers = [one for one in self.answers if one.answered.model != model or not one.question.is_in_a_row]
            answered = {one.question.name for one in self.of(model)}
        return [one for one in self.questions if one.name not in answered]

    def add(self, answered: Answered) -> None:
        """Keep an answer, also on disk."""
        question = next(one for one in self.questions if one.name == answered.question)
        earlier = [one.answered.text for one in self.of(answered.model) if one.question.is_in_a_row]
        self.answers.append(grade_one(question, answered, earlier))
        if self.file is not None:
            write_result(self.file, self.result())

    def result(self) -> Result:
        """Return what has been measured so far."""
        settings = self.models[0][1]  # those of the other models differ in the model alone
        return conclude(ANSWERS, self.begun, settings, self.digests, self.found())

    def keep_scores(self) -> list[str]:
        """Keep the score of each model that answered a share of all kinds; return their names."""
        kept = []
        for name in dict.fromkeys(one.answered.model for one in self.answers):
            found = score(name, self.of(name))
            if self.is_whole and set(SHARES) <= set(found.categories):
                folder = self.models[0][1].models_dir
                kept += [name] if keep_score(folder, name, kept_score(found, self.begun.at.date())) else []
        return kept

    def found(self) -> Found:
        """Return the measurements of all models, in the order in which they were asked."""
        models = dict.fromkeys(one.answered.model for one in self.answers)
        stopped = () if self.is_whole else (f"stopped after {len(self.answers)} answers: --resume goes on",)
        return Found(
            f"{len(self.questions)} questions of the battery",
            tuple(metric for name in models for metric in metrics(name, self.of(name))),
            tuple(count for name in models for count in counts(name, self.of(name))),
            doubts=(*stopped, *few(len(self.questions), "questions"), *dict.fromkeys(self.notes)),
            events=tuple(one.as_event() for one in self.answers),
            seed=self.seed,
        )


async def measure(run: Run, watch: Watch, narrate: Narrate) -> None:
    """Ask each model what it has not answered yet. Raise what opening a model raises, and EngineError."""
    for given, settings in run.models:
        if given and not run.missing(given):
            continue
        embedded: list[str] = []
        async with opened_model(settings, embedded, narrate) as opened:
            name = given or opened.asked or opened.model.name
            run.digests |= model_digests(settings, embedded) if embedded else {name: ""}
            run.notes += [] if embedded else [CHUNKS_AS_TOKENS]
            asker = Asker(settings, name, opened, partial(watch, name), run.add, run.notes.append)
            await asker.ask_all(run.missing(name))
    run.is_whole = True
