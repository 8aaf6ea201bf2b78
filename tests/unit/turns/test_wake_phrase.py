"""The wake phrase in transcripts, as recognizers spell it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.turns.wake_phrase import WakePhrase

HEY = "hey computer"


@pytest.mark.parametrize(
    ("phrase", "text", "rest"),
    [
        (HEY, "Hey, computer, what is the time?", "What is the time?"),
        (HEY, "hay computer what is the time", "What is the time"),
        (HEY, "Hi, Computer! What is the time?", "What is the time?"),
        (HEY, "Hey computer", ""),
        (HEY, "HEY, COMPUTER...", ""),
        (HEY, "Um, hey computer, hello.", "Hello."),
        (HEY, "Okay, so, hey computer: go", "Go"),
        (HEY, "Hey, compute her the sum", "The sum"),
        ("Jarvis", "Jervis, stop.", "Stop."),
        ("Jarvis", "Jar vis", ""),
        ("hey mycroft", "Hey, my craft, go on", "Go on"),
        ("OK Nabu", "Okay, Nabu. Lights", "Lights"),
        ("OK Nabu", "okay nah boo lights", "Lights"),
        ("ok nabu", "OK, Naboo, lights", "Lights"),
        ("Alexa", "Alex, a question", "Question"),  # nobody can tell
        ("Ça va, ordinateur", "Ca va ordinateur, quelle heure est-il ?", "Quelle heure est-il ?"),
        ("小爱同学", "小爱同学，今天天气怎么样？", "今天天气怎么样？"),
    ],
)
def test_what_begins_with_it_is_for_the_assistant(phrase: str, text: str, rest: str) -> None:
    found = WakePhrase(phrase).match(text)
    assert found is not None
    assert found.rest == rest
    assert WakePhrase(phrase).strip(text) == rest


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        (HEY, ""),
        (HEY, "..."),
        (HEY, "Hey"),
        (HEY, "Hey, come here"),
        (HEY, "A computer is a machine."),
        (HEY, "The computer"),
        (HEY, "My computer is slow."),
        (HEY, "Your computer."),
        (HEY, "They compute a lot."),
        (HEY, "Hey, competitor!"),
        (HEY, "I said hey computer"),
        (HEY, "Pay computer tax"),
        ("Jarvis", "Travis is here"),
        ("Jarvis", "Service is slow"),
        ("Jarvis", "Java is nice"),
        ("Alexa", "Alexander the Great"),
        ("Alexa", "A Lexus"),
        ("hey mycroft", "Hey, Microsoft"),
        ("小爱同学", "小学同学"),
    ],
)
def test_what_does_not_is_for_somebody_else(phrase: str, text: str) -> None:
    assert WakePhrase(phrase).match(text) is None
    assert WakePhrase(phrase).strip(text) == text


@pytest.mark.parametrize("text", ["", "Hey", "Hey com", "hay", "Um, hey", "So"])
def test_a_beginning_may_become_it(text: str) -> None:
    assert WakePhrase(HEY).may_become(text)


@pytest.mark.parametrize(
    "text", ["The capital of", "Hey, come here now", "Hey computer", "What is", "Hey computer, what"]
)
def test_other_words_may_not(text: str) -> None:
    assert not WakePhrase(HEY).may_become(text)


WORDS = st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=8), min_size=1, max_size=5)


@given(WORDS, st.sampled_from([" ", ", ", "! "]), st.booleans())
def test_the_phrase_as_written_is_always_found(question: list[str], gap: str, loud: bool) -> None:
    phrase = HEY.upper() if loud else HEY
    found = WakePhrase(HEY).match(f"{phrase}{gap}{' '.join(question)}")
    assert found is not None
    assert " ".join(question).casefold().endswith(found.rest.casefold())


@given(st.text(max_size=60))
def test_what_is_left_is_the_end_of_the_text(text: str) -> None:
    found = WakePhrase(HEY).match(text)
    assert found is None or text.casefold().endswith(found.rest.casefold())
