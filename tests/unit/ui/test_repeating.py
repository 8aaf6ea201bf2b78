"""What a screen shows, keeps and offers of an answer that is said again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.replay.stage import REPORTED
from tests.unit.ui.test_live import Terminal, press
from tests.unit.ui.test_live_frame import text_of
from tests.unit.ui.turns import ONE, READY, TEXT_ONLY, TWO, audible, ended, started, token, transcribed, view_of
from voicecli.events import AnswerReplayed, Event, MuteChanged, TurnDone, TurnFailed, TurnInterrupted
from voicecli.replay.bundle import UserAction
from voicecli.replay.recorder import Recorder
from voicecli.turns.activity import Activity
from voicecli.types import TurnId
from voicecli.ui.frame import Scene
from voicecli.ui.screen import Controls
from voicecli.ui.view import Note, Repeat, apply_repeat_event

ANSWERED = (started(), transcribed("How?"), ended(), token("So."), audible(), TurnDone(at_s=5, turn=ONE, spoken=""))
AGAIN = AnswerReplayed(at_s=6, turn=TWO, text="So.")
ENDS = (
    TurnDone(at_s=8, turn=TWO, spoken=""),
    TurnInterrupted(at_s=8, turn=TWO, spoken="", reopened=False),
    TurnFailed(at_s=8, turn=TWO, stage="tts", message="broken", hint=""),
)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(80, 24, tmp_path / "voicecli.log")
    yield terminal
    terminal.close()


def test_a_repeated_answer_has_a_state_but_no_entry() -> None:
    before = view_of(READY, *ANSWERED)
    begun = before.apply(AGAIN)
    assert (begun.state, begun.is_answering, begun.entries) == ("Thinking", True, before.entries)
    heard = begun.apply(audible(TWO, 7.0))
    assert (heard.state, heard.latencies) == ("Speaking", before.latencies)
    assert "repeating the last answer" in text_of(Scene(heard))


@pytest.mark.parametrize("end", ENDS, ids=lambda end: type(end).__name__)
def test_a_repeated_answer_ends_like_an_answer(end: Event) -> None:
    view = view_of(READY, *ANSWERED, AGAIN, audible(TWO, 7.0), end)
    assert (view.state, view.is_answering) == ("Listening", False)
    notes = [one.text for one in view.entries if isinstance(one, Note)]
    assert notes == (["broken"] if isinstance(end, TurnFailed) else [])


def test_events_of_other_turns_do_not_change_a_repeated_answer() -> None:
    repeat = Repeat(TWO)
    other = TurnId(9)
    for event in (audible(other), TurnDone(at_s=8, turn=other, spoken=""), READY):
        assert apply_repeat_event(repeat, event) is repeat
        assert apply_repeat_event(None, event) is None


def test_repeating_is_offered_if_there_is_an_answer_to_hear() -> None:
    assert not view_of(READY).can_repeat
    assert not view_of(TEXT_ONLY, *ANSWERED).can_repeat
    assert not view_of(READY, *ANSWERED[:-1]).can_repeat
    assert not view_of(READY, *ANSWERED, started(TWO, 6.0)).can_repeat
    assert not view_of(READY, *ANSWERED, AGAIN).can_repeat
    assert view_of(READY, *ANSWERED).can_repeat
    assert view_of(READY, *ANSWERED, MuteChanged(at_s=6, muted=True)).can_repeat


def test_a_sound_card_is_not_changed_in_the_middle_of_it() -> None:
    activity = Activity()
    activity.observe(AGAIN)
    assert not activity.is_idle()
    activity.observe(ENDS[0])
    assert activity.is_idle()


def test_the_repeat_key(terminal: Terminal) -> None:
    terminal.live.show(READY)
    assert press(terminal, "r") == []
    for event in ANSWERED:
        terminal.live.show(event)
    assert press(terminal, "r") == [("repeat", "So.")]
    terminal.live.show(AGAIN)
    assert press(terminal, "r", "esc") == ["interrupt"]
    assert press(terminal, "t", "r") == []


def test_a_recording_keeps_the_key_and_does_not_count_the_turn() -> None:
    done: list[object] = []
    recorder = Recorder(lambda: 0.0, 2)
    controls = Controls(done.append, lambda: None, done.append, lambda: done.append("quit"), done.append)
    recorder.controls(controls).repeat("So.")
    assert done == ["So."]
    for event in (*REPORTED, AGAIN, TurnDone(at_s=9, turn=TWO, spoken="")):
        recorder.observe(event)
    assert (recorder.turns_over, done) == (1, ["So."])
    assert recorder._actions == [UserAction(0.0, "repeat", "So.")]
