"""The plain screen: one line an event, and questions that are typed or piped."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.ui.turns import (
    ASKED,
    ONE,
    READY,
    TEXT_ONLY,
    TWO,
    audible,
    cut,
    ended,
    partial,
    paused,
    started,
    token,
    transcribed,
)
from voicecli.events import (
    Event,
    FalseInterruption,
    FramesDropped,
    LevelMeasured,
    MuteChanged,
    NothingHeard,
    Notice,
    PlaybackUnderrun,
    Ready,
    SpeechResumed,
    TurnDone,
    TurnFailed,
    TurnInterrupted,
    UserTyped,
)
from voicecli.types import TurnId
from voicecli.ui.plain import PlainScreen
from voicecli.ui.screen import Controls


def lines(*events: Event) -> list[str]:
    out = io.StringIO()
    with PlainScreen(out, None) as screen:
        for event in events:
            screen.show(event)
    return out.getvalue().splitlines()


def test_ready_says_listening() -> None:
    assert lines(READY) == [
        "Speech-to-text: whisper",
        "Language model: qwen (default)",
        "Speech: kokoro",
        "Speaker: Box",
        "Listening (Mic)",
    ]


def test_missing_devices_are_reported() -> None:
    said = lines(TEXT_ONLY)
    assert said[1] == "Language model: qwen"
    assert said[3:] == ["Speaker: none, answers are written", "Listening (no microphone: type your question)"]


def test_a_turn_is_reported_when_it_is_certain() -> None:
    assert lines(*ASKED) == []
    assert lines(*ASKED, ended()) == ["You: Hello there."]
    assert lines(*ASKED, ended(), audible(), TurnDone(at_s=4, turn=ONE, spoken="Hi you.")) == [
        "You: Hello there.",
        "  1.00 s = endpoint 0.60 + stt 0.00 + llm token 0.00 + chunk 0.00 + tts 0.00 + playout 0.40",
        "Assistant: Hi you.",
    ]


def test_a_late_transcript_is_reported_when_it_comes() -> None:
    assert lines(started(), partial("Hel", "lo"), paused(), ended(), transcribed("Hello.")) == ["You: Hello."]


def test_a_resumed_utterance_is_reported_once() -> None:
    resumed = SpeechResumed(at_s=2.5, turn=ONE)
    assert lines(*ASKED, resumed, paused(), transcribed("Hello there, you."), ended()) == ["You: Hello there, you."]


def test_answers_of_many_lines_become_one() -> None:
    typed = UserTyped(at_s=1, turn=ONE, text="How?")
    assert lines(typed, token("So:\n\n"), token("```\nls\n```\n"), TurnDone(at_s=2, turn=ONE, spoken="")) == [
        "You: How?",
        "Assistant: So: ``` ls ```",
    ]


def test_an_answer_that_was_cut_says_why() -> None:
    done = TurnDone(at_s=4, turn=ONE, spoken="Hi.")
    assert lines(*ASKED, cut("loop"), ended(), done)[-1] == "(cut: the model began to repeat itself)"


def test_an_interrupted_answer_shows_what_was_heard() -> None:
    reported = lines(*ASKED, ended(), TurnInterrupted(at_s=4, turn=ONE, spoken="Hi ", reopened=False))
    assert reported[-1] == "Assistant: Hi [interrupted]"


def test_a_failure_shows_its_hint() -> None:
    failed = TurnFailed(at_s=3, turn=ONE, stage="llm", message="The model is gone.", hint="Start it.")
    assert lines(*ASKED, ended(), failed)[1:] == ["Error: The model is gone.", "  Start it."]
    failed = TurnFailed(at_s=3, turn=ONE, stage="llm", message="The model is gone.", hint="")
    assert lines(*ASKED, ended(), failed)[1:] == ["Error: The model is gone."]


def test_everything_else_is_one_line_or_none() -> None:
    assert lines(
        Notice(at_s=1, text="The speaker is back."),
        MuteChanged(at_s=1, muted=True),
        MuteChanged(at_s=1, muted=False),
        FramesDropped(at_s=1, count=3),
        PlaybackUnderrun(at_s=1, turn=ONE, gap_s=0.2),
        NothingHeard(at_s=1, turn=ONE, reason="no speech"),
        NothingHeard(at_s=1, turn=ONE, reason=""),
        FalseInterruption(at_s=1, turn=ONE, text="Mm-hm.", reason="a listener's sound"),
        FalseInterruption(at_s=1, turn=ONE, text="", reason="no speech"),
        LevelMeasured(at_s=1, level_db=-30),
        token("nobody's", TWO),
    ) == [
        "Note: The speaker is back.",
        "Muted",
        "Listening",
        "Note: 3 microphone frames dropped",
        "Note: a gap of 0.20 s in the answer",
        "(no words: no speech)",
        "(no words)",
        "(ignored: Mm-hm.)",
        "(ignored: no speech)",
    ]


class Conversation:
    """Records the questions, and answers one when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.has_quit = False

    def controls(self, on_ask: Callable[[str], None] = lambda _: None) -> Controls:
        def ask(text: str) -> None:
            self.asked.append(text)
            on_ask(text)

        def leave() -> None:
            self.has_quit = True

        def refuse(*_: object) -> None:
            raise AssertionError("not from a line")

        return Controls(set_muted=refuse, interrupt=refuse, ask=ask, quit=leave)


