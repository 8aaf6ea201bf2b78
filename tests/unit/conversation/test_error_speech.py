"""What is said when there is no answer."""

from __future__ import annotations

import pytest

from voicecli.conversation.error_speech import spoken_error
from voicecli.conversation.turn import StageError
from voicecli.errors import BackendRefuses, BackendUnavailable, ContextFull, EngineError
from voicecli.speech_text.phrases import PHRASES

SAID = PHRASES["en"]


@pytest.mark.parametrize(
    ("error", "begun", "said"),
    [
        (BackendUnavailable("http://10.0.0.1/v1 does not answer"), False, SAID.silent),
        (BackendUnavailable("http://10.0.0.1/v1 broke off"), True, SAID.lost),
        (BackendRefuses("10.0.0.1 refuses the API key"), False, SAID.refuses),
        (ContextFull("4097 tokens"), False, SAID.too_long),
        (EngineError("CUDA error 700"), True, SAID.failed),
        (ValueError("unexpected token"), False, SAID.failed),
    ],
)
def test_one_plain_sentence_by_the_kind_of_failure(error: Exception, begun: bool, said: str) -> None:
    assert spoken_error(StageError("llm", error), begun=begun) == said
    assert said.endswith(".")
    assert not any(character.isdigit() for character in said)


def test_it_is_said_in_the_language_of_the_voice() -> None:
    failure = StageError("llm", EngineError("CUDA error 700"))
    assert spoken_error(failure, begun=True, phrases=PHRASES["fr"]) == "Le modèle de langue a échoué."


def test_where_the_voice_or_the_speech_input_failed_only_the_screen_tells() -> None:
    assert spoken_error(StageError("tts", EngineError("no phonemes")), begun=True) == ""
    assert spoken_error(StageError("stt", EngineError("out of memory")), begun=False) == ""
