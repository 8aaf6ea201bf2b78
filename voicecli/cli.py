"""`voicecli`: register the commands, and turn errors into messages and exit codes."""

from __future__ import annotations

import os
import sys
import threading
from typing import Annotated

import typer

from voicecli import __version__
from voicecli.commands.ask import ask
from voicecli.commands.bench.group import bench
from voicecli.commands.console import print_error
from voicecli.commands.devices import devices
from voicecli.commands.dictate import dictate
from voicecli.commands.doctor import doctor
from voicecli.commands.download_models import download_models
from voicecli.commands.history import history
from voicecli.commands.models import models
from voicecli.commands.replay import replay
from voicecli.commands.report import report
from voicecli.commands.say import say
from voicecli.commands.serve_stt import serve_stt
from voicecli.commands.serve_tts import serve_tts
from voicecli.commands.talk import TalkCommand, talk
from voicecli.commands.tools import tools
from voicecli.commands.transcribe import transcribe
from voicecli.commands.tune import tune
from voicecli.errors import INTERRUPTED_EXIT_CODE, VoiceCliError

EPILOG = """
[bold]Examples[/]

voicecli talk

voicecli talk --model qwen3:4b

voicecli say "The train leaves at 9:05."

voicecli transcribe memo.m4a

voicecli doctor

[bold]Settings[/]

Defaults, your settings file, --profile, VOICECLI_<SECTION>_<KEY>, options: each overrides those before it.

voicecli talk --show-settings prints all settings and where each comes from.

[bold]Exit codes[/]

0 success, 1 failed check or exceeded limit (doctor, bench), 2 wrong option or setting, 3 missing model,

4 sound device, 5 server, 6 engine, 130 interrupted
"""
"""Text under the list of commands; each paragraph is printed as one line."""

app = typer.Typer(
    help="A fast, private voice assistant for the terminal: local models, spoken answers you can interrupt.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=TalkCommand)(talk)
app.command()(ask)
app.command()(dictate)
app.command()(transcribe)
app.command()(say)
app.command(name="serve-stt")(serve_stt)
app.command(name="serve-tts")(serve_tts)
app.command(name="download-models")(download_models)
app.add_typer(models, name="models")
app.command()(devices)
app.command()(doctor)
app.add_typer(history, name="history")
app.command()(tools)
app.command()(report)
app.command()(replay)
app.add_typer(bench, name="bench")
app.command()(tune)


def print_version(requested: bool) -> None:
    """Print the version and exit, if `--version` was given."""
    if requested:
        print(f"voicecli {__version__}")
        raise typer.Exit


@app.callback()
def voicecli(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def main() -> None:
    """Run the console script."""
    exit_now(run())


def run() -> int:
    """Run the command that the arguments name. Return the exit code."""
    try:
        app()
    except VoiceCliError as error:
        print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED_EXIT_CODE
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # the reader has closed the pipe, for which Typer exits with 1
            return 0
        return end.code if isinstance(end.code, int) else 0
    return 0


def exit_now(code: int) -> None:
    """Exit at once: a model may still run on a thread, and the interpreter's exit would wait for it or crash in it."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    if threading.active_count() > 1:
        os._exit(code)
    sys.exit(code)