def answered(input_fd: int | None, ready: Ready) -> Conversation:
    """Run a plain screen on an input until that ends; each question is answered on the next turn of the loop."""
    conversation = Conversation()

    async def main() -> None:
        screen = PlainScreen(io.StringIO(), input_fd)
        loop = asyncio.get_running_loop()
        open_questions = 0

        def answer(text: str) -> None:
            nonlocal open_questions
            open_questions += 1
            assert open_questions == 1, "the next line waits for the answer"
            loop.call_soon(done, TurnId(len(conversation.asked)))

        def done(turn: TurnId) -> None:
            nonlocal open_questions
            open_questions -= 1
            screen.show(TurnDone(at_s=1, turn=turn, spoken=""))

        loop.call_soon(screen.show, ready)
        await asyncio.wait_for(screen.run(conversation.controls(answer)), timeout=5)

    asyncio.run(main())
    return conversation


@pytest.mark.parametrize("source", ["pipe", "file"])
def test_piped_lines_are_asked_one_after_the_other(source: str, tmp_path: Path) -> None:
    text = "Hello?\r\n\n  Wie geht's, Ännchen?  \nLast".encode()
    if source == "pipe":
        reading, writing = os.pipe()
        os.write(writing, text)
        os.close(writing)
    else:
        (tmp_path / "questions.txt").write_bytes(text)
        reading = os.open(tmp_path / "questions.txt", os.O_RDONLY)
    conversation = answered(reading, TEXT_ONLY)
    os.close(reading)
    assert conversation.asked == ["Hello?", "Wie geht's, Ännchen?", "Last"]
    assert conversation.has_quit, "without a microphone nothing more can come"


def test_an_empty_input_does_not_end_a_spoken_conversation() -> None:
    with open(os.devnull, "rb") as nothing:
        conversation = answered(nothing.fileno(), READY)
    assert conversation.asked == []
    assert not conversation.has_quit


def test_without_an_input_nothing_is_asked() -> None:
    assert answered(None, READY).asked == []


def test_a_person_at_a_terminal_need_not_wait_for_the_answer() -> None:
    person, program = os.openpty()
    conversation = Conversation()

    async def main() -> None:
        screen = PlainScreen(io.StringIO(), program)
        both = asyncio.Event()
        controls = conversation.controls(lambda _: both.set() if len(conversation.asked) == 2 else None)
        screen.show(READY)
        running = asyncio.create_task(screen.run(controls))
        os.write(person, b"One?\nTwo?\n")
        await asyncio.wait_for(both.wait(), timeout=5)
        running.cancel()

    asyncio.run(main())
    os.close(program)
    os.close(person)
    assert conversation.asked == ["One?", "Two?"]


def test_what_native_libraries_write_stays_out_of_the_lines(tmp_path: Path) -> None:
    with PlainScreen(io.StringIO(), None, tmp_path / "voicecli.log") as screen:
        os.write(2, b"ALSA lib pcm.c: underrun\n")
        screen.__exit__(None, None, None)  # a forced end closes it early
    assert (tmp_path / "voicecli.log").read_text() == "ALSA lib pcm.c: underrun\n"


def test_enter_on_an_empty_line_is_the_key_of_push_to_talk() -> None:
    person, program = os.openpty()
    conversation = Conversation()
    pushed: list[bool] = []

    async def main() -> None:
        screen = PlainScreen(io.StringIO(), program)
        asked = asyncio.Event()
        controls = replace(conversation.controls(lambda _: asked.set()), push=pushed.append)
        screen.show(replace(READY, mode="push-to-talk"))
        running = asyncio.create_task(screen.run(controls))
        os.write(person, b"\n\n\nOne?\n")
        await asyncio.wait_for(asked.wait(), timeout=5)
        running.cancel()

    asyncio.run(main())
    os.close(program)
    os.close(person)
    assert pushed == [True, False, True]
    assert conversation.asked == ["One?"]


def test_otherwise_an_empty_line_does_nothing() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"\n\nOne?\n")
    os.close(writing)
    assert answered(reading, replace(TEXT_ONLY, mode="push-to-talk")).asked == ["One?"]
    os.close(reading)
