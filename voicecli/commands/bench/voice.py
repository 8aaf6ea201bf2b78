"""`voicecli bench`: voice-to-voice latency of whole conversations."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.bench.options import CompareFile, FailOver, HtmlFile, JsonFile, MarkdownFile
from voicecli.commands.bench.progress import show_progress
from voicecli.commands.bench.stages import Config, Device, Speech, settings_for
from voicecli.commands.console import print_note, write_file
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.options import option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicecli.bench.voice_to_voice import Round


class ScenarioName(StrEnum):
    """Scenarios that can be measured."""

    quiet = "quiet"
    noise20 = "noise20"
    noise10 = "noise10"
    noise5 = "noise5"
    interruption = "interruption"
    pause = "pause"
    fast = "fast"
    echo = "echo"


WHAT, SCREEN = "Measurement", "Output"


def bench_voice(
    context: typer.Context,
    device: Device = None,
    speech: Speech = None,
    turns: Annotated[int, option(help="Number of questions in a quiet room (16).", min=1, panel=WHAT)] = 16,
    scenario: Annotated[
        list[ScenarioName] | None, option(help="Measure only this scenario. Repeatable (all scenarios).", panel=WHAT)
    ] = None,
    profile: Annotated[
        Path | None,
        option(
            "--profile", metavar="FILE", help="Write a trace of where the time goes, for ui.perfetto.dev.", panel=SCREEN
        ),
    ] = None,
    json_file: JsonFile = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
    compare: CompareFile = None,
    fail_over: FailOver = None,
    config: Config = None,
) -> None:
    """Measure the time from the end of a question to the first sound of the answer on this machine.

    Whole conversations as in [bold]voicecli talk[/], with recordings played in real time; no sound card is needed.
    Without a command, all scenarios are measured, which takes less than ten minutes.

    Examples:

      voicecli bench --device cpu

      voicecli bench --turns 8 --scenario quiet --json before.json

      voicecli bench --turns 8 --scenario quiet --compare before.json

      voicecli bench --speech ~/recordings --html report.html --fail-over p95=900
    """
    if context.invoked_subcommand is not None:
        return
    from voicecli.bench.corpus import load_corpus
    from voicecli.bench.environment import begin, conclude, model_digests
    from voicecli.bench.result import VOICE_TO_VOICE
    from voicecli.bench.voice_to_voice import chosen, measure, measured
    from voicecli.commands.bench.output import check_output, present
    from voicecli.errors import first_of
    from voicecli.models.store import conversation_models

    check_output(VOICE_TO_VOICE, (json_file, markdown, html, profile), compare, fail_over or ())
    settings = measured(settings_for(device, {}, config))
    fetch_missing(settings, conversation_models(settings))
    corpus = load_corpus(speech, settings, print_note, turns)
    begun = begin()
    try:
        with show_progress() as reported:
            found, rounds = measure(settings, corpus, chosen(scenario or ()), turns, reported)
    except ExceptionGroup as group:
        raise first_of(group) from group
    result = conclude(VOICE_TO_VOICE, begun, settings, model_digests(settings, conversation_models(settings)), found)
    if profile is not None:
        write_trace(profile, rounds)
    present(result, json_file=json_file, markdown=markdown, html=html, compare=compare, fail_over=fail_over or ())


def write_trace(path: Path, rounds: Sequence[Round]) -> None:
    """Write a trace. Raise SettingsError if the file cannot be written."""
    from voicecli.bench.trace import trace

    write_file(path, json.dumps(trace(rounds)), "--profile")
    print_note(f"Trace written to {path}; open it at https://ui.perfetto.dev")
