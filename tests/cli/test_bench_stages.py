"""`voicecli bench stt`, `llm`, `tts` and `endpoint` as processes; with real models but for the errors."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from tests.defaults import LANGUAGE_MODEL, SETTINGS
from voicecli.bench.result import Count, Result, read_result
from voicecli.commands.bench.options import BenchDevice, load_bench_settings
from voicecli.commands.bench.output import show_progress
from voicecli.commands.bench.stages import model_flags
from voicecli.errors import SettingsError


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "voicecli", "bench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=170)


@pytest.mark.parametrize("stage", ["stt", "llm", "tts", "endpoint"])
def test_a_gpu_that_is_not_there_is_reported_at_once_with_all_that_was_looked_for(stage: str) -> None:
    ctranslate2 = pytest.importorskip("ctranslate2")
    if ctranslate2.get_cuda_device_count():
        pytest.skip("there is a GPU")
    outcome = bench(stage, "--device", "gpu")
    assert outcome.returncode == 6
    for expected in (
        "CUDA devices",
        "NVIDIA driver",
        "nvidia-smi",
        "cuDNN 9",
        "cuBLAS 12",
        "providers",
        "--device cpu",
    ):
        assert expected in outcome.stderr
    assert not outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "reported"),
    [
        (["stt", "--model", "whisper-bas"], 2, "did you mean whisper-base?"),
        (["stt", "--device", "npu"], 2, "npu"),
        (["stt", "--fail-over", "p95"], 2, "p95"),
        (["tts", "--compare", "nowhere.json"], 2, "nowhere.json"),
        (["llm", "--llm", "openai"], 2, "llm.url is empty"),
        (["llm", "--llm", "openai", "--url", "http://127.0.0.1:1/v1"], 5, "127.0.0.1:1 does not answer"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments: list[str], code: int, reported: str) -> None:
    outcome = bench(*arguments)
    assert outcome.returncode == code
    assert reported in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_device_that_the_settings_contradict_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICECLI_STT_DEVICE", "cuda")
    with pytest.raises(SettingsError, match="--device cpu contradicts your settings: stt.device is cuda"):
        load_bench_settings(BenchDevice.cpu, {}, None)
    assert load_bench_settings(None, {}, None).stt.device == "cuda"


def test_an_address_is_that_of_the_back_end_that_was_asked_for() -> None:
    assert model_flags("ollama", "llama3.2", "http://host:1")["llm.ollama_url"] == "http://host:1"
    assert model_flags(None, "small", "http://host:1")["llm.url"] == "http://host:1"
    assert model_flags("embedded", "mine.gguf", None)["llm.model"] == "mine.gguf"


def test_steps_are_lines_where_there_is_no_terminal_and_a_bar_where_there_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with show_progress(Console(file=io.StringIO())) as progress:
        for done in range(3):
            progress("Listening", done, 3)
        progress("Speaking", 0, 1)
    assert capsys.readouterr().err == "Listening…\nSpeaking…\n"
    screen = io.StringIO()
    with show_progress(Console(file=screen, force_terminal=True, width=80)) as progress:
        progress("Listening", 2, 3)
    assert "Listening" in screen.getvalue()
    assert "2/3" in screen.getvalue()


@pytest.fixture
def speech(spoken: Callable[[str], Path], tmp_path: Path) -> Path:
    """Two recordings: of one the text is known, of the other the phrases."""
    folder = tmp_path / "speech"
    folder.mkdir()
    for name, text in (("a.wav", "The harbour was quiet this morning."), ("b.wav", "I would like a large latte.")):
        (folder / name).write_bytes(spoken(text).read_bytes())
    (folder / "a.txt").write_text("The harbour was quiet this morning.")
    (folder / "slots.json").write_text('{"b.wav": ["large", "latte"]}')
    return folder


def result_of(*arguments: str | Path, file: Path) -> Result:
    outcome = bench(*arguments, "--json", file)
    assert outcome.returncode == 0, outcome.stderr
    result = read_result(file)
    assert result.bench == arguments[0]
    assert f"voicecli {result.version}, {result.device}" in outcome.stdout
    assert result.machine.cores
    assert str(Path.home()) not in file.read_text()
    assert all(len(digest) == 64 for digest in result.models.values())
    return result


def counted(result: Result, group: str, name: str) -> Count:
    return next(one for one in result.counts if (one.group, one.name) == (group, name))


@pytest.mark.model
@pytest.mark.timeout(180)
def test_finals_of_recordings_are_timed_and_judged(speech: Path, model_folder: Callable[[str], Path]) -> None:
    model_folder("whisper-base")
    found = result_of(
        "stt", "--speech", speech, "--model", "whisper-base", "--fail-over", "wer=20", file=speech / "stt.json"
    )
    assert found.corpus.startswith("2 recordings of")
    assert len(found.samples("whisper-base", "final after the end of speech")) == 2
    assert all(0 < ratio < 10 for ratio in found.samples("whisper-base", "real-time factor"))
    errors = counted(found, "whisper-base", "word errors")
    assert (errors.value, errors.out_of) == (0, 6)
    assert counted(found, "whisper-base", "phrases heard").value == 2
    assert {event["of"] for event in found.events} == {"a.wav", "b.wav"}
    assert found.warm_ups.keys() == {"load whisper-base", "first final, whisper-base"}
    assert any("only 2 recordings" in doubt for doubt in found.doubts)


@pytest.mark.model
@pytest.mark.timeout(180)
def test_a_warm_prefix_answers_sooner_than_a_cold_one(tmp_path: Path, model_folder: Callable[[str], Path]) -> None:
    model_folder(LANGUAGE_MODEL)
    found = result_of("llm", "--llm", "embedded", "--model", LANGUAGE_MODEL, "--quick", file=tmp_path / "llm.json")
    cold, warm = (found.samples(f"{prefix} prefix", "first token") for prefix in ("cold", "warm"))
    assert len(cold) == len(warm) == 4
    assert min(cold) > min(warm)
    assert all(pace > 0 for pace in found.samples("warm prefix", "tokens a second"))
    assert found.models.keys() == {LANGUAGE_MODEL}


@pytest.mark.model
@pytest.mark.timeout(180)
def test_everyday_questions_are_answered_and_graded(tmp_path: Path, model_folder: Callable[[str], Path]) -> None:
    model_folder(LANGUAGE_MODEL)
    arguments = ("--only", "instructions", "--sample", "3", "--llm", "embedded", "--model", LANGUAGE_MODEL)
    found = result_of("answers", *arguments, file=tmp_path / "answers.json")
    assert counted(found, LANGUAGE_MODEL, "right").out_of == 3
    assert len(found.samples(LANGUAGE_MODEL, "first token")) == 3
    assert len(found.events) == 3
    assert found.models.keys() == {LANGUAGE_MODEL}


@pytest.mark.model
@pytest.mark.timeout(180)
def test_sentences_of_three_lengths_are_spoken_and_understood(
    tmp_path: Path, model_folder: Callable[[str], Path]
) -> None:
    for name in (SETTINGS.tts.model, "kokoro-voices", SETTINGS.stt.model):
        model_folder(name)
    found = result_of("tts", "--quick", file=tmp_path / "tts.json")
    for group, least_s, most_s in (("1 s", 0.7, 1.8), ("3 s", 2.2, 4.2), ("10 s", 8.0, 12.5)):
        assert all(least_s < sound_s < most_s for sound_s in found.samples(group, "sound"))
        assert len(found.samples(group, "first audio")) == 3
    errors = [counted(found, group, "round-trip word errors") for group in ("1 s", "3 s", "10 s")]
    assert sum(one.value for one in errors) < 0.1 * sum(one.out_of or 0 for one in errors)


@pytest.mark.model
@pytest.mark.timeout(180)
def test_a_longer_silence_cuts_fewer_speakers_off_and_keeps_the_others_waiting(
    speech: Path, model_folder: Callable[[str], Path]
) -> None:
    for name in (SETTINGS.stt.model, SETTINGS.listen.endpoint_model):
        model_folder(name)
    found = result_of("endpoint", "--speech", speech, file=speech / "endpoint.json")
    wait = "wait after the end of speech"
    pausing = ", with a pause for thought"
    for silence_ms in (500, 1000):
        waits_s = found.samples(f"silence {silence_ms} ms", wait)
        assert all(abs(wait_s - silence_ms / 1000) < 0.03 for wait_s in waits_s)
    short, long = (counted(found, f"silence {length} ms", f"cut off{pausing}") for length in (500, 1000))
    assert short.out_of == long.out_of == 4
    assert short.value >= long.value
    assert counted(found, "patient", "cut off").value == 0
    assert found.seed == 5
