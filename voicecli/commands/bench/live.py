"""`voicecli bench live`: voice to voice through a virtual sound card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from voicecli.commands.bench.options import CompareFile, FailOver, HtmlFile, JsonFile, MarkdownFile
from voicecli.commands.console import print_note
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.options import (
    MODELS,
    OWN_SPEECH,
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

WHAT = "Measurement"

ANSWER_TOKENS = 40
"""Longest answer: only its beginning is measured, and it is spoken to its end."""


@grouped
def bench_live(
    llm: LlmOptions,
    recognizer: RecognizerOptions,
    speech: Annotated[Path | None, option(help=OWN_SPEECH, panel=WHAT)] = None,
    turns: Annotated[int, option(help="Number of questions (8).", min=1, panel=WHAT)] = 8,
    echo_db: Annotated[
        float | None,
        option("--echo", metavar="DB", help="Let the microphone pick up the speaker, attenuated by DB.", panel=WHAT),
    ] = None,
    profile: Annotated[Profile | None, option("--device", help="cpu, or gpu for one NVIDIA GPU.", panel=MODELS)] = None,
    endpoint: EndpointOption = None,
    changed: SetOption = None,
    json_file: JsonFile = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
    compare: CompareFile = None,
    fail_over: FailOver = None,
) -> None:
    """Measure [bold]voicecli talk[/] from outside, through a virtual sound card.

    The acoustic voice-to-voice time is what a user with a stopwatch would measure: from the end of the question in the
    recording to the first sound at the speaker, both recorded on one clock. The time according to the program's own
    events is shown beside it. Needs the tools of PulseAudio, which also work with PipeWire.

    Examples:

      voicecli bench live

      voicecli bench live --speech ~/recordings --turns 16 --json live.json

      voicecli bench live --echo 20
    """
    from voicecli.bench.corpus import load_corpus
    from voicecli.bench.environment import begin, conclude, model_digests, require_device
    from voicecli.bench.live import measure
    from voicecli.bench.virtual_card import INSTALL, absent_tools
    from voicecli.commands.bench.output import check_output, present
    from voicecli.errors import DeviceError, first_of
    from voicecli.models.store import conversation_models
    from voicecli.settings.load import as_environ, load_settings, parsed

    check_output("live", (json_file, markdown, html), compare, fail_over or ())
    if absent := absent_tools():
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
    fetch_missing(settings, conversation_models(settings))
    corpus = load_corpus(speech, settings, print_note, turns)
    begun = begin()
    environ = {**as_environ(flags), **({"VOICECLI_PROFILE": profile.value} if profile else {})}
    try:
        found = measure(corpus, environ, echo_db, print_note, tell_turn)
    except ExceptionGroup as group:
        raise first_of(group) from group
    digests = model_digests(settings, conversation_models(settings))
    result = conclude("live", begun, settings, digests, found)
    present(result, json_file=json_file, markdown=markdown, html=html, compare=compare, fail_over=fail_over or ())


def tell_turn(turn: LiveTurn, number: int, whole: int) -> None:
    """A line for each turn."""
    own = turn.outcome.latency
    acoustic = f"{turn.acoustic_s:.3f} s acoustic" if turn.acoustic_s is not None else "no answer was heard"
    reckoned = f", {own.voice_to_voice_s:.3f} s by its own events" if own else ""
    reported = "it cut in" if turn.cut_in else acoustic + reckoned
    print_note(f"{number} of {whole}: {reported} ({turn.outcome.heard or 'no words'})")
