"""`voicecli doctor`: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.options import (
    InputDeviceOption,
    LlmOptions,
    OutputDeviceOption,
    ProfileOptions,
    RecognizerOptions,
    grouped,
    option,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from voicecli.doctor.examination import Request
    from voicecli.doctor.finding import Group
    from voicecli.doctor.privacy import Private
    from voicecli.settings.load import Loaded
    from voicecli.settings.model import Settings

CHECKS = "Checks"

PRIVATE_KEYS = ("llm.system_prompt", "llm.place", "llm.api_key")
"""Settings with private values: a report only says that they were changed."""


@grouped
def doctor(
    llm: LlmOptions,
    recognizer: RecognizerOptions,
    source: ProfileOptions,
    as_json: Annotated[
        bool, option("--json", help="Print a report for bug reports, without names, paths or keys.", panel=CHECKS)
    ] = False,
    no_sound: Annotated[
        bool, option("--no-sound", help="Do not open sound devices or play anything.", panel=CHECKS)
    ] = False,
    quick: Annotated[bool, option("--quick", help="Do not hash the models.", panel=CHECKS)] = False,
    input_device: InputDeviceOption = None,
    output_device: OutputDeviceOption = None,
) -> None:
    """Find what keeps a conversation from working, and say what to do about it.

    Each check passes, warns, fails or is skipped. The microphone is recorded for two seconds, a sound is played and
    recorded back, and the language model is asked for one word. Pass the options that you use with
    [bold]voicecli talk[/].

    Exit code: 0 if nothing failed, 1 otherwise.

    Examples:

      voicecli doctor

      voicecli doctor --llm-url http://127.0.0.1:30000/v1 --no-sound

      voicecli doctor --json > report.json
    """
    overrides = source.overrides_with(
        llm, recognizer, audio__input_device=input_device, audio__output_device=output_device
    )
    request = make_request(overrides, source, aloud=not no_sound, quick=quick)
    failed = print_report(request) if as_json else print_screen(request)
    raise typer.Exit(1 if failed else 0)


def make_request(overrides: Mapping[str, object], source: ProfileOptions, *, aloud: bool, quick: bool) -> Request:
    """Return what to examine: the user's settings, or the defaults if those are not valid."""
    from voicecli.doctor.examination import Request
    from voicecli.errors import SettingsError
    from voicecli.models.store import conversation_models
    from voicecli.settings.load import defaults, load_settings

    try:
        loaded = load_settings(overrides, profile=source.profile or "", file=source.config)
    except SettingsError as error:
        settings = defaults()
        return Request(settings, conversation_models(settings), {}, error, aloud, quick)
    return Request(loaded.settings, conversation_models(loaded.settings), changes(loaded), None, aloud, quick)


def changes(loaded: Loaded) -> dict[str, str]:
    """Return the settings that differ from the shipped ones; private values are hidden."""
    return {
        key: "changed" if key in PRIVATE_KEYS else value for key, value, origin in loaded.rows() if origin != "default"
    }


def examined(request: Request) -> Iterator[Group]:
    """Yield groups of findings when they are complete; stderr shows progress, and nothing from libraries."""
    import os
    import tempfile

    from rich.console import Console

    from voicecli.doctor.examination import Examination
    from voicecli.ui.terminal.outlet import STDERR_FD, stderr_to

    with (
        tempfile.TemporaryDirectory() as folder,
        os.fdopen(os.dup(STDERR_FD), "w", encoding="utf8", errors="replace") as stderr,
        stderr_to(Path(folder) / "stderr"),
    ):
        console = Console(file=stderr)
        if not console.is_terminal or console.is_dumb_terminal:
            yield from Examination(request).run(lambda doing: print(f"{doing}...", file=stderr, flush=True))
            return
        with console.status("") as status:

            def report(doing: str) -> None:
                status.update(f"{doing}...")
                status.start()

            for group in Examination(request).run(report):
                status.stop()
                yield group


def print_screen(request: Request) -> bool:
    """Print each group of findings when it is complete. Return whether anything failed."""
    import sys
    from io import TextIOWrapper

    from rich.console import Console

    from voicecli.settings.load import surroundings
    from voicecli.ui.findings import closing_lines, group_lines, marks_for

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # device names may hold characters that the terminal lacks
    console = Console(highlight=False)
    marks = marks_for(console.encoding, surroundings("TERM").get("TERM", ""))
    groups: list[Group] = []
    for group in examined(request):
        groups.append(group)
        for line in group_lines(group, console, marks):
            console.print(line, soft_wrap=True)
    for line in closing_lines(groups, console, marks):
        console.print(line, soft_wrap=True)
    return any_failed(groups)


def print_report(request: Request) -> bool:
    """Print the findings as JSON on stdout. Return whether anything failed."""
    import json
    import time

    from voicecli import __version__
    from voicecli.doctor.finding import counts
    from voicecli.doctor.privacy import redacted

    began_s = time.monotonic()
    groups = list(examined(request))
    report = {
        "voicecli": __version__,
        "took_s": round(time.monotonic() - began_s, 1),
        "counts": counts(groups),
        "groups": [
            {
                "title": group.title,
                "findings": [
                    {"name": f.name, "state": f.state, "text": f.text, "advice": f.advice, "facts": f.facts}
                    for f in group.findings
                ],
            }
            for group in groups
        ],
    }
    print(json.dumps(redacted(report, private(request.settings)), indent=2))
    return any_failed(groups)


def any_failed(groups: Sequence[Group]) -> bool:
    """Return whether any check failed."""
    return any(finding.state == "failed" for group in groups for finding in group.findings)


def private(settings: Settings) -> Private:
    """Return what a report leaves out: names of the user, the machine and remote servers, and the key."""
    import getpass
    import platform
    from urllib.parse import urlsplit

    from voicecli.doctor.privacy import Private
    from voicecli.network import host_and_port, is_loopback

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in a container, a user may have no name
        user = ""
    urls = [url for url in (settings.llm.url, settings.llm.ollama_url) if url and not is_loopback(url)]
    hosts = [urlsplit(f"//{host_and_port(url)}").hostname or "" for url in urls]
    key = settings.llm.api_key.get_secret_value()
    return Private(str(Path.home()), user, platform.node(), tuple(filter(None, hosts)), (key,) if key else ())
