"""What llama.cpp reports of an answer, in the last chunk of its stream."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from voicecli.engines.llm.openai import timings_of
from voicecli.types import Timings

REPORTED = {"cache_n": 3, "prompt_n": 20, "prompt_ms": 500.0, "predicted_n": 12, "predicted_ms": 1500.0}


def chunk(**extra: Any) -> ChatCompletionChunk:
    described = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
    return ChatCompletionChunk.model_validate({**described, **extra})


def test_tokens_and_seconds_are_read() -> None:
    assert timings_of(chunk(timings=REPORTED), 2) == Timings(20, 0.5, 12, 1.5, threads=2)


def test_most_chunks_have_none() -> None:
    assert timings_of(chunk(), 2) is None


@pytest.mark.parametrize(
    "reported", ["fast", None, {}, REPORTED | {"prompt_ms": "0.5 s"}, REPORTED | {"predicted_n": None}]
)
def test_what_another_server_calls_so_does_no_harm(reported: object) -> None:
    assert timings_of(chunk(timings=reported), 2) is None
