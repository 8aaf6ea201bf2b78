"""What is said when there is no answer."""

from __future__ import annotations

import pytest

from voicecli.conversation.apology import FAILED, LOST, REFUSES, SILENT, TOO_LONG, apology
from voicecli.conversation.turn import StageError
from voicecli.errors import BackendRefuses, BackendUnavailable, ContextFull, EngineError


@pytest.mark.parametrize(
    ("error", "begun", "said"),
    [
        (BackendUnavailable("http://10.0.0.1/v1 does not answer"), False, SILENT),
        (BackendUnavailable("http://10.0.0.1/v1 broke off"), True, LOST),
        (BackendRefuses("10.0.0.1 refuses the API key"), False, REFUSES),
        (ContextFull("4097 tokens"), False, TOO_LONG),
        (EngineError("CUDA error 700"), True, FAILED),
        (ValueError("unexpected token"), False, FAILED),
    ],
)
def test_one_plain_sentence_by_the_kind_of_failure(error: Exception, begun: bool, said: str) -> None:
    assert apology(StageError("llm", error), begun=begun) == said
    assert said.endswith(".")
    assert not any(character.isdigit() for character in said)


def test_where_the_voice_or_the_ear_failed_only_the_screen_tells() -> None:
    assert apology(StageError("tts", EngineError("no phonemes")), begun=True) == ""
    assert apology(StageError("stt", EngineError("out of memory")), begun=False) == ""
