"""How the load-test client understands our server, with the messages that the server really sends."""

from __future__ import annotations

import numpy as np

from voicecli.bench.load_client import ListenClient, Reply
from voicecli.server.stt.protocol import (
    Failure,
    Final,
    Partial,
    Ready,
    SpeechEnded,
    SpeechStarted,
    Start,
    Stop,
    Timings,
    request_of,
)

FRAME = np.arange(-160, 160, dtype=np.int16)
TIMINGS = Timings(queue_ms=0, decode_ms=200, after_end_ms=450)


def final(utterance: int, text: str) -> str:
    return Final(utterance=utterance, text=text, language="en", audio_s=1.0, timings=TIMINGS).model_dump_json()


def test_our_server_understands_the_client() -> None:
    client = ListenClient()
    first = request_of(client.first_message)
    assert isinstance(first, Start)
    assert (first.sample_rate_hz, first.format, first.partials) == (16_000, "s16le", True)
    assert isinstance(request_of(client.last_message), Stop)
    assert client.encode_frame(FRAME) == FRAME.astype("<i2").tobytes()
    assert client.encode_utterance(FRAME) == b""


def test_the_server_owes_a_final_for_each_utterance_it_announced() -> None:
    client = ListenClient()
    client.begin_utterance()
    ready = Ready(session="a", model="whisper-base", sample_rate_hz=16_000).model_dump_json()
    assert client.parse(ready) == Reply("ready", "whisper-base")
    assert client.parse(SpeechStarted(utterance=1, at_s=0.5).model_dump_json()) is None
    assert client.awaits_final
    partial = Partial(utterance=1, stable="A large", unstable="latte")
    assert client.parse(partial.model_dump_json()) == Reply("partial", "A large latte")
    assert client.parse(SpeechEnded(utterance=1, at_s=2.0).model_dump_json()) is None
    assert client.awaits_final
    assert client.parse(final(1, "A large latte.")) == Reply("final", "A large latte.")
    assert not client.awaits_final


def test_an_error_ends_its_utterance() -> None:
    client = ListenClient()
    client.parse(SpeechStarted(utterance=1, at_s=0.5).model_dump_json())
    failure = Failure(utterance=1, code="engine", message="no memory").model_dump_json()
    assert client.parse(failure) == Reply("failed", "engine: no memory")
    assert not client.awaits_final
    assert client.parse(Failure(code="bad_message", message="?").model_dump_json()) == Reply("failed", "bad_message: ?")


def test_a_late_final_is_not_assigned_to_the_next_utterance() -> None:
    client = ListenClient()
    client.parse(SpeechStarted(utterance=1, at_s=0.5).model_dump_json())
    client.begin_utterance()
    assert not client.awaits_final
    assert client.parse(final(1, "Too late.")) is None
    client.parse(SpeechStarted(utterance=2, at_s=9.5).model_dump_json())
    assert client.parse(final(2, "In time.")) == Reply("final", "In time.")
