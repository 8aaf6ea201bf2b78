"""Conversations as Markdown, JSON and subtitles, and words to look for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.history.stage import EXCHANGE, SESSION
from voicecli.history.export import as_json, markdown, subtitles, transcript
from voicecli.history.records import Exchange, Outcome
from voicecli.history.store import excerpt, match_of, patterns_of

CUT = replace(EXCHANGE, answer="Once upon a time", heard="Once upon", outcome="interrupted")
TYPED = replace(EXCHANGE, question="and of Italy?", typed=True, asked_from_s=20.0, asked_until_s=20.0)
SILENT = replace(EXCHANGE, heard="", answered_from_s=None, answered_until_s=None)


def test_markdown_tells_who_said_what_and_when_and_the_day_where_it_is_another() -> None:
    reported = markdown(replace(SESSION, id=12), [EXCHANGE, replace(TYPED, answered_from_s=21.0)], UTC)
    assert reported == (
        "# Conversation 12, 2026-03-01 23:59\n\n"
        "**You**, 23:59:51\n\nWhat is the capital of France?\n\n**Assistant**\n\nParis.\n\n"
        "**You**, 2026-03-02 00:00:10 (typed)\n\nand of Italy?\n\n**Assistant**\n\nParis.\n"
    )


@pytest.mark.parametrize(
    ("exchange", "ending"),
    [
        (CUT, "**Assistant**\n\nOnce upon\n\n*(interrupted)*\n"),
        (replace(CUT, heard="Once upon a time"), "**Assistant**\n\nOnce upon a time\n"),
        (replace(SILENT, outcome="reopened"), "**Assistant**\n\n*(you continued the question)*\n"),
        (replace(SILENT, outcome="failed", trouble="llm: gone"), "**Assistant**\n\n*(failed: llm: gone)*\n"),
        (replace(SILENT, outcome="unanswered"), "**Assistant**\n\n*(not answered)*\n"),
        (SILENT, "What is the capital of France?\n"),
    ],
)
def test_what_was_not_all_heard_is_marked(exchange: Exchange, ending: str) -> None:
    assert markdown(SESSION, [exchange], UTC).endswith(ending)


def test_a_session_without_a_number_has_none() -> None:
    assert markdown(SESSION, [], UTC) == "# Conversation, 2026-03-01 23:59\n"


def test_a_transcript_has_no_times() -> None:
    assert transcript([EXCHANGE, CUT]) == (
        "You: What is the capital of France?\n\nAssistant: Paris.\n\n"
        "You: What is the capital of France?\n\nAssistant: Once upon\n\n*(interrupted)*\n"
    )


def test_json_has_everything() -> None:
    reported = json.loads(as_json(replace(SESSION, id=3), [CUT]))
    assert (reported["id"], reported["began_at"]) == (3, "2026-03-01T23:59:50+00:00")
    assert Exchange(**reported["exchanges"][0]) == CUT


def test_subtitles_stand_while_somebody_speaks() -> None:
    assert subtitles([EXCHANGE]) == (
        "1\n00:00:01,000 --> 00:00:03,000\nYou: What is the capital of France?\n\n"
        "2\n00:00:03,500 --> 00:00:04,500\nAssistant: Paris.\n\n"
    )


def test_a_typed_question_stands_until_the_answer_but_not_for_long() -> None:
    soon = replace(TYPED, answered_from_s=21.5, answered_until_s=22.0)
    assert subtitles([soon]).splitlines()[1] == "00:00:20,000 --> 00:00:21,500"
    assert subtitles([replace(soon, answered_from_s=99.0)]).splitlines()[1] == "00:00:20,000 --> 00:00:27,000"
    never = replace(TYPED, heard="", answered_from_s=None, answered_until_s=None)
    assert subtitles([never]).splitlines()[1] == "00:00:20,000 --> 00:00:27,000"
    assert "Assistant" not in subtitles([never])


def test_a_long_answer_is_several_subtitles_and_the_first_says_who_speaks() -> None:
    long = replace(EXCHANGE, heard="One sentence. " * 3, answered_until_s=9.5)
    assert [line for line in subtitles([long]).splitlines() if "sentence" in line] == [
        "Assistant: One sentence.",
        "One sentence.",
        "One sentence.",
    ]


OUTCOMES: list[Outcome] = ["done", "interrupted", "reopened", "failed", "unanswered"]


@given(st.lists(st.builds(lambda q, o: replace(EXCHANGE, question=q, outcome=o), st.text(), st.sampled_from(OUTCOMES))))
def test_every_question_is_in_markdown_and_json(exchanges: list[Exchange]) -> None:
    reported = markdown(SESSION, exchanges, UTC)
    assert all(exchange.question.strip() in reported for exchange in exchanges)
    assert [one["question"] for one in json.loads(as_json(SESSION, exchanges))["exchanges"]] == [
        exchange.question for exchange in exchanges
    ]
    subtitles(exchanges)


def test_words_become_a_query_that_has_no_syntax_of_its_own() -> None:
    assert match_of('say "hi" OR') == '"say"* """hi"""* "OR"*'
    assert patterns_of(r"100% a_b \x") == [r"%100\%%", r"%a\_b%", r"%\\x%"]


def test_an_excerpt_is_around_the_word() -> None:
    text = "zero one two three four five six seven eight nine ten"
    assert excerpt(text, "zero", 12) == "zero one two…"
    assert excerpt(text, "ten", 12) == "…ght nine ten"
    assert excerpt(text, "FIVE", 12) == "…our five six…"
    assert excerpt("short\n\ntext", "nowhere") == "short text"


@given(st.text(), st.text(), st.integers(1, 40))
def test_an_excerpt_is_one_short_line_of_the_text(text: str, words: str, characters: int) -> None:
    found = excerpt(text, words, characters)
    assert len(found) <= characters + 2
    assert found.removeprefix("…").removesuffix("…") in " ".join(text.split()) or "…" in text
