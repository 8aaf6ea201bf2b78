"""Options that several commands of `voicecli bench` share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from voicecli.commands.console import print_note
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.options import OWN_SPEECH, ConfigOption, OptionGroup, option

if TYPE_CHECKING:
    from voicecli.bench.corpus import Corpus
    from voicecli.settings.model import Settings

WHAT, OUTPUT = "Measurement", "Output"

QUICK = 4
"""Recordings, or questions, with --quick."""


class BenchDevice(StrEnum):
    """Values of --device."""

    cpu = "cpu"
    gpu = "gpu"


Device = Annotated[
    BenchDevice | None,
    option("--device", help="cpu, or gpu for one NVIDIA GPU; default: your settings.", panel=WHAT),
]
Speech = Annotated[Path | None, option(help=OWN_SPEECH, panel=WHAT)]
Quick = Annotated[bool, option("--quick", help=f"Measure in seconds: {QUICK} of everything.", panel=WHAT)]
Config = ConfigOption


@dataclass(frozen=True)
class Output(OptionGroup):
    """Where a result goes besides the screen, and how it is judged. Each field is an option of every measurement."""

    json_file: Annotated[
        Path | None,
        option("--json", metavar="FILE", help="Write all samples to this file, for --compare.", panel=OUTPUT),
    ] = None
    markdown: Annotated[
        Path | None, option("--markdown", metavar="FILE", help="Write the tables as Markdown.", panel=OUTPUT)
    ] = None
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
            help="Exit with code 1 above this limit: p95=900 (ms), worst=…, wer=12 (%), GROUP:METRIC:p50=….",
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
        raise SettingsError(f"--device {device} contradicts your settings: {found}", "voicecli talk --show-settings")
    require_device(settings, device)
    return settings


def load_speech(speech: Path | None, settings: Settings, most: int | None = None) -> Corpus:
    """Return at most `most` recordings of a folder, or the built-in questions.

    Raise SettingsError, ModelMissing or EngineError if there are none.
    """
    from voicecli.bench.corpus import load_corpus

    if speech is None:
        from voicecli.models.store import voice_models

        fetch_missing(settings, voice_models(settings))
    return load_corpus(speech, settings, print_note, most)
