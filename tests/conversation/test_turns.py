"""Whole conversations: who is heard, what is answered, what is remembered. Times are virtual seconds."""

from __future__ import annotations

import pytest

from tests.conversation.stage import CHAR_S, Talk, all_of, at_s, only, roles
from voicecli import events
from voicecli.conversation.history import INTERRUPTED, History
from voicecli.conversation.prefill import ANY_QUESTION
from voicecli.errors import BackendUnavailable, EngineError
from voicecli.speech_text.pacing import MOST_LEAD_S

BLOCK_S = 0.021  # the speaker takes blocks of 20 ms


def test_the_first_chunk_is_as_long_as_the_rules_let_it_be(talk: Talk) -> None:
    talk.first_chunk_chars = 40
    talk.user_says("how far is it", 0.5, 1.5)
    talk.llm_replies("The distance between the earth and the moon is about as far as nine times around the equator.")
    text_chunks = all_of(talk.run(20.0), events.TextChunkReady)
    assert text_chunks[0].text == "The distance between the earth and the moon is"


def test_a_question_is_heard_answered_and_remembered(talk: Talk) -> None:
    talk.user_says("what is the time", 0.5, 1.5)
    talk.llm_replies("It is noon.")
    seen = talk.run(5.0)
    assert [type(event) for event in seen if not isinstance(event, events.TokenArrived | events.SpokenUpTo)] == [
        events.SpeechStarted,
        events.PartialHeard,
        events.SpeechPaused,
        events.Transcribed,
        events.TextChunkReady,
        events.Synthesized,
        events.Synthesized,
        events.SpeechEnded,
        events.Audible,
        events.TurnDone,
    ]
    assert only(seen, events.Transcribed).text == "what is the time"
    assert only(seen, events.TurnDone).spoken == "It is noon. "
    assert roles(talk.history.prompt("next")) == [
        ("user", "what is the time"),
        ("assistant", "It is noon."),
        ("user", "next"),
    ]


def test_the_wait_for_the_end_hides_the_work(talk: Talk) -> None:
    talk.user_says("hello", 0.5, 1.5)
    talk.llm_replies("Good morning.")
    seen = talk.run(5.0)
    assert at_s(only(seen, events.SpeechEnded)) == pytest.approx(1.5 + 0.7, abs=0.021)
    assert at_s(only(seen, events.Audible)) == pytest.approx(1.5 + 0.7, abs=0.021 + BLOCK_S)


def test_slow_engines_make_the_answer_late_by_their_sum_from_the_first_silence_on(talk: Talk) -> None:
    talk.stt_s, talk.llm.first_token_s, talk.tts_s_per_char = 1.0, 0.5, 0.05
    talk.user_says("hello", 0.5, 0.95)
    talk.llm_replies("Good morning.")
    seen = talk.run(8.0)
    work_s = 1.0 + 0.5 + 0.02 * 2 + 0.05 * len("Good morning.") / 2  # the first half sounds while the second is made
    assert at_s(only(seen, events.Audible)) == pytest.approx(0.95 + 0.08 + work_s, abs=0.021 + BLOCK_S)


def test_nothing_sounds_while_the_user_may_go_on(talk: Talk) -> None:
    talk.stt_s = 0.05
    talk.user_says("I would like", 0.5, 1.5)
    talk.user_says("a small coffee", 2.0, 3.0)
    talk.llm_replies("Pardon, what would you like?", "One small coffee.")
    seen = talk.run(7.0)
    assert len(all_of(seen, events.SpeechResumed)) == 1
    assert only(seen, events.TurnDone).spoken == "One small coffee. "
    assert at_s(only(seen, events.Audible)) >= 3.7
    assert roles(talk.llm.asked[1]) == [("user", "I would like a small coffee")]
    assert talk.llm.closed == 2


