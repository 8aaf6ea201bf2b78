"""Commands by slash in `voicecli talk`, as a process, on real models: voice and model are others."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.test_faults import Talking, kept, program, server, until_kept
from voicecli.audio.files.wav import GAP_S
from voicecli.history.store import open_store
from voicecli.types import Pcm

pytestmark = [pytest.mark.model, pytest.mark.timeout(180)]

WORDS = ("The", "capital", "of", "France", "is", "Paris", "and", "it", "lies", "on", "the", "river", "Seine.")


@contextmanager
def talking(port: int, *arguments: str | Path, **environ: str) -> Iterator[Talking]:
    options = ("--ui", "jsonl", "--offline", "--llm-url", f"http://127.0.0.1:{port}/v1")
    with program("-m", "voicecli", "talk", *options, *arguments, **environ) as process:
        talk = Talking(process)
        talk.until("Ready")
        yield talk


def notice(talk: Talking, part: str) -> str:
    """The next remark with these words in it."""
    while part not in (text := str(talk.until("Notice")["text"])):
        pass
    return text


def answers(path: Path, events: list[dict[str, Any]]) -> tuple[int, list[Pcm]]:
    """Rate in Hz, and the sound of each answer."""
    with wave.open(str(path)) as file:
        rate_hz = file.getframerate()
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    turns = dict.fromkeys(event["turn"] for event in events if event["event"] == "Synthesized")
    found, at_s = [], 0.0
    for turn in turns:
        reported = [event for event in events if event["event"] == "Synthesized" and event["turn"] == turn]
        until_s = at_s + sum(event["audio_s"] for event in reported)
        found.append(pcm[round(at_s * rate_hz) : round(until_s * rate_hz)])
        at_s = until_s + GAP_S
    return rate_hz, found


def pitch_hz(pcm: Pcm, rate_hz: int) -> float:
    """The median over the loud frames of 40 ms, by autocorrelation between 70 and 350 Hz."""
    frame = round(0.04 * rate_hz)
    frames = pcm[: len(pcm) // frame * frame].reshape(-1, frame).astype(np.float64)
    power = (frames**2).mean(axis=1)
    first, last = round(rate_hz / 350), round(rate_hz / 70)
    found = []
    for one in frames[power > 0.5 * power.mean()]:
        alike = np.correlate(one, one, "full")[frame - 1 :]
        found.append(rate_hz / (first + int(np.argmax(alike[first:last]))))
    return float(np.median(found))


def test_the_next_answer_has_another_voice_and_the_one_after_another_speed(tmp_path: Path) -> None:
    output = tmp_path / "answers.wav"
    with server(0, *WORDS) as (_, port), talking(port, "--output", output, "--fast") as talk:
        talk.ask("Where is it?")
        talk.until("TurnDone")
        talk.ask("/voice bm_georg")
        assert "nearest: bm_george" in notice(talk, "bm_georg")
        talk.ask("/voice bm_george")
        assert "bm_george" in talk.until("ComponentChanged", component="voice")["name"]
        talk.ask("Where is it?")
        talk.until("TurnDone")
        talk.ask("/speed 1.6")
        assert "1.6" in notice(talk, "spoken at")
        talk.ask("Where is it?")
        talk.until("TurnDone")
        talk.end()
    rate_hz, (heart, george, quick) = answers(output, talk.seen)
    assert pitch_hz(heart, rate_hz) > 1.15 * pitch_hz(george, rate_hz)
    assert len(george) > 1.3 * len(quick)
    assert abs(pitch_hz(quick, rate_hz) / pitch_hz(george, rate_hz) - 1) < 0.1


def test_another_model_answers_and_the_one_before_again_without_a_restart(
    tmp_path: Path, model_folder: Callable[[str], Path]
) -> None:
    model_folder("smollm2-135m-instruct")
    history = tmp_path / "history.db"
    with server(0, "Scripted.") as (_, port), talking(port, VOICECLI_HISTORY_FILE=str(history)) as talk:
        talk.ask("/model")
        listed = notice(talk, "Available:")
        assert "smollm2-135m-instruct" in listed
        assert "scripted" in listed
        talk.ask("/model smollm3")
        assert "nearest: smollm2-135m-instruct" in notice(talk, "stays in use")
        talk.ask("/model smollm2-135m-instruct")
        changed = talk.until("ComponentChanged", component="model")
        assert changed["name"] == "smollm2-135m-instruct"
        talk.ask("What is the capital of France?")
        assert "Scripted" not in talk.until("TurnDone")["spoken"]
        talk.ask("/model scripted")
        talk.until("ComponentChanged", component="model")
        talk.ask("And of Italy?")
        assert talk.until("TurnDone")["spoken"].strip() == "Scripted."
        talk.end()
    with open_store(history) as store:
        (session,) = store.sessions(9)
        models = [exchange.llm for exchange in store.session(session.id)[1]]
    assert models[0] == "smollm2-135m-instruct"
    assert models[1].startswith("scripted")


def test_conversations_are_listed_resumed_and_saved(tmp_path: Path) -> None:
    history = tmp_path / "history.db"
    with server(0, "Yes.") as (asked, port), talking(port, VOICECLI_HISTORY_FILE=str(history)) as talk:
        talk.ask("One?")
        talk.until("TurnDone")
        assert asked.line() == "One?"
        until_kept(history, "One?")
        talk.ask("/new")
        assert "/resume 1" in notice(talk, "A new conversation")
        talk.ask("Two?")
        talk.until("TurnDone")
        assert asked.line() == "Two?"
        until_kept(history, "Two?")
        talk.ask("/history")
        assert [line.split()[0] for line in notice(talk, "One?").splitlines()[:2]] == ["2", "1"]
        talk.ask("/resume last")
        assert "conversation 1 of" in notice(talk, "Resuming")
        talk.ask("Three?")
        talk.until("TurnDone")
        talk.ask(f"/save {tmp_path / 'conversation.md'}")
        notice(talk, "conversation.md")
        talk.ask("/doctor")
        assert "passed" in notice(talk, "+ ")
        talk.end()
    assert [question for question, _, _ in kept(history)] == ["One?", "Three?"]
    reported = (tmp_path / "conversation.md").read_text()
    assert "Three?" in reported
    assert "Two?" not in reported
