"""A session hears utterances and ends each of them exactly once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.server.stage import Stage, ends, hold, say, silence, sound
from voicecli.replay import virtual_time
from voicecli.server.stt.listening import Control
from voicecli.server.stt.protocol import Failure, Final, Partial, Reply, SpeechEnded, SpeechStarted
from voicecli.types import Pcm

END_S = 1.0
"""More than any silence that ends an utterance."""


def run(*parts: Pcm | Control, partial_s: float = 0.5, took_s: float = 0.0) -> tuple[list[Reply], Stage]:
    """A session that says the parts: samples, or words between them."""

    async def session() -> tuple[list[Reply], Stage]:
        stage = Stage(took_s)
        listener, replies = stage.session(partial_s)

        async def script() -> None:
            for part in parts:
                await (listener.control(part) if isinstance(part, str) else say(listener, part))

        await hold(stage, listener, script)
        return replies, stage

    return virtual_time.run(session())


def kinds(replies: list[Reply]) -> list[str]:
    return [reply.type for reply in replies]


def test_an_utterance_from_its_start_to_its_final() -> None:
    replies, _ = run(silence(1), sound(1, 7), silence(END_S), partial_s=10)
    started, ended, final = replies
    assert isinstance(started, SpeechStarted)
    assert isinstance(ended, SpeechEnded)
    assert isinstance(final, Final)
    assert (started.at_s, ended.at_s) == (1.0, 2.0)
    assert (final.text, final.language, final.reason) == ("7", "en", "")
    assert final.timings.after_end_ms == pytest.approx(700, abs=21)  # the silence that ended it


def test_partials_come_while_it_lasts_and_settle() -> None:
    replies, _ = run(sound(2.2, 7), silence(END_S))
    partials = [(reply.stable, reply.unstable) for reply in replies if isinstance(reply, Partial)]
    assert partials == [("", "7"), ("7", "")]
    assert kinds(replies)[-2:] == ["speech_ended", "final"]


def test_the_final_was_decoded_in_the_first_silence() -> None:
    replies, stage = run(sound(1, 7), silence(END_S), partial_s=10, took_s=0.3)
    assert stage.recognizer.decodes == [("final", "7")]
    assert ends(replies) == [(1, "7")]
    final = replies[-1]
    assert isinstance(final, Final)
    assert final.timings.after_end_ms < 750


def test_who_goes_on_after_a_pause_has_one_final() -> None:
    replies, _ = run(sound(1, 7), silence(0.4), sound(1, 8), silence(END_S), partial_s=10)
    assert ends(replies) == [(1, "8")]
    assert kinds(replies) == ["speech_started", "speech_ended", "final"]


def test_utterances_are_reported_apart_and_in_order() -> None:
    replies, _ = run(sound(1, 7), silence(END_S), sound(1, 8), silence(END_S), took_s=2.0)
    assert ends(replies) == [(1, "7"), (2, "8")]


def test_flush_is_the_end() -> None:
    replies, _ = run(sound(1, 7), "flush", sound(1, 8), "flush", partial_s=10)
    assert ends(replies) == [(1, "7"), (2, "8")]


def test_flush_in_silence_says_that_there_is_nothing() -> None:
    (reply,) = run(silence(1), "flush")[0]
    assert isinstance(reply, Failure)
    assert (reply.code, reply.utterance) == ("nothing_to_flush", None)


def test_what_is_cancelled_ends_without_words() -> None:
    replies, stage = run(sound(1, 7), "cancel", sound(1, 8), silence(END_S), partial_s=10)
    assert ends(replies) == [(1, "(cancelled)"), (2, "8")]
    assert stage.recognizer.decodes == [("final", "8")]


def test_cancel_ends_finals_that_are_awaited_too() -> None:
    replies, _ = run(sound(1, 7), silence(END_S), sound(0.5, 8), "cancel", took_s=9.0, partial_s=99)
    assert ends(replies) == [(1, "(cancelled)"), (2, "(cancelled)")]


def test_stop_ends_what_is_being_said() -> None:
    assert ends(run(sound(1, 7))[0]) == [(1, "7")]


def test_what_is_too_short_ends_without_words() -> None:
    assert ends(run(sound(0.14, 7), silence(END_S))[0]) == [(1, "(too short)")]


def test_a_failure_ends_its_utterance_and_no_other() -> None:
    replies, _ = run(sound(1, -7), silence(END_S), sound(1, 8), silence(END_S))
    assert ends(replies) == [(1, "it broke"), (2, "8")]


CONTROLS: tuple[Control, ...] = ("flush", "cancel")

step: st.SearchStrategy[Pcm | Control] = st.one_of(
    st.builds(sound, st.floats(0.02, 1.2), st.integers(-2, 9).filter(bool)),
    st.builds(silence, st.floats(0.02, 1.5)),
    st.sampled_from(CONTROLS),
)


@given(st.lists(step, max_size=8), st.sampled_from([0.0, 0.3, 2.0]))
@settings(max_examples=60)
def test_each_utterance_has_exactly_one_end(steps: list[Pcm | Control], took_s: float) -> None:
    replies, _ = run(*steps, took_s=took_s)
    started = [reply.utterance for reply in replies if isinstance(reply, SpeechStarted)]
    assert [utterance for utterance, _ in ends(replies)] == started == list(range(1, len(started) + 1))


def test_a_client_that_sends_faster_than_it_is_heard_is_slowed_down() -> None:
    async def session() -> tuple[list[Reply], bool]:
        stage = Stage()
        listener, replies = stage.session()

        async def script() -> None:
            await listener.push_audio(sound(60, 7))  # more than may wait: it returns once the rest is heard

        await hold(stage, listener, script)
        return replies, True

    replies, _ = virtual_time.run(session())
    assert ends(replies) == [(1, "7")]


def test_an_utterance_in_one_go_has_one_final_whatever_is_in_it() -> None:
    async def session() -> list[Reply]:
        stage = Stage()
        listener, replies = stage.session()

        async def script() -> None:
            await listener.push_utterance(sound(2, 7))
            await listener.push_utterance(silence(2))
            await say(listener, sound(1, 8))
            await listener.push_utterance(sound(2, 9))

        await hold(stage, listener, script)
        return replies

    assert ends(virtual_time.run(session())) == [(1, "7"), (2, "(no speech)"), (3, "8"), (4, "9")]
