"""Ask several models the battery, and keep each answer as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voicecli.bench.answers.questions import Question
from voicecli.bench.answers.report import Answered, counts, graded, metrics
from voicecli.bench.answers.run import ask_all, open_model
from voicecli.bench.environment import Found, RunStart, conclude, model_digests
from voicecli.bench.result import ANSWERS, Result, write_result
from voicecli.bench.rounds import few
from voicecli.bench.stage_llm import CHUNKS_AS_TOKENS
from voicecli.engines.llm.select import Narrate
from voicecli.settings.model import Settings

Watch = Callable[[str, Question, int, int], None]
"""Called before each question with the model, the question, the number of answers so far, and the number of all."""


@dataclass
class Run:
    """One run of the command: what is asked of whom, and what has been answered."""

    begun: RunStart
    models: Sequence[tuple[str, Settings]]  # the name that was given, or "", and its settings
    questions: Sequence[Question]
    seed: int
    file: Path | None = None  # written after each answer
    answers: list[Answered] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """Return the settings of the first model; those of the others differ in the model alone."""
        return self.models[0][1]

    @property
    def is_whole(self) -> bool:
        """Return whether each model has answered everything."""
        return len(self.answers) >= len(self.models) * len(self.questions)

    def missing(self, model: str) -> list[Question]:
        """Return what a model has not answered yet; an unfinished conversation is held again from its beginning."""
        answered = {one.question for one in self.answers if one.model == model}
        left = [one for one in self.questions if one.name not in answered]
        rows = {one.category for one in left if one.is_in_a_row}
        again = {one.name for one in self.questions if one.category in rows}
        self.answers = [one for one in self.answers if one.model != model or one.question not in again]
        return [one for one in self.questions if one.name not in answered or one.name in again]

    def result(self) -> Result:
        """Return what has been measured so far."""
        return conclude(ANSWERS, self.begun, self.settings, self.digests, found(self))


def found(run: Run) -> Found:
    """Return the measurements of all models, in the order in which they were asked."""
    answers = graded(run.questions, run.answers)
    by_model = {
        name: [one for one in answers if one.answered.model == name]
        for name in dict.fromkeys(one.answered.model for one in answers)
    }
    whole = len(run.models) * len(run.questions)
    stopped = () if run.is_whole else (f"stopped after {len(run.answers)} of {whole} answers: --resume goes on",)
    return Found(
        f"{len(run.questions)} questions of the battery",
        tuple(metric for name, mine in by_model.items() for metric in metrics(name, mine)),
        tuple(count for name, mine in by_model.items() for count in counts(name, mine)),
        doubts=(*stopped, *few(len(run.questions), "questions"), *dict.fromkeys(run.notes)),
        events=tuple(one.answered.as_event(one.grade) for one in answers),
        seed=run.seed,
    )


async def measure(run: Run, watch: Watch, narrate: Narrate) -> None:
    """Ask each model what it has not answered yet. Raise what opening a model raises, and EngineError."""
    for given, settings in run.models:
        if given and not run.missing(given):
            continue
        async with open_model(settings, narrate) as opened:
            name = given or opened.asked or opened.model.name
            left = run.missing(name)
            run.digests |= digests(settings, name, embedded=opened.embedded)
            if not opened.embedded:
                run.notes.append(CHUNKS_AS_TOKENS)

            def keep(one: Answered, name: str = name, left: Sequence[Question] = left) -> None:
                run.answers.append(one)
                if run.file is not None:
                    write_result(run.file, run.result())
                done = sum(each.model == name for each in run.answers)
                at = len(left) - (len(run.questions) - done)
                if at < len(left):
                    watch(name, left[at], done, len(run.questions))

            if left:
                watch(name, left[0], len(run.questions) - len(left), len(run.questions))
            await ask_all(settings, name, opened, left, keep, run.notes.append)


def digests(settings: Settings, name: str, *, embedded: bool) -> Mapping[str, str]:
    """Return the SHA-256 of an embedded model's file; of a server's model only the name."""
    return model_digests(settings, [settings.llm.embedded_model]) if embedded else {name: ""}
