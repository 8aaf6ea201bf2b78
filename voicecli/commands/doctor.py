"""`voicecli doctor`: what works here, what does not, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.options import Profile, option
from voicecli.commands.settings_options import (
    DEVICES,
    MODELS,
    SCREEN,
    LlmModelOption,
    LlmOption,
    LlmUrlOption,
    OllamaModelOption,
    SttModelOption,
    backend_of,
)
from voicecli.commands.talk import models_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from voicecli.doctor.examination import Request
    from voicecli.doctor.finding import Group
    from voicecli.doctor.privacy import Private
    from voicecli.settings.load import Loaded
    from voicecli.settings.model import Settings

CHECKS = "Checks"

UNTOLD = ("llm.system_prompt", "llm.api_key")
"""Settings whose values are nobody's business: a report only says that they were changed."""


def doctor(
    as_json: Annotated[
        bool, option("--json", help="Print a report for bug reports: no names, paths of yours or keys.", panel=CHECKS)
    ] = False,
    no_sound: Annotated[
        bool, option("--no-sound", help="Neither open sound devices nor play anything.", panel=CHECKS)
    ] = False,
    quick: Annotated[bool, option("--quick", help="Do not hash the models.", panel=CHECKS)] = False,
    input_device: Annotated[str | None, option(help="Microphone: index or part of its name.", panel=DEVICES)] = None,
    output_device: Annotated[str | None, option(help="Speaker: index or part of its name.", panel=DEVICES)] = None,
    profile: Annotated[Profile | None, option(help="cpu, or gpu for one NVIDIA card.", panel=MODELS)] = None,
    llm: LlmOption = None,
    llm_url: LlmUrlOption = None,
    llm_model: LlmModelOption = None,
    ollama_model: OllamaModelOption = None,
    stt_model: SttModelOption = None,
    config: Annotated[Path | None, option("--config", help="Settings file in place of your own.", panel=SCREEN)] = None,
) -> None:
    """Look for what keeps a conversation from working, and say what to do.

    Each line is passed, warned, failed or skipped. Listens for two seconds, plays a sound and hears it back; asks the
    language model for one word. Give it the options that you give to [bold]voicecli talk[/].

    Exit code: 0 when nothing failed, 1 otherwise.

    Examples:

      voicecli doctor

      voicecli doctor --llm-url http://127.0.0.1:30000/v1 --no-sound

      voicecli doctor --json > report.json
    """
    flags = {
        "audio.input_device": input_device,
        "audio.output_device": output_device,
        "llm.backend": backend_of(llm, llm_url),
        "llm.url": llm_url,
        "llm.model": llm_model,
        "llm.ollama_model": ollama_model,
        "stt.model": stt_model,
    }
    request = make_request(flags, profile or "", config, aloud=not no_sound, quick=quick)
    failed = print_report(request) if as_json else print_screen(request)
    raise typer.Exit(1 if failed else 0)


def make_request(
    flags: Mapping[str, object], profile: str, config: Path | None, *, aloud: bool, quick: bool
) -> Request:
    """By the user's settings; by the defaults where those do not hold."""
    from voicecli.doctor.examination import Request
    from voicecli.errors import SettingsError
    from voicecli.settings.load import defaults, load_settings

    try:
        loaded = load_settings(flags, profile=profile, file=config)
    except SettingsError as error:
        settings = defaults()
        return Request(settings, models_of(settings), {}, error, aloud, quick)
    return Request(loaded.settings, models_of(loaded.settings), changes(loaded), None, aloud, quick)


def changes(loaded: Loaded) -> dict[str, str]:
    """Settings that do not come from the shipped file."""
    return {key: "changed" if key in UNTOLD else value for key, value, origin in loaded.rows() if origin != "default"}


def examined(request: Request) -> Iterator[Group]:
    """Findings as they come. Meanwhile stderr tells what is being done, and nothing that libraries write to it."""
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

            def tell(doing: str) -> None:
                status.update(f"{doing}...")
                status.start()

            for group in Examination(request).run(tell):
                status.stop()
                yield group


def print_screen(request: Request) -> bool:
    """Group by group as they are found; returns whether anything failed."""
    import sys
    from io import TextIOWrapper

    from rich.console import Console

    from voicecli.settings.load import surroundings
    from voicecli.ui.findings import closing_lines, group_lines, marks_for

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # names of devices may have what the terminal has not
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
    """The same as JSON on stdout; returns whether anything failed."""
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
    return any(finding.state == "failed" for group in groups for finding in group.findings)


def private(settings: Settings) -> Private:
    """What a report leaves out: the user, the machine, and servers elsewhere."""
    import getpass
    import platform
    from urllib.parse import urlsplit

    from voicecli.doctor.privacy import Private
    from voicecli.engines.llm.select import place
    from voicecli.network import is_loopback

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, in a container
        user = ""
    urls = [url for url in (settings.llm.url, settings.llm.ollama_url) if url and not is_loopback(url)]
    hosts = [urlsplit(f"//{place(url)}").hostname or "" for url in urls]
    key = settings.llm.api_key.get_secret_value()
    return Private(str(Path.home()), user, platform.node(), tuple(filter(None, hosts)), (key,) if key else ())
