"""`voicecli ask` as a process, before servers whose every word is scripted, and with real models."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import wave
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.chat_servers import MODELS, ChatServer, Refusal, chat_server, openai_answer, openai_delta
from tests.defaults import LANGUAGE_MODEL, SETTINGS
from tests.words import word_error_rate

pytestmark = pytest.mark.timeout(120)

DIFF = """diff --git a/clock.py b/clock.py
@@ -1,2 +1,2 @@
-TICK_S = 0.1
+TICK_S = 0.05
"""
UNNEEDED = ("ctranslate2", "faster_whisper", "onnxruntime", "kokoro_onnx", "sounddevice", "webrtcvad", "xllamacpp")


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


def environment() -> dict[str, str]:
    """Without a sound server."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
    return {**env, "XDG_RUNTIME_DIR": "/nonexistent"}


async def start(*arguments: str | Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "voicecli", "ask", "--offline", *map(str, arguments),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )  # fmt: skip


async def run(*arguments: str | Path, piped: bytes = b"") -> Outcome:
    process = await start(*arguments)
    out, err = await process.communicate(piped)
    assert process.returncode is not None
    assert b"Traceback" not in err, err.decode()
    return Outcome(process.returncode, out.decode(), err.decode())


def at(server: ChatServer) -> str:
    return f"--llm-url=http://127.0.0.1:{server.port}/v1"


def before(
    server_says: Sequence[Refusal | Sequence[str | None]], talk: Callable[[ChatServer], Awaitable[None]]
) -> None:
    """Run `talk` before a server that has these answers."""

    async def main() -> None:
        async with chat_server(*server_says, pages=MODELS) as server:
            await talk(server)

    asyncio.run(main())


def asked(server: ChatServer) -> str:
    (body,) = server.chat_bodies
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    return str(body["messages"][1]["content"])


def test_a_pipe_is_what_the_question_is_about_and_stdout_is_the_answer_alone() -> None:
    async def talk(server: ChatServer) -> None:
        outcome = await run("Explain", "this.", at(server), piped=DIFF.encode())
        assert outcome == Outcome(0, "It ticks **twice** as fast.\n", "")
        question = asked(server)
        assert question.startswith("Explain this.\n")
        assert f"<text>\n{DIFF.strip()}\n</text>" in question

    before([openai_answer("It ticks", " **twice**", " as fast.")], talk)


def test_a_pipe_alone_is_the_question_and_json_has_the_times() -> None:
    async def talk(server: ChatServer) -> None:
        outcome = await run("--json", "--system", "In French.", "--max-tokens", "50", at(server), piped=b"Why?\n")
        assert (outcome.code, outcome.err) == (0, "")
        reported = json.loads(outcome.out)
        assert (reported["question"], reported["answer"]) == ("Why?", "Parce que.")
        assert reported["model"].startswith("small (127.0.0.1:")
        assert reported["first_token_s"] > 0
        assert reported["tokens_per_s"] > 0
        (body,) = server.chat_bodies
        assert body["messages"][0]["content"] == "In French."
        assert body["max_tokens"] == 50

    before([openai_answer("Parce", " que", ".")], talk)


def test_bytes_that_are_no_text_do_no_harm() -> None:
    async def talk(server: ChatServer) -> None:
        assert (await run("Explain", at(server), piped=b"caf\xe9 \x00 end")).code == 0
        assert "caf\N{REPLACEMENT CHARACTER} \x00 end" in asked(server)

    before([openai_answer("Yes.")], talk)


def test_an_input_that_is_too_long_is_refused_before_anything_is_asked() -> None:
    async def talk(server: ChatServer) -> None:
        outcome = await run("Explain", at(server), piped=DIFF.encode() * 1000)
        assert (outcome.code, outcome.out) == (2, "")
        assert f"too long for the model: {len(DIFF) * 1000 - 1:,} characters, and about " in outcome.err
        assert "--tail" in outcome.err
        assert server.chat_bodies == []

    before([], talk)


