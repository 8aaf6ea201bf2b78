from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicecli.conversation.history import (
    AFTER_CALLS,
    INTERRUPTED,
    MESSAGE_TOKENS,
    NEARLY_FULL,
    History,
    estimated_tokens,
    heard_source_end,
    whole_words,
)
from voicecli.types import Message, PlaybackChunk, ToolCall, TurnId, WordEnd

RATE_HZ = 1000


def chunk(seconds: float, source_end: int, *words: tuple[float, int]) -> PlaybackChunk:
    ends = tuple(WordEnd(*word) for word in words)
    return PlaybackChunk(TurnId(1), np.zeros(round(seconds * RATE_HZ), np.int16), RATE_HZ, source_end, ends)


def roles(messages: list[Message]) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in messages]


def test_asking_remembers_nothing() -> None:
    history = History("Be brief.", 1000)
    assert roles(history.prompt("hi")) == [("system", "Be brief."), ("user", "hi")]
    assert history.prompt("hello")[1:] == [Message("user", "hello")]


def test_every_request_begins_like_the_one_before() -> None:
    history = History("Be brief.", 1000)
    first = history.prompt("one")
    history.add("one", "First answer.")
    second = history.prompt("two")
    assert second[: len(first)] == first


def test_a_question_without_an_answer_is_asked_along_with_the_next() -> None:
    history = History("", 1000)
    history.add("my name is Ada", " ")
    assert roles(history.prompt("who am I"))[1:] == [("user", "my name is Ada who am I")]
    history.add("who am I", "Ada.")
    assert roles(history.prompt("thanks"))[1:] == [
        ("user", "my name is Ada who am I"),
        ("assistant", "Ada."),
        ("user", "thanks"),
    ]


def test_the_question_after_an_answer_that_was_cut_says_so_and_is_remembered_so() -> None:
    history = History("", 1000)
    before = history.prompt("tell me a story")
    history.add("tell me a story", "Once upon a", cut=True)
    asked = history.prompt("stop")
    assert roles(asked)[1:] == [
        ("user", "tell me a story"),
        ("assistant", "Once upon a"),
        ("user", f"{INTERRUPTED} stop"),
    ]
    assert asked[: len(before)] == before
    history.add("stop", "Fine.")
    later = history.prompt("thanks")
    assert later[: len(asked)] == asked
    assert roles(later)[-1] == ("user", "thanks")


def test_an_interruption_without_an_answer_of_its_own_is_reported_once() -> None:
    history = History("", 1000)
    history.add("tell me a story", "Once upon a", cut=True)
    history.add("wait", "")
    assert roles(history.prompt("stop"))[-1] == ("user", f"{INTERRUPTED} wait stop")


def test_an_answer_that_nobody_heard_was_not_interrupted() -> None:
    history = History("", 1000)
    history.add("tell me", "", cut=True)
    assert roles(history.prompt("a story"))[1:] == [("user", "tell me a story")]


