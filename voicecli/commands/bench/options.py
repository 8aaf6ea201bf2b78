"""Options that several commands of `voicecli bench` share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_type_hints

from voicecli.commands.missing_models import fetch_missing, voice_models
from voicecli.commands.narration import tell
from voicecli.commands.options import option

if TYPE_CHECKING:
    from voicecli.bench.corpus import Corpus
    from voicecli.settings.model import Settings

WHAT, OUTPUT, SETTINGS = "What is measured", "Output", "Settings"

QUICK = 4
"""Recordings, or questions, with --quick."""


class BenchDevice(StrEnum):
    """Values of --device."""

    cpu = "cpu"
    gpu = "gpu"


Device = Annotated[
    BenchDevice | None,
    option("--device", help="cpu, or gpu for one NVIDIA card; by default as in your settings.", panel=WHAT),
]
Speech = Annotated[
    Path | None, option(help="Folder of recordings; by default, questions spoken by Kokoro.", panel=WHAT)
]
Quick = Annotated[bool, option("--quick", help=f"Measure in seconds: {QUICK} of everything.", panel=WHAT)]
Config = Annotated[Path | None, option("--config", help="Settings file to use instead of yours.", panel=SETTINGS)]


@dataclass(frozen=True, slots=True)
class Output:
    """Where a result goes besides the screen, and how it is judged. Each field is an option of every measurement."""

    json_file: Annotated[
        Path | None, option("--json", metavar="FILE", help="Write all samples; --compare reads them.", panel=OUTPUT)
    ] = None
    markdown: Annotated[Path | None, option("--markdown", metavar="FILE", help="Write the tables.", panel=OUTPUT)] = (
        None
    )
    html: Annotated[
        Path | None, option("--html", metavar="FILE", help="Write one page with plots; needs no network.", panel=OUTPUT)
    ] = None
    compare: Annotated[
        Path | None,
        option("--compare", metavar="OLD.json", help="Say what is better, worse or the same.", panel=OUTPUT),
    ] = None
    fail_over: Annotated[
        list[str] | None,
        option(
            "--fail-over",
            metavar="LIMIT",
            help="Exit code 1 beyond it: p95=900 (ms), worst=…, wer=12 (%), GROUP:METRIC:p50=….",
            panel=OUTPUT,
        ),
    ] = None

    def check(self, bench: str, *more_files: Path | None) -> None:
        """Raise SettingsError for what would fail after minutes of work: call it before anything is measured.

        `bench` is the name that the result will have; `more_files` are written too.
        """
        from voicecli.bench.compare import same_bench
        from voicecli.bench.html_page import require_libraries
        from voicecli.bench.limits import parse_limits
        from voicecli.bench.result import read_result
        from voicecli.errors import SettingsError

        parse_limits(self.fail_over or ())
        if self.compare is not None:
            same_bench(read_result(self.compare).bench, bench)
        if self.html is not None:
            require_libraries()
        for path in (self.json_file, self.markdown, self.html, *more_files):
            if path is not None and not path.absolute().parent.is_dir():
                raise SettingsError(
                    f"cannot write {path}: the folder {path.parent} does not exist", "create the folder first"
                )


def with_output(command: Callable[..., None]) -> Callable[..., None]:
    """Replace the parameter `output` of a command by the options of `Output`; Typer reads them from the signature."""
    names = [field.name for field in fields(Output)]

    @functools.wraps(command)
    def wrapped(**options: object) -> None:
        command(output=Output(**{name: options.pop(name) for name in names}), **options)  # type: ignore[arg-type]

    hints, output_hints = (get_type_hints(one, include_extras=True) for one in (command, Output))
    own = [one.replace(annotation=hints[one.name]) for one in inspect.signature(command).parameters.values()]
    place = [one.name for one in own].index("output")
    shared = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=output_hints[name])
        for name in names
    ]
    parameters = [*own[:place], *shared, *own[place + 1 :]]
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {one.name: one.annotation for one in parameters}
    return wrapped


def load_bench_settings(device: BenchDevice | None, flags: Mapping[str, object], config: Path | None) -> Settings:
    """Return the settings to measure with.

    Raise SettingsError for a wrong setting or one that contradicts `device`, and EngineError for a missing GPU.
    """
    from voicecli.errors import SettingsError
    from voicecli.settings.load import load_settings

    settings = load_settings(flags, profile=device or "", file=config).settings
    if device is None:
        return settings
    from voicecli.bench.environment import device_of, require_device

    if device_of(settings) != device:
        found = f"stt.device is {settings.stt.device}, tts.device is {settings.tts.device}"
        raise SettingsError(f"--device {device} and your settings differ: {found}", "voicecli talk --show-settings")
    require_device(settings, device)
    return settings


def load_speech(speech: Path | None, settings: Settings, most: int | None = None) -> Corpus:
    """Return at most `most` recordings of a folder, or the built-in questions.

    Raise SettingsError, ModelMissing or EngineError if there are none.
    """
    from voicecli.bench.corpus import load_corpus

    if speech is None:
        fetch_missing(settings, voice_models(settings))
    return load_corpus(speech, settings, tell, most)