def test_speech_stops_the_answer_and_only_what_was_heard_is_remembered(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.user_says("stop", 4.0, 4.5)
    talk.llm_replies("Once upon a time there was a king who had three daughters and a dragon.", "Fine.")
    seen = talk.run(8.0)
    cut = only(seen, events.TurnInterrupted)
    pause = next(event for event in all_of(seen, events.Ducked) if event.volume == "silent")
    assert at_s(pause) == pytest.approx(4.0 + 0.08, abs=0.021)
    assert at_s(cut) == pytest.approx(4.0 + 0.24 + 0.18, abs=0.061)
    heard_s = at_s(pause) - at_s(all_of(seen, events.Audible)[0])
    assert len(cut.spoken) == pytest.approx(heard_s / CHAR_S, abs=9)
    assert "Once upon a time there was a king who had ".startswith(cut.spoken)
    assert roles(talk.llm.asked[1]) == [
        ("user", "tell me a story"),
        ("assistant", cut.spoken),
        ("user", f"{INTERRUPTED} stop"),
    ]
    assert {event.turn for event in all_of(seen, events.Audible)} == {1, 2}


def test_a_voice_that_tells_when_words_end_is_cut_at_the_word(talk: Talk) -> None:
    assert talk.tts is not None
    talk.tts.tells_words = True
    talk.user_says("what does it cost", 0.5, 1.5)
    talk.llm_replies("It costs £3 *altogether* this year.")
    talk.at(2.2 + 5.0, lambda conversation: conversation.interrupt())
    seen = talk.run(9.0)
    begun_s = only(seen, events.Audible).at_s
    ends_s = [0.1, 1.1 + 0.25, 2.35 + 0.25, 3.6 + 0.3, 4.9 + 0.6]  # It costs three pounds altogether
    assert only(seen, events.TurnInterrupted).spoken == "It costs £3"
    for event in all_of(seen, events.SpokenUpTo):
        said = sum(end_s <= event.at_s - begun_s + BLOCK_S for end_s in ends_s)
        assert event.source_end <= [2, 8, 8, 11, 24, 24][said]
    assert all_of(seen, events.SpokenUpTo)[-1].source_end >= 11


def test_an_answer_that_was_heard_to_its_end_was_not_interrupted(talk: Talk) -> None:
    assert talk.tts is not None
    talk.tts.tells_words = True
    talk.user_says("what does it cost", 0.5, 1.5)
    talk.llm_replies("It costs £3.", "Yes.")
    talk.at(2.2 + 5.5, lambda conversation: conversation.ask("really"))
    seen = talk.run(11.0)
    assert only(seen, events.TurnInterrupted).spoken.strip() == "It costs £3."
    assert roles(talk.llm.asked[1])[1:] == [("assistant", "It costs £3."), ("user", "really")]


def test_an_answer_in_writing_that_was_cut_says_so(talk: Talk) -> None:
    talk.tts = None
    talk.llm.token_s = 0.5
    talk.at(0.5, lambda conversation: conversation.ask("tell me a story"))
    talk.at(1.7, lambda conversation: conversation.ask("stop"))
    talk.llm_replies("Once upon a time there was a king.", "Fine.")
    talk.run(4.0)
    assert roles(talk.llm.asked[1])[1:] == [("assistant", "Once upon a"), ("user", f"{INTERRUPTED} stop")]


def test_a_cough_over_the_answer_changes_nothing(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.user_says("ahem", 3.5, 3.68)
    talk.llm_replies("Once upon a time there was a king.")
    seen = talk.run(7.0)
    assert not all_of(seen, events.TurnInterrupted)
    assert only(seen, events.TurnDone).spoken == "Once upon a time there was a king. "


def test_without_barge_in_the_assistant_finishes(talk: Talk) -> None:
    talk.barge_in = False
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.user_says("stop please", 3.0, 4.0)
    talk.llm_replies("Once upon a time there was a king.")
    assert only(talk.run(7.0), events.TurnDone)


def test_going_on_before_the_words_are_known_loses_none_of_them(talk: Talk) -> None:
    talk.stt_s = 2.0
    talk.user_says("my name is Ada", 0.5, 1.5)
    talk.user_says("what is yours", 2.5, 3.5)
    talk.llm_replies("Hello Ada.", "I am your computer.")
    seen = talk.run(12.0)
    assert only(seen, events.TurnInterrupted).spoken == ""
    assert roles(talk.llm.asked[1]) == [("user", "my name is Ada what is yours")]


def test_an_answer_that_nobody_heard_leaves_one_question_not_two(talk: Talk) -> None:
    talk.llm.first_token_s = 2.0
    talk.user_says("my name is Ada", 0.5, 1.5)
    talk.user_says("what is yours", 2.7, 3.5)
    talk.llm_replies("Hello Ada.", "I am your computer.")
    talk.run(12.0)
    assert roles(talk.llm.asked[1]) == [("user", "my name is Ada what is yours")]


def test_sounds_without_words_get_no_answer(talk: Talk) -> None:
    talk.user_says("", 0.5, 1.5)
    seen = talk.run(5.0)
    assert only(seen, events.NothingHeard).reason == "no speech"
    assert not talk.llm.asked


def test_later_text_chunks_are_ready_before_the_earlier_ones_end(talk: Talk) -> None:
    talk.tts_s_per_char = 0.6 * CHAR_S
    talk.user_says("tell me about Paris", 0.5, 1.5)
    talk.llm_replies(
        "Paris is a large city, the capital of France. It lies on the river Seine, in the north of the country. "
        "People have lived there for more than two thousand years, and many more visit it every year."
    )
    seen = talk.run(25.0)
    text_chunks = all_of(seen, events.TextChunkReady)
    assert len(text_chunks) >= 3
    assert len(text_chunks[0].text) < 30
    assert not all_of(seen, events.PlaybackUnderrun)


def test_a_language_model_that_is_gone_ends_the_turn_not_the_program(talk: Talk) -> None:
    talk.user_says("are you there", 0.5, 1.5)
    talk.user_says("and now", 4.0, 5.0)
    talk.llm_replies(BackendUnavailable("the server is gone", "start it"), "Yes.")
    seen = talk.run(9.0)
    failed = only(seen, events.TurnFailed)
    assert (failed.stage, failed.message, failed.hint) == ("llm", "the server is gone", "start it")
    assert roles(talk.llm.asked[1]) == [("user", "are you there and now")]
    assert only(seen, events.TurnDone).spoken == "Yes. "


def test_a_failing_recognizer_is_named(talk: Talk) -> None:
    talk.stt.errors += [EngineError("out of memory")] * 2
    talk.user_says("hello", 0.5, 0.9)
    assert only(talk.run(4.0), events.TurnFailed).stage == "stt"


def test_a_failing_voice_keeps_what_was_heard(talk: Talk) -> None:
    assert talk.tts is not None
    talk.tts.errors["trouble"] = EngineError("no phonemes")
    talk.user_says("go on", 0.5, 1.5)
    talk.llm_replies("All was well until then. Now there is trouble ahead of us.")
    seen = talk.run(8.0)
    assert only(seen, events.TurnFailed).stage == "tts"
    assert roles(talk.history.prompt("x"))[1] == ("assistant", "All was well until then.")


def test_a_failing_partial_is_reported_and_the_final_still_comes(talk: Talk) -> None:
    talk.stt.draft_error = EngineError("out of memory")
    talk.user_says("hello there my friend", 0.5, 2.5)
    talk.llm_replies("Hello.")
    seen = talk.run(6.0)
    assert "out of memory" in only(seen, events.Notice).text
    assert only(seen, events.TurnDone)


def test_an_utterance_that_is_lost_for_good_is_reported(talk: Talk) -> None:
    talk.stt_s = 2.0
    talk.stt.errors.append(EngineError("out of memory"))
    talk.user_says("my name is Ada", 0.5, 1.5)
    talk.at(2.4, lambda conversation: conversation.interrupt())
    talk.user_says("what is yours", 2.5, 3.5)
    talk.llm_replies("I am your computer.")
    seen = talk.run(12.0)
    assert "An utterance was lost: out of memory" in only(seen, events.Notice).text
    assert roles(talk.llm.asked[0]) == [("user", "what is yours")]


def test_a_wordless_sound_before_the_words_are_known_adds_nothing(talk: Talk) -> None:
    talk.stt_s = 2.0
    talk.user_says("", 0.5, 1.5)
    talk.user_says("what is yours", 2.5, 3.5)
    talk.llm_replies("I am your computer.")
    talk.run(12.0)
    assert roles(talk.llm.asked[0]) == [("user", "what is yours")]


def test_speech_is_not_made_far_ahead_of_the_voice(talk: Talk) -> None:
    talk.user_says("tell me everything", 0.5, 1.5)
    talk.llm_replies("This is one of many sentences, and they go on and on. " * 12)
    seen = talk.run(45.0)
    begun_s = all_of(seen, events.Audible)[0].at_s
    for index, event in enumerate(made := all_of(seen, events.Synthesized)):
        made_s = sum(earlier.audio_s for earlier in made[: index + 1])
        assert made_s - (event.at_s - begun_s) < MOST_LEAD_S + 200 * CHAR_S
    assert only(seen, events.TurnDone)


def test_a_typed_question_is_answered_at_once(talk: Talk) -> None:
    talk.at(1.0, lambda conversation: conversation.ask("what is two and two"))
    talk.llm_replies("Four, of course.")
    seen = talk.run(5.0)
    assert only(seen, events.UserTyped).text == "what is two and two"
    assert at_s(only(seen, events.Audible)) < 2.0


def test_a_typed_question_replaces_the_answer_under_way(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.at(4.0, lambda conversation: conversation.ask("what is two and two"))
    talk.llm_replies("Once upon a time there was a king who had three daughters.", "Four, of course.")
    seen = talk.run(8.0)
    assert only(seen, events.TurnInterrupted).turn == 1
    assert only(seen, events.TurnDone).turn == 2


def test_typing_in_a_pause_keeps_the_words_that_were_spoken(talk: Talk) -> None:
    talk.user_says("my name is Ada", 0.5, 1.5)
    talk.at(1.72, lambda conversation: conversation.ask("who am I"))
    talk.llm_replies("You are Ada, I think.")
    seen = talk.run(8.0)
    assert only(seen, events.NothingHeard).turn == 1
    assert roles(talk.history.prompt("x"))[0] == ("user", "my name is Ada who am I")


def test_the_interrupt_key_silences_the_answer(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.at(4.0, lambda conversation: conversation.interrupt())
    talk.llm_replies("Once upon a time there was a king who had three daughters.")
    seen = talk.run(6.0)
    assert at_s(only(seen, events.TurnInterrupted)) == pytest.approx(4.0)
    assert not all_of(seen, events.TurnDone)


def test_a_conversation_that_begins_anew_remembers_nothing_and_goes_on(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.at(4.0, lambda conversation: conversation.restart())
    talk.user_says("what is two and two", 6.0, 7.0)
    talk.llm_replies("Once upon a time there was a king who had three daughters.", "Four, of course.")
    seen = talk.run(12.0)
    assert only(seen, events.TurnInterrupted).turn == 1
    assert only(seen, events.TurnDone).turn == 2
    assert roles(talk.llm.asked[-1]) == [("user", "what is two and two")]


def test_a_muted_microphone_hears_nothing_and_forgets_the_utterance_under_way(talk: Talk) -> None:
    talk.user_says("this is not for you", 0.5, 3.0)
    talk.at(1.0, lambda conversation: conversation.mute(True))
    talk.at(4.0, lambda conversation: conversation.mute(False))
    talk.user_says("but this is", 5.0, 6.0)
    talk.llm_replies("Thank you.")
    seen = talk.run(10.0)
    assert only(seen, events.NothingHeard).turn == 1
    assert only(seen, events.Transcribed).text == "but this is"


def test_without_a_voice_the_answer_is_written(talk: Talk) -> None:
    talk.tts = None
    talk.user_says("what is the time", 0.5, 1.5)
    talk.llm_replies("It is **noon** now.")
    seen = talk.run(5.0)
    assert not all_of(seen, events.Audible)
    assert only(seen, events.TurnDone).spoken == "It is **noon** now. "


def test_words_become_firm_when_two_hypotheses_agree(talk: Talk) -> None:
    talk.user_says("what is", 0.5, 1.2)
    talk.user_says("the time", 1.2, 3.0)
    talk.llm_replies("Noon.")
    partials = all_of(talk.run(6.0), events.PartialHeard)
    assert (partials[0].stable, partials[0].unstable) == ("", "what is")
    assert (partials[-1].stable, partials[-1].unstable) == ("what is the time", "")


def test_what_is_decoded_in_the_first_silence_is_the_final(talk: Talk) -> None:
    talk.user_says("hello", 0.5, 0.95)
    talk.llm_replies("Good morning.")
    seen = talk.run(4.0)
    assert at_s(only(seen, events.Transcribed)) == pytest.approx(0.95 + 0.08 + talk.stt_s, abs=0.021)
    assert (talk.stt.drafts, talk.stt.finals) == (0, 1)


def test_the_model_reads_the_question_while_it_is_asked(talk: Talk) -> None:
    talk.user_says("what is", 0.5, 1.5)
    talk.user_says("the time", 1.5, 2.6)
    talk.llm_replies("Noon.")
    talk.run(6.0)
    assert talk.llm.warmed[0] == "what is"


def test_without_prefill_the_model_is_asked_once(talk: Talk) -> None:
    talk.prefill = False
    talk.user_says("what is the time", 0.5, 2.6)
    talk.llm_replies("Noon.")
    talk.run(6.0)
    assert not talk.llm.warmed


def full_after_two(talk: Talk) -> None:
    talk.history = History("Be brief.", 80)
    talk.llm_replies("It is noon in the whole of this country.", "It rains, and it will rain tomorrow as well.")
    talk.at(0.5, lambda conversation: conversation.ask("what is the time"))
    talk.at(10.0, lambda conversation: conversation.ask("what is the weather like"))


def test_what_is_left_of_a_full_context_is_read_anew_before_anybody_asks(talk: Talk) -> None:
    full_after_two(talk)
    talk.run(20.0)
    assert talk.llm.warmed == [ANY_QUESTION]
    assert [message.text for message in talk.history.prompt("x")[1:2]] == ["what is the weather like"]


def test_it_is_read_anew_while_the_answer_sounds_which_made_it_necessary(talk: Talk) -> None:
    full_after_two(talk)
    seen = talk.run(20.0)
    audible, done = all_of(seen, events.Audible)[-1], all_of(seen, events.TurnDone)[-1]
    assert audible.at_s - 1 < talk.llm.warmed_at_s[-1] < done.at_s
    *read, _ = talk.llm.warmed_with[-1]
    assert read == talk.history.prompt("x")[:-1]


def test_an_interrupted_answer_has_been_read_anew_as_far_as_it_goes(talk: Talk) -> None:
    full_after_two(talk)
    talk.at(11.2, lambda conversation: conversation.interrupt())
    talk.run(20.0)
    *read, _ = talk.llm.warmed_with[-1]
    question, heard = talk.history.prompt("x")[1:3]
    assert read[1] == question
    assert read[2].text.startswith(heard.text)
    assert read[2] != heard


def test_an_answer_that_is_said_again_makes_no_room(talk: Talk) -> None:
    full_after_two(talk)
    talk.at(16.0, lambda conversation: conversation.repeat("It rains, and it will rain tomorrow as well."))
    talk.run(25.0)
    assert len(talk.llm.warmed) == 1


def test_a_question_does_not_wait_until_all_is_read_anew(talk: Talk) -> None:
    full_after_two(talk)
    talk.llm.warm_s = 60.0
    talk.at(20.0, lambda conversation: conversation.ask("thanks"))
    talk.llm_replies("Any time.")
    seen = talk.run(25.0)
    assert talk.llm.given_up == 1
    assert at_s(all_of(seen, events.TokenArrived)[-1]) < 21


def test_without_prefill_a_full_context_is_left_alone(talk: Talk) -> None:
    full_after_two(talk)
    talk.prefill = False
    talk.run(20.0)
    assert not talk.llm.warmed


def test_a_model_that_cannot_read_ahead_still_answers(talk: Talk) -> None:
    talk.llm.warm_error = BackendUnavailable("gone", "start it")
    talk.user_says("what is the time", 0.5, 2.6)
    talk.llm_replies("Noon.")
    assert only(talk.run(6.0), events.TurnDone).spoken == "Noon. "


def test_a_machine_that_cannot_carry_it_stops_preparing_in_pauses(talk: Talk) -> None:
    """Decodes of 2 s and a pause after every word: the last word would wait behind the decode of the first."""
    talk.stt_s = 2.0
    talk.user_says("hello", 0.5, 1.0)
    for word in range(6):
        talk.user_says(f"word{word}", 6.0 + word, 6.6 + word)
    talk.llm_replies("Good morning.", "Well said.")
    seen = talk.run(25.0)
    pauses = all_of(seen, events.SpeechPaused)
    assert pauses[0].preparing
    assert not pauses[-1].preparing
    assert all_of(seen, events.TurnDone)[-1].turn == pauses[-1].turn


def test_who_goes_on_as_the_answer_begins_has_asked_one_question(talk: Talk) -> None:
    talk.user_says("what is the capital", 0.5, 1.5)
    talk.user_says("of Italy", 2.6, 3.6)
    talk.llm_replies("Of which country, if I may ask you that?", "Rome.")
    seen = talk.run(7.0)
    assert only(seen, events.TurnInterrupted).reopened
    assert roles(talk.llm.asked[1]) == [("user", "what is the capital of Italy")]
    assert [message.text for message in talk.history.prompt("x")[1:]] == [
        "what is the capital of Italy",
        "Rome.",
        "x",
    ]


def test_a_typed_question_is_not_reopened_by_speech(talk: Talk) -> None:
    talk.at(0.5, lambda conversation: conversation.ask("tell me a story"))
    talk.user_says("stop", 1.2, 1.7)
    talk.llm_replies("Once upon a time there was a king.", "Fine.")
    seen = talk.run(5.0)
    assert not only(seen, events.TurnInterrupted).reopened
    assert ("user", f"{INTERRUPTED} stop") in roles(talk.llm.asked[1])