def test_a_full_context_is_half_empty_afterwards_and_pairs_stay_together() -> None:
    history = History("s", 200)
    for index in range(20):
        history.add(f"question {index}", "answer " * 3)
    messages = history.prompt("last")
    assert sum(map(estimated_tokens, messages)) <= 100
    assert [message.role for message in messages[1:]] == ["user", "assistant"] * ((len(messages) - 2) // 2) + ["user"]
    assert len(messages) > 4


def test_a_question_longer_than_the_context_is_still_asked() -> None:
    history = History("s", 10)
    history.add("one", "two")
    assert roles(history.prompt("x" * 100)) == [("system", "s"), ("user", "x" * 100)]


def test_the_newest_exchange_may_take_more_than_half_of_the_context() -> None:
    history = History("", 100)
    history.add("one", "two")
    history.add("three", "x" * 100)
    history.add("four", "")
    assert roles(history.prompt("five" * 10))[1:] == [
        ("user", "three"),
        ("assistant", "x" * 100),
        ("user", "four " + "five" * 10),
    ]


def test_questions_that_nobody_answers_do_not_fill_the_context() -> None:
    history = History("", 100)
    for _ in range(50):
        history.add("is anybody there", "")
        assert sum(map(estimated_tokens, history.prompt("hello"))) <= 100
    assert roles(history.prompt("hello"))[-1][1].endswith("is anybody there hello")


def test_each_message_and_each_byte_count() -> None:
    assert estimated_tokens(Message("user", "")) == MESSAGE_TOKENS
    assert estimated_tokens(Message("user", "नमस्ते")) == MESSAGE_TOKENS + 12
    assert estimated_tokens(Message("user", "\ud800")) > MESSAGE_TOKENS


WORD = st.characters(categories=["L"], max_codepoint=0x2FFF)
"""Letters of scripts with spaces between words: an answer of one long word is never taken for rubbish."""

TURNS = st.lists(
    st.tuples(st.text(max_size=60), st.one_of(st.just(""), st.text(WORD, max_size=400)), st.booleans()), max_size=40
)


def prompt(messages: list[Message]) -> str:
    """What a model reads; the last question goes on."""
    return "".join(f"<{message.role}>{message.text}" for message in messages)


@given(TURNS, st.integers(30, 400))
def test_the_prompt_fits_begins_with_the_system_prompt_and_ends_with_the_newest(
    turns: list[tuple[str, str, bool]], room_tokens: int
) -> None:
    history, endless = History("Be brief.", room_tokens), History("Be brief.", 1_000_000)
    for question, heard, cut in turns:
        messages = history.prompt(question)
        tokens = sum(map(estimated_tokens, messages))
        assert messages[0] == Message("system", "Be brief.")
        assert messages[-1].text.endswith(question)
        assert tokens <= room_tokens or messages[1:] == [Message("user", question)]
        newest = endless.prompt(question)[1:][-3:]
        if sum(map(estimated_tokens, [messages[0], *newest])) <= room_tokens:
            assert messages[-len(newest) :] == newest
        history.add(question, heard, cut=cut)
        endless.add(question, heard, cut=cut)


@given(TURNS, st.integers(60, 400))
def test_between_two_drops_the_prompt_only_grows_at_its_end_and_a_drop_makes_much_room(
    turns: list[tuple[str, str, bool]], room_tokens: int
) -> None:
    history, before = History("Be brief.", room_tokens), ""
    for question, heard, cut in turns:
        for remembered in (False, True):
            if remembered:
                history.add(question, heard, cut=cut)
            messages = history.prompt("" if remembered else question)
            if not prompt(messages).startswith(before):
                exchanges = (len(messages) - 2) // 2
                assert sum(map(estimated_tokens, messages)) <= room_tokens / 2 or exchanges <= 1
            before = prompt(messages).rstrip()


def test_what_was_heard_is_counted_chunk_by_chunk_and_evenly_inside_one() -> None:
    chunks = [chunk(1.0, 10), chunk(2.0, 50)]
    assert [heard_source_end(chunks, heard_s) for heard_s in (0.0, 0.5, 1.0, 2.0, 3.0, 9.0)] == [0, 5, 10, 30, 50, 50]
    assert heard_source_end([], 1.0) == 0


def test_inside_a_chunk_that_tells_of_its_words_each_end_is_exact() -> None:
    chunks = [chunk(1.0, 4, (0.8, 4)), chunk(2.0, 20, (0.2, 10), (0.2, 11), (1.5, 18))]
    ends = [heard_source_end(chunks, heard_s) for heard_s in (0.4, 0.8, 0.9, 1.1, 1.21, 2.5, 2.75, 3.0)]
    assert ends == [2, 4, 4, 7, 11, 18, 19, 20]


def test_words_that_end_with_the_chunk_leave_nothing_after_them() -> None:
    assert heard_source_end([chunk(1.0, 4, (0.0, 1), (1.0, 4))], 0.0) == 1
    assert heard_source_end([chunk(1.0, 4, (0.0, 1), (1.0, 4))], 1.0) == 4


def test_an_empty_chunk_takes_no_time() -> None:
    assert heard_source_end([chunk(0.0, 4), chunk(1.0, 10)], 0.5) == 7


def test_a_word_that_was_cut_does_not_count() -> None:
    text = "Once upon a time"
    assert whole_words(text, 12) == "Once upon a"
    assert whole_words(text, 11) == "Once upon a"
    assert whole_words(text, 14) == "Once upon a"
    assert whole_words(text, 2) == ""
    assert whole_words("**Once** upon", 0) == ""
    assert whole_words(text, 99) == text


def test_marks_that_close_a_word_belong_to_it() -> None:
    text = 'It is **noon**, see ["my clock"](http://clock.example) there.'
    assert whole_words(text, text.index("noon") + 4) == "It is **noon**,"
    assert whole_words(text, text.index("clock") + 5) == 'It is **noon**, see ["my clock"](http://clock.example)'
    assert whole_words(text, text.index("noon") + 3) == "It is"
    assert whole_words(text, text.index("there") + 5) == text


@st.composite
def spoken(draw: st.DrawFn) -> list[PlaybackChunk]:
    """Chunks of an answer, some of which tell of their words."""
    chunks: list[PlaybackChunk] = []
    for seconds in draw(st.lists(st.floats(0.1, 3), max_size=6)):
        begin, length = chunks[-1].source_end if chunks else 0, draw(st.integers(1, 40))
        places = st.lists(st.tuples(st.floats(0, 1), st.integers(0, length)), max_size=4)
        shares, offsets = zip(*draw(places) or [(0.0, 0)], strict=True)
        ends = zip(sorted(shares), sorted(offsets), strict=True)
        audio_s = chunk(seconds, 0).audio_s
        chunks.append(chunk(seconds, begin + length, *((share * audio_s, begin + end) for share, end in ends)))
    return chunks


@given(spoken(), st.floats(0, 20), st.floats(0, 20))
def test_more_sound_never_means_less_text(chunks: list[PlaybackChunk], one_s: float, other_s: float) -> None:
    early, late = sorted((one_s, other_s))
    end = chunks[-1].source_end if chunks else 0
    assert 0 <= heard_source_end(chunks, early) <= heard_source_end(chunks, late) <= end


@given(spoken())
def test_all_of_the_sound_is_all_of_the_text(chunks: list[PlaybackChunk]) -> None:
    assert heard_source_end(chunks, 100.0) == (chunks[-1].source_end if chunks else 0)


@given(spoken())
def test_a_word_counts_from_its_end_on(chunks: list[PlaybackChunk]) -> None:
    for one in chunks[:1]:
        for word in one.words:
            assert heard_source_end(chunks, word.at_s) >= word.source_end


def test_what_is_forgotten_is_asked_along_no_more() -> None:
    history = History("Be brief.", 1000)
    history.add("First?", "One.")
    history.add("Second?", "")
    history.forget()
    assert [message.text for message in history.prompt("Third?")] == ["Be brief.", "Third?"]


def test_a_text_without_spaces_is_cut_between_two_characters() -> None:
    assert whole_words("今日は晴れです。明日は雨です。", 9) == "今日は晴れです。明"
    assert whole_words("今日は晴れ", 0) == ""
    assert whole_words("これはLinuxです", 5) == ""  # inside a word of another script


def test_the_prompt_ends_with_what_was_added_until_that_changes() -> None:
    history = History("Be brief.", 1000)
    assert history.prompt("Hello.")[0].text == "Be brief."
    history.add_to_prompt("Answer in French.")
    assert history.prompt("Bonjour.")[0].text == "Be brief. Answer in French."
    history.set_system_prompt("You are a pirate.")
    assert history.prompt("Bonjour.")[0].text == "You are a pirate. Answer in French."
    history.add_to_prompt("")
    assert history.prompt("Hello.")[0].text == "You are a pirate."


CALL = ToolCall("1", "look", '{"at": "noon"}')
MADE = (Message("assistant", "", calls=(CALL,)), Message("tool", "a fox", answers=CALL))


def test_calls_stand_between_a_question_and_its_answer() -> None:
    history = History("Be brief.", 4000)
    history.add("look", "A fox.", calls=MADE)
    assert history.prompt("and now")[1:] == [
        Message("user", "look"),
        *MADE,
        Message("assistant", "A fox."),
        Message("user", "and now"),
    ]


def test_calls_whose_answer_nobody_heard_are_not_asked_for_again() -> None:
    history = History("Be brief.", 4000)
    history.add("look", "", cut=True, calls=MADE)
    assert roles(history.prompt("stop"))[1:] == [
        ("user", "look"),
        ("assistant", ""),
        ("tool", "a fox"),
        ("assistant", AFTER_CALLS),
        ("user", f"{INTERRUPTED} stop"),
    ]


def test_an_exchange_is_dropped_with_all_its_calls() -> None:
    history = History("Be brief.", 4000)
    history.add("one", "two", calls=MADE)
    history.add("three", "four", calls=MADE)
    assert history.halve()
    assert roles(history.prompt("five"))[1][1] == "three"
    assert history.halve()
    assert len(history.prompt("five")) == 2
    assert not history.halve()


def test_what_each_prompt_has_beside_its_messages_takes_room() -> None:
    history = History("", 200)
    history.add("a" * 100, "b" * 100)
    assert len(history.prompt("c")) == 4
    history.reserve_tokens(100)
    assert len(history.prompt("c")) == 2


def test_a_call_takes_room_too() -> None:
    called, plain = Message("assistant", "", calls=(CALL,)), Message("assistant", "")
    assert estimated_tokens(called) > estimated_tokens(plain) + MESSAGE_TOKENS


TURNS_WITH_CALLS = st.lists(
    st.tuples(st.text(max_size=40), st.sampled_from(["", "yes"]), st.booleans(), st.booleans()), max_size=20
)


@given(TURNS_WITH_CALLS)
def test_every_result_follows_its_call_and_every_call_has_one(turns: list[tuple[str, str, bool, bool]]) -> None:
    history = History("Be brief.", 300)
    for question, heard, cut, calls in turns:
        messages = history.prompt(question)
        for before, message in zip(messages, messages[1:], strict=False):
            assert (message.role == "tool") == bool(before.calls)
            assert not (before.role == message.role == "user")
        history.add(question, heard, cut=cut, calls=MADE if calls else ())


def test_room_is_made_before_it_is_needed_and_in_one_step() -> None:
    history = History("", 400)
    made = []
    for number in range(40):
        history.add(f"question number {number}", f"Answer {number} of a sentence.")
        made.append(history.make_room())
        assert sum(map(estimated_tokens, history.prompt(""))) <= NEARLY_FULL * 400
    assert made.count(True) * 4 < len(made)


def test_what_was_said_last_stays_however_long_it_is() -> None:
    history = History("", 140)
    history.add("tell me everything", " ".join(map(str, range(1000, 1040))))
    assert not history.make_room()
    assert len(history.prompt("")) == 4


def test_only_a_reopened_question_is_taken_back_and_once() -> None:
    history = History("Be brief.", 4096)
    history.add("Where is it?", "")
    assert history.withdraw_question() == ""
    history.add("And when?", "", reopened=True)
    assert history.withdraw_question() == "And when?"
    assert history.withdraw_question() == ""
    assert history.prompt("Now?")[-1].text == "Where is it? Now?"
    history.add("Why?", "", reopened=True)
    history.add("How?", "So.")
    assert history.withdraw_question() == ""
