"""`voicecli bench answers`: how many everyday questions a language model answers rightly, and how fast it writes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.bench.options import OUTPUT, WHAT, Config, Device, Output, load_bench_settings
from voicecli.commands.bench.stages import model_flags
from voicecli.commands.console import print_note
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.options import SetOption, complete_language_models, grouped, option
from voicecli.errors import INTERRUPTED_EXIT_CODE, SettingsError
from voicecli.settings.backends import Backend

if TYPE_CHECKING:
    from rich.console import Console

    from voicecli.bench.answers.measure import Run, Watch
    from voicecli.bench.answers.questions import Question
    from voicecli.bench.result import Result
    from voicecli.engines.llm.select import Narrate
    from voicecli.settings.model import Settings

REDRAWN_HZ = 2
"""The process that is measured draws the bar, so it is drawn rarely."""

BESIDE_CHARS, LEAST_CHARS = 36, 20
"""Columns that the bar, the numbers and the time take, and the fewest for the text."""


def complete_categories() -> list[str]:
    """Return the categories of the battery."""
    from voicecli.bench.answers.questions import CATEGORIES

    return list(CATEGORIES)


@grouped
def bench_answers(
    models: Annotated[
        list[str] | None,
        option(
            "--model",
            help="Language model; repeat (by default yours).",
            panel=WHAT,
            autocompletion=complete_language_models,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        option(
            "--only",
            metavar="CATEGORY",
            help="Ask only this category, such as sums or tools; repeat.",
            panel=WHAT,
            autocompletion=complete_categories,
        ),
    ] = None,
    sample: Annotated[
        int | None, option("--sample", metavar="N", help="Draw N questions, of each kind its share.", min=1, panel=WHAT)
    ] = None,
    seed: Annotated[int, option("--seed", metavar="S", help="Draw other ones (0).", min=0, panel=WHAT)] = 0,
    backend: Annotated[Backend | None, option("--llm", help="Where to look for the model.", panel=WHAT)] = None,
    url: Annotated[str | None, option("--url", help="OpenAI-compatible server.", panel=WHAT)] = None,
    changed: SetOption = None,
    resume: Annotated[
        bool, option("--resume", help="Go on where the file of --json ends; grade its answers anew.", panel=WHAT)
    ] = False,
    plot: Annotated[
        Path | None, option("--plot", metavar="FILE.svg", help="Draw score against writing speed.", panel=OUTPUT)
    ] = None,
    device: Device = None,
    output: Output = Output(),
    config: Config = None,
) -> None:
    """Ask a language model everyday questions and grade its answers by rules.

    The questions go through the conversation of [bold]voicecli talk[/], without
    sound: its prompt, its sampling, its tools. They are about knowledge, sums
    and units, how things are done, what was said before, what cannot be known,
    eight languages, tools, and twenty in a row.

    A whole battery takes minutes. [bold]Ctrl-C[/] stops it and shows what was
    answered; --json and --resume go on from there.

    Examples:

      voicecli bench answers

      voicecli bench answers --sample 60 --seed 7 --model qwen2.5-coder-1.5b-instruct

      voicecli bench answers --only tools --only sums --json before.json

      voicecli bench answers --only tools --only sums --compare before.json

      voicecli bench answers --json answers.json --resume --plot answers.svg
    """
    from voicecli.bench.answers.measure import Run
    from voicecli.bench.answers.questions import chosen, read_battery
    from voicecli.bench.environment import begin
    from voicecli.bench.result import ANSWERS, read_result

    output.check(ANSWERS, plot)
    check_options(output, plot, resume=resume)
    arms = [(short_name(name), model_settings(name, backend, url, device, changed, config)) for name in models or [""]]
    run = Run(begin(), arms, chosen(read_battery(), only or (), sample, seed), seed, output.json_file)
    if resume and output.json_file is not None and output.json_file.is_file():
        run.resume(read_result(output.json_file))
    old = read_result(output.compare) if output.compare is not None else None
    is_whole = ask_models(run)
    present_answers(run, output, plot, old)
    if not is_whole:
        raise typer.Exit(INTERRUPTED_EXIT_CODE)


def check_options(output: Output, plot: Path | None, *, resume: bool) -> None:
    """Raise SettingsError for options that would fail after minutes of work."""
    from voicecli.bench.html_page import require_libraries

    if resume and output.json_file is None:
        raise SettingsError("--resume goes on with a file", "name it: --json FILE --resume")
    if plot is not None:
        if plot.suffix != ".svg":
            raise SettingsError(f"--plot {plot} is no SVG file", f"--plot {plot.with_suffix('.svg')}")
        require_libraries("--plot")


def short_name(model: str) -> str:
    """Return the name to show for a model: of a file only its name."""
    return Path(model).stem if model.endswith(".gguf") else model


def model_settings(
    model: str,
    backend: Backend | None,
    url: str | None,
    device: str | None,
    changed: Sequence[str] | None,
    config: Path | None,
) -> Settings:
    """Return the settings that select a model; an empty name selects that of the user's settings."""
    from voicecli.models.store import embedded_models
    from voicecli.settings.load import parsed

    flags = {**model_flags(backend, model or None, url), **parsed(changed or ())}
    settings = load_bench_settings(device, flags, config)  # type: ignore[arg-type]
    fetch_missing(settings, embedded_models(settings))
    return settings


