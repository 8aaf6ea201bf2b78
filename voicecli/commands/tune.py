"""Implement `voicecli tune`: find the best settings for this machine by measuring."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.console import print_note
from voicecli.commands.options import option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicecli.tune.run import Outcome
    from voicecli.tune.start import Beginning
    from voicecli.tune.values import Choice

WORK, SCREEN = "Measurement", "Output and settings"


class Device(StrEnum):
    """Values of --device."""

    cpu = "cpu"
    gpu = "gpu"


def tune(
    time_limit: Annotated[
        float, option("--time-limit", metavar="MINUTES", help="Time limit in minutes (10).", min=0.1, panel=WORK)
    ] = 10.0,
    speech: Annotated[
        Path | None, option(help="Folder of recordings (default: questions spoken by Kokoro).", panel=WORK)
    ] = None,
    device: Annotated[Device, option(help="Tune for the processor (cpu) or one NVIDIA GPU.", panel=WORK)] = Device.cpu,
    dry_run: Annotated[bool, option("--dry-run", help="Print the results and write nothing.", panel=SCREEN)] = False,
    yes: Annotated[bool, option("--yes", "-y", help="Change the settings file without asking.", panel=SCREEN)] = False,
    json_file: Annotated[
        Path | None, option("--json", metavar="FILE", help="Write all figures as JSON.", panel=SCREEN)
    ] = None,
    config: Annotated[
        Path | None, option("--config", metavar="FILE", help="Settings file to use instead of your own.", panel=SCREEN)
    ] = None,
) -> None:
    """Find the fastest settings for this machine and write them to your settings file.

    Tries the installed Whisper and Kokoro models, their precision, the threads of all engines, the length of the first
    chunk of an answer, and the endpoint modes. Each value takes turns with the one in use, which is only replaced if
    the gain is beyond noise.

    Everything in your settings file is kept, including comments; the previous file is kept as config.toml.bak.
    [bold]Ctrl-C[/] leaves it unchanged.

    Examples:

      voicecli tune

      voicecli tune --time-limit 3 --dry-run

      voicecli tune --speech ~/recordings --json tuning.json
    """
    began_s = time.monotonic()
    from voicecli.tune.start import begin

    beginning = begin(device.value, config)
    if not (dry_run or yes) and beginning.path.is_file() and not sys.stdin.isatty():
        from voicecli.errors import SettingsError

        raise SettingsError(
            f"{beginning.path} exists and there is no terminal to ask for confirmation",
            "--yes changes it without asking, --dry-run leaves it unchanged",
        )
    for line in beginning.notes:
        print_note(line)
    outcome = measured(beginning, speech, 60 * time_limit, began_s)
    chosen = show(beginning, outcome)
    if json_file is not None:
        from voicecli.tune.write import write_record

        write_record(json_file, beginning, outcome, chosen)
    if not dry_run:
        write(beginning, outcome.found.choices, chosen, yes)


def measured(beginning: Beginning, speech: Path | None, limit_s: float, began_s: float) -> Outcome:
    """Run the tuning with a progress display. Raise what `run.tune` raises."""
    import asyncio

    from voicecli.bench.corpus import load_corpus
    from voicecli.commands.tune_screen import progress
    from voicecli.tune.run import HEARD
    from voicecli.tune.run import tune as run
    from voicecli.tune.values import Budget

    with progress(limit_s, began_s) as watch:
        watch.doing("reading the recordings")
        corpus = load_corpus(speech, beginning.settings, watch.done, HEARD)
        budget = Budget(limit_s).charged(time.monotonic() - began_s)
        return asyncio.run(run(beginning.settings, beginning.defaults, beginning.there, corpus, budget, watch))


def show(beginning: Beginning, outcome: Outcome) -> Sequence[Choice]:
    """Print the results; return the choices that differ from the values without a settings file."""
    from voicecli.commands.tune_screen import print_outcome
    from voicecli.tune.write import chosen_keys

    chosen = [*chosen_keys(outcome.found.choices, beginning.shipped), *beginning.asked]
    print_outcome(beginning, outcome, chosen)
    return chosen


def write(beginning: Beginning, choices: Sequence[Choice], chosen: Sequence[Choice], yes: bool) -> None:
    """Write the choices, asking first if there is a file. Raise SettingsError if that fails."""
    from voicecli.settings.load import shown
    from voicecli.tune.write import read, tuned, user_values
    from voicecli.tune.write import write as replace

    before = read(beginning.path)
    changed = {one.key for one in chosen}
    decided = [one.key for one in choices if one.key not in changed and one.measured]
    for key, value in user_values(before or "", decided).items():
        print_note(f"{key} = {shown(value)} is your own value and is kept; the default was as good")
    text = tuned(before or "", chosen, decided, time.strftime("%Y-%m-%d"))
    if text == (before or ""):
        print_note("Nothing to write: your settings have these values already.")
        return
    if before is not None and not yes and not typer.confirm(f"Change {beginning.path}?", default=True, err=True):
        print_note("Nothing was written.")
        return
    written = replace(beginning.path, text)
    kept = f"; the previous file is {written.backup}" if written.backup else ""
    print_note(f"Written to {written.path}{kept}")
