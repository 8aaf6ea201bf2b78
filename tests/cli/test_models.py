"""`voicecli models`: the catalogue, the choice and its reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from voicecli.app import models as app_models
from voicecli.commands.models import models
from voicecli.errors import SettingsError
from voicecli.models.ladder import Machine
from voicecli.models.manifest import Manifest, Model
from voicecli.models.speeds import load_speeds, recorder
from voicecli.settings.model import Settings
from voicecli.types import Timings

DEMO, EVERYDAY = "smollm2-135m-instruct", "qwen2.5-coder-1.5b-instruct"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder with the demo, on a machine with two cores."""
    (tmp_path / DEMO).mkdir()
    for file in Manifest.load().find(DEMO).source[0].files:
        with (tmp_path / DEMO / file.name).open("wb") as opened:
            opened.truncate(file.size)
    monkeypatch.setenv("VOICECLI_MODELS_DIR", str(tmp_path))
    monkeypatch.setattr(app_models, "this_machine", lambda gpu_layers: Machine(5_200_000_000, 2))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(models, arguments)


def test_the_ladder_fits_80_columns_and_has_a_row_for_each_model(folder: Path) -> None:
    recorder(folder, DEMO)(Timings(162, 1.0, 54, 1.0, threads=2))
    result = run("info")
    assert result.exit_code == 0, result.output
    table = result.stdout.partition("\n\n")[2].splitlines()
    assert max(len(line.rstrip()) for line in (*table, *result.stderr.splitlines())) <= 80
    known = [model.name for model in Manifest.load().model if model.kind == "llm"]
    assert [line.split()[0] for line in table[2:]] == known
    assert f"answers  {DEMO}: the only one here that fits 5.2 GB free; writes about 54 tokens" in result.stdout
    assert f"better   {EVERYDAY}: 56 of 60 questions right, 21 now; " in result.stdout
    rows = {line.split()[0]: line for line in table[2:]}
    assert rows[DEMO].split()[-2:] == ["54.0", "answers"]
    assert rows[EVERYDAY].rstrip().endswith("would be better")
    assert rows["qwen3.5-9b"].rstrip().endswith("too large")


def test_a_model_is_measured_where_no_speed_is_known(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def measure(settings: Settings, model: Model, narrate: Callable[[str], None]) -> None:
        measured.append(model.name)
        recorder(folder, model.name)(Timings(162, 1.0, 54, 1.0, threads=2))

    monkeypatch.setattr(app_models, "measure", measure)
    assert f"Measuring {DEMO}" in run("info").stderr
    assert "Measuring" not in run("info").stderr
    assert measured == [DEMO]
    assert "too slow" not in run("info", DEMO).stdout


def test_all_facts_of_a_model(folder: Path) -> None:
    recorder(folder, DEMO)(Timings(162, 1.0, 54, 1.0, threads=1))
    found = run("info", EVERYDAY).stdout
    for fact in ("56 of 60", "20 right calls of 20", "1.54 billion", "2.4 GB with the voice", "Apache-2.0", "German"):
        assert fact in found
    assert f"no; voicecli download-models {EVERYDAY}" in found
    assert "reads 162; measured on" in run("info", DEMO).stdout
    assert "too large: it needs 10.7 GB" in run("info", "qwen3.5-9b").stdout


def test_a_model_of_another_kind_has_the_general_facts(folder: Path) -> None:
    found = run("info", "whisper-base").stdout
    assert "MIT" in found
    assert "tokens" not in found


def test_an_unknown_model_is_refused(folder: Path) -> None:
    result = run("info", "qwen3.5-4c")
    assert isinstance(result.exception, SettingsError)
    assert "did you mean qwen3.5-4b?" in result.exception.hint


def test_the_list_is_that_of_download_models(folder: Path) -> None:
    assert DEMO in run("list").stdout


@pytest.mark.model
def test_a_real_model_tells_its_speed(
    model_folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / DEMO).symlink_to(model_folder(DEMO))
    monkeypatch.setenv("VOICECLI_MODELS_DIR", str(tmp_path))
    result = run("info", DEMO)
    assert result.exit_code == 0, result.output
    speed = load_speeds(tmp_path)[DEMO]
    assert speed.writing_tps > 5
    assert speed.reading_tps > 5
