"""`voicecli bench answers`: what it refuses, shows and writes. The answers are a script, so no model is asked."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from voicecli.bench.answers.measure import Run
from voicecli.bench.answers.questions import Question, chosen, read_battery
from voicecli.bench.answers.report import Answered, graded
from voicecli.bench.environment import begin
from voicecli.bench.result import read_result, write_result
from voicecli.cli import app
from voicecli.commands.bench.answers import answers_progress, check_options, complete_categories, short_name
from voicecli.commands.bench.options import Output
from voicecli.errors import SettingsError
from voicecli.settings.load import load_settings

SERVER = ("--llm", "openai", "--url", "http://127.0.0.1:1/v1", "--model", "small")
SUMS = chosen(read_battery(), ["sums"], None, 0)


def run_of(*texts: str, questions: tuple[Question, ...] = SUMS) -> Run:
    answers = [Answered("small", one.name, text, (), 0.2, 9.0) for one, text in zip(questions, texts, strict=False)]
    settings = load_settings({}, environ={}).settings
    return Run(begin(), [("small", settings)], questions, 0, answers=graded(questions, answers))


def file_of(path: Path, *texts: str) -> Path:
    write_result(path, run_of(*texts).result())
    return path


@pytest.fixture(autouse=True)
def _models_are_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VOICECLI_MODELS_DIR", str(tmp_path / "models"))


def test_what_would_fail_after_minutes_fails_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--resume goes on with a file"):
        check_options(Output(), None, resume=True)
    with pytest.raises(SettingsError, match="is no SVG file"):
        check_options(Output(), Path("plot.png"), resume=False)
    check_options(Output(json_file=tmp_path / "a.json"), tmp_path / "a.svg", resume=True)
    for arguments, reported in (
        (["--only", "poems"], "there is no category 'poems'"),
        (["--plot", str(tmp_path / "nowhere" / "a.svg")], "does not exist"),
        (["--compare", str(tmp_path / "nowhere.json")], "nowhere.json"),
    ):
        outcome = CliRunner().invoke(app, ["bench", "answers", *SERVER, *arguments])
        assert isinstance(outcome.exception, SettingsError)
        assert reported in outcome.exception.message


def test_a_server_that_is_away_is_an_error() -> None:
    outcome = CliRunner().invoke(app, ["bench", "answers", *SERVER, "--only", "sums"])
    assert "does not answer" in str(outcome.exception)


def test_a_finished_file_is_graded_anew_shown_plotted_and_compared(tmp_path: Path) -> None:
    old = file_of(tmp_path / "old.json", *["It is 168."] * len(SUMS))
    new = file_of(tmp_path / "new.json", "It is 169.", "It is 147.", *["It is 168."] * (len(SUMS) - 2))
    plot = tmp_path / "plot.svg"
    outcome = CliRunner().invoke(
        app,
        ["bench", "answers", *SERVER, "--only", "sums", "--json", str(new), "--resume"]
        + ["--compare", str(old), "--plot", str(plot)],
    )
    assert outcome.exit_code == 0, outcome.output
    assert re.search(rf"right: sums\s+1 of {len(SUMS)}", outcome.stdout)
    assert "+ now right: sums: What's two hundred and six minus fifty-nine? (small)" in outcome.stderr
    assert "- now wrong: sums: What is fourteen times twelve? (small)" in outcome.stderr
    assert "1 became right, 1 became wrong." in outcome.stderr
    assert plot.read_text().startswith("<svg xmlns")
    assert not any("stopped" in doubt for doubt in read_result(new).doubts)
    assert not (tmp_path / "models" / "scores.json").exists()  # one category is no score


def test_a_file_of_the_users_is_shown_by_its_name() -> None:
    assert short_name("/home/me/tiny.gguf") == "tiny"
    assert short_name("qwen3:4b") == "qwen3:4b"
    assert "tools" in complete_categories()


def test_the_question_is_shown_with_the_running_score(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of("It is 168.", "It is 1.")
    with answers_progress(run, Console(file=io.StringIO())) as (watch, narrate):
        narrate("Loading small…")
        watch("small", SUMS[2])
        run.models = [*run.models, ("large", run.models[0][1])]
        watch("small", SUMS[2])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Loading small…"
    assert lines[1] == "1 of 2 right: How much is eighteen percent of two hundred and fifty?"
    assert lines[2].startswith("small, 1 of 2 right: How much")


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_bar_is_one_line(width: int) -> None:
    screen = io.StringIO()
    with answers_progress(run_of("It is 168."), Console(file=screen, force_terminal=True, width=width)) as (watch, _):
        watch("small", SUMS[1])
    frames = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert f"1/{len(SUMS)}" in frames
    assert "1 of 1 right: What's" in frames or width == 60
    assert max(map(len, re.split(r"[\r\n]", frames))) <= width
