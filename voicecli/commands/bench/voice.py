"""`voicecli bench`: the whole way from a voice to a voice."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.bench.options import CompareFile, FailOver, HtmlFile, JsonFile, MarkdownFile
from voicecli.commands.bench.progress import show_progress
from voicecli.commands.bench.stages import Config, Device, Speech, settings_for
from voicecli.commands.missing_models import fetch_missing, voice_models
from voicecli.commands.narration import tell
from voicecli.commands.options import option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicecli.bench.voice_to_voice import Round
    from voicecli.settings.model import Settings


class ScenarioName(StrEnum):
    quiet = "quiet"
    noise20 = "noise20"
    noise10 = "noise10"
    noise5 = "noise5"
    interruption = "interruption"
    pause = "pause"
    fast = "fast"
    echo = "echo"


WHAT, SCREEN = "What is measured", "Output"


def bench_voice(
    context: typer.Context,
    device: Device = None,
    speech: Speech = None,
    turns: Annotated[int, option(help="Questions in a quiet room (16).", min=1, panel=WHAT)] = 16,
    scenario: Annotated[
        list[ScenarioName] | None, option(help="Only these; repeat. All of them otherwise.", panel=WHAT)
    ] = None,
    profile: Annotated[
        Path | None, option("--profile", metavar="FILE", help="Where the time went, for ui.perfetto.dev.", panel=SCREEN)
    ] = None,
    json_file: JsonFile = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
    compare: CompareFile = None,
    fail_over: FailOver = None,
    config: Config = None,
) -> None:
    """Measure this machine: from the end of a question to the first sound of the answer.

    Whole conversations, as [bold]voicecli talk[/] holds them, over recordings at real pace; no sound card is needed.
    Without a command all scenarios are measured, which takes less than ten minutes.

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
    from voicecli.bench.voice_to_voice import chosen, deterministic, measure
    from voicecli.commands.bench.output import check_output, present
    from voicecli.commands.talk import models_of
    from voicecli.errors import first_of

    check_output(VOICE_TO_VOICE, (json_file, markdown, html, profile), compare, fail_over or ())
    settings = deterministic(settings_for(device, {}, config))
    fetch_missing(settings, models_of(settings))
    corpus = load_corpus(speech, settings, tell, turns)
    begun = begin()
    try:
        with show_progress() as reported:
            found, rounds = measure(settings, corpus, chosen(scenario or ()), turns, reported)
    except ExceptionGroup as group:
        raise first_of(group) from group
    result = conclude(VOICE_TO_VOICE, begun, settings, model_digests(settings, models_in_use(settings)), found)
    if profile is not None:
        write_trace(profile, rounds)
    present(result, json_file=json_file, markdown=markdown, html=html, compare=compare, fail_over=fail_over or ())


def models_in_use(settings: Settings) -> list[str]:
    """Those whose bytes a figure depends on."""
    from voicecli.commands.talk import models_of

    return list(dict.fromkeys([*models_of(settings), *voice_models(settings)]))


def write_trace(path: Path, rounds: Sequence[Round]) -> None:
    """Raises SettingsError where the file cannot be written."""
    from voicecli.bench.trace import trace
    from voicecli.errors import SettingsError

    try:
        path.write_text(json.dumps(trace(rounds)), encoding="utf8")
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}", "--profile FILE") from error
    tell(f"Where the time went: {path}, for https://ui.perfetto.dev")
