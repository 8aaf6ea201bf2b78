"""`voicecli tune`: settings that suit this machine, found by measuring, with the reason for each."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.narration import tell
from voicecli.commands.options import option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicecli.tune.run import Outcome
    from voicecli.tune.start import Beginning
    from voicecli.tune.values import Choice

WORK, SCREEN = "What is tried", "Output and settings"


class Device(StrEnum):
    cpu = "cpu"
    gpu = "gpu"


def tune(
    time_limit: Annotated[
        float, option("--time-limit", metavar="MINUTES", help="Measure no longer than that (10).", min=0.1, panel=WORK)
    ] = 10.0,
    speech: Annotated[
        Path | None, option(help="Folder of recordings; without it, questions that Kokoro asks.", panel=WORK)
    ] = None,
    device: Annotated[Device, option(help="Tune for the processor (cpu) or one NVIDIA card.", panel=WORK)] = Device.cpu,
    dry_run: Annotated[bool, option("--dry-run", help="Print what was found, write nothing.", panel=SCREEN)] = False,
    yes: Annotated[bool, option("--yes", "-y", help="Change a settings file without asking.", panel=SCREEN)] = False,
    json_file: Annotated[Path | None, option("--json", metavar="FILE", help="All figures.", panel=SCREEN)] = None,
    config: Annotated[
        Path | None, option("--config", metavar="FILE", help="Settings file in place of your own.", panel=SCREEN)
    ] = None,
) -> None:
    """Find the settings that answer soonest on this machine, and write them to your settings file.

    Tries the Whisper and Kokoro models that are installed, their precision, threads of all engines, the length of the
    first chunk of an answer and the ways to tell that you are done. Each is measured against the one in use, in turns.
    A value is changed only where the gain is beyond noise.

    What your settings file holds stays, comments too; the file as it was is kept as config.toml.bak. [bold]Ctrl-C[/]
    leaves it as it is.

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
            f"{beginning.path} is there already and nobody can be asked", "--yes changes it, --dry-run does not"
        )
    for line in beginning.notes:
        tell(line)
    outcome = measured(beginning, speech, 60 * time_limit, began_s)
    chosen = show(beginning, outcome)
    if json_file is not None:
        from voicecli.tune.report import write_record

        write_record(json_file, beginning, outcome, chosen)
    if not dry_run:
        write(beginning, outcome.found.choices, chosen, yes)


def measured(beginning: Beginning, speech: Path | None, limit_s: float, began_s: float) -> Outcome:
    """Raises what `run.tune` raises."""
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
    """Print what was found; returns the values that are not as they would be without a file."""
    from voicecli.commands.tune_screen import print_outcome
    from voicecli.tune.write import chosen_keys

    chosen = [*chosen_keys(outcome.found.choices, beginning.shipped), *beginning.asked]
    print_outcome(beginning, outcome, chosen)
    return chosen


def write(beginning: Beginning, choices: Sequence[Choice], chosen: Sequence[Choice], yes: bool) -> None:
    """Ask where there is a file. Raises SettingsError."""
    from voicecli.settings.load import shown
    from voicecli.tune.write import own_values, read, tuned
    from voicecli.tune.write import write as replace

    before = read(beginning.path)
    changed = {one.key for one in chosen}
    decided = [one.key for one in choices if one.key not in changed and one.measured]
    for key, value in own_values(before or "", decided).items():
        tell(f"{key} = {shown(value)} is your own and stays; the default did as well here")
    text = tuned(before or "", chosen, decided, time.strftime("%Y-%m-%d"))
    if text == (before or ""):
        tell("Nothing to write: your settings are these already.")
        return
    if before is not None and not yes and not typer.confirm(f"Change {beginning.path}?", default=True, err=True):
        tell("Nothing was written.")
        return
    written = replace(beginning.path, text)
    kept = f"; as it was: {written.backup}" if written.backup else ""
    tell(f"Written to {written.path}{kept}")
