"""The text of an answer on its way to the voice."""

from __future__ import annotations

from voicecli.conversation.answer import AnswerStream
from voicecli.types import TurnId


def test_another_normalizer_applies_from_the_next_chunk_on() -> None:
    answer = AnswerStream(TurnId(1))
    answer.write("Here is the first sentence. Here is the second one.")
    answer.close()
    first = answer.next_chunk(1)
    answer.set_normalizer(str.upper)
    second = answer.next_chunk(1)
    assert first is not None
    assert second is not None
    assert (first.text, second.text) == ("Here is the first sentence.", "HERE IS THE SECOND ONE.")
    assert answer.is_exhausted
