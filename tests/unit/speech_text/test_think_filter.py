"""Thoughts are swallowed, the answer is not, wherever the stream is cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.speech_text.think_filter import ThinkFilter, without_thinking
from voicecli.types import Token

HARMONY = (
    "<|channel|>analysis<|message|>They greet.<|end|><|start|>assistant<|channel|>final<|message|>Hello.<|return|>"
)

CASES = [
    pytest.param("Hello there.", "Hello there.", id="plain"),
    pytest.param("", "", id="empty"),
    pytest.param("<think>hm</think>Hello.", "Hello.", id="think"),
    pytest.param("<thinking>hm</thinking>\n\nHello.", "Hello.", id="thinking, and the white space after it"),
    pytest.param("  \n<think>\n\n</think>\n\nHello.", "Hello.", id="white space on both sides"),
    pytest.param("One <think>hm</think> two", "One two", id="in the middle"),
    pytest.param("One.<think>hm</think> Two.", "One. Two.", id="a space that separates stays"),
    pytest.param("<think>a </thinking> b</think>c", "c", id="only the matching tag closes"),
    pytest.param("<think>never done", "", id="unclosed"),
    pytest.param("Well</think> then", "Well then", id="stray closing tag"),
    pytest.param("</think>Hello.", "Hello.", id="stray closing tag first"),
    pytest.param("a < b and c <d> e", "a < b and c <d> e", id="less than"),
    pytest.param("ends with <thi", "ends with <thi", id="prefix of a tag at the end"),
    pytest.param("<<think>x</think>y", "<y", id="bracket before a tag"),
    pytest.param(HARMONY, "Hello.", id="harmony"),
    pytest.param(
        "<|channel|>analysis<|message|>x<|channel|>final<|message|>Hi", "Hi", id="harmony without an end of analysis"
    ),
    pytest.param("<|start|>assistant<|message|>Hi", "Hi", id="harmony without a channel"),
    pytest.param("<|channel|>commentary<|message|>{}<|call|>", "", id="harmony tool call"),
    pytest.param("<|channel|>analysis<|message|>x<|start|>assistant<|message|>Hi", "Hi", id="harmony, new message"),
]


def filtered(feeds: list[str]) -> str:
    answer = ThinkFilter()
    return "".join([*(answer.push(text) for text in feeds), answer.close()])


@pytest.mark.parametrize(("written", "shown"), CASES)
def test_only_the_answer_is_shown(written: str, shown: str) -> None:
    assert filtered([written]) == shown


@pytest.mark.parametrize(("written", "shown"), CASES)
def test_tags_may_be_cut_at_any_character(written: str, shown: str) -> None:
    assert filtered(list(written)) == shown


_FRAGMENT = st.sampled_from(
    ["<think>", "</think>", "<|channel|>", "final", "<|message|>", "<|end|>", "<", " ", "a", "\n"]
)


@given(st.lists(_FRAGMENT).map("".join), st.lists(st.integers(0, 60)))
def test_cuts_do_not_matter(written: str, cuts: list[int]) -> None:
    at = sorted({0, *cuts, len(written)})
    feeds = [written[a:b] for a, b in zip(at, at[1:], strict=False)]
    assert filtered(feeds) == filtered([written])


@given(st.text(st.characters(exclude_characters="<")))
def test_text_without_tags_is_not_delayed(written: str) -> None:
    assert ThinkFilter().push(written) == written.lstrip()


def test_less_than_passes_as_soon_as_it_is_no_tag() -> None:
    answer = ThinkFilter()
    assert answer.push("a <") == "a "
    assert answer.push(" b") == "< b"


class Stream:
    """Tokens of a model, and whether the stream was closed."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.closed = False

    async def tokens(self) -> AsyncGenerator[Token, None]:
        try:
            for text in self.texts:
                yield Token(text)
        finally:
            self.closed = True


def test_tokens_of_the_answer_come_through() -> None:
    async def shown(*texts: str) -> list[str]:
        return [token.text async for token in without_thinking(Stream(*texts).tokens())]

    assert asyncio.run(shown("<thi", "nk>hm", "</think>", " Hel", "lo", " <")) == ["Hel", "lo", " ", "<"]
    assert asyncio.run(shown("Hello", "<think>never done")) == ["Hello"]


def test_closing_closes_the_stream_of_the_model() -> None:
    stream = Stream("Hello", " there")

    async def read_one() -> None:
        tokens = stream.tokens()  # held, so that it is not closed for want of a reader
        answer = without_thinking(tokens)
        assert await anext(answer) == Token("Hello")
        await answer.aclose()
        assert stream.closed

    asyncio.run(read_one())
