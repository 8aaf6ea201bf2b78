"""The documents hold: their commands parse or run, their settings, targets, files and links exist."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.claims import CommandLine, complaints, mentioned_commands
from tests.documents import ROOT, Document, all_documents, anchors, commands, shell_commands

DOCUMENTS = all_documents()

CHEAP = (
    ("--help",),
    ("--version",),
    ("devices",),
    ("doctor", "--no-sound", "--quick"),
    ("download-models", "--list"),
    ("talk", "--show-settings"),
    ("history",),
)
"""Arguments that need neither models nor devices and change nothing: the documents have them, and they are run."""


@pytest.fixture(scope="module")
def line() -> CommandLine:
    return CommandLine()


@pytest.mark.parametrize("document", DOCUMENTS, ids=[one.path.relative_to(ROOT).as_posix() for one in DOCUMENTS])
def test_what_a_document_claims_is_so(document: Document, line: CommandLine) -> None:
    assert complaints(document, line) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("```sh\nvoicecli tlak\n```", "tlak"),
        ("```sh\nvoicecli talk --loud    # a comment\n```", "--loud"),
        ("```sh\nvoicecli talk --endpoint soon\n```", "soon"),
        ("```sh\nvoicecli bench sst\n```", "sst"),
        ("```sh\nvoicecli transcribe > words.txt\n```", "FILE"),
        ("```sh\narecord -q | .venv/bin/voicecli transcribe --colour red -\n```", "--colour"),
        ("```sh\nmake models && voicecli say \\\n  --colour red Hello\n```", "--colour"),
        ("```sh\nVOICECLI_TTS_VOICE=af_heart python -m voicecli talk --loud\n```", "--loud"),
        ("```console\n$ voicecli talk --loud\nvoicecli: what is printed\n```", "--loud"),
        ("- in a list\n\n  ```sh\n  voicecli tlak\n  ```", "tlak"),
        ("Say `voicecli\ntlak` and listen.", "tlak"),
        ("With `--colour red` it is red.", "--colour red"),
        ("```sh\nmake tea\n```", "tea"),
        ("`make tea` helps.", "tea"),
        ("```sh\npython -m benchmarks.tea\n```", "benchmarks.tea"),
        ("```sh\npython examples/tea.py\n```", "examples/tea.py"),
        ("See `engines/tea.py`.", "engines/tea.py"),
        ("Set `llm.modle`.", "llm.modle"),
        ("```sh\nvoicecli replay a.zip --set listen.pause=1\n```", "listen.pause"),
        ("```toml\n[llm]\nmodle = 1\n```", "llm.modle"),
        ("```toml\n[tts]\nspeed = 9.0\n```", "tts.speed"),
        ("`VOICECLI_LLM_MODLE` is read.", "VOICECLI_LLM_MODLE"),
        ("```sh\nVOICECLI_TTS_SPEED=quick voicecli talk\n```", "tts.speed"),
        ("[there](nowhere.md)", "nowhere.md"),
        ("![there](nowhere.svg)", "nowhere.svg"),
        ("# Here\n\n[there](#there)", "#there"),
        ("[there](docs/models.md#tea)", "docs/models.md#tea"),
        ("```python\nprint(\n```", "python"),
        ('```json\n{"a": }\n```', "json"),
    ],
)
def test_a_wrong_document_is_reported(text: str, named: str, line: CommandLine) -> None:
    (reported,) = complaints(Document(ROOT / "wrong.md", text), line)
    assert named in reported


@pytest.mark.parametrize(
    "text",
    [
        "```sh\nvoicecli say 'a | b; c' -o a.wav && voicecli transcribe a.wav | wc -w > words  # three\n```",
        "```sh\nexport VOICECLI_API_KEY=$(openssl rand -hex 24)\nvoicecli serve-stt --host 0.0.0.0\n```",
        "```console\n$ voicecli --version\nvoicecli tlak\n```",
        "```\nvoicecli tlak\n```",
        "`voicecli[gpu]`, `llm` and `stt.json` are no claims.",
        "# One two: three?\n\n## One two: three?\n\n[1](#one-two-three) [2](#one-two-three-1) [3](https://example.com/#x)",
        "`[no](link.md)`",
    ],
)
def test_a_right_document_is_left_alone(text: str, line: CommandLine) -> None:
    assert complaints(Document(ROOT / "right.md", text), line) == []


def test_a_script_is_read_as_a_shell_reads_it() -> None:
    found = commands("A=1 B='2 3' x --y \"z # z\" | tee out > log; sleep 1 &  # nothing\n# nothing either\n")
    assert [(one.words, one.environ) for one in found] == [
        (("x", "--y", "z # z"), {"A": "1", "B": "2 3"}),
        (("tee", "out"), {}),
        (("sleep", "1"), {}),
    ]


def test_anchors_are_githubs() -> None:
    text = "# A [link](x.md), `code` & more\n\n```sh\n# no heading\n```\n\n## `WS /v1/listen`: 2 s"
    assert anchors(text) == {"a-link-code--more", "ws-v1listen-2-s"}


def test_every_command_is_documented_and_has_examples(line: CommandLine) -> None:
    written = [one for each in DOCUMENTS for one in (*shell_commands(each.text), *mentioned_commands(each))]
    known = {one.arguments for one in written if one.arguments}
    missing = [name for name in line.helps if not any(words[: len(name)] == name for words in known)]
    assert missing == []
    assert [name for name, reported in line.helps.items() if "Example" not in reported] == []


@pytest.mark.parametrize("arguments", CHEAP, ids=" ".join)
def test_what_is_cheap_is_run(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert any(one.arguments == arguments for each in DOCUMENTS for one in shell_commands(each.text))
    outcome = subprocess.run(
        [sys.executable, "-m", "voicecli", *arguments],
        env={**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "XDG_RUNTIME_DIR": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    # doctor finds no models here, and says so with 1
    assert outcome.returncode in ((0, 1) if arguments[0] == "doctor" else (0,)), outcome.stderr
    assert "Traceback" not in outcome.stderr