@pytest.mark.parametrize(("flag", "stays", "goes"), [("--head", "first", "last"), ("--tail", "last", "first")])
def test_one_end_of_it_is_asked_about_if_that_will_do(flag: str, stays: str, goes: str) -> None:
    async def talk(server: ChatServer) -> None:
        outcome = await run("Explain", flag, at(server), piped=("first\n" + DIFF * 1000 + "last\n").encode())
        assert (outcome.code, outcome.out) == (0, "Yes.\n")
        assert f"asked about the {stays} " in outcome.err
        lines = asked(server).splitlines()
        assert stays in lines
        assert goes not in lines

    before([openai_answer("Yes.")], talk)


def test_a_server_that_cannot_hold_it_is_believed() -> None:
    refusal = Refusal(400, {"error": {"type": "exceed_context_size_error", "message": "too many tokens"}})

    async def talk(server: ChatServer) -> None:
        outcome = await run("Explain", at(server), piped=DIFF.encode())
        assert (outcome.code, outcome.out) == (2, "")
        assert "longer than the context of small" in outcome.err
        assert "--head" in outcome.err

    before([refusal], talk)


def test_more_fits_where_the_server_says_so() -> None:
    card = {**MODELS["/v1/models"]["data"][0], "max_model_len": 1_000_000}

    async def main() -> None:
        async with chat_server(openai_answer("Yes."), pages={"/v1/models": {"data": [card]}}) as server:
            outcome = await run("Explain", at(server), piped=DIFF.encode() * 1000)
            assert (outcome.code, outcome.out) == (0, "Yes.\n")
            assert "Reading about" in outcome.err

    asyncio.run(main())


def test_the_answer_comes_as_it_is_written_and_ctrl_c_keeps_it() -> None:
    async def talk(server: ChatServer) -> None:
        process = await start("Why?", at(server))
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        assert await process.stdout.readexactly(4) == b"Well"
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
        assert (process.returncode, out, err) == (130, b"\n", b"")
        await server.left.wait()

    before([[openai_delta(content="Well"), None]], talk)


def test_ctrl_c_leaves_one_whole_object() -> None:
    async def talk(server: ChatServer) -> None:
        process = await start("Why?", "--json", at(server))
        assert process.stdin is not None
        process.stdin.close()
        while not server.chat_bodies:  # noqa: ASYNC110 - another process has to get there
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, _ = await process.communicate()
        assert process.returncode == 130
        reported = json.loads(out)
        assert reported["interrupted"] is True
        assert reported["answer"] in ("", "Well")

    before([[openai_delta(content="Well"), None]], talk)


def test_a_reader_that_has_enough_is_no_error() -> None:
    async def talk(server: ChatServer) -> None:
        process = await start("Why?", at(server))
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout._transport.close()  # type: ignore[attr-defined]
        assert process.stderr is not None
        assert await process.stderr.read() == b""
        assert await process.wait() == 0

    before([[*[openai_delta(content="word ")] * 3, None]], talk)


def test_a_server_that_breaks_off_leaves_what_it_wrote() -> None:
    async def talk(server: ChatServer) -> None:
        outcome = await run("Why?", at(server))
        assert (outcome.code, outcome.out) == (6, "Well\n")
        assert "slot died" in outcome.err

    before([[openai_delta(content="Well"), 'data: {"error": {"message": "slot died"}}\n\n']], talk)


def test_nothing_is_loaded_that_is_not_needed() -> None:
    code = f"""
import sys
from voicecli.cli import run
sys.argv = ["voicecli", "ask", "Why?", *sys.argv[1:]]
assert run() == 0
print([name for name in {UNNEEDED!r} if name in sys.modules])
"""

    async def talk(server: ChatServer) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, at(server), "--offline", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert out.decode() == "Yes.\n[]\n"

    before([openai_answer("Yes.")], talk)


def test_a_terminal_shows_the_answer_drawn() -> None:
    async def talk(server: ChatServer) -> None:
        outer, inner = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "voicecli", "ask", "Why?", "--offline", at(server),
            stdin=inner, stdout=inner, stderr=inner, env={**environment(), "TERM": "xterm-256color"},
        )  # fmt: skip
        os.close(inner)
        assert await process.wait() == 0
        shown = os.read(outer, 65536).decode()
        os.close(outer)
        assert "\x1b[1mBecause\x1b[0m" in shown
        assert "**" not in shown

    before([openai_answer("**Because**", " it is.")], talk)


