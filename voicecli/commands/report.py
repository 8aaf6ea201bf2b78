"""`voicecli report`: a file for a bug report."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.console import confirm, print_note
from voicecli.commands.doctor import examined, make_request, private
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.language_model import with_named_model
from voicecli.commands.options import (
    LlmOptions,
    RecognizerOptions,
    SettingsOptions,
    TurnOptions,
    VoiceOptions,
    grouped,
    option,
)

if TYPE_CHECKING:
    from voicecli.doctor.examination import Request
    from voicecli.settings.model import Settings

CONTENT = "What the file holds"

CONSENT = """\
A conversation of {turns} will be recorded to {path}:

{what}

  The settings include your system prompt, and answers may repeat what you said. Nothing is sent anywhere; the file
  stays on this machine until you share it. Press Ctrl-C at any time to keep nothing.
"""


@grouped
def report(
    turns: TurnOptions,
    llm: LlmOptions,
    recognizer: RecognizerOptions,
    voice: VoiceOptions,
    source: SettingsOptions,
    record: Annotated[
        bool, option("--record", help="Record a conversation, too: your voice, words and answers.", panel=CONTENT)
    ] = False,
    count: Annotated[int, option("--turns", help="Turns to record (1).", min=1, panel=CONTENT)] = 1,
    output: Annotated[
        Path, option("--output", metavar="FILE", help="Zip file to write (voicecli-report.zip).", panel=CONTENT)
    ] = Path("voicecli-report.zip"),
    yes: Annotated[bool, option("--yes", help="Agree to be recorded without being asked.", panel=CONTENT)] = False,
    input: Annotated[
        list[Path] | None,
        option("--input", help="Use this sound file instead of the microphone. Repeatable.", panel=CONTENT),
    ] = None,
) -> None:
    """Write one zip file for a bug report. Nothing is sent anywhere.

    Without [bold]--record[/] it holds versions, the machine, settings without secrets and paths, and the log: nothing
    that you said. With it you are asked first, then you talk: voice, words, answers and times are kept, so that
    [bold]voicecli replay[/] can repeat the same conversation.

    Examples:

      voicecli report

      voicecli report --record --turns 2 --output slow.zip
    """
    check_output(output)
    overrides = source.overrides_with(turns, llm, recognizer, voice)
    request = make_request(overrides, source, aloud=False, quick=True)
    if record:
        source.load(turns, llm, recognizer, voice)  # a conversation needs valid settings; a plain report does not
        make_recording(request, output, tuple(input or ()), count, agreed=yes)
    else:
        make_report(request, output)


def check_output(path: Path) -> None:
    """Raise SettingsError if the file cannot be written, before anybody has said anything."""
    from voicecli.errors import SettingsError

    if not path.parent.is_dir() or path.is_dir():
        raise SettingsError(
            f"{path} cannot be written: it is a folder, or its folder does not exist",
            "choose another file: --output FILE",
        )


def make_report(request: Request, path: Path) -> None:
    """Write a report without a conversation."""
    from voicecli.replay.report import about, log_lines, plain_members

    settings = request.settings
    facts = about(settings, digests(settings), findings(request))
    save(path, plain_members(facts, log_lines(settings.log_file, private(settings))))


def findings(request: Request) -> list[dict[str, object]]:
    """Return what `voicecli doctor` finds without opening a sound device or hashing a model."""
    from voicecli.doctor.privacy import redacted_text

    hidden = private(request.settings)
    return [
        {
            "area": group.title,
            "name": one.name,
            "state": one.state,
            "text": redacted_text(one.text, hidden),
            "advice": redacted_text(one.advice, hidden),
        }
        for group in examined(request)
        for one in group.findings
    ]


def make_recording(request: Request, path: Path, inputs: tuple[Path, ...], turns: int, *, agreed: bool) -> None:
    """Ask for consent, hold the conversation, write the file. Raise SettingsError if nobody can be asked."""
    from voicecli.app.platform import require_unix
    from voicecli.app.talk import Observer, talk
    from voicecli.assemble.devices import Files
    from voicecli.commands.talk import require_keyboard
    from voicecli.events import CLOCK
    from voicecli.models.store import conversation_models
    from voicecli.replay.recorder import Recorder
    from voicecli.replay.report import about, log_lines, recording_members

    require_unix("a recorded conversation")
    if not agreed and not consent(path, turns):
        print_note("Nothing was recorded.")
        raise typer.Exit(1)
    settings = request.settings
    require_keyboard(settings, Files(inputs))
    settings = with_named_model(settings)
    fetch_missing(settings, conversation_models(settings))
    recorder = Recorder(CLOCK, turns)
    with TemporaryDirectory(prefix="voicecli-report-") as folder:
        files = Files(inputs, Path(folder, "answers.wav")) if inputs else Files()
        code = talk(settings, files, "auto", Observer(recorder, recorder.observe, recorder.controls))
    if code or recorder.stopped or not recorder.turns_over:
        print_note("No turn was complete, or you stopped it: nothing was kept.")
        raise typer.Exit(code or 1)
    facts = about(settings, digests(settings), findings(request), prompt=True)
    save(path, recording_members(facts, recorder, log_lines(settings.log_file, private(settings))))
    print_note(f"To repeat the conversation: voicecli replay {path}")


def consent(path: Path, turns: int) -> bool:
    """Ask the user for consent. Raise SettingsError if nobody can be asked."""
    from voicecli.replay.report import CONTENTS as FILES

    what = "\n".join(f"  {name:15} {text}" for name, text in FILES.items())
    print_note(CONSENT.format(turns=f"{turns} turn{'s' if turns > 1 else ''}", path=path, what=what))
    return confirm("Record it?", "--yes gives your consent")


def digests(settings: Settings) -> dict[str, str]:
    """Return the digests of the installed models."""
    from voicecli.bench.environment import model_digests
    from voicecli.models.store import conversation_models

    return model_digests(settings, conversation_models(settings))


def save(path: Path, members: dict[str, bytes]) -> None:
    """Write the zip file, print its path, and describe it on stderr."""
    from voicecli.replay.zip_file import write_zip

    size = write_zip(path, members)
    print(path)
    print_note(
        f"{path}: {size / 1000:.0f} kB, readable by you alone ({', '.join(members)}). Nothing was sent anywhere."
    )
