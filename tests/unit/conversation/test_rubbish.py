from __future__ import annotations

import pytest

from voicecli.conversation.rubbish import is_rubbish, whole_sentences

EARLIER = [("Who are you?", "I am a small assistant that likes to help.")]


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("What is red?", "A tomato is red.", False),
        ("What is red?", "…?!", True),
        ("What is red?", "", False),
        ("What is red in here?", "What is red, in here?", True),
        ("Say yes.", "Say yes.", False),
        ("What is red?", "I am a small assistant that likes to help!", True),
        ("Who are you", "I am a small assistant that likes to help.", False),
        ("What is red?", "I am a small assistant that likes red things a lot.", False),
        ("What is red?", "I'm just a little lost. I'm just a little lost.", True),
        (
            "What is red?",
            "Red is a colour. Tomatoes have it, and so do roses, which have a colour that is warm.",
            False,
        ),
    ],
)
def test_an_answer_that_says_nothing_or_was_given_to_another_question_is_rubbish(
    question: str, answer: str, expected: bool
) -> None:
    assert is_rubbish(question, answer, EARLIER) is expected


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("One. Two, thr", "One."),
        ("One. Two.", "One. Two."),
        ("One. Two. ", "One. Two."),
        ("the the the", ""),
        ("", ""),
        ("First\nsecond", "First\n"),
    ],
)
def test_only_whole_sentences_are_kept_of_a_loop(text: str, whole: str) -> None:
    assert whole_sentences(text) == whole
