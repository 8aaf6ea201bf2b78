"""`voicecli models`: the models, and which language model suits this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.console import print_note, table_console
from voicecli.commands.options import ConfigOption, complete_models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicecli.app.models import Catalogue
    from voicecli.models.ladder import Assessment
    from voicecli.models.manifest import Model

HELP = """Show the models, and which language model suits this machine.

Examples:

  voicecli models info

  voicecli models list
"""

models = typer.Typer(no_args_is_help=True, help=HELP)


@models.command(name="list")
def list_models() -> None:
    """List all models and which are installed, as download-models --list does.

    Example: voicecli models list
    """
    from voicecli.commands.download_models import print_list

    print_list()


@models.command()
def info(
    name: Annotated[
        str | None, typer.Argument(help="A model; by default, all language models.", autocompletion=complete_models)
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Show the language models, which one answers on this machine and why, or all facts of one model.

    If no speed was measured here yet, an installed model is measured for a second or more.

    Examples:

      voicecli models info

      voicecli models info qwen3.5-4b
    """
    from voicecli.app.models import catalogue, measure, to_measure
    from voicecli.settings.load import load_settings

    settings = load_settings(file=config).settings
    found = catalogue(settings)
    wanted = found.store.manifest.find(name) if name else None
    if (model := to_measure(found, wanted)) is not None:
        print_note(f"Measuring {model.name}…")
        measure(settings, model, lambda text: None)
        found = catalogue(settings)
    if wanted is None:
        print_ladder(found)
    else:
        print_model(found, wanted)


def print_ladder(found: Catalogue) -> None:
    """Print the machine, the choice, and one row for each language model."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from voicecli.models.ladder import gigabytes

    machine, choice = found.machine, found.choice
    gpu = f", GPU with {gigabytes(machine.gpu_memory_bytes)} free" if machine.gpu_memory_bytes else ""
    cores = "1 core" if machine.cores == 1 else f"{machine.cores} cores"
    here = f"{cores}, {gigabytes(machine.free_memory_bytes)} free{gpu}; {found.processor}"
    print_facts([("machine", here), ("answers", choice.why), ("better", choice.why_better)])
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for heading in ("model", "size", "needs", "right", "tools", "tok/s", "on this machine"):
        is_text = heading in ("model", "on this machine")
        table.add_column(heading, no_wrap=True, justify="left" if is_text else "right")
    for one in found.ladder:
        is_used = choice.use is not None and one.model.name == choice.use.name
        table.add_row(*row(one, found), style="green" if is_used else "" if one.fits else "dim")
    print()
    table_console().print(table)
    print_note("right: of 60 questions; tools: right calls of 20; -: not measured; ~: estimated")
    print_note("needs: memory with the voice; tok/s: tokens that it writes a second, 3.7 are spoken")


def row(one: Assessment, found: Catalogue) -> tuple[str, ...]:
    """Return the cells of a language model."""
    from voicecli.models.ladder import file_bytes, gigabytes, needed_bytes
    from voicecli.printable import size_text

    model = one.model
    return (
        model.name,
        size_text(file_bytes(model)),
        gigabytes(needed_bytes(model)),
        "-" if model.score is None else str(model.score),
        "-" if model.tools is None else str(model.tools),
        "GPU" if one.basis == "gpu" else ("" if one.basis == "measured" else "~") + f"{one.speed.writing_tps:.1f}",
        standing(one, found),
    )


def standing(one: Assessment, found: Catalogue) -> str:
    """Return in a few words what becomes of a model here."""
    is_here, choice = one.model.name in found.installed, found.choice
    if choice.use and one.model.name == choice.use.name:
        return "answers"
    if one.problem:
        cause = "too large" if one.problem.startswith("needs") else "too slow"
        return f"installed, {cause}" if is_here else cause
    if is_here:
        return "installed"
    return "would be better" if one.model in choice.candidates else "can be used"


def print_model(found: Catalogue, model: Model) -> None:
    """Print all facts of one model."""
    print_facts([("about", model.about), *general_facts(found, model), *language_facts(found, model)])


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print labels and texts, each text in its own column."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for label, text in facts:
        grid.add_row(label, text)
    table_console().print(grid)


def general_facts(found: Catalogue, model: Model) -> list[tuple[str, str]]:
    """Return the facts that any model has."""
    from voicecli.models.ladder import file_bytes
    from voicecli.printable import size_text

    sources = [("" if at else "sources", str(source)) for at, source in enumerate(model.source)]
    on_disk = {"absent": f"no; voicecli download-models {model.name}", "incomplete": "incomplete", "installed": "yes"}
    return [
        ("size", size_text(file_bytes(model))),
        ("license", model.license),
        *sources,
        ("installed", on_disk[found.store.state(model.name)]),
    ]


def language_facts(found: Catalogue, model: Model) -> list[tuple[str, str]]:
    """Return the facts of a language model; nothing of another kind."""
    from voicecli.languages import name_of
    from voicecli.models.ladder import QUESTIONS, gigabytes, needed_bytes, pace

    one = next((one for one in found.ladder if one.model.name == model.name), None)
    if one is None:
        return []
    kept = found.kept.get(model.name)
    measured = ""
    if kept and kept.speed:
        threads = "1 thread" if kept.threads == 1 else f"{kept.threads} threads"
        measured = f"reads {one.speed.reading_tps:.0f}; measured on {kept.date} with {threads}"
    return [
        ("parameters", f"{model.parameters_b:g} billion"),
        ("memory", f"{gigabytes(model.memory_mb * 1e6)}, {gigabytes(needed_bytes(model))} with the voice"),
        ("languages", ", ".join(map(name_of, model.languages))),
        ("context", f"{model.context_tokens} tokens at most"),
        ("thinking", "yes, switched off" if model.thinking else "no"),
        ("tools", "not tried" if model.tools is None else f"{model.tools} right calls of 20"),
        ("answers", "not measured" if model.score is None else f"{model.score} of {QUESTIONS} questions right"),
        ("speed", "; ".join(text for text in (pace(one), measured) if text)),
        ("here", standing(one, found) if one.fits else f"{standing(one, found)}: it {one.problem}"),
    ]
