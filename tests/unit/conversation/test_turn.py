from __future__ import annotations

import pytest

from voicecli.conversation.turn import StageError, first_failure, stage
from voicecli.errors import BackendUnavailable
from voicecli.events import NothingHeard, Notice, SpeechStarted, TurnDone, UserTyped
from voicecli.turns.activity import Activity
from voicecli.types import TurnId


def test_a_failure_is_booked_on_its_stage_with_its_hint() -> None:
    with pytest.raises(StageError) as caught, stage("llm"):
        raise BackendUnavailable("gone", "start it")
    failure = first_failure(ExceptionGroup("several", [ExceptionGroup("inner", [caught.value])]))
    assert (failure.stage, failure.message, failure.hint) == ("llm", "gone", "start it")


def test_a_bug_is_named_and_points_to_the_log() -> None:
    failure = first_failure(KeyError("voice"))
    assert failure.message == "KeyError: 'voice'"
    assert "log" in failure.hint


def test_activity_settles_when_every_turn_has_ended() -> None:
    activity = Activity()
    assert activity.is_idle()
    activity.observe(SpeechStarted(at_s=0, turn=TurnId(1), started_at_s=0))
    activity.observe(UserTyped(at_s=0, turn=TurnId(2), text="x"))
    activity.observe(Notice(at_s=0, text="x"))
    activity.observe(NothingHeard(at_s=0, turn=TurnId(1), reason=""))
    assert not activity.is_idle()
    activity.observe(TurnDone(at_s=0, turn=TurnId(2), spoken=""))
    assert activity.is_idle()