def test_without_a_question_a_terminal_is_not_waited_for() -> None:
    outer, inner = pty.openpty()
    try:
        outcome = subprocess.run(
            [sys.executable, "-m", "voicecli", "ask"],
            stdin=inner,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    finally:
        os.close(outer)
        os.close(inner)
    assert outcome.returncode == 2
    assert "there is no question" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["--llm-url", "http://127.0.0.1:9/v1"], 5, "127.0.0.1:9 does not answer"),
        (["--max-tokens", "2"], 2, "ask.max_answer_tokens"),
        (["--voice", "bm_george"], 2, "--speak"),
        (["--set", "ask.sytem_prompt=x"], 2, "ask.system_prompt"),
        (["--llm", "embedded", "--model", "qwen"], 2, "qwen"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gets_a_message_a_hint_and_a_code(arguments: list[str], code: int, part: str) -> None:
    outcome = asyncio.run(run("Why?", *arguments))
    assert (outcome.code, outcome.out) == (code, "")
    assert part in outcome.err


@pytest.mark.model
def test_without_a_loudspeaker_it_says_what_to_do(model_folder: Callable[[str], Path]) -> None:
    model_folder("kokoro-v1.0-int8")
    outcome = asyncio.run(run("Why?", "--speak", "--llm-url", "http://127.0.0.1:9/v1"))
    assert outcome.code == 4
    assert "-o FILE writes a WAV file instead" in outcome.err


@pytest.mark.model
def test_the_answer_is_said_without_its_code(tmp_path: Path, model_folder: Callable[[str], Path]) -> None:
    from voicecli.audio.files.reader import read_clip
    from voicecli.engines.whisper.engine import Whisper
    from voicecli.types import SpeechSegment

    model_folder("kokoro-v1.0-int8")
    output = tmp_path / "answer.wav"

    async def talk(server: ChatServer) -> None:
        outcome = await run("Why?", "-o", output, at(server))
        assert outcome.code == 0, outcome.err
        assert outcome.out == "The train leaves at noon.\n\n```\nx = 1\n```\n"

    before([openai_answer("The train", " leaves at", " noon.\n\n", "```\nx = 1\n", "```\n")], talk)
    whisper = Whisper.load(model_folder("whisper-base"), SETTINGS.stt)
    heard = whisper.transcribe(SpeechSegment(read_clip(output), 0.0, 0.0)).text
    assert word_error_rate("the train leaves at noon i've put the code on screen", heard) <= 0.2, heard


@pytest.mark.model
def test_the_embedded_model_answers_about_a_diff(tmp_path: Path, model_folder: Callable[[str], Path]) -> None:
    model_folder(LANGUAGE_MODEL)
    model_folder("kokoro-v1.0-int8")
    arguments = (
        "What does this change?",
        "--llm",
        "embedded",
        "--model",
        LANGUAGE_MODEL,
        "--max-tokens",
        "40",
        "--json",
        "-o",
        tmp_path / "a.wav",
    )
    outcome = asyncio.run(run(*arguments, piped=DIFF.encode()))
    assert outcome.code == 0, outcome.err
    reported = json.loads(outcome.out)
    assert reported["answer"]
    assert reported["file"] == str(tmp_path / "a.wav")
    assert "TICK_S = 0.05" in reported["question"]
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getnframes() / file.getframerate() > 0.5


@pytest.mark.model
def test_more_than_the_embedded_model_holds_is_cut_to_what_it_holds(model_folder: Callable[[str], Path]) -> None:
    model_folder(LANGUAGE_MODEL)
    arguments = (
        "Sum it up.",
        "--llm",
        "embedded",
        "--model",
        LANGUAGE_MODEL,
        "--tail",
        "--max-tokens",
        "8",
        "--set",
        "llm.context_tokens=600",
    )
    outcome = asyncio.run(run(*arguments, piped=DIFF.encode() * 100))
    assert outcome.code == 0, outcome.err
    assert "Too long: asked about the last" in outcome.err
    assert "The answer ends at 8 tokens" in outcome.err
