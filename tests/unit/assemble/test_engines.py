"""What a language model does before its first question."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.unit.engines.llm.test_switch import Model
from voicecli.assemble.engines import READING_ATTEMPTS, read_conversation
from voicecli.conversation.history import History
from voicecli.engines.llm.select import Opened
from voicecli.errors import BackendUnavailable
from voicecli.settings.backends import OneBackend
from voicecli.types import Message


class SlowReader(Model):
    """Has read the conversation after some requests, each of which is given up."""

    def __init__(self, requests: int) -> None:
        super().__init__("slow")
        self.left = requests

    async def warm(self, messages: Sequence[Message]) -> None:
        self.left -= 1
        if self.left:
            raise BackendUnavailable("no answer in time")
        await super().warm(messages)


def read(requests: int, backend: OneBackend) -> SlowReader:
    model, history = SlowReader(requests), History("Be brief.", 1000)
    history.add("Who am I?", "Ada.")
    asyncio.run(read_conversation(Opened(model, "", 1000, backend=backend), history))
    return model


@pytest.mark.parametrize("requests", [1, 5, READING_ATTEMPTS + 1])
def test_an_embedded_model_goes_on_reading_until_it_has_read_all(requests: int) -> None:
    assert len(read(requests, "embedded").warmed) == 1


def test_one_that_never_answers_is_given_up() -> None:
    with pytest.raises(BackendUnavailable):
        read(READING_ATTEMPTS + 2, "embedded")


def test_a_server_that_does_not_answer_is_not_asked_again() -> None:
    with pytest.raises(BackendUnavailable):
        read(2, "ollama")
