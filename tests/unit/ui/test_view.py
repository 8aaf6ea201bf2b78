"""The view model: what a screen shows after each event, without a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ui.turns import (
    ASKED,
    ONE,
    READY,
    TWO,
    audible,
    cut,
    ended,
    partial,
    paused,
    spoken_up_to,
    started,
    token,
    transcribed,
    view_of,
)
from voicecli.events import (
    ComponentChanged,
    Event,
    FalseInterruption,
    FramesDropped,
    LevelMeasured,
    MuteChanged,
    NothingHeard,
    Notice,
    PlaybackUnderrun,
    Ready,
    SpeechEnded,
    SpeechResumed,
    Synthesized,
    TextChunkReady,
    TurnDone,
    TurnFailed,
    TurnInterrupted,
    UserTyped,
)
from voicecli.ui.view import LEVELS_KEPT, QUIET_DB, Exchange, Failure, Note, ViewModel


def exchange_of(*events: Event) -> Exchange:
    (exchange,) = view_of(READY, *events).exchanges
    return exchange


def test_state_follows_the_turn() -> None:
    steps: list[tuple[Event, str]] = [
        (READY, "Listening"),
        (started(), "Hearing"),
        (paused(), "Hearing"),
        (transcribed("Hello."), "Hearing"),
        (token("Hi."), "Hearing"),
        (ended(), "Thinking"),
        (TextChunkReady(at_s=2.7, turn=ONE, text="Hi.", source_end=3), "Thinking"),
        (Synthesized(at_s=2.8, turn=ONE, text="Hi.", audio_s=0.4, share=1.0), "Thinking"),
        (audible(), "Speaking"),
        (spoken_up_to(3), "Speaking"),
        (TurnDone(at_s=4.0, turn=ONE, spoken="Hi."), "Listening"),
        (MuteChanged(at_s=4.1, muted=True), "Muted"),
        (MuteChanged(at_s=4.2, muted=False), "Listening"),
    ]
    view = ViewModel()
    assert view.state == "Starting"
    for event, state in steps:
        view = view.apply(event)
        assert view.state == state, event


def test_only_an_answer_can_be_interrupted() -> None:
    assert not view_of(READY, started()).is_answering
    assert view_of(READY, started(), ended()).is_answering
    assert view_of(READY, started(), ended(), audible()).is_answering


def test_an_answer_can_be_interrupted_while_somebody_speaks_over_it() -> None:
    view = view_of(READY, *ASKED, ended(), audible(), started(TWO))
    assert view.state == "Hearing"
    assert view.is_answering


def test_no_text_is_a_command_to_the_terminal() -> None:
    evil = "a\x1b[2J\x9bb\r\n\x07"
    shown = "a\ufffd[2J\ufffdb \n\ufffd"
    exchange = exchange_of(*ASKED[:3], transcribed(evil), token(evil), ended(), audible())
    assert exchange.heard == (shown, "")
    assert exchange.answer == ("", shown)
    assert exchange.apply(TurnInterrupted(at_s=4, turn=ONE, spoken=evil, reopened=False)).answer == (shown, "")


def test_an_unavailable_component_is_shown_until_it_is_back() -> None:
    away = ComponentChanged(
        at_s=1.0, component="microphone", condition="unavailable", name="", message="It is gone.\x1b[2J"
    )
    back = ComponentChanged(at_s=2.0, component="microphone", condition="ok", name="Yeti", message="It is back.")
    lost = view_of(READY, away)
    assert [one.component for one in lost.problems] == ["microphone"]
    assert not lost.has_microphone
    assert lost.state == "Ready"
    assert "\x1b" not in lost.problems[0].message
    found = lost.apply(back)
    assert found.problems == ()
    assert found.ready is not None
    assert found.ready.microphone == "Yeti"
    assert [one.text for one in found.entries if isinstance(one, Note)][-1] == "It is back."


def test_what_happened_last_to_a_part_counts_even_before_all_is_ready() -> None:
    replaced = ComponentChanged(
        at_s=1.0, component="model", condition="fallback", name="small", message="The server is gone."
    )
    away = ComponentChanged(
        at_s=2.0, component="model", condition="unavailable", name="", message="The small one failed too."
    )
    assert view_of(replaced, away).problems == (away,)


def test_names_follow_what_is_in_use() -> None:
    speaker = ComponentChanged(
        at_s=1.0, component="speaker", condition="fallback", name="HDMI", message="The headset is gone."
    )
    model = ComponentChanged(
        at_s=2.0, component="model", condition="fallback", name="small", message="The server is gone."
    )
    voice = ComponentChanged(at_s=3.0, component="voice", condition="ok", name="bm_george", message="Another voice.")
    view = view_of(READY, speaker, model, voice)
    assert view.ready is not None
    assert (view.ready.speaker, view.ready.llm, view.ready.tts) == ("HDMI", "small", "bm_george")
    assert [one.component for one in view.problems] == ["speaker", "model"]


def test_names_of_devices_are_one_line() -> None:
    odd = Ready(at_s=0, microphone="Hands-Free\r\n (Jabra)", speaker="", stt="a", llm="b", llm_why="", tts="c")
    ready = view_of(odd).ready
    assert ready is not None
    assert ready.microphone == "Hands-Free (Jabra)"


def test_a_muted_microphone_does_not_hide_the_answer() -> None:
    view = view_of(READY, MuteChanged(at_s=0.5, muted=True), UserTyped(at_s=1, turn=ONE, text="Hi."))
    assert view.muted
    assert view.state == "Thinking"


def test_partials_are_firm_and_changing_words() -> None:
    assert exchange_of(started(), partial("Hello", "there")).heard == ("Hello ", "there")
    assert exchange_of(started(), partial("", "hell")).heard == ("", "hell")
    assert exchange_of(started(), partial("Hello ", "there")).heard == ("Hello ", "there")


def test_a_transcript_replaces_partials_and_late_partials_come_too_late() -> None:
    assert exchange_of(started(), partial("Hello", "there"), paused(), transcribed("Hello there.")).heard == (
        "Hello there.",
        "",
    )
    assert exchange_of(*ASKED, partial("Hello their", "")).heard == ("Hello there.", "")


def test_an_answer_shows_only_after_the_utterance_ended() -> None:
    assert exchange_of(*ASKED).answer == ("", "")
    assert exchange_of(*ASKED, ended()).answer == ("", "Hi you.")


def test_resumed_speech_voids_transcript_and_answer() -> None:
    resumed = exchange_of(*ASKED, SpeechResumed(at_s=2.6, turn=ONE))
    assert resumed.written == ""
    assert resumed.heard == ("Hello ", "there")
    again = exchange_of(
        *ASKED, SpeechResumed(at_s=2.6, turn=ONE), partial("Hello there", "my friend"), paused(at_s=3.2),
        transcribed("Hello there, my friend."), token("Welcome."), ended(at_s=3.6),
    )  # fmt: skip
    assert again.heard == ("Hello there, my friend.", "")
    assert again.answer == ("", "Welcome.")


def test_a_second_transcript_replaces_the_answer() -> None:
    assert exchange_of(*ASKED, transcribed("Hello bear."), token("Grr."), ended()).answer == ("", "Grr.")


def test_the_spoken_part_grows_and_never_shrinks() -> None:
    events = (*ASKED, ended(), audible(), spoken_up_to(3))
    assert exchange_of(*events).answer == ("Hi ", "you.")
    assert exchange_of(*events, spoken_up_to(1)).answer == ("Hi ", "you.")
    assert exchange_of(*events, TurnDone(at_s=4, turn=ONE, spoken="Hi you.")).answer == ("Hi you.", "")


def test_an_interrupted_answer_keeps_what_was_heard() -> None:
    events = (*ASKED, ended(), audible(), spoken_up_to(1))
    exchange = exchange_of(*events, TurnInterrupted(at_s=4, turn=ONE, spoken="Hi ", reopened=False))
    assert exchange.outcome == "interrupted"
    assert exchange.answer == ("Hi ", "you.")
    odd = exchange_of(*events, TurnInterrupted(at_s=4, turn=ONE, spoken="something else", reopened=False))
    assert odd.answer == ("Hi", " you."), "the word under way is whole"


def test_a_failure_has_its_stage_message_and_hint() -> None:
    failed = exchange_of(*ASKED, ended(), TurnFailed(at_s=3, turn=ONE, stage="llm", message="gone", hint="start it"))
    assert failed.failure == Failure("llm", "gone", "start it")
    assert failed.outcome == "failed"


def test_a_typed_question_is_final_at_once() -> None:
    typed = exchange_of(UserTyped(at_s=1, turn=ONE, text="Hi?"), transcribed("other"), token("Hello."))
    assert typed.typed
    assert typed.heard == ("Hi?", "")
    assert typed.answer == ("", "Hello.")


def test_a_sound_over_the_answer_leaves_only_a_remark() -> None:
    answering = (READY, started(), SpeechEnded(at_s=1, turn=ONE, ended_at_s=1))
    view = view_of(*answering, FalseInterruption(at_s=2, turn=ONE, text="Mm-hm.", reason="a listener's sound"))
    assert view.remark == "ignored: Mm-hm."
    assert view.is_answering
    view = view.apply(FalseInterruption(at_s=2, turn=ONE, text="", reason="no speech"))
    assert view.remark == "ignored: no speech"


def test_sound_without_words_leaves_only_a_remark() -> None:
    view = view_of(READY, started(), NothingHeard(at_s=2, turn=ONE, reason="low confidence"))
    assert view.entries == ()
    assert view.remark == "no words (low confidence)"
    assert view_of(READY, started(), NothingHeard(at_s=2, turn=ONE, reason="")).remark == "no words"
    assert view.apply(started(TWO)).remark == ""


def test_events_of_a_dead_turn_stay_with_it() -> None:
    view = view_of(
        READY,
        *ASKED,
        ended(),
        TurnInterrupted(at_s=3, turn=ONE, spoken="", reopened=False),
        started(TWO),
        token("late", ONE),
    )
    one, two = view.exchanges
    assert one.written.endswith("late")
    assert two.written == ""
    assert view.state == "Hearing"


def test_events_of_an_unknown_turn_change_nothing() -> None:
    view = view_of(READY)
    assert view.apply(token("?", TWO)) == view
    assert view.apply(Event(at_s=1)) == view


def test_a_repeated_start_does_not_open_a_second_exchange() -> None:
    assert len(view_of(READY, started(), started()).exchanges) == 1


def test_notes_stand_in_their_place() -> None:
    view = view_of(READY, Notice(at_s=0.5, text="No speaker."), started(), Notice(at_s=1.5, text="Speaker is back."))
    assert [one.text for one in view.entries if isinstance(one, Note)] == ["No speaker.", "Speaker is back."]
    assert isinstance(view.entries[1], Exchange)


def test_levels_are_kept_for_the_meter() -> None:
    assert ViewModel().level_db == QUIET_DB
    view = view_of(*(LevelMeasured(at_s=n / 10, level_db=-60.0 + n) for n in range(LEVELS_KEPT + 5)))
    assert len(view.levels_db) == LEVELS_KEPT
    assert view.level_db == view.levels_db[-1] == -60.0 + LEVELS_KEPT + 4


def test_troubles_are_counted() -> None:
    view = view_of(READY, FramesDropped(at_s=1, count=3), FramesDropped(at_s=2, count=2), *ASKED)
    view = view.apply(PlaybackUnderrun(at_s=3, turn=ONE, gap_s=0.2))
    assert (view.dropped_frames, view.underrun_gaps) == (5, 1)


def test_devices_that_are_missing() -> None:
    assert ViewModel().has_microphone
    assert ViewModel().has_speaker
    none = Ready(at_s=0, microphone="", speaker="", stt="a", llm="b", llm_why="", tts="c")
    assert not view_of(none).has_microphone
    assert not view_of(none).has_speaker


def test_latency_of_each_audible_turn_is_kept_once() -> None:
    view = view_of(READY, *ASKED, ended(), audible(at_s=3.0), audible(at_s=9.0))
    assert [one.voice_to_voice_s for one in view.latencies] == [1.0]
    assert view.exchanges[0].latency == view.latencies[0]


def test_latencies_of_typed_and_spoken_turns_are_compared_separately() -> None:
    view = view_of(READY, *ASKED, ended(), audible(at_s=3.0))
    assert [one.voice_to_voice_s for one in view.comparable_latencies] == [1.0]
    view = view.apply(UserTyped(at_s=10, turn=TWO, text="x")).apply(audible(TWO, 10.25))
    assert [one.voice_to_voice_s for one in view.comparable_latencies] == [pytest.approx(0.25)]
    assert len(view.latencies) == 2


turn_ids = st.sampled_from([ONE, TWO])
any_event = st.one_of(
    st.builds(started, turn_ids),
    st.builds(partial, st.text(max_size=5), st.text(max_size=5), turn_ids),
    st.builds(paused, turn_ids),
    st.builds(transcribed, st.text(max_size=5), turn_ids),
    st.builds(token, st.text(max_size=5), turn_ids),
    st.builds(ended, turn_ids),
    st.builds(audible, turn_ids),
    st.builds(spoken_up_to, st.integers(0, 99), turn_ids),
    st.builds(SpeechResumed, at_s=st.just(2.6), turn=turn_ids),
    st.builds(TurnDone, at_s=st.just(5.0), turn=turn_ids, spoken=st.text(max_size=5)),
    st.builds(TurnInterrupted, at_s=st.just(5.0), turn=turn_ids, spoken=st.text(max_size=5), reopened=st.booleans()),
    st.builds(NothingHeard, at_s=st.just(5.0), turn=turn_ids, reason=st.just("no speech")),
    st.builds(UserTyped, at_s=st.just(1.0), turn=turn_ids, text=st.text(max_size=5)),
    st.builds(Notice, at_s=st.just(1.0), text=st.text(max_size=5)),
    st.just(READY),
)


@given(st.lists(any_event, max_size=30))
def test_any_order_of_events_is_survived_and_no_word_of_an_answer_is_lost(events: list[Event]) -> None:
    view = view_of(*events)
    for exchange in view.exchanges:
        spoken, coming = exchange.answer
        assert spoken + coming == (exchange.written if exchange.released else "")
    turns = [exchange.turn for exchange in view.exchanges]
    assert len(turns) == len(set(turns))


def test_loading_messages_disappear_when_ready_and_warnings_stay() -> None:
    view = ViewModel()
    for event in (
        Notice(at_s=0.0, text="Loading the models…", passing=True),
        Notice(at_s=0.1, text="No microphone"),
        Ready(at_s=0.2, microphone="", speaker="", stt="", llm="", llm_why="", tts=""),
    ):
        view = view.apply(event)
    assert [entry.text for entry in view.entries if isinstance(entry, Note)] == ["No microphone"]


def test_wrong_speculation_is_counted_over_the_conversation() -> None:
    resumed = SpeechResumed(at_s=2.5, turn=ONE)
    view = view_of(READY, started(), paused(), resumed, paused(at_s=3.2), ended(at_s=3.6))
    assert (view.speculation.hits, view.speculation.misses) == (1, 1)
    assert view.speculation.wasted_s == pytest.approx(0.3)


def test_an_answer_that_came_too_early_is_removed() -> None:
    events = (*ASKED, ended(), audible(), spoken_up_to(3))
    exchange = exchange_of(*events, TurnInterrupted(at_s=4, turn=ONE, spoken="Hi ", reopened=True))
    assert (exchange.outcome, exchange.answer) == ("reopened", ("", ""))
    assert exchange.heard[0] == "Hello there."


def test_what_was_cut_is_forgotten_when_the_user_goes_on() -> None:
    view = view_of(READY, *ASKED, cut("loop"), SpeechResumed(at_s=2.6, turn=ONE))
    assert view.exchanges[0].cut is None
