"""Asking: what the model is sent, the notes beside the answer, what is measured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.contract.chat_servers import llm_settings
from tests.conversation.stage import ScriptedLlm
from tests.defaults import SETTINGS
from voicecli.app.ask import Asked, Request, answer, asking_settings
from voicecli.commands.ask import fields, models_of, question_of
from voicecli.conversation.question import Question
from voicecli.engines.llm.select import Opened
from voicecli.errors import ContextFull, EngineError, SettingsError
from voicecli.models.store import embedded_models
from voicecli.replay import virtual_time
from voicecli.types import Message, Token

LLM = llm_settings(system_prompt="Be brief.", context_tokens=512, max_answer_tokens=24)
LINES = "\n".join(f"line {number}" for number in range(300))


@dataclass
class Notes:
    """A page that keeps what it is given."""

    written: str = ""
    reported: list[str] = field(default_factory=list)
    closed: bool = False

    def write(self, text: str) -> None:
        self.written += text

    def note(self, text: str) -> None:
        self.reported.append(text)

    def close(self) -> None:
        self.closed = True


@dataclass
class Small(ScriptedLlm):
    """Refuses questions of more than `most_chars` characters."""

    most_chars: int = 100

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        if len(messages[-1].text) > self.most_chars:
            raise ContextFull("The conversation is longer than the context of small")
        async for token in super().reply(messages):
            yield token


class Stopped(ScriptedLlm):
    """Is made to stop at the end of its answer."""

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        async for token in super().reply(messages):
            yield token
        yield Token("", at_limit=True)


def asking(llm: ScriptedLlm, wanted: Request) -> tuple[Asked, Notes]:
    asked, page = Asked(), Notes()
    virtual_time.run(answer(Opened(llm, "", LLM.context_tokens), LLM, wanted, asked, page))
    return asked, page


def test_the_answer_is_written_and_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicecli.app.ask.CLOCK", lambda: asyncio.get_running_loop().time())
    llm = ScriptedLlm(["<think>Hm.</think>**Because** it is."], first_token_s=0.3, token_s=0.05)
    asked, page = asking(llm, Request(Question("Why?", "text")))
    assert page.written.strip() == asked.answer == "**Because** it is."
    assert page.closed
    assert page.reported == []
    (messages,) = llm.asked
    assert messages == [Message("system", "Be brief."), Message("user", Question("Why?", "text").text)]
    assert asked.first_token_s == pytest.approx(0.3)
    assert asked.tokens_per_s == pytest.approx(20)
    reported = fields(asked, Path("a.wav"))
    assert reported == {
        "question": messages[1].text,
        "answer": "**Because** it is.",
        "model": "scripted",
        "first_token_s": 0.3,
        "tokens_per_s": 20.0,
        "file": "a.wav",
    }


def test_the_voice_is_given_text_chunks_while_the_answer_is_written() -> None:
    asked, _ = asking(ScriptedLlm(["This is it.\n```\ncode\n```\n"]), Request(Question("Why?", "")))
    said = []
    while (text_chunk := asked.text.answer.next_chunk(200)) is not None:
        said.append(text_chunk.text)
    assert " ".join(said) == "This is it. I've put the code on screen."
    assert asked.text.answer.is_exhausted


def test_an_input_that_is_too_long_is_cut_aloud() -> None:
    llm = ScriptedLlm(["Yes."])
    _, page = asking(llm, Request(Question("Why?", LINES), "tail"))
    assert "line 299" in llm.asked[0][1].text
    (reported,) = page.reported
    assert reported.startswith("Too long: asked about the last ")
    assert reported.endswith(f" of {len(LINES):,} characters.")


def test_a_server_that_counts_otherwise_gets_less_until_it_is_content() -> None:
    llm = Small(["Yes."], most_chars=300)
    _, page = asking(llm, Request(Question("Why?", LINES), "head"))
    assert len(page.reported) > 1
    assert 100 < len(llm.asked[0][1].text) <= 300


def test_a_server_that_counts_otherwise_is_believed() -> None:
    with pytest.raises(SettingsError, match="too long: The conversation is longer") as caught:
        asking(Small([]), Request(Question("Why?", LINES[:300])))
    assert "--tail" in caught.value.hint


def test_a_question_that_a_server_never_takes_is_refused_at_last() -> None:
    with pytest.raises(SettingsError, match="no room|about 0 fit"):
        asking(Small([], most_chars=0), Request(Question("Why?", LINES), "tail"))


def test_a_long_wait_is_reported() -> None:
    page = Notes()
    wide = LLM.model_copy(update={"context_tokens": 4096})
    opened = Opened(ScriptedLlm(["Yes."]), "", wide.context_tokens)
    virtual_time.run(answer(opened, wide, Request(Question("Why?", LINES)), Asked(), page))
    assert page.reported[0].startswith("Reading about ")


def test_an_answer_that_ends_at_its_limit_is_reported() -> None:
    _, page = asking(Stopped(["word " * 23 + "word"]), Request(Question("Why?", "")))
    assert page.reported == ["The answer ends at 24 tokens (--max-tokens)."]


def test_no_answer_is_an_error() -> None:
    with pytest.raises(EngineError, match="scripted gave no answer"):
        asking(ScriptedLlm(["<think>Hm"]), Request(Question("Why?", "")))


def test_what_was_not_measured_is_null_and_an_interruption_is_reported() -> None:
    reported = fields(Asked(interrupted=True), None)
    assert (reported["first_token_s"], reported["tokens_per_s"], reported["interrupted"]) == (None, None, True)
    assert "file" not in reported
    assert Asked(token_at_s=[1.0]).tokens_per_s is None


def test_answers_that_are_heard_are_asked_for_as_a_conversation_does() -> None:
    read, heard = (asking_settings(SETTINGS, aloud=aloud) for aloud in (False, True))
    assert read.system_prompt == SETTINGS.ask.system_prompt.strip()
    assert heard.system_prompt == SETTINGS.llm.system_prompt.strip()
    for llm in (read, heard):
        assert (llm.max_answer_tokens, llm.timeout_s) == (SETTINGS.ask.max_answer_tokens, SETTINGS.ask.timeout_s)


def test_a_voice_is_needed_only_for_answers_that_are_heard() -> None:
    assert models_of(SETTINGS, aloud=False) == embedded_models(SETTINGS)
    assert SETTINGS.tts.model in models_of(SETTINGS, aloud=True)
    served = SETTINGS.model_copy(update={"llm": llm_settings(backend="openai")})
    assert models_of(served, aloud=False) == []


def test_a_terminal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert question_of(["Why", "so?"]) == Question("Why so?", "")
    with pytest.raises(SettingsError, match="there is no question"):
        question_of([])


def test_bytes_that_are_no_text_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert question_of(["Why\udcff"]) == Question("Why?", "")
