"""`voicecli bench` and `voicecli bench live`: measure whole conversations, in this process or through a sound card."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.bench.options import (
    OUTPUT,
    WHAT,
    Config,
    Device,
    Output,
    Speech,
    load_bench_settings,
    load_speech,
)
from voicecli.commands.console import print_note
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.language_model import with_named_model
from voicecli.commands.options import (
    MODELS,
    EndpointOption,
    LlmOptions,
    Profile,
    RecognizerOptions,
    SetOption,
    grouped,
    option,
)

if TYPE_CHECKING:
    from voicecli.bench.live import LiveTurn

ANSWER_TOKENS = 40
"""Longest answer of `bench live`: only its beginning is measured, and it is spoken to its end."""


class ScenarioName(StrEnum):
    """Values of --scenario."""

    quiet = "quiet"
    noise20 = "noise20"
    noise10 = "noise10"
    noise5 = "noise5"
    interruption = "interruption"
    pause = "pause"
    fast = "fast"
    echo = "echo"


@grouped
def bench_voice(
    context: typer.Context,
    device: Device = None,
    speech: Speech = None,
    turns: Annotated[int, option(help="Questions in a quiet room (16).", min=1, panel=WHAT)] = 16,
    scenario: Annotated[
        list[ScenarioName] | None, option(help="Measure only this one; repeat (by default all).", panel=WHAT)
    ] = None,
    profile: Annotated[
        Path | None,
        option("--profile", metavar="FILE", help="Write a trace for ui.perfetto.dev.", panel=OUTPUT),
    ] = None,
    output: Output = Output(),
    config: Config = None,
) -> None:
    """Measure this machine: from the end of a question to the first sound of the answer.

    Whole conversations run as in [bold]voicecli talk[/], with recordings in real time; no sound card is needed.
    Without a command all scenarios are measured, which takes less than ten minutes.

    Examples:

      voicecli bench --device cpu

      voicecli bench --turns 8 --scenario quiet --json before.json

      voicecli bench --turns 8 --scenario quiet --compare before.json

      voicecli bench --speech ~/recordings --html report.html --fail-over p95=900
    """
    if context.invoked_subcommand is not None:
        return
    from voicecli.bench.environment import begin, conclude, model_digests
    from voicecli.bench.result import VOICE_TO_VOICE
    from voicecli.bench.trace import trace
    from voicecli.bench.voice_to_voice import chosen, deterministic, measure
    from voicecli.commands.bench.output import present, show_progress, write
    from voicecli.errors import first_of
    from voicecli.models.store import conversation_models

    output.check(VOICE_TO_VOICE, profile)
    settings = with_named_model(deterministic(load_bench_settings(device, {}, config)))
    fetch_missing(settings, conversation_models(settings))
    corpus = load_speech(speech, settings, turns)
    begun = begin()
    try:
        with show_progress() as progress:
            found, rounds = measure(settings, corpus, chosen(scenario or ()), turns, progress)
    except ExceptionGroup as group:
        raise first_of(group) from group
    result = conclude(VOICE_TO_VOICE, begun, settings, model_digests(settings, conversation_models(settings)), found)
    if profile is not None:
        write(profile, json.dumps(trace(rounds)), "--profile FILE")
        print_note("Open the profile in https://ui.perfetto.dev")
    present(result, output)


@grouped
def bench_live(
    speech: Speech = None,
    turns: Annotated[int, option(help="Questions (8).", min=1, panel=WHAT)] = 8,
    echo_db: Annotated[
        float | None,
        option("--echo", metavar="DB", help="Let the microphone hear the speaker, attenuated by DB.", panel=WHAT),
    ] = None,
    profile: Annotated[Profile | None, option("--device", help="cpu, or gpu for one NVIDIA GPU.", panel=MODELS)] = None,
    endpoint: EndpointOption = None,
    llm: LlmOptions = LlmOptions(),
    recognizer: RecognizerOptions = RecognizerOptions(),
    changed: SetOption = None,
    output: Output = Output(),
) -> None:
    """Measure [bold]voicecli talk[/] from outside, through a virtual sound card.

    Acoustic voice to voice is what a user with a stopwatch would find: from the end of the question in the recording to
    the first sound at the speaker, both recorded on one clock. The figure from the program's own events is shown too.
    Needs PulseAudio's command-line tools; they also work with PipeWire.

    Examples:

      voicecli bench live

      voicecli bench live --speech ~/recordings --turns 16 --json live.json

      voicecli bench live --echo 20
    """
    from voicecli.bench.environment import begin, conclude, model_digests, require_device
    from voicecli.bench.live import measure
    from voicecli.bench.virtual_card import INSTALL, missing_tools
    from voicecli.commands.bench.output import present
    from voicecli.errors import DeviceError, first_of
    from voicecli.models.store import conversation_models
    from voicecli.settings.load import as_environ, load_settings, parsed

    output.check("live")
    if absent := missing_tools():
        raise DeviceError(f"a virtual sound card needs {', '.join(absent)}", INSTALL)
    flags = {
        "audio.input_device": "",
        "audio.output_device": "",
        "listen.endpoint": endpoint,
        "listen.mode": "hands-free",
        **llm.overrides(),
        **recognizer.overrides(),
        "llm.max_answer_tokens": ANSWER_TOKENS,
        "llm.temperature": 0.0,
        **parsed(changed or ()),
    }
    settings = load_settings(flags, profile=profile or "").settings
    require_device(settings, profile or "cpu")
    settings = with_named_model(settings)
    flags |= {f"llm.{key}": getattr(settings.llm, key) for key in ("backend", "model", "url", "ollama_url")}
    flags["llm.api_key"] = settings.llm.api_key.get_secret_value()
    fetch_missing(settings, conversation_models(settings))
    corpus = load_speech(speech, settings, turns)
    begun = begin()
    environ = {**as_environ(flags), **({"VOICECLI_PROFILE": profile.value} if profile else {})}
    try:
        found = measure(corpus, environ, echo_db, print_note, tell_turn)
    except ExceptionGroup as group:
        raise first_of(group) from group
    digests = model_digests(settings, conversation_models(settings))
    result = conclude("live", begun, settings, digests, found)
    present(result, output)


def tell_turn(turn: LiveTurn, number: int, whole: int) -> None:
    """Print a line about a turn: its acoustic latency, and that of the program's own events."""
    own = turn.outcome.latency
    acoustic = f"{turn.acoustic_s:.3f} s acoustic" if turn.acoustic_s is not None else "no answer was heard"
    from_events = f", {own.voice_to_voice_s:.3f} s by its own events" if own else ""
    result = "the answer began too early" if turn.cut_in else acoustic + from_events
    print_note(f"{number} of {whole}: {result} ({turn.outcome.heard or 'no words'})")
