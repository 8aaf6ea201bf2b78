"""Clients at real pace, on a virtual clock, against a server that is a script."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import numpy as np
import pytest

from benchmarks.serve_stt import VoiceAgentGuideClient, WhisperLiveClient
from tests.unit.bench.plain_client import PlainClient
from voicecli.bench.load import NOISE_DB, Pace, load, share
from voicecli.bench.load_client import SessionClosed, Transport
from voicecli.bench.load_report import Session
from voicecli.bench.speech import Utterance
from voicecli.errors import BackendUnavailable
from voicecli.replay import virtual_time
from voicecli.types import FRAME_SAMPLES, LISTEN_RATE_HZ

LOUD = np.full(round(1.5 * LISTEN_RATE_HZ), 8000, np.int16)
UTTERANCE = Utterance("order.wav", LOUD, voiced_from_s=0.3, voiced_until_s=1.4, slots=("latte",))
OTHER = dataclasses.replace(UTTERANCE, name="other.wav")
END = SessionClosed(1000, "")


class ScriptedTransport:
    """Record what is sent; `answer(n, message)` returns the replies to the n-th message, with their delays."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.sent: list[tuple[float, str | bytes]] = []
        self._replies: asyncio.Queue[str | SessionClosed] = asyncio.Queue()
        self._over: SessionClosed | None = None

    async def send(self, message: str | bytes) -> None:
        if self._over:
            raise self._over
        loop = asyncio.get_running_loop()
        self.sent.append((loop.time(), message))
        for delay_s, reply in self._answer(len(self.sent), message):
            loop.call_later(delay_s, self._replies.put_nowait, reply)

    async def receive(self) -> str:
        reply = await self._replies.get()
        if isinstance(reply, SessionClosed):
            self._over = reply
            raise reply
        return reply


Answer = Callable[[int, str | bytes], list[tuple[float, str | SessionClosed]]]


class ScriptedServer:
    """Give a transport to each of the first `places` sessions."""

    def __init__(self, answer: Answer, places: int = 99, refusal: Exception | None = None) -> None:
        self._answer = answer
        self._places = places
        self._refusal = refusal or SessionClosed(1013, "full")
        self.transports: list[ScriptedTransport] = []

    @asynccontextmanager
    async def connect(self, path: str) -> AsyncIterator[Transport]:
        assert path in ("/ws", "/")
        if len(self.transports) >= self._places:
            raise self._refusal
        self.transports.append(ScriptedTransport(self._answer))
        yield self.transports[-1]


def silent(number: int, message: str | bytes) -> list[tuple[float, str | SessionClosed]]:
    return []


def final_after(delay_s: float, frame: int = 70) -> Answer:
    """Send one text `delay_s` after the 70th frame, whose end is the end of speech."""
    return lambda number, _: [(delay_s, "A latte.")] if number == frame else []


def run(speaking: Coroutine[None, None, list[Session]]) -> list[Session]:
    return virtual_time.run(speaking)


def test_frames_are_sent_at_the_pace_of_a_microphone_with_noise_after_the_speech() -> None:
    server = ScriptedServer(final_after(0.6))
    (session,) = run(load(server.connect, PlainClient, [UTTERANCE], 1, Pace(1)))
    times, frames = zip(*server.transports[0].sent, strict=True)
    assert np.diff(times) == pytest.approx(0.02)
    assert {len(frame) for frame in frames} == {2 * FRAME_SAMPLES}
    heard = np.frombuffer(b"".join(frames), np.int16).astype(float)
    assert (heard[: len(LOUD)] == 8000).all()
    noise = heard[len(LOUD) :]
    assert 20 * np.log10(np.sqrt(np.mean(noise**2)) / 32768) == pytest.approx(NOISE_DB, abs=0.5)
    (said,) = session.results
    assert said.final_s == pytest.approx(0.6, abs=0.001)
    assert said.audio_s == pytest.approx(1.4 + 1.5, abs=0.03)  # silence for 1.5 s at least
    assert said.voiced_s == pytest.approx(1.1)
    assert said.late_s == pytest.approx(0, abs=1e-6)
    assert (said.name, said.slots, said.text) == ("order.wav", ("latte",), "A latte.")


def test_waiting_for_a_final_has_a_limit() -> None:
    slow = run(load(ScriptedServer(final_after(5.0)).connect, PlainClient, [UTTERANCE], 1, Pace(1)))
    assert slow[0].results[0].final_s == pytest.approx(5.0, abs=0.001)
    never = run(load(ScriptedServer(silent).connect, PlainClient, [UTTERANCE], 1, Pace(1)))
    assert never[0].results[0].final_s is None
    assert never[0].results[0].audio_s == pytest.approx(1.4 + 8.0, abs=0.03)


def test_text_from_the_middle_of_an_utterance_is_not_its_final() -> None:
    def answer(number: int, message: str | bytes) -> list[tuple[float, str | SessionClosed]]:
        return {30: [(0.0, "A")], 70: [(1.0, "latte.")]}.get(number, [])  # type: ignore[return-value]

    (session,) = run(load(ScriptedServer(answer).connect, PlainClient, [UTTERANCE], 1, Pace(1)))
    assert session.results[0].final_s == pytest.approx(1.0, abs=0.001)
    assert session.results[0].text == "A latte."
    early = run(load(ScriptedServer(final_after(0.0, 30)).connect, PlainClient, [UTTERANCE], 1, Pace(1)))
    assert early[0].results[0].final_s is None


