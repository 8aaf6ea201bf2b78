"""`voicecli report`: a file for a bug report."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.doctor import examined, make_request, private
from voicecli.commands.missing_models import fetch_missing, voice_models
from voicecli.commands.narration import tell
from voicecli.commands.options import Profile, option
from voicecli.commands.settings_options import (
    MODELS,
    SETTINGS,
    EndpointOption,
    LlmModelOption,
    LlmOption,
    LlmUrlOption,
    OfflineOption,
    OllamaModelOption,
    SetOption,
    SttModelOption,
    VoiceOption,
    backend_of,
)

if TYPE_CHECKING:
    from voicecli.doctor.examination import Request
    from voicecli.settings.model import Settings

WHAT = "What is kept"

CONSENT = """\
A conversation of {turns} will be recorded into {path}:

{what}

  The settings hold your system prompt, and answers may repeat what you said. Nothing is sent anywhere; the file stays
  on this machine until you give it to somebody. Ctrl-C at any time: then nothing is kept.
"""


def report(
    record: Annotated[
        bool, option("--record", help="With a conversation: your voice, words, answers.", panel=WHAT)
    ] = False,
    turns: Annotated[int, option(help="Turns that are recorded (1).", min=1, panel=WHAT)] = 1,
    output: Annotated[
        Path, option("--output", metavar="FILE", help="The zip (voicecli-report.zip).", panel=WHAT)
    ] = Path("voicecli-report.zip"),
    yes: Annotated[bool, option("--yes", help="You agree to be recorded: nothing is asked.", panel=WHAT)] = False,
    input: Annotated[
        list[Path] | None,
        option("--input", help="Speak this file in place of a microphone, unheard; repeat.", panel=WHAT),
    ] = None,
    profile: Annotated[Profile | None, option(help="cpu, or gpu for one NVIDIA card.", panel=MODELS)] = None,
    llm: LlmOption = None,
    llm_url: LlmUrlOption = None,
    llm_model: LlmModelOption = None,
    ollama_model: OllamaModelOption = None,
    stt_model: SttModelOption = None,
    voice: VoiceOption = None,
    offline: OfflineOption = None,
    endpoint: EndpointOption = None,
    changed: SetOption = None,
    config: Annotated[Path | None, option("--config", help="Settings file in place of yours.", panel=SETTINGS)] = None,
) -> None:
    """Make one zip for a bug report. Nothing is sent anywhere.

    Without [bold]--record[/] it holds versions, the machine, settings without secrets and paths, and the log: no word
    that you said. With it you are asked first, and then talk: voice, words, answers and times are kept, so that
    [bold]voicecli replay[/] can hold the same conversation again.

    Examples:

      voicecli report

      voicecli report --record --turns 2 --output slow.zip
    """
    from voicecli.settings.load import load_settings, parsed

    flags = {
        "listen.endpoint": endpoint,
        "llm.backend": backend_of(llm, llm_url),
        "llm.url": llm_url,
        "llm.model": llm_model,
        "llm.ollama_model": ollama_model,
        "stt.model": stt_model,
        "tts.voice": voice,
        "models.offline": offline,
        **parsed(changed or ()),
    }
    check_output(output)
    looked_at = make_request(flags, profile or "", config, aloud=False, quick=True)
    if record:
        load_settings(flags, profile=profile or "", file=config)  # broken ones hold no conversation, but are reported
        make_recording(looked_at, output, tuple(input or ()), turns, agreed=yes)
    else:
        make_report(looked_at, output)


def check_output(path: Path) -> None:
    """Raises SettingsError before anybody has said anything."""
    from voicecli.errors import SettingsError

    if not path.parent.is_dir() or path.is_dir():
        raise SettingsError(f"{path} cannot be written: there is no such folder, or it is one", "--output FILE")


def make_report(looked_at: Request, path: Path) -> None:
    """Without a conversation."""
    from voicecli.replay.report import about, log_lines, plain_members

    settings = looked_at.settings
    reported = about(settings, digests(settings), findings(looked_at))
    save(path, plain_members(reported, log_lines(settings.log_file, private(settings))))


def findings(looked_at: Request) -> list[dict[str, object]]:
    """Of `voicecli doctor`, without opening a sound device or hashing a model."""
    from voicecli.doctor.privacy import redacted_text

    hidden = private(looked_at.settings)
    return [
        {
            "area": group.title,
            "name": one.name,
            "state": one.state,
            "text": redacted_text(one.text, hidden),
            "advice": redacted_text(one.advice, hidden),
        }
        for group in examined(looked_at)
        for one in group.findings
    ]


def make_recording(looked_at: Request, path: Path, inputs: tuple[Path, ...], turns: int, *, agreed: bool) -> None:
    """Ask, talk, save. Raises SettingsError where nobody can be asked."""
    from voicecli.app.platform import require_unix
    from voicecli.app.talk import Observer, talk
    from voicecli.assemble.devices import Files
    from voicecli.commands.listening_mode import require_key
    from voicecli.commands.talk import models_of
    from voicecli.events import CLOCK
    from voicecli.replay.recorder import Recorder
    from voicecli.replay.report import about, log_lines, recording_members

    require_unix("a recorded conversation")
    if not agreed and not consent(path, turns):
        tell("Nothing was recorded.")
        raise typer.Exit(1)
    settings = looked_at.settings
    require_key(settings, Files(inputs))
    fetch_missing(settings, models_of(settings))
    recorder = Recorder(CLOCK, turns)
    with TemporaryDirectory(prefix="voicecli-report-") as folder:
        files = Files(inputs, Path(folder, "answers.wav")) if inputs else Files()
        code = talk(settings, files, "auto", Observer(recorder, recorder.observe, recorder.controls))
    if code or recorder.stopped or not recorder.turns_over:
        tell("No turn was over, or you stopped it: nothing was kept.")
        raise typer.Exit(code or 1)
    reported = about(settings, digests(settings), findings(looked_at), prompt=True)
    save(path, recording_members(reported, recorder, log_lines(settings.log_file, private(settings))))
    tell(f"voicecli replay {path} holds the conversation again.")


def consent(path: Path, turns: int) -> bool:
    """The user's yes. Raises SettingsError where no user is there to give it."""
    from voicecli.errors import SettingsError
    from voicecli.replay.report import CONTENTS as FILES

    if not sys.stdin.isatty():
        raise SettingsError("--record needs your consent, and nobody can be asked here", "--yes gives it")
    what = "\n".join(f"  {name:15} {reported}" for name, reported in FILES.items())
    tell(CONSENT.format(turns=f"{turns} turn{'s' if turns > 1 else ''}", path=path, what=what))
    return typer.confirm("Record it?", default=False, err=True)


def digests(settings: Settings) -> dict[str, str]:
    """Of the models that are there."""
    from voicecli.bench.environment import model_digests
    from voicecli.commands.talk import models_of

    return model_digests(settings, list(dict.fromkeys([*models_of(settings), *voice_models(settings)])))


def save(path: Path, members: dict[str, bytes]) -> None:
    """Write it, and tell what it is."""
    from voicecli.replay.zip_file import write_zip

    size = write_zip(path, members)
    print(path)
    tell(f"{path}: {size / 1000:.0f} kB, readable by you alone ({', '.join(members)}). Nothing was sent anywhere.")
