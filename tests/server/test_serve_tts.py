"""`voicecli serve-tts` as a whole: the program, the real voice, and what its manual says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.defaults import SETTINGS
from tests.server.program import ServerProgram
from tests.words import word_error_rate
from voicecli.audio.files.reader import read_clip
from voicecli.engines.whisper.engine import Whisper
from voicecli.server.tts import protocol as tts_protocol
from voicecli.types import SpeechSegment

MANUAL = Path(__file__).parents[2] / "docs" / "protocol-tts.md"
MESSAGES = (
    *(tts_protocol.Start, tts_protocol.Text, tts_protocol.End, tts_protocol.Cancel),
    *(tts_protocol.Ready, tts_protocol.AudioStarted, tts_protocol.SpokenWords, tts_protocol.SpokenWord),
    *(tts_protocol.Done, tts_protocol.Cancelled, tts_protocol.Failed, tts_protocol.VoiceAgentGuideConfig),
)


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", MANUAL.read_text(encoding="utf8"), re.DOTALL)


def test_the_manual_names_each_message_and_each_field() -> None:
    text = MANUAL.read_text(encoding="utf8")
    for model in MESSAGES:
        for name, field in model.model_fields.items():
            kind = field.annotation.__args__[0] if name == "type" else name  # type: ignore[union-attr]
            assert f"`{kind}`" in text or f'"{kind}"' in text, f"{model.__name__}.{name}"


@pytest.fixture(scope="module")
def server(model_folder: Callable[[str], Path]) -> Iterator[ServerProgram]:
    model_folder("kokoro-v1.0-int8")
    with ServerProgram("serve-tts", "--speed", "1.1") as program:
        yield program


@pytest.mark.model
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("number", "file", "said"),
    [
        (0, "dinner.wav", "Dinner is ready."),
        (1, "answer.wav", "The train leaves at 905 from platform 2. Have a good trip!"),
    ],
)
def test_the_examples_work(
    server: ServerProgram, model_folder: Callable[[str], Path], tmp_path: Path, number: int, file: str, said: str
) -> None:
    code = examples()[number].replace("127.0.0.1:8880", server.url.removeprefix("http://"))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    whisper = Whisper.load(model_folder("whisper-base"), SETTINGS.stt)
    heard = whisper.transcribe(SpeechSegment(read_clip(tmp_path / file), 0.0, 0.0)).text
    assert word_error_rate(said, heard.replace(":", "")) <= 0.15


@pytest.mark.model
@pytest.mark.timeout(180)
def test_it_lets_who_is_connected_finish_and_ends(model_folder: Callable[[str], Path]) -> None:
    model_folder("kokoro-v1.0-int8")
    with ServerProgram("serve-tts", "--api-key", "secret") as program:
        with httpx.Client(base_url=program.url, timeout=60) as http:
            request = {"input": "This is a sentence, and this is one more that has to be spoken to its end."}
            assert http.post("/v1/audio/speech", json=request).status_code == 401
            with http.stream(
                "POST", "/v1/audio/speech", json=request | {"response_format": "pcm"}, headers={"x-api-key": "secret"}
            ) as reply:
                parts = reply.iter_raw()
                samples = len(next(parts)) // 2
                program.terminate()
                samples += sum(map(len, parts)) // 2
        assert samples / 24_000 > 3
        assert program.ended(timeout_s=20)[0] == 0


def test_help_names_the_routes_and_loads_no_server() -> None:
    code = (
        "import sys; from voicecli.cli import run; sys.argv = ['voicecli', 'serve-tts', '--help']; assert run() == 0;"
        "print({'fastapi', 'uvicorn', 'numpy', 'av'} & set(sys.modules))"
    )
    reported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "/v1/audio/speech" in reported.stdout
    assert reported.stdout.rstrip().endswith("set()")