def test_an_error_is_not_a_final_and_ends_the_wait() -> None:
    server = ScriptedServer(lambda number, _: [(0.5, "ERROR: no memory")] if number == 70 else [])
    (session,) = run(load(server.connect, PlainClient, [UTTERANCE], 1, Pace(1)))
    (said,) = session.results
    assert (said.final_s, said.errors) == (None, "ERROR: no memory")
    assert said.audio_s == pytest.approx(1.4 + 1.5, abs=0.03)


def test_a_client_that_detects_the_end_itself_sends_the_utterance_half_a_second_later() -> None:
    server = ScriptedServer(lambda number, _: [(1.2, "A latte.")])
    (session,) = run(load(server.connect, VoiceAgentGuideClient, [UTTERANCE, OTHER], 1, Pace(2)))
    assert len(server.transports[0].sent) == 2  # one message an utterance
    message = server.transports[0].sent[0][1]
    assert isinstance(message, bytes)
    first = np.frombuffer(message, np.int16)
    assert len(first) / LISTEN_RATE_HZ == pytest.approx(1.9, abs=0.021)
    assert [one.name for one in session.results] == ["order.wav", "other.wav"]
    assert session.results[0].final_s == pytest.approx(1.7, abs=0.021)


def test_clients_begin_one_after_the_other_and_say_different_things() -> None:
    server = ScriptedServer(final_after(0.6))
    sessions = run(load(server.connect, PlainClient, [UTTERANCE, OTHER], 2, Pace(1)))
    first, second = (transport.sent[0][0] for transport in server.transports)
    assert second - first == pytest.approx(0.37)
    assert [session.results[0].name for session in sessions] == ["order.wav", "other.wav"]
    assert [one.name for one in share([UTTERANCE, OTHER], 1, 3)] == ["other.wav", "order.wav", "other.wav"]


def test_a_refused_client_is_counted_and_the_others_go_on() -> None:
    server = ScriptedServer(final_after(0.6), places=1)
    sessions = run(load(server.connect, PlainClient, [UTTERANCE], 3, Pace(1)))
    assert [session.refused for session in sessions] == ["", "1013 full", "1013 full"]
    assert sessions[0].results[0].final_s == pytest.approx(0.6, abs=0.001)


def test_a_session_that_is_closed_as_soon_as_it_is_open_was_refused() -> None:
    server = ScriptedServer(lambda number, _: [(0.0, SessionClosed(1013, "full"))] if number == 1 else [])
    assert run(load(server.connect, PlainClient, [UTTERANCE], 1, Pace(1))) == [Session(refused="1013 full")]


def test_a_session_that_ends_in_the_middle_is_lost_and_its_utterance_has_no_final() -> None:
    server = ScriptedServer(lambda number, _: [(0.0, SessionClosed(1006, "connection lost"))] if number == 40 else [])
    (session,) = run(load(server.connect, PlainClient, [UTTERANCE, OTHER], 1, Pace(2)))
    assert session.lost == "1006 connection lost"
    assert [one.answered for one in session.results] == [False]


def test_a_server_with_another_protocol_is_an_error() -> None:
    refused = ScriptedServer(silent, places=0, refusal=SessionClosed(404, "Not Found"))
    with pytest.raises(ExceptionGroup) as caught:
        run(load(refused.connect, PlainClient, [UTTERANCE], 1, Pace(1)))
    assert caught.group_contains(BackendUnavailable, match="404 Not Found")


def test_no_audio_is_sent_before_the_server_is_ready_or_after_a_refusal() -> None:
    wait = '{"uid": "u", "status": "WAIT", "message": 2.0}'
    full = ScriptedServer(lambda number, _: [(3.0, wait)])
    assert run(load(full.connect, WhisperLiveClient, [UTTERANCE], 1, Pace(1))) == [Session(refused="wait 2 min")]
    assert len(full.transports[0].sent) == 1
    mute = ScriptedServer(silent)
    (session,) = run(load(mute.connect, WhisperLiveClient, [UTTERANCE], 1, Pace(1)))
    assert (session.results, session.lost) == ((), "0 not ready within 30 s")


def test_a_session_waits_until_the_server_is_ready_and_sends_a_last_message() -> None:
    def answer(number: int, message: str | bytes) -> list[tuple[float, str | SessionClosed]]:
        if number == 1:
            return [(2.0, '{"uid": "u", "message": "SERVER_READY", "backend": "faster_whisper"}')]
        reported = '{"uid": "u", "segments": [{"start": "0.3", "end": "1.4", "text": " A latte.", "completed": true}]}'
        return [(0.4, reported)] if number == 71 else []

    server = ScriptedServer(answer)
    (session,) = run(load(server.connect, WhisperLiveClient, [UTTERANCE], 1, Pace(1)))
    (hello_s, _), (first_s, _), *_, (_, last) = server.transports[0].sent
    assert first_s - hello_s == pytest.approx(2.02)
    assert last == b"END_OF_AUDIO"
    assert session.results[0].final_s == pytest.approx(0.4, abs=0.001)
