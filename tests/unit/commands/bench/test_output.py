"""What a measurement prints and writes, and its exit code."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.bench_results import World, speech_to_text, voice_to_voice
from voicecli.bench.compare import compare
from voicecli.bench.limits import OverLimit
from voicecli.bench.result import Result, read_result, write_result
from voicecli.cli import app
from voicecli.commands.bench.options import Output
from voicecli.commands.bench.output import present, show, show_comparison
from voicecli.errors import SettingsError

OLD = voice_to_voice(World(seed=1))
SLOWER = voice_to_voice(World(seed=2, slow={"tts": 1.4}))


def shown(result: Result, width: int = 80, *, encoding: str = "utf8", colors: bool = False) -> str:
    """Return the output on a terminal of that width, with the comparison."""
    bytes_out = io.BytesIO()
    out = io.TextIOWrapper(bytes_out, encoding=encoding, errors="strict")
    console = Console(file=out, width=width, force_terminal=colors, no_color=not colors, highlight=False)
    show(result, console)
    if result.bench == OLD.bench:
        show_comparison(compare(OLD, result), console)
    out.flush()
    return bytes_out.getvalue().decode(encoding)


@pytest.mark.parametrize("result", [SLOWER, speech_to_text()], ids=lambda one: one.bench)
@pytest.mark.parametrize("width", [80, 100, 160])
def test_nothing_is_wider_than_the_screen_or_lost(result: Result, width: int) -> None:
    lines = shown(result, width).splitlines()
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)
    for name in ("p50", "p95", "worst"):
        assert any(name in line for line in lines)


def test_the_screen_has_the_waterfall_the_stages_and_the_verdict() -> None:
    text = shown(SLOWER)
    for part in (
        "Where the wait went, quiet",
        "█",
        "░",
        "first sound, ms",
        "false cut-offs",
        "doubtful: other programs",
    ):
        assert part in text
    assert "worse: text-to-speech takes 1.4" in " ".join(text.split())
    assert "p90" not in text
    assert "p90" in shown(SLOWER, 120)


def test_a_terminal_without_unicode_gets_ascii() -> None:
    text = shown(SLOWER, encoding="ascii")
    assert "####" in text
    assert "+/-" in text
    assert "?" not in text


def test_colors_are_left_out_where_they_are_not_wanted() -> None:
    assert "\x1b[" in shown(SLOWER, colors=True)
    assert "\x1b[" not in shown(SLOWER)


def test_markup_in_what_was_measured_is_shown_as_it_is() -> None:
    assert "<meanwhile>" in shown(SLOWER)


def test_all_files_are_written_and_the_old_result_is_read_before_it_is_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "result.json"
    write_result(path, OLD)
    present(SLOWER, Output(json_file=path, markdown=tmp_path / "a.md", html=tmp_path / "a.html", compare=path))
    assert read_result(path) == SLOWER
    assert "**worse: text-to-speech" in (tmp_path / "a.md").read_text(encoding="utf8")
    assert "worse: text-to-speech" in (tmp_path / "a.html").read_text(encoding="utf8")
    printed = capsys.readouterr()
    assert "worse: text-to-speech" in printed.out
    assert "a.html" in printed.err


def test_beyond_a_limit_it_fails_after_everything_was_written(tmp_path: Path) -> None:
    present(OLD, Output(fail_over=["p95=5000"]))
    with pytest.raises(OverLimit, match="p50 is .* ms, the limit is 1.0 ms; .*p95") as caught:
        present(OLD, Output(html=tmp_path / "a.html", fail_over=["p50=1", "p95=2"]))
    assert caught.value.exit_code == 1
    assert (tmp_path / "a.html").exists()


def test_a_limit_that_was_mistyped_is_reported_before_anything_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SettingsError, match="is not a limit"):
        present(OLD, Output(fail_over=["p95:900"]))
    assert capsys.readouterr().out == ""


def test_what_would_fail_at_the_end_is_reported_before_anything_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    write_result(path, OLD)
    Output(html=tmp_path / "new.html", markdown=Path("here.md"), compare=path, fail_over=["p95=900"]).check(OLD.bench)
    with pytest.raises(SettingsError, match="is of the bench voice to voice, this one of stt"):
        Output(compare=path).check("stt")
    with pytest.raises(SettingsError, match="the folder .* does not exist"):
        Output(html=tmp_path / "none" / "a.html").check("stt")
    with pytest.raises(SettingsError, match="the folder .* does not exist"):
        Output().check("stt", tmp_path / "none" / "trace.json")
    with pytest.raises(SettingsError, match="is not a limit"):
        Output(fail_over=["p95"]).check("stt")
    with pytest.raises(SettingsError, match="cannot read"):
        Output(compare=tmp_path / "none.json").check("stt")


def test_a_missing_plot_library_is_reported_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicecli.bench.html_page.find_spec", lambda name: None)
    Output().check("stt")
    with pytest.raises(SettingsError, match="--html needs jinja2 and matplotlib") as caught:
        Output(html=Path("a.html")).check("stt")
    assert caught.value.hint == "pip install 'voicecli[bench]'"


def test_a_file_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot write"):
        present(OLD, Output(markdown=tmp_path / "none" / "a.md"))


def test_docs_are_made_of_results_by_the_command(tmp_path: Path) -> None:
    write_result(tmp_path / "a.json", OLD)
    command = ["bench", "docs", str(tmp_path / "a.json"), "--peers", "docs/peers.toml"]
    printed = CliRunner().invoke(app, command)
    assert printed.exit_code == 0
    assert "| voicecli 0.1.0, quiet |" in printed.stdout
    written = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "b.md")])
    assert written.exit_code == 0
    assert "    voicecli bench docs a.json --peers docs/peers.toml --out" in (tmp_path / "b.md").read_text(
        encoding="utf8"
    )
