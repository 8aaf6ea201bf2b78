"""A model is asked through the conversation of the product; the server is a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.contract.chat_servers import MODELS, ChatServer, Refusal, chat_server, openai_answer
from voicecli.bench.answers.measure import Run, measure
from voicecli.bench.answers.questions import Question, read_battery, sampled
from voicecli.bench.answers.report import Answered, graded
from voicecli.bench.answers.run import MOST_FAILURES
from voicecli.bench.environment import begin
from voicecli.bench.result import read_result
from voicecli.errors import EngineError, SettingsError, first_of
from voicecli.models.scores import load_scores
from voicecli.settings.load import load_settings

CANADA = Question(category="knowledge", ask="What's the capital of Canada?", any=("ottawa",))
GREECE = Question(category="follow-ups", ask="And of Greece?", any=("athens",), before=(("Of Italy?", "Rome."),))
GERMANY = Question(category="languages", ask="¿La capital de Alemania?", language="es", any=("berlin",))
TIMER = Question(category="tools", ask="Cancel my rice timer.", call="cancel_timer", timers=("rice", "tea"))
HI, BYE = (Question(category="conversation", ask=text, min_words=2) for text in ("Hi!", "Bye!"))

WARM = openai_answer("x")
"""Answer to the request that has the prompt read before each conversation."""


def call(name: str, **arguments: object) -> list[str | None]:
    """Return the stream of one tool call."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    delta = {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": function}]}
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "small", "choices": [choice]}
    return [f"data: {json.dumps(chunk)}\n\n", "data: [DONE]\n\n"]


def run_of(server: ChatServer, *questions: Question, file: Path | None = None, tools: bool = True) -> Run:
    url = {"llm.backend": "openai", "llm.url": f"http://127.0.0.1:{server.port}/v1"}
    settings = load_settings({**url, "tools.enabled": tools}, environ={}).settings
    return Run(begin(), [("", settings)], questions, 0, file)


def asked_by(server: ChatServer) -> list[list[tuple[str, str]]]:
    """Return role and text of the messages of each request."""
    return [[(one["role"], str(one["content"])) for one in body["messages"]] for body in server.chat_bodies]


def test_each_question_has_a_conversation_of_its_own_and_those_in_a_row_share_one(tmp_path: Path) -> None:
    chats = [WARM, openai_answer("Ott", "awa."), WARM, openai_answer("Athens."), WARM, openai_answer("Es ", "Berlín.")]
    chats += [WARM, openai_answer("Hello you."), openai_answer("Good bye.")]
    seen: list[str] = []

    async def scene() -> tuple[Run, list[list[tuple[str, str]]]]:
        async with chat_server(*chats, pages=MODELS) as server:
            run = run_of(server, CANADA, GREECE, GERMANY, HI, BYE, file=tmp_path / "answers.json")
            await measure(run, lambda model, question: seen.append(f"{model}: {question.ask}"), pytest.fail)
            return run, asked_by(server)

    run, requests = asyncio.run(scene())
    assert [one.grade.right for one in run.answers] == [True] * 5
    assert seen[0] == "small: What's the capital of Canada?"
    assert len(seen) == 5
    assert [text for role, text in requests[3] if role != "system"] == ["Of Italy?", "Rome.", "And of Greece?"]
    assert "Answer in Spanish." in requests[5][0][1]
    assert "Answer in English" not in requests[1][0][1]
    assert [text for role, text in requests[-1] if role != "system"] == ["Hi!", "Hello you.", "Bye!"]
    saved = read_result(tmp_path / "answers.json")
    assert saved.models == {"small": ""}
    assert [one.value for one in saved.counts if one.name == "right"] == [5]
    assert len(saved.events) == 5
    first, words = (saved.samples("small", name) for name in ("first token", "words"))
    assert len(first) == 5
    assert words == (1, 1, 2, 2, 2)


