"""What counts as an interruption, by its length and by its words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.turns.barge_in import BACKCHANNELS, BargeIn, is_backchannel, is_interruption, is_stop_word, is_too_fast
from voicecli.turns.self_echo import SelfEchoFilter
from voicecli.turns.speech_hint import QUIET_S, PossibleSpeech, PossibleSpeechEnded, SpeechHint
from voicecli.turns.wake_phrase import WakePhrase
from voicecli.types import FRAME_S


def test_speech_over_an_answer_is_noticed_sooner_or_not_at_all() -> None:
    rule = BargeIn(start_ms=120, pause_ms=80, interrupt_ms=240, duck_db=12)
    assert (rule.required_ms(answering=False), rule.required_ms(answering=True)) == (120, 80)
    never = BargeIn(start_ms=120, pause_ms=80, interrupt_ms=240, duck_db=12, allowed=False)
    assert never.required_ms(answering=False) == 120
    assert never.required_ms(answering=True) > 1e9


@pytest.mark.parametrize(
    "text",
    [
        *("Mm-hm.", "Mm-hmm", "Uh-huh!", "Yeah.", "Okay.", "Yeah, right.", "Oh, I see.", "Of course."),
        *("Oui, d'accord.", "Sí, claro.", "Sì, va bene.", "Tá certo.", "はい。", "嗯，好的。"),
    ],
)
def test_listeners_sounds(text: str) -> None:
    assert is_backchannel(text)
    assert not is_interruption(text, sure=True)


@pytest.mark.parametrize(
    "text", ["Okay, stop.", "Yeah but why?", "Right, and the second one?", "I see it, I see it, yes."]
)
def test_sentences_that_begin_like_one(text: str) -> None:
    assert is_interruption(text, sure=True)


def test_a_single_word_of_one_hypothesis_may_be_misheard_unless_it_is_an_order() -> None:
    assert not is_interruption("Banana", sure=False)
    assert is_interruption("Banana", sure=True)
    assert is_interruption("Banana bread", sure=False)
    assert is_interruption("Stop.", sure=False)
    assert is_stop_word("No, no.")
    assert all(map(is_stop_word, ("¡Para!", "Attends !", "Basta, grazie.", "待って。", "停。")))
    assert not is_stop_word("")


@given(st.text())
def test_whatever_is_said_is_one_or_the_other(text: str) -> None:
    assert not (is_backchannel(text) and is_interruption(text, sure=True))
    assert is_interruption(text, sure=True) or not is_interruption(text, sure=False)


@given(st.lists(st.sampled_from(sorted(BACKCHANNELS)), min_size=1, max_size=4))
def test_listeners_sounds_add_up_to_one(words: list[str]) -> None:
    assert is_backchannel(" ".join(words).capitalize() + ".")


@given(st.lists(st.booleans(), max_size=200))
def test_possible_speech_and_possible_speech_ended_come_by_turns_and_possible_speech_ended_only_after_a_while(
    frames: list[bool],
) -> None:
    attention = SpeechHint()
    last: PossibleSpeech | PossibleSpeechEnded = PossibleSpeechEnded()
    since_s = 0.0
    for may_be_speech in frames:
        since_s = 0.0 if may_be_speech else since_s + FRAME_S
        reported = attention.push(may_be_speech)
        assert len(reported) <= 1
        for possible_speech in reported:
            assert type(possible_speech) is not type(last)
            assert may_be_speech if isinstance(possible_speech, PossibleSpeech) else since_s >= QUIET_S - FRAME_S
            last = possible_speech
        assert isinstance(last, PossibleSpeech) or since_s > 0 or not frames[0]


def test_few_words_are_compared_with_the_latest_ones_alone() -> None:
    voice = SelfEchoFilter(audible=True)
    voice.note_spoken(
        "The capital of France is Paris. " + "It lies on the river Seine and has two million people in it.", 5.0
    )
    assert voice.was_just_spoken("two million")
    assert not voice.was_just_spoken("million two")
    assert not voice.was_just_spoken("capital of France")
    assert not voice.was_just_spoken("mill")
    assert voice.was_just_spoken("on the rifer")
    assert voice.was_just_spoken("two million pews")  # the last word was cut off
    assert not voice.was_just_spoken("two pews")


def test_with_headphones_nothing_is_an_echo() -> None:
    voice = SelfEchoFilter(audible=False)
    voice.note_spoken("It lies on the river Seine.", 5.0)
    assert not voice.is_echo("It lies on the river Seine.", 4.0)
    assert not voice.was_just_spoken("the river")


RULES = BargeIn(120, 80, 240, 12.0)


@pytest.mark.parametrize("text", ["Hey computer, go on", "Stop.", "Please stop it now.", "Okay, be quiet!", "wait"])
def test_with_a_wake_phrase_it_or_a_short_order_addresses_the_assistant(text: str) -> None:
    assert replace(RULES, phrase=WakePhrase("hey computer")).is_addressed(text)


@pytest.mark.parametrize("text", ["", "No, I never said that.", "Stop at the shop, will you", "What?", "please"])
def test_other_words_do_not(text: str) -> None:
    assert not replace(RULES, phrase=WakePhrase("hey computer")).is_addressed(text)
    assert RULES.is_addressed(text), "without a phrase all words do"
    assert not RULES.is_called(text)


@pytest.mark.parametrize(
    ("text", "voiced_s", "too_fast"),
    [
        ("I don't know.", 0.26, True),
        ("I don't know.", 0.4, False),
        ("Stop.", 0.1, False),
        ("Stop it.", 0.25, False),
        ("What time is it?", 0.6, False),
        ("Thank you for watching.", 0.3, True),
        ("", 0.0, False),
    ],
)
def test_nobody_says_many_words_in_a_short_sound(text: str, voiced_s: float, too_fast: bool) -> None:
    assert is_too_fast(text, voiced_s) is too_fast
