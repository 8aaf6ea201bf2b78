"""Push-to-talk and the wake phrase, as a user starts them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_talk_files import events_of, talk


@pytest.mark.model
@pytest.mark.timeout(180)
def test_only_what_begins_with_the_phrase_is_answered(spoken: Callable[[str], Path]) -> None:
    """By real models: others talk, then somebody asks, then goes on."""
    files = [
        spoken("We should really buy some more bread tomorrow."),
        spoken("Hey computer, what is the capital of France?"),
        spoken("And what is the capital of Italy?"),
    ]
    inputs = [argument for file in files for argument in ("--input", file)]
    run = talk(*inputs, "--wake-phrase", "hey computer", "--ui", "jsonl")
    assert run.returncode == 0, run.stderr
    events = events_of(run.stdout)
    heard = [event["text"] for event in events if event["event"] == "Transcribed"]
    released = [event["turn"] for event in events if event["event"] == "TurnDone"]
    assert released == [1, 2]
    assert heard[0].lower().startswith("what is the capital of france")
    assert "italy" in heard[-1].lower()
    assert [event["awake"] for event in events if event["event"] == "AwakeChanged"][0]
    said = [text for event in events if event["event"] != "Ready" for text in event.values() if isinstance(text, str)]
    assert not any("bread" in text.lower() for text in said)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--mode", "push-to-talk"], "not a terminal"),
        (["--mode", "push-to-talk", "--ui", "jsonl"], "not a terminal"),
        (["--mode", "push-to-talk", "--input", "/nonexistent.wav"], "nobody holds the key"),
        (
            ["--mode", "push-to-talk", "--wake-phrase", "hey computer"],
            "--wake-phrase cannot be used with --mode push-to-talk",
        ),
        (["--wake-phrase", "hi"], "listen.wake_phrase"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_refused_before_anything_is_loaded(arguments: list[str], part: str) -> None:
    run = talk(*arguments, VOICECLI_MODELS_DIR="/nonexistent")
    assert run.returncode == 2, run.stderr
    assert part in " ".join(run.stderr.split())
    assert "--mode" in run.stderr or "listen.wake_phrase" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        (["--wake-phrase", "hey nova"], {"listen.mode": "wake-phrase", "listen.wake_phrase": "hey nova"}),
        (["--mode", "wake-phrase"], {"listen.mode": "wake-phrase", "listen.wake_phrase": "hey computer"}),
        (["--mode", "hands-free"], {"listen.mode": "hands-free"}),
    ],
    ids=["phrase", "mode", "default"],
)
def test_a_phrase_implies_its_mode(arguments: list[str], rows: dict[str, str]) -> None:
    shown = talk(*arguments, "--show-settings").stdout.splitlines()
    for key, value in rows.items():
        (row,) = [line for line in shown if line.split()[:1] == [key]]
        assert json.dumps(value) in row