def test_tools_are_real_and_end_with_their_question() -> None:
    chats = [WARM, call("cancel_timer", label="rice"), openai_answer("Done.")]

    async def scene() -> tuple[Run, list[Any]]:
        async with chat_server(*chats, pages=MODELS) as server:
            run = run_of(server, TIMER)
            await measure(run, lambda model, question: None, pytest.fail)
            return run, server.chat_bodies

    run, bodies = asyncio.run(scene())
    (found,) = run.answers
    assert found.grade.right, found.grade.why
    assert found.answered.calls[0].tool == "cancel_timer"
    assert json.loads(found.answered.calls[0].arguments) == {"label": "rice"}
    assert "cancelled" in found.answered.calls[0].result
    assert found.answered.text == "Done."
    assert found.answered.writing_tps is None
    assert {one["function"]["name"] for one in bodies[0]["tools"]} >= {"set_timer", "calculate"}


def test_without_tools_none_are_offered() -> None:
    async def scene() -> tuple[Run, list[Any]]:
        async with chat_server(WARM, openai_answer("Ottawa."), pages=MODELS) as server:
            run = run_of(server, CANADA, tools=False)
            await measure(run, lambda model, question: None, pytest.fail)
            return run, server.chat_bodies

    run, bodies = asyncio.run(scene())
    assert run.answers[0].grade.right
    assert not any("tools" in body for body in bodies)


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    """A conversation that was not finished is held again from its beginning."""
    file = tmp_path / "answers.json"
    row = [WARM, openai_answer("Hello you."), openai_answer("Good bye.")]

    async def scene() -> tuple[Run, Run]:
        async with chat_server(WARM, openai_answer("Ottawa."), *row, *row, pages=MODELS) as server:
            first = run_of(server, CANADA, HI, BYE, file=file)
            await measure(first, lambda model, question: None, pytest.fail)
            first.answers = first.answers[:2]
            first.is_whole = False
            again = run_of(server, CANADA, HI, BYE, file=file)
            again.resume(first.result())
            await measure(again, lambda model, question: None, pytest.fail)
            whole = run_of(server, CANADA, HI, BYE, file=file)
            whole.resume(again.result())
            whole.models = [("small", whole.models[0][1])]
            await measure(whole, lambda model, question: None, pytest.fail)
            return first, whole

    first, whole = asyncio.run(scene())
    assert any("stopped after 2 answers" in doubt for doubt in first.result().doubts)
    assert [one.grade.right for one in whole.answers] == [True] * 3
    assert not any("stopped" in doubt for doubt in whole.result().doubts)


def test_answers_to_other_questions_are_not_lost() -> None:
    async def scene() -> None:
        async with chat_server(WARM, openai_answer("Ottawa."), pages=MODELS) as server:
            run = run_of(server, CANADA)
            await measure(run, lambda model, question: None, pytest.fail)
            with pytest.raises(SettingsError, match="1 of its 1 answers are to other questions"):
                run_of(server, GREECE).resume(run.result())

    asyncio.run(scene())


def test_a_model_that_only_fails_is_given_up() -> None:
    failing: list[Refusal | Sequence[str | None]] = [WARM, Refusal(500, {"error": {"message": "out of memory"}})]
    questions = [Question(category="knowledge", ask=f"{n}?", any=("x",)) for n in range(9)]

    async def scene() -> Run:
        async with chat_server(*failing * MOST_FAILURES, pages=MODELS) as server:
            run = run_of(server, *questions, tools=False)
            with pytest.raises(ExceptionGroup) as group:
                await measure(run, lambda model, question: None, pytest.fail)
            error = first_of(group.value)
            assert isinstance(error, EngineError)
            assert "small failed 3 times in a row" in error.message
            assert "out of memory" in error.message
            return run

    run = asyncio.run(scene())
    assert len(run.answers) == MOST_FAILURES
    assert not any(one.grade.right for one in run.answers)


def test_the_score_of_all_kinds_is_kept(tmp_path: Path) -> None:
    questions = sampled(read_battery(), 60, 0)
    answers = [Answered("small", one.name, "I do not know.") for one in questions]
    settings = load_settings({"models.dir": str(tmp_path)}, environ={}).settings
    run = Run(begin(), [("small", settings)], questions, 0, answers=graded(questions, answers))
    assert run.keep_scores() == []  # stopped
    run.is_whole = True
    assert run.keep_scores() == ["small"]
    kept = load_scores(tmp_path)["small"]
    assert (kept.asked, kept.categories["unknown"]) == (60, (3, 6))
    run.questions = questions[:50]
    run.answers = run.answers[:50]
    assert run.keep_scores() == []  # without the last kinds
