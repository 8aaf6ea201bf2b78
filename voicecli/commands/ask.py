"""`voicecli ask`: a written question, answered in writing and, on request, aloud."""

from __future__ import annotations

import json
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voicecli.commands.console import print_note
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.language_model import with_named_model
from voicecli.commands.options import (
    LlmOptions,
    OutputDeviceOption,
    SettingsOptions,
    VoiceOptions,
    grouped,
    option,
)
from voicecli.errors import INTERRUPTED_EXIT_CODE, SettingsError

if TYPE_CHECKING:
    from voicecli.app.ask import Asked
    from voicecli.conversation.question import Keep, Question
    from voicecli.settings.model import Settings

ANSWER, SOUND = "Question and answer", "Sound"

WAIT_S = 2.0
"""After this much silence on a pipe a note is printed: the pipe may be unintended, and may never end."""


@grouped
def ask(
    voice: VoiceOptions,
    llm: LlmOptions,
    source: SettingsOptions,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="QUESTION", help="Your question; - reads it from standard input.", show_default=False),
    ] = None,
    system: Annotated[
        str | None, option(help="System prompt: how the model should answer.", panel=ANSWER, metavar="TEXT")
    ] = None,
    max_tokens: Annotated[int | None, option(help="Longest answer, in tokens.", panel=ANSWER)] = None,
    head: Annotated[
        bool | None,
        option("--head/--tail", help="If the input is too long, keep its beginning or its end.", panel=ANSWER),
    ] = None,
    speak: Annotated[bool, option("--speak", help="Speak the answer while it is written.", panel=SOUND)] = False,
    output: Annotated[
        Path | None, option("--output", "-o", help="Speak the answer into this WAV file.", panel=SOUND)
    ] = None,
    output_device: OutputDeviceOption = None,
    as_json: Annotated[bool, option("--json", help="Print one JSON object at the end.", panel=ANSWER)] = False,
) -> None:
    """Answer a written question.

    Text from a pipe is what the question is about; without a question, it is
    the question. The answer is Markdown: formatted on a terminal, plain in a
    pipe. [bold]Ctrl-C[/] stops it and keeps what is written.

    Input that does not fit the model's context is refused, unless
    [bold]--head[/] or [bold]--tail[/] says which part to keep.

    Examples:

      voicecli ask "Which planet has the most moons?"

      git diff | voicecli ask "Explain this change." --speak

      journalctl -b | voicecli ask "What went wrong?" --tail

      voicecli ask --json "Name three rivers." < /dev/null | jq -r .answer
    """
    from voicecli.app.platform import require_unix

    require_unix("voicecli ask")
    settings = source.load(
        voice,
        llm,
        audio__output_device=output_device,
        llm__system_prompt=system,
        ask__system_prompt=system,
        ask__max_answer_tokens=max_tokens,
    ).settings
    aloud = speak or output is not None
    if not aloud and (voice.voice or voice.speed or output_device):
        raise SettingsError("--voice, --speed and --output-device need a spoken answer", "add --speak")
    question = question_of(words or [])
    settings = with_named_model(settings)
    fetch_missing(settings, models_of(settings, aloud=aloud))
    from voicecli.app.ask import Request
    from voicecli.app.ask import ask as ask_model
    from voicecli.ui.answer import open_answer
    from voicecli.ui.terminal.outlet import own_stderr

    keep: Keep | None = None if head is None else "head" if head else "tail"
    with own_stderr(settings.log_file) as err:
        page = open_answer(sys.stdout, err, silent=as_json)
        asked = ask_model(settings, Request(question, keep, aloud, output), page)
    if as_json:
        print(json.dumps(fields(asked, output), ensure_ascii=False))
    if asked.interrupted:
        raise typer.Exit(INTERRUPTED_EXIT_CODE)


def question_of(words: list[str]) -> Question:
    """Return the typed question and the text from a pipe. Raise SettingsError if both are missing."""
    from voicecli.conversation.question import Question

    typed = "" if words == ["-"] else " ".join(words).strip()
    typed = typed.encode("utf8", "replace").decode("utf8")  # an argument may hold bytes that are not UTF-8
    has_pipe = sys.stdin is not None and not sys.stdin.isatty()
    piped = piped_text(awaited=not typed) if has_pipe or words == ["-"] else ""
    if not typed and not piped.strip():
        raise SettingsError("there is no question", 'type one: voicecli ask "Why is the sky blue?", or pipe text in')
    return Question(typed, piped if piped.strip() else "")


def piped_text(*, awaited: bool) -> str:
    """Read standard input to its end, with U+FFFD for bytes that are not UTF-8: a diff may hold any.

    Unless the input is `awaited`, print a note if nothing arrives for `WAIT_S` seconds.
    """
    if not awaited and not is_ready():
        print_note("Waiting for standard input to end (use < /dev/null for none)…")
    return sys.stdin.buffer.read().decode("utf8", "replace").strip("\r\n")


def is_ready() -> bool:
    """Return whether standard input has data, or ends, within `WAIT_S` seconds."""
    try:
        return bool(select.select([sys.stdin], [], [], WAIT_S)[0])
    except (OSError, ValueError):  # on Windows, select works for sockets only
        return True


def models_of(settings: Settings, *, aloud: bool) -> list[str]:
    """Return the names of the models that an answer needs."""
    from voicecli.models.store import embedded_models, voice_models

    names = embedded_models(settings)
    return [*names, *voice_models(settings)] if aloud else names


def fields(asked: Asked, output: Path | None) -> dict[str, Any]:
    """Return what `--json` prints; `file` and `interrupted` only if they apply."""
    result: dict[str, Any] = {
        "question": asked.question,
        "answer": asked.answer,
        "model": asked.model,
        "first_token_s": rounded(asked.first_token_s),
        "tokens_per_s": rounded(asked.tokens_per_s),
    }
    result |= {"file": str(output)} if output is not None else {}
    return result | ({"interrupted": True} if asked.interrupted else {})


def rounded(value: float | None) -> float | None:
    """Round to milliseconds."""
    return None if value is None else round(value, 3)
