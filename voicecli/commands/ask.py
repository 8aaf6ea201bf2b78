"""`voicecli ask`: a written question, answered in writing and, if wanted, aloud."""

from __future__ import annotations

import json
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voicecli.commands.missing_models import fetch_missing, voice_models
from voicecli.commands.narration import tell
from voicecli.commands.options import Profile, option
from voicecli.commands.settings_options import (
    MODELS,
    SETTINGS,
    LlmModelOption,
    LlmOption,
    LlmUrlOption,
    OfflineOption,
    OllamaModelOption,
    SetOption,
    backend_of,
)
from voicecli.errors import INTERRUPTED_EXIT_CODE, SettingsError

if TYPE_CHECKING:
    from voicecli.app.ask import Asked
    from voicecli.conversation.question import Keep, Question
    from voicecli.settings.model import Settings

ANSWER, SOUND = "Question and answer", "Sound"

WAIT_S = 2.0
"""A pipe that is silent for so long is told of: it may be one that nobody meant, and that never ends."""


def ask(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="QUESTION", help="The question; - takes it from standard input.", show_default=False),
    ] = None,
    system: Annotated[
        str | None, option(help="What the model is told about how to answer.", panel=ANSWER, metavar="TEXT")
    ] = None,
    max_tokens: Annotated[int | None, option(help="Longest answer, in tokens.", panel=ANSWER)] = None,
    head: Annotated[
        bool | None,
        option("--head/--tail", help="Of an input that is too long, take the beginning or the end.", panel=ANSWER),
    ] = None,
    speak: Annotated[bool, option("--speak", help="Say the answer, too, while it is written.", panel=SOUND)] = False,
    output: Annotated[
        Path | None, option("--output", "-o", help="Say it into this WAV file instead.", panel=SOUND)
    ] = None,
    output_device: Annotated[str | None, option(help="Speaker: index or part of its name.", panel=SOUND)] = None,
    voice: Annotated[str | None, option(help="Kokoro voice, such as af_heart or bm_george.", panel=SOUND)] = None,
    speed: Annotated[float | None, option(help="Speaking rate, 0.5 to 2.", panel=SOUND)] = None,
    llm: LlmOption = None,
    llm_url: LlmUrlOption = None,
    llm_model: LlmModelOption = None,
    ollama_model: OllamaModelOption = None,
    profile: Annotated[Profile | None, option(help="cpu, or gpu for one NVIDIA card.", panel=MODELS)] = None,
    offline: OfflineOption = None,
    as_json: Annotated[bool, option("--json", help="Print one JSON object at the end.", panel=ANSWER)] = False,
    config: Annotated[
        Path | None, option("--config", help="Settings file in place of your own.", panel=SETTINGS)
    ] = None,
    changed: SetOption = None,
) -> None:
    """Answer a written question.

    What comes through a pipe is what the question is about; without a
    question it is the question itself. The answer is Markdown: drawn on a
    terminal, plain in a pipe. [bold]Ctrl-C[/] ends it; what was written stays.

    An input that the model cannot hold is refused, unless [bold]--head[/] or
    [bold]--tail[/] says which part will do.

    Examples:

      voicecli ask "Which planet has the most moons?"

      git diff | voicecli ask "Explain this change." --speak

      journalctl -b | voicecli ask "What went wrong?" --tail

      voicecli ask --json "Name three rivers." < /dev/null | jq -r .answer
    """
    from voicecli.app.platform import require_unix
    from voicecli.settings.load import load_settings, parsed

    require_unix("voicecli ask")
    settings = load_settings(
        {
            "audio.output_device": output_device,
            "llm.backend": backend_of(llm, llm_url),
            "llm.url": llm_url,
            "llm.model": llm_model,
            "llm.ollama_model": ollama_model,
            "llm.system_prompt": system,
            "ask.system_prompt": system,
            "ask.max_answer_tokens": max_tokens,
            "tts.voice": voice,
            "tts.speed": speed,
            "models.offline": offline,
            **parsed(changed or ()),
        },
        profile=profile or "",
        file=config,
    ).settings
    aloud = speak or output is not None
    if not aloud and (voice or speed or output_device):
        raise SettingsError("--voice, --speed and --output-device are about how it sounds", "add --speak")
    question = question_of(words or [])
    fetch_missing(settings, models_of(settings, aloud=aloud))
    from voicecli.app.ask import Wanted
    from voicecli.app.ask import ask as ask_model
    from voicecli.ui.answer import open_answer
    from voicecli.ui.terminal.outlet import own_stderr

    keep: Keep | None = None if head is None else "head" if head else "tail"
    with own_stderr(settings.log_file) as err:
        page = open_answer(sys.stdout, err, silent=as_json)
        asked = ask_model(settings, Wanted(question, keep, aloud, output), page)
    if as_json:
        print(json.dumps(fields(asked, output), ensure_ascii=False))
    if asked.interrupted:
        raise typer.Exit(INTERRUPTED_EXIT_CODE)


def question_of(words: list[str]) -> Question:
    """What was typed, and what comes through a pipe. Raises SettingsError when there is neither."""
    from voicecli.conversation.question import Question

    typed = "" if words == ["-"] else " ".join(words).strip()
    typed = typed.encode("utf8", "replace").decode("utf8")  # bytes that the shell could not read
    has_pipe = sys.stdin is not None and not sys.stdin.isatty()
    piped = piped_text(awaited=not typed) if has_pipe or words == ["-"] else ""
    if not typed and not piped.strip():
        raise SettingsError("there is no question", 'voicecli ask "Why is the sky blue?", or text through a pipe')
    return Question(typed, piped if piped.strip() else "")


def piped_text(*, awaited: bool) -> str:
    """Standard input to its end; what is not UTF-8 is marked, for a diff may hold anything.

    Unless it is `awaited`, a wait is told of.
    """
    if not awaited and not is_ready():
        tell("Waiting for standard input to end; < /dev/null is one without anything…")
    return sys.stdin.buffer.read().decode("utf8", "replace").strip("\r\n")


def is_ready() -> bool:
    """Whether anything comes through standard input within `WAIT_S`."""
    try:
        return bool(select.select([sys.stdin], [], [], WAIT_S)[0])
    except (OSError, ValueError):  # Windows can wait for sockets only
        return True


def models_of(settings: Settings, *, aloud: bool) -> list[str]:
    """What an answer needs."""
    names = [settings.llm.embedded_model] if settings.llm.backend in ("auto", "embedded") else []
    return [*names, *voice_models(settings)] if aloud else names


def fields(asked: Asked, output: Path | None) -> dict[str, Any]:
    """What `--json` prints; `file` and `interrupted` only where they say something."""
    reported: dict[str, Any] = {
        "question": asked.question,
        "answer": asked.answer,
        "model": asked.model,
        "first_token_s": rounded(asked.first_token_s),
        "tokens_per_s": rounded(asked.tokens_per_s),
    }
    reported |= {"file": str(output)} if output is not None else {}
    return reported | ({"interrupted": True} if asked.interrupted else {})


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
