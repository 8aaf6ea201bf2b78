"""`voicecli`: registers the commands; the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from voicecli import __version__
from voicecli.commands.devices import devices
from voicecli.commands.download_models import download_models
from voicecli.commands.talk import talk
from voicecli.errors import INTERRUPTED_EXIT_CODE, VoiceCliError

app = typer.Typer(
    help="A fast, private voice assistant for the terminal: local models, spoken answers, interruptible.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(talk)
app.command(name="download-models")(download_models)
app.command()(devices)


def print_version(asked: bool) -> None:
    if asked:
        print(f"voicecli {__version__}")
        raise typer.Exit


@app.callback()
def voicecli(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    except VoiceCliError as error:
        print(f"voicecli: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED_EXIT_CODE)
