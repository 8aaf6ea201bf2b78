"""Commands that change a conversation while it is held."""

from __future__ import annotations

from tests.conversation.stage import Talk


def test_an_instruction_holds_from_the_next_question_and_keeps_what_was_said(talk: Talk) -> None:
    talk.user_says("who are you", 0.5, 1.5)
    talk.user_says("and now", 6.5, 7.5)
    talk.llm_replies("Nobody.", "A pirate.")
    talk.at(5.5, lambda conversation: conversation.instruct("You are a pirate."))
    talk.run(11.0)
    asked = talk.history.asking("why")
    assert asked[0].text == "You are a pirate."
    assert [message.text.strip() for message in asked[1:]] == ["who are you", "Nobody.", "and now", "A pirate.", "why"]