def ask_models(run: Run) -> bool:
    """Ask all models. Return whether they answered everything: Ctrl-C keeps what was answered."""
    from voicecli.bench.answers.measure import measure
    from voicecli.errors import first_of

    try:
        with answers_progress(run) as (watch, narrate):
            asyncio.run(measure(run, watch, narrate))
    except KeyboardInterrupt:
        print_note(f"Stopped after {len(run.answers)} answers.")
        if not run.answers:
            raise typer.Exit(INTERRUPTED_EXIT_CODE) from None
        return False
    except ExceptionGroup as group:
        raise first_of(group) from group
    return True


def present_answers(run: Run, output: Output, plot: Path | None, old: Result | None) -> None:
    """Show the result, write the files, and name the questions whose grade changed."""
    from voicecli.bench.answers.plot import score_plot
    from voicecli.commands.bench.output import present, write

    result = run.result()
    for name in run.keep_scores():
        print_note(f"Kept the score of {name} for /model.")
    if plot is not None:
        write(plot, score_plot(result), "--plot FILE.svg")
    if old is not None:
        print_changes(run, old)
    present(result, output)


def print_changes(run: Run, old: Result) -> None:
    """Print the questions that became right and those that became wrong, both graded by the rules of today."""
    from voicecli.bench.answers.report import answers_of, graded, listed_changes

    gained, lost = listed_changes(graded(run.questions, answers_of(old)), run.answers)
    for mark, names in (("+ now right", gained), ("- now wrong", lost)):
        for name in names:
            print_note(f"{mark}: {name}")
    print_note(f"{len(gained)} became right, {len(lost)} became wrong.")


@contextmanager
def answers_progress(run: Run, console: Console | None = None) -> Iterator[tuple[Watch, Narrate]]:
    """Yield what shows the question with the running score, and what shows a note: on a bar, or as lines elsewhere."""
    from rich import progress
    from rich.console import Console

    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield lambda model, question: print_note(f"{running_score(run, model)}: {question.ask}"), print_note
        return
    room = max(console.width - BESIDE_CHARS, LEAST_CHARS)
    with progress.Progress(
        progress.SpinnerColumn(),
        progress.MofNCompleteColumn(),
        progress.BarColumn(bar_width=12),
        progress.TimeElapsedColumn(),
        progress.TextColumn("{task.description}", markup=False),
        console=console,
        refresh_per_second=REDRAWN_HZ,
        transient=True,
    ) as bars:
        task = bars.add_task("", total=len(run.questions))

        def advance(model: str, question: Question) -> None:
            text = f"{running_score(run, model)}: {question.ask}"
            bars.update(task, description=text[:room], completed=len(run.of(model)))

        yield advance, lambda text: bars.update(task, description=text[:room])


def running_score(run: Run, model: str) -> str:
    """Return how many of a model's answers are right so far; with its name if there are several models."""
    answers = run.of(model)
    name = f"{model}, " if len(run.models) > 1 else ""
    return f"{name}{sum(one.grade.right for one in answers)} of {len(answers)} right"
