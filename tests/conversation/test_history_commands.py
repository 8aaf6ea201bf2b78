"""What the history keeps of whole conversations, and what the model reads when they are resumed."""

from __future__ import annotations

from tests.conversation.stage import Talk
from voicecli.assemble.conversation import new_history
from voicecli.conversation.history import INTERRUPTED
from voicecli.errors import BackendUnavailable
from voicecli.events import Event, Ready
from voicecli.history.fold import ExchangeFold
from voicecli.history.records import Exchange
from voicecli.settings.load import defaults
from voicecli.types import Message

READY = Ready(at_s=1000.0, microphone="fake", speaker="fake", stt="", llm="scripted", llm_why="", tts="tone")


def kept(seen: list[Event]) -> tuple[Exchange, ...]:
    fold = ExchangeFold(1000.0).apply(READY)
    for event in seen:
        fold = fold.apply(event)
    assert not fold.drafts
    return fold.ended


def texts(messages: list[Message]) -> list[str]:
    return [message.text for message in messages[1:]]


def test_an_interrupted_story_is_kept_as_it_was_heard_and_goes_on_as_it_would_have(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.llm_replies("Once upon a time there was a fox who lived in a den under the old oak.", "Fine.")
    talk.user_says("stop it please", 4.5, 5.5)
    story, stop = kept(talk.run(12.0))
    assert (story.question, story.outcome, story.llm) == ("tell me a story", "interrupted", "scripted")
    assert story.answer.startswith(story.heard)
    assert 0 < len(story.heard) < len(story.answer)
    assert (stop.question, stop.heard.strip(), stop.outcome) == ("stop it please", "Fine.", "done")
    assert 0.4 < story.asked_from_s < story.asked_until_s < 1.6
    assert story.answered_from_s is not None
    assert story.answered_until_s is not None
    assert story.asked_until_s < story.answered_from_s < story.answered_until_s <= stop.asked_until_s
    resumed = new_history(defaults(), (story, stop))
    assert texts(resumed.prompt("why")) == texts(talk.history.prompt("why"))
    assert texts(resumed.prompt("why"))[2] == f"{INTERRUPTED} stop it please"


def test_a_question_whose_answer_failed_is_kept_and_asked_along(talk: Talk) -> None:
    talk.user_says("what is the time", 0.5, 1.5)
    talk.llm_replies(BackendUnavailable("the server is gone", "start it"), "Noon.")
    talk.user_says("are you there", 4.5, 5.5)
    failed, answered = kept(talk.run(9.0))
    assert (failed.question, failed.outcome) == ("what is the time", "failed")
    assert failed.trouble == "llm: the server is gone"
    resumed = new_history(defaults(), (failed, answered))
    assert texts(resumed.prompt("why")) == texts(talk.history.prompt("why"))
    assert texts(resumed.prompt("why"))[0] == "what is the time are you there"
