"""`voicecli tune`: measure which settings suit this machine, with the reason for each."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.console import print_note
from voicecli.commands.options import OWN_SPEECH, ConfigOption, option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicecli.tune.run import Outcome
    from voicecli.tune.start import Beginning
    from voicecli.tune.values import Choice

WORK, SCREEN = "Measurements", "Output"


class Device(StrEnum):
    """Hardware to tune for."""

    cpu = "cpu"
    gpu = "gpu"


def tune(
    time_limit: Annotated[
        float,
        option(
            "--time-limit", metavar="MINUTES", help="Longest time to measure, in minutes (10).", min=0.1, panel=WORK
        ),
    ] = 10.0,
    speech: Annotated[Path | None, option(help=OWN_SPEECH, panel=WORK)] = None,
    device: Annotated[Device, option(help="Tune for the CPU or for one NVIDIA GPU.", panel=WORK)] = Device.cpu,
    dry_run: Annotated[bool, option("--dry-run", help="Print the results without writing them.", panel=SCREEN)] = False,
    yes: Annotated[bool, option("--yes", "-y", help="Change the settings file without asking.", panel=SCREEN)] = False,
    json_file: Annotated[
        Path | None, option("--json", metavar="FILE", help="Write all measurements to this file.", panel=SCREEN)
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Find the settings that answer fastest on this machine, and write them to your settings file.

    Tries the installed Whisper and Kokoro models, their precision, the number of threads of each engine, the length of
    an answer's first chunk, and the endpoint modes. Each candidate is measured alternately with the value in use. A
    value changes only if the gain is larger than the noise.

    Your other settings and comments are preserved, and the previous file is kept as config.toml.bak. [bold]Ctrl-C[/]
    changes nothing.

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
            f"{beginning.path} exists, and standard input is not a terminal to ask before changing it",
            "--yes changes it, --dry-run does not",
        )
    for line in beginning.notes:
        print_note(line)
    outcome = measured(beginning, speech, 60 * time_limit, began_s)
    chosen = show(beginning, outcome)
    if json_file is not None:
        from voicecli.tune.record import write_record

        write_record(json_file, beginning, outcome, chosen)
    if not dry_run:
        write(beginning, outcome.found.choices, chosen, yes)


def measured(beginning: Beginning, speech: Path | None, limit_s: float, began_s: float) -> Outcome:
    """Load the recordings and measure. Raise ModelMissing, EngineError or SettingsError."""
    import asyncio

    from voicecli.bench.corpus import load_corpus
    from voicecli.commands.tune_screen import progress
    from voicecli.tune.budget import Budget
    from voicecli.tune.run import HEARD
    from voicecli.tune.run import tune as run

    with progress(limit_s, began_s) as watch:
        watch.doing("reading the recordings")
        corpus = load_corpus(speech, beginning.settings, watch.done, HEARD)
        budget = Budget(limit_s).charged(time.monotonic() - began_s)
        return asyncio.run(run(beginning.settings, beginning.defaults, beginning.there, corpus, budget, watch))


def show(beginning: Beginning, outcome: Outcome) -> Sequence[Choice]:
    """Print the results. Return the values that differ from those without a settings file."""
    from voicecli.commands.tune_screen import print_outcome
    from voicecli.tune.write import chosen_keys

    chosen = [*chosen_keys(outcome.found.choices, beginning.shipped), *beginning.asked]
    print_outcome(beginning, outcome, chosen)
    return chosen


def write(beginning: Beginning, choices: Sequence[Choice], chosen: Sequence[Choice], yes: bool) -> None:
    """Write the settings file, asking first if there is one. Raise SettingsError if that fails."""
    from voicecli.settings.load import shown
    from voicecli.tune.write import own_values, read, tuned
    from voicecli.tune.write import write as replace

    before = read(beginning.path)
    changed = {one.key for one in chosen}
    decided = [one.key for one in choices if one.key not in changed and one.measured]
    for key, value in own_values(before or "", decided).items():
        print_note(f"{key} = {shown(value)} is your own value and is kept; the default did as well here")
    text = tuned(before or "", chosen, decided, time.strftime("%Y-%m-%d"))
    if text == (before or ""):
        print_note("Nothing to write: your settings already hold these values.")
        return
    if before is not None and not yes and not typer.confirm(f"Change {beginning.path}?", default=True, err=True):
        print_note("Nothing was written.")
        return
    written = replace(beginning.path, text)
    kept = f"; previous version: {written.backup}" if written.backup else ""
    print_note(f"Written to {written.path}{kept}")
