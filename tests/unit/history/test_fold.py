"""Events -> exchanges: nothing that was said is lost, however its turn ends."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.history.stage import answered, ready, typed
from voicecli import events
from voicecli.events import Event
from voicecli.history.fold import ExchangeFold
from voicecli.history.records import Exchange
from voicecli.types import TurnId

TURN = TurnId(1)


def folded(seen: Iterable[Event], origin_s: float = 100.0) -> ExchangeFold:
    fold = ExchangeFold(origin_s)
    for event in seen:
        fold = fold.apply(event)
    return fold


def only(fold: ExchangeFold) -> Exchange:
    (exchange,) = fold.ended
    return exchange


def started(turn: TurnId = TURN) -> Event:
    return events.SpeechStarted(at_s=101.2, turn=turn, started_at_s=101.0)


def partial(stable: str, unstable: str = "") -> Event:
    return events.PartialHeard(at_s=101.5, turn=TURN, stable=stable, unstable=unstable)


def paused(ended_at_s: float = 103.0) -> Event:
    return events.SpeechPaused(at_s=103.2, turn=TURN, ended_at_s=ended_at_s, preparing=True)


def transcribed(text: str, turn: TurnId = TURN) -> Event:
    return events.Transcribed(at_s=103.3, turn=turn, text=text, language="en", audio_s=2.0)


def token(text: str) -> Event:
    return events.TokenArrived(at_s=103.4, turn=TURN, text=text)


def ended(ended_at_s: float = 103.0) -> Event:
    return events.SpeechEnded(at_s=103.5, turn=TURN, ended_at_s=ended_at_s)


AUDIBLE = events.Audible(at_s=103.6, turn=TURN)
NOTHING = events.NothingHeard(at_s=104.0, turn=TURN, reason="")


def spoken_up_to(source_end: int) -> Event:
    return events.SpokenUpTo(at_s=103.9, turn=TURN, source_end=source_end)


def interrupted(spoken: str, *, reopened: bool = False) -> Event:
    return events.TurnInterrupted(at_s=105.0, turn=TURN, spoken=spoken, reopened=reopened)


def failed(stage: events.Stage) -> Event:
    return events.TurnFailed(at_s=105.0, turn=TURN, stage=stage, message="it broke", hint="mend it")


ASKED = [ready(), started(), paused(), transcribed("what is it"), token("It is "), token("noon now."), ended()]


def test_a_spoken_question_and_its_answer_with_their_times() -> None:
    done = events.TurnDone(at_s=105.0, turn=TURN, spoken="It is noon now.")
    assert only(folded([*ASKED, AUDIBLE, done])) == Exchange(
        "what is it",
        False,
        "en",
        "It is noon now.",
        "It is noon now.",
        "done",
        "",
        "scripted",
        1.0,
        3.0,
        103.6 - 100,
        5.0,
    )


def test_a_typed_question() -> None:
    exchange = only(folded([ready(), typed(1, "hello"), *answered(1, "Hi.")]))
    assert (exchange.question, exchange.typed, exchange.heard, exchange.language) == ("hello", True, "Hi.", "")
    assert (exchange.asked_from_s, exchange.asked_until_s) == (1.0, 1.0)


def test_who_goes_on_after_a_pause_has_asked_one_question() -> None:
    resumed = events.SpeechResumed(at_s=103.4, turn=TURN)
    fold = folded([*ASKED[:-1], resumed, paused(106.0), transcribed("what is it then"), token("Noon."), ended(106.0)])
    fold = fold.apply(events.TurnDone(at_s=108.0, turn=TURN, spoken="Noon."))
    assert (only(fold).question, only(fold).answer, only(fold).asked_until_s) == ("what is it then", "Noon.", 6.0)


def test_a_second_transcript_voids_the_answer_to_the_first() -> None:
    fold = folded([*ASKED[:-1], transcribed("what is that"), token("That."), ended(), interrupted("That.")])
    assert (only(fold).question, only(fold).answer) == ("what is that", "That.")


def test_of_an_answer_that_was_cut_both_are_kept_all_of_it_and_what_was_heard() -> None:
    exchange = only(folded([*ASKED, AUDIBLE, interrupted("It is")]))
    assert (exchange.answer, exchange.heard, exchange.outcome, exchange.cut) == (
        "It is noon now.",
        "It is",
        "interrupted",
        True,
    )
    assert not only(folded([*ASKED, AUDIBLE, interrupted("It is noon now.")])).cut


def test_an_answer_that_the_user_talked_on_over_counts_as_not_given() -> None:
    exchange = only(folded([*ASKED, AUDIBLE, interrupted("It", reopened=True)]))
    assert (exchange.outcome, exchange.heard, exchange.answered_from_s) == ("reopened", "", None)


def test_a_failed_answer_is_kept_as_far_as_it_was_heard() -> None:
    exchange = only(folded([*ASKED, AUDIBLE, spoken_up_to(9), spoken_up_to(6), failed("tts")]))
    assert (exchange.heard, exchange.outcome, exchange.trouble) == ("It is", "failed", "tts: it broke")


def test_without_a_voice_all_that_was_written_was_seen() -> None:
    exchange = only(folded([ready(speaker=""), *ASKED[1:], failed("llm")]))
    assert exchange.heard == "It is noon now."
    assert (exchange.answered_from_s, exchange.answered_until_s) == (3.0, 5.0)


def test_where_recognition_fails_the_words_on_the_screen_are_kept() -> None:
    fold = folded([ready(), started(), partial("what is ", "it"), paused(), ended(), failed("stt")])
    assert (only(fold).question, only(fold).outcome, only(fold).llm) == ("what is it", "failed", "")


def test_where_recognition_fails_without_a_word_there_is_nothing_to_keep() -> None:
    fold = folded([ready(), started(), paused(), ended(), failed("stt")])
    assert (fold.ended, dict(fold.drafts)) == ((), {})
    assert fold.closed(106.0).ended == ()


def test_words_that_come_after_the_interruption_are_kept() -> None:
    fold = folded([ready(), started(), paused(), ended(), interrupted("")])
    assert fold.ended == ()
    assert only(fold.apply(transcribed("what is it"))).question == "what is it"


def test_noise_is_no_exchange() -> None:
    fold = folded([ready(), started(), partial("uh"), paused(), ended(), NOTHING])
    assert fold.ended == fold.closed(106.0).ended == ()


def test_many_noises_leave_little_behind() -> None:
    noises = [
        event
        for turn in map(TurnId, range(1, 50))
        for event in (started(turn), events.NothingHeard(at_s=104.0, turn=turn, reason=""))
    ]
    assert len(folded([ready(), *noises]).drafts) == 1


def test_an_utterance_that_a_typed_question_overtook_is_kept_whenever_its_words_come() -> None:
    early = folded([ready(), started(), paused(), transcribed("what is it"), typed(2, "stop"), ended(), NOTHING])
    late = folded([ready(), started(), paused(), typed(2, "stop"), ended(), NOTHING, transcribed("what is it")])
    for fold in (early, late):
        assert (only(fold).question, only(fold).outcome) == ("what is it", "unanswered")


def test_at_the_end_an_answer_counts_as_far_as_it_came() -> None:
    exchange = only(folded([*ASKED, AUDIBLE, spoken_up_to(7)]).closed(104.0))
    assert (exchange.outcome, exchange.heard, exchange.answered_until_s) == ("interrupted", "It is", 4.0)


def test_at_the_end_a_question_under_way_is_kept() -> None:
    exchange = only(folded([ready(), started(), partial("what is", "")]).closed(104.0))
    assert (exchange.question, exchange.outcome) == ("what is", "unanswered")


def test_at_the_end_an_interrupted_question_that_was_never_decoded_is_kept_as_it_was_shown() -> None:
    fold = folded([ready(), started(), partial("what is"), paused(), ended(), interrupted("")]).closed(106.0)
    assert (only(fold).question, only(fold).outcome) == ("what is", "interrupted")


def test_events_of_no_turn_or_of_an_unknown_one_change_nothing() -> None:
    fold = folded([ready()])
    for event in (events.Notice(at_s=1.0, text="a"), token("a"), interrupted("")):
        assert fold.apply(event) == fold


WORDS = st.text("abc ", min_size=1, max_size=8).filter(str.strip)
ANY = st.one_of(
    st.just(started()),
    st.builds(lambda text: typed(2, text), WORDS),
    st.builds(partial, WORDS),
    st.just(paused()),
    st.just(events.SpeechResumed(at_s=103.4, turn=TURN)),
    st.just(ended()),
    st.builds(transcribed, WORDS),
    st.builds(token, WORDS),
    st.builds(spoken_up_to, st.integers(0, 30)),
    st.builds(interrupted, WORDS, reopened=st.booleans()),
    st.builds(failed, st.sampled_from(["stt", "llm", "tts"])),
    st.just(NOTHING),
    st.just(AUDIBLE),
)


@given(st.lists(ANY, max_size=30))
def test_what_has_ended_stays_and_every_kept_exchange_has_words_and_ordered_times(seen: list[Event]) -> None:
    fold = folded([ready()])
    for event in seen:
        after = fold.apply(event)
        assert after.ended[: len(fold.ended)] == fold.ended
        fold = after
    for exchange in fold.closed(200.0).ended:
        assert exchange.question
        assert exchange.asked_from_s <= exchange.asked_until_s
        if exchange.answered_from_s is not None and exchange.answered_until_s is not None:
            assert exchange.answered_from_s <= exchange.answered_until_s


@given(st.lists(WORDS, min_size=1, max_size=6))
def test_every_typed_question_is_kept(questions: list[str]) -> None:
    seen = [typed(turn, text) for turn, text in enumerate(questions, 1)]
    assert sorted(exchange.question for exchange in folded(seen).closed(200.0).ended) == sorted(questions)


def test_each_exchange_tells_which_model_answered() -> None:
    other = events.ComponentChanged(at_s=104.0, component="model", condition="ok", name="other", message="")
    gone = events.ComponentChanged(at_s=104.0, component="model", condition="unavailable", name="", message="")
    seen = [ready(), typed(1, "one"), *answered(1, "Yes."), other, typed(2, "two"), *answered(2, "No."), gone]
    fold = folded([*seen, typed(3, "three"), *answered(3, "Well.")])
    assert [exchange.llm for exchange in fold.ended] == ["scripted", "other", "other"]


def test_what_is_being_said_when_another_conversation_begins_is_of_that_one() -> None:
    before = folded([ready(), typed(2, "two"), started(), partial("who")])
    rest, fresh = before.split(200.0)
    assert (list(rest.drafts), list(fresh.drafts)) == ([TurnId(2)], [TURN])
    assert (fresh.ended, fresh.origin_s, fresh.llm) == ((), 200.0, "scripted")
    (late,) = [one for one in (rest, fresh) if one.knows(transcribed("Who are you?"))]
    assert late is fresh


def test_words_that_come_late_are_of_the_conversation_in_which_they_were_said() -> None:
    interrupted = events.TurnInterrupted(at_s=103.2, turn=TURN, spoken="", reopened=False)
    ended_s = events.SpeechEnded(at_s=103.1, turn=TURN, ended_at_s=103.0)
    rest, fresh = folded([ready(), started(), paused(), ended_s, interrupted]).split(200.0)
    assert not fresh.drafts
    assert rest.knows(transcribed("Who?"))
    assert only(rest.apply(transcribed("Who?"))).question == "Who?"
