"""`voicecli talk` in several languages, as a process: Kokoro asks, Whisper hears, a scripted server answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import wave
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.cli.dying_server import Handler
from tests.defaults import SETTINGS
from voicecli.audio.files.reader import read_clip
from voicecli.bench.wer import word_errors
from voicecli.conversation.language import SURE
from voicecli.engines.kokoro.engine import Kokoro
from voicecli.engines.whisper.engine import Whisper
from voicecli.speech_text.phrases import PHRASES
from voicecli.types import SpeechSegment, TranscribeOptions

pytestmark = [pytest.mark.model, pytest.mark.timeout(180)]

QUESTIONS = {
    "am_michael": "What is the capital of France?",
    "em_alex": "Hola, ¿me puedes decir cuál es la capital de España?",
    "ff_siwis": "Bonjour, est-ce que tu peux me dire quelle est la capitale de l'Italie ?",
}
ANSWERS = {
    "English": "The capital of France is Paris, and it is a beautiful city.",
    "Spanish": "La capital de España es Madrid, y es una ciudad muy bonita.",
    "French": "La capitale de l'Italie est Rome, et c'est une très belle ville.",
    "German": "Die Hauptstadt von Deutschland ist Berlin.",
    "Japanese": "東京です。",
}


class Server(Handler):
    """Answers in the language that the prompt names."""

    prompts: ClassVar[list[str]] = []

    def asked(self, messages: list[dict[str, str]]) -> None:
        prompt = messages[0]["content"]
        self.prompts.append(prompt)
        language = prompt.rpartition("Answer in ")[2].rstrip(".")
        self.words = tuple(ANSWERS.get(language, ANSWERS["English"]).split())


@pytest.fixture
def server() -> Iterator[str]:
    Server.prompts.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}/v1"
        listening.shutdown()


@pytest.fixture(scope="module")
def kokoro(model_folder: Callable[[str], Path]) -> Kokoro:
    model = next(model_folder("kokoro-v1.0-int8").glob("*.onnx"))
    return Kokoro.load(model, model_folder("kokoro-voices"), SETTINGS.tts)


@pytest.fixture(scope="module")
def ask(kokoro: Kokoro, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A question as a WAV file, by the voice that asks it."""
    folder = tmp_path_factory.mktemp("asked")

    def speak(voice: str, text: str = "") -> Path:
        path = folder / f"{voice}-{len(text)}.wav"
        speaking = kokoro.speaking(voice, 1.0)
        with wave.open(os.fspath(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(speaking.sample_rate_hz)
            for audio_chunk in speaking.synthesize(text or QUESTIONS[voice]):
                file.writeframes(audio_chunk.pcm.tobytes())
        return path

    return speak


@pytest.fixture(scope="module")
def whisper(model_folder: Callable[[str], Path]) -> Whisper:
    return Whisper.load(model_folder("whisper-base"), SETTINGS.stt)


def talk(server: str, *arguments: str | Path, code: int = 0, typed: str = "") -> list[dict[str, Any]]:
    """Events of a conversation; the end of stderr is shown where it ends otherwise."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "voicecli", "talk", "--offline", "--no-tools", "--ui", "jsonl"),
            *("--llm-url", server, *map(str, arguments)),
        ],
        input=typed,
        env={**os.environ, "XDG_RUNTIME_DIR": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert run.returncode == code, run.stderr
    if code:
        return [{"event": "stderr", "text": run.stderr}]
    return [json.loads(line) for line in run.stdout.splitlines()]


def of(events: list[dict[str, Any]], kind: str, name: str) -> list[Any]:
    return [event[name] for event in events if event["event"] == kind]


def heard(whisper: Whisper, path: Path, language: str) -> str:
    """What is in a recording, whoever made it; the language is found, and has to be this one."""
    pcm = read_clip(path)[: 28 * 16_000]
    transcript = whisper.with_options(TranscribeOptions(language="auto")).transcribe(SpeechSegment(pcm, 0.0, 0.0))
    assert transcript.language == language
    return transcript.text


def test_each_question_is_answered_in_its_language_by_its_voice(
    server: str, ask: Callable[[str], Path], tmp_path: Path
) -> None:
    asked = [part for voice in ("am_michael", "em_alex", "ff_siwis") for part in ("--input", ask(voice))]
    events = talk(server, "--language", "auto", "--fast", *asked, "--output", tmp_path / "a.wav")
    assert of(events, "Transcribed", "language") == ["en", "es", "fr"]
    assert all(SURE <= one <= 1 for one in of(events, "Transcribed", "language_probability")[1:])
    assert of(events, "Notice", "text")[-2:] == ["Spanish: ef_dora speaks.", "French: ff_siwis speaks."]
    assert [prompt.rpartition(". ")[2] for prompt in Server.prompts] == [
        "Answer in English.",
        "Answer in Spanish.",
        "Answer in French.",
    ]


@pytest.mark.parametrize(("voice", "language", "name"), [("em_alex", "es", "Spanish"), ("ff_siwis", "fr", "French")])
def test_what_is_answered_is_understood_by_who_listens_for_that_language(
    server: str, ask: Callable[[str], Path], whisper: Whisper, tmp_path: Path, voice: str, language: str, name: str
) -> None:
    answer = tmp_path / "a.wav"
    events = talk(server, "--language", language, "--fast", "--input", ask(voice), "--output", answer)
    assert of(events, "Ready", "tts") == [f"kokoro-v1.0-int8 {SETTINGS.tts.voices[language]} cpu"]
    errors, words = word_errors(QUESTIONS[voice], of(events, "Transcribed", "text")[0], language)
    assert errors <= 0.3 * words
    errors, words = word_errors(ANSWERS[name], heard(whisper, answer, language), language)
    assert errors <= 0.3 * words


def test_a_language_without_a_voice_is_written_and_that_is_said_in_english(
    server: str, whisper: Whisper, ask: Callable[[str], Path], tmp_path: Path
) -> None:
    answer = tmp_path / "a.wav"
    asked = ask("am_michael")
    events = talk(server, "--language", "de", "--fast", "--input", asked, "--output", answer)
    (reported,) = [text for text in of(events, "Notice", "text") if "German" in text]
    assert reported.startswith("Answers in German are written, not spoken: there is no voice for German")
    assert of(events, "TurnDone", "spoken")[0].strip() == ANSWERS["German"]
    assert Server.prompts[0].endswith("Answer in German.")
    errors, words = word_errors(PHRASES["en"].written, heard(whisper, answer, "en"))
    assert errors <= 0.3 * words


def test_a_voice_that_speaks_another_language_is_reported(
    server: str, ask: Callable[[str], Path], tmp_path: Path
) -> None:
    asked = ask("am_michael")
    events = talk(server, "--voice", "ef_dora", "--fast", "--input", asked, "--output", tmp_path / "a.wav")
    assert "ef_dora speaks Spanish and the conversation is in English: af_heart speaks." in of(events, "Notice", "text")
    assert Server.prompts[0].startswith(f"{SETTINGS.llm.system_prompt.strip()} Today is ")
    assert "Answer in English" not in Server.prompts[0]


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (["--language", "german"], 2, ["whisper-base", "did you mean de?"]),
        (["--set-voices", "fr=ef_dora"], 2, ["ef_dora speaks Spanish, not French"]),
        (["--set-voices", "fr=ff_nobody"], 2, ["ff_nobody", "ff_siwis"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_reported(
    server: str, arguments: list[str], code: int, parts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if arguments[0] == "--set-voices":
        monkeypatch.setenv("VOICECLI_TTS_VOICES", arguments[1])
        arguments = []
    (reported,) = talk(server, *arguments, "--output", tmp_path / "a.wav", code=code)
    assert all(part in reported["text"] for part in parts), reported["text"]
    assert "Traceback" not in reported["text"]
