"""Clients at real pace, on a virtual clock, against a server that is a script."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import numpy as np
import pytest

from voicecli.bench.clients import SeedClient, StreamClient, WhisperLiveClient
from voicecli.bench.load import NOISE_DB, Pace, load, share
from voicecli.bench.load_report import Session
from voicecli.bench.speech import Utterance
from voicecli.bench.wire import Gone, Wire
from voicecli.errors import BackendUnavailable
from voicecli.replay import virtual_time
from voicecli.types import FRAME_SAMPLES, LISTEN_RATE_HZ

LOUD = np.full(round(1.5 * LISTEN_RATE_HZ), 8000, np.int16)
UTTERANCE = Utterance("order.wav", LOUD, voiced_from_s=0.3, voiced_until_s=1.4, slots=("latte",))
OTHER = dataclasses.replace(UTTERANCE, name="other.wav")
END = Gone(1000, "")


class ScriptedWire:
    """Takes what is sent; `answer(n, message)` is asked for the replies to the n-th message, with their delays."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.sent: list[tuple[float, str | bytes]] = []
        self._replies: asyncio.Queue[str | Gone] = asyncio.Queue()
        self._over: Gone | None = None

    async def send(self, message: str | bytes) -> None:
        if self._over:
            raise self._over
        loop = asyncio.get_running_loop()
        self.sent.append((loop.time(), message))
        for delay_s, reply in self._answer(len(self.sent), message):
            loop.call_later(delay_s, self._replies.put_nowait, reply)

    async def receive(self) -> str:
        reply = await self._replies.get()
        if isinstance(reply, Gone):
            self._over = reply
            raise reply
        return reply


Answer = Callable[[int, str | bytes], list[tuple[float, str | Gone]]]


class ScriptedServer:
    """Gives each session a wire; the first `places` of them."""

    def __init__(self, answer: Answer, places: int = 99, refusal: Exception | None = None) -> None:
        self._answer = answer
        self._places = places
        self._refusal = refusal or Gone(1013, "full")
        self.wires: list[ScriptedWire] = []

    @asynccontextmanager
    async def connect(self, path: str) -> AsyncIterator[Wire]:
        assert path in ("/ws", "/")
        if len(self.wires) >= self._places:
            raise self._refusal
        self.wires.append(ScriptedWire(self._answer))
        yield self.wires[-1]


def silent(number: int, message: str | bytes) -> list[tuple[float, str | Gone]]:
    return []


def final_after(delay_s: float, frame: int = 70) -> Answer:
    """Says one text so long after the 70th frame, whose end is the end of speech."""
    return lambda number, _: [(delay_s, "A latte.")] if number == frame else []


def run(speaking: Coroutine[None, None, list[Session]]) -> list[Session]:
    return virtual_time.run(speaking)


def test_frames_leave_at_the_pace_of_a_microphone_and_after_the_words_comes_noise() -> None:
    server = ScriptedServer(final_after(0.6))
    (session,) = run(load(server.connect, StreamClient, [UTTERANCE], 1, Pace(1)))
    times, frames = zip(*server.wires[0].sent, strict=True)
    assert np.diff(times) == pytest.approx(0.02)
    assert {len(frame) for frame in frames} == {2 * FRAME_SAMPLES}
    heard = np.frombuffer(b"".join(frames), np.int16).astype(float)
    assert (heard[: len(LOUD)] == 8000).all()
    noise = heard[len(LOUD) :]
    assert 20 * np.log10(np.sqrt(np.mean(noise**2)) / 32768) == pytest.approx(NOISE_DB, abs=0.5)
    (said,) = session.said
    assert said.final_s == pytest.approx(0.6, abs=0.001)
    assert said.audio_s == pytest.approx(1.4 + 1.5, abs=0.03)  # silence for 1.5 s at least
    assert said.voiced_s == pytest.approx(1.1)
    assert said.late_s == pytest.approx(0, abs=1e-6)
    assert (said.name, said.slots, said.text) == ("order.wav", ("latte",), "A latte.")


def test_a_final_is_waited_for_and_then_given_up() -> None:
    slow = run(load(ScriptedServer(final_after(5.0)).connect, StreamClient, [UTTERANCE], 1, Pace(1)))
    assert slow[0].said[0].final_s == pytest.approx(5.0, abs=0.001)
    never = run(load(ScriptedServer(silent).connect, StreamClient, [UTTERANCE], 1, Pace(1)))
    assert never[0].said[0].final_s is None
    assert never[0].said[0].audio_s == pytest.approx(1.4 + 8.0, abs=0.03)


def test_words_from_the_middle_of_an_utterance_are_not_its_end() -> None:
    def answer(number: int, message: str | bytes) -> list[tuple[float, str | Gone]]:
        return {30: [(0.0, "A")], 70: [(1.0, "latte.")]}.get(number, [])  # type: ignore[return-value]

    (session,) = run(load(ScriptedServer(answer).connect, StreamClient, [UTTERANCE], 1, Pace(1)))
    assert session.said[0].final_s == pytest.approx(1.0, abs=0.001)
    assert session.said[0].text == "A latte."
    early = run(load(ScriptedServer(final_after(0.0, 30)).connect, StreamClient, [UTTERANCE], 1, Pace(1)))
    assert early[0].said[0].final_s is None


def test_an_error_is_no_final_and_is_not_waited_beyond() -> None:
    server = ScriptedServer(lambda number, _: [(0.5, "ERROR: no memory")] if number == 70 else [])
    (session,) = run(load(server.connect, StreamClient, [UTTERANCE], 1, Pace(1)))
    (said,) = session.said
    assert (said.final_s, said.trouble) == (None, "ERROR: no memory")
    assert said.audio_s == pytest.approx(1.4 + 1.5, abs=0.03)


def test_a_client_that_finds_the_end_itself_sends_all_in_one_half_a_second_later() -> None:
    server = ScriptedServer(lambda number, _: [(1.2, "A latte.")])
    (session,) = run(load(server.connect, SeedClient, [UTTERANCE, OTHER], 1, Pace(2)))
    assert len(server.wires[0].sent) == 2  # one message an utterance
    message = server.wires[0].sent[0][1]
    assert isinstance(message, bytes)
    first = np.frombuffer(message, np.int16)
    assert len(first) / LISTEN_RATE_HZ == pytest.approx(1.9, abs=0.021)
    assert [one.name for one in session.said] == ["order.wav", "other.wav"]
    assert session.said[0].final_s == pytest.approx(1.7, abs=0.021)


def test_clients_begin_one_after_the_other_and_say_different_things() -> None:
    server = ScriptedServer(final_after(0.6))
    sessions = run(load(server.connect, StreamClient, [UTTERANCE, OTHER], 2, Pace(1)))
    first, second = (wire.sent[0][0] for wire in server.wires)
    assert second - first == pytest.approx(0.37)
    assert [session.said[0].name for session in sessions] == ["order.wav", "other.wav"]
    assert [one.name for one in share([UTTERANCE, OTHER], 1, 3)] == ["other.wav", "order.wav", "other.wav"]


def test_who_is_not_let_in_is_counted_and_the_others_go_on() -> None:
    server = ScriptedServer(final_after(0.6), places=1)
    sessions = run(load(server.connect, StreamClient, [UTTERANCE], 3, Pace(1)))
    assert [session.refused for session in sessions] == ["", "1013 full", "1013 full"]
    assert sessions[0].said[0].final_s == pytest.approx(0.6, abs=0.001)


def test_a_session_that_is_closed_as_soon_as_it_is_open_was_refused() -> None:
    server = ScriptedServer(lambda number, _: [(0.0, Gone(1013, "full"))] if number == 1 else [])
    assert run(load(server.connect, StreamClient, [UTTERANCE], 1, Pace(1))) == [Session(refused="1013 full")]


def test_a_session_that_ends_in_the_middle_is_lost_and_its_utterance_has_no_final() -> None:
    server = ScriptedServer(lambda number, _: [(0.0, Gone(1006, "connection lost"))] if number == 40 else [])
    (session,) = run(load(server.connect, StreamClient, [UTTERANCE, OTHER], 1, Pace(2)))
    assert session.lost == "1006 connection lost"
    assert [one.answered for one in session.said] == [False]


def test_a_server_that_is_none_of_this_kind_is_an_error() -> None:
    refused = ScriptedServer(silent, places=0, refusal=Gone(404, "Not Found"))
    with pytest.raises(ExceptionGroup) as caught:
        run(load(refused.connect, StreamClient, [UTTERANCE], 1, Pace(1)))
    assert caught.group_contains(BackendUnavailable, match="404 Not Found")


def test_no_word_is_said_before_the_greeting_and_none_after_a_refusal() -> None:
    wait = '{"uid": "u", "status": "WAIT", "message": 2.0}'
    full = ScriptedServer(lambda number, _: [(3.0, wait)])
    assert run(load(full.connect, WhisperLiveClient, [UTTERANCE], 1, Pace(1))) == [Session(refused="wait 2 min")]
    assert len(full.wires[0].sent) == 1
    mute = ScriptedServer(silent)
    (session,) = run(load(mute.connect, WhisperLiveClient, [UTTERANCE], 1, Pace(1)))
    assert (session.said, session.lost) == ((), "0 no greeting within 30 s")


def test_a_session_is_greeted_speaks_and_says_goodbye() -> None:
    def answer(number: int, message: str | bytes) -> list[tuple[float, str | Gone]]:
        if number == 1:
            return [(2.0, '{"uid": "u", "message": "SERVER_READY", "backend": "faster_whisper"}')]
        reported = '{"uid": "u", "segments": [{"start": "0.3", "end": "1.4", "text": " A latte.", "completed": true}]}'
        return [(0.4, reported)] if number == 71 else []

    server = ScriptedServer(answer)
    (session,) = run(load(server.connect, WhisperLiveClient, [UTTERANCE], 1, Pace(1)))
    (hello_s, _), (first_s, _), *_, (_, last) = server.wires[0].sent
    assert first_s - hello_s == pytest.approx(2.02)
    assert last == b"END_OF_AUDIO"
    assert session.said[0].final_s == pytest.approx(0.4, abs=0.001)
