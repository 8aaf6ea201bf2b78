"""What servers send, as the load understands it. Messages are as the servers really send them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from voicecli.bench.clients import (
    CLIENTS,
    ListenClient,
    Reply,
    SeedClient,
    StreamClient,
    WhisperLiveClient,
)
from voicecli.server.stt.protocol import (
    Failure,
    Final,
    Partial,
    Ready,
    SpeechEnded,
    SpeechStarted,
    Start,
    Stop,
    parse_request,
    Timings,
)

FRAME = np.arange(-160, 160, dtype=np.int16)
TIMINGS = Timings(queue_ms=0, decode_ms=200, after_end_ms=450)


def final(utterance: int, text: str) -> str:
    return Final(utterance=utterance, text=text, language="en", audio_s=1.0, timings=TIMINGS).model_dump_json()


def test_our_server_understands_what_the_client_of_listen_sends() -> None:
    client = ListenClient()
    hello = parse_request(client.hello)
    assert isinstance(hello, Start)
    assert (hello.sample_rate_hz, hello.format, hello.partials) == (16_000, "s16le", True)
    assert isinstance(parse_request(client.goodbye), Stop)
    assert client.frame(FRAME) == FRAME.astype("<i2").tobytes()
    assert client.whole(FRAME) == b""


def test_listen_owes_an_answer_to_each_utterance_that_it_reported_of() -> None:
    client = ListenClient()
    client.begin()
    ready = Ready(session="a", model="whisper-base", sample_rate_hz=16_000).model_dump_json()
    assert client.read(ready) == Reply("ready", "whisper-base")
    assert client.read(SpeechStarted(utterance=1, at_s=0.5).model_dump_json()) is None
    assert client.owed
    partial = Partial(utterance=1, stable="A large", unstable="latte")
    assert client.read(partial.model_dump_json()) == Reply("partial", "A large latte")
    assert client.read(SpeechEnded(utterance=1, at_s=2.0).model_dump_json()) is None
    assert client.owed
    assert client.read(final(1, "A large latte.")) == Reply("final", "A large latte.")
    assert not client.owed


def test_an_error_of_listen_ends_its_utterance() -> None:
    client = ListenClient()
    client.read(SpeechStarted(utterance=1, at_s=0.5).model_dump_json())
    failure = Failure(utterance=1, code="engine", message="no memory").model_dump_json()
    assert client.read(failure) == Reply("failed", "engine: no memory")
    assert not client.owed
    assert client.read(Failure(code="bad_message", message="?").model_dump_json()) == Reply("failed", "bad_message: ?")


def test_what_listen_answers_too_late_is_not_taken_for_the_next_utterance() -> None:
    client = ListenClient()
    client.read(SpeechStarted(utterance=1, at_s=0.5).model_dump_json())
    client.begin()
    assert not client.owed
    assert client.read(final(1, "Too late.")) is None
    client.read(SpeechStarted(utterance=2, at_s=9.5).model_dump_json())
    assert client.read(final(2, "In time.")) == Reply("final", "In time.")


@pytest.mark.parametrize("client", [SeedClient(), StreamClient()], ids=["seed", "stream"])
def test_a_plain_text_is_a_final_and_an_error_is_none(client: SeedClient | StreamClient) -> None:
    client.begin()
    assert client.read("I want an espresso.") == Reply("final", "I want an espresso.")
    assert client.read("") == Reply("final", "")
    failed = "ERROR: buffer size must be a multiple of element size"
    assert client.read(failed) == Reply("failed", failed)
    assert not client.owed


def test_the_seed_takes_utterances_whole_and_our_own_wire_takes_frames() -> None:
    assert (SeedClient().frame(FRAME), SeedClient().whole(FRAME)) == (b"", FRAME.tobytes())
    assert (StreamClient().frame(FRAME), StreamClient().whole(FRAME)) == (FRAME.tobytes(), b"")


def segments(*spoken: tuple[float, float, str, bool]) -> str:
    reported = [
        {"start": f"{a:.3f}", "end": f"{b:.3f}", "text": text, "completed": done} for a, b, text, done in spoken
    ]
    return json.dumps({"uid": "u", "segments": reported})


def test_whisper_live_tells_segments_of_all_that_was_said() -> None:
    client = WhisperLiveClient()
    assert json.loads(client.hello)["language"] == "en"
    ready = json.dumps({"uid": "u", "message": "SERVER_READY", "backend": "faster_whisper"})
    assert client.read(ready) == Reply("ready", "faster_whisper")
    client.begin()
    assert np.frombuffer(client.frame(FRAME), "<f4")[0] == -160 / 32768
    assert client.whole(FRAME) == b""
    for _ in range(99):
        client.frame(FRAME)
    growing = segments((0.0, 1.0, " A large", True), (1.0, 2.0, " latte", False))
    assert client.read(growing) == Reply("partial", "A large latte")
    assert client.read(segments((0.0, 2.0, " A large latte.", True))) == Reply("final", "A large latte.")
    client.begin()  # 2 s of audio have been sent
    both = segments((0.0, 2.1, " A large latte.", True), (2.1, 3.0, " And milk", False))
    assert client.read(both) == Reply("partial", "And milk")
    assert client.read(segments((0.0, 2.1, " A large latte.", True))) is None


def test_whisper_live_says_that_it_is_full_or_fails() -> None:
    client = WhisperLiveClient()
    assert client.read(json.dumps({"uid": "u", "status": "WAIT", "message": 9.87})) == Reply("refused", "wait 10 min")
    assert client.read(json.dumps({"uid": "u", "status": "ERROR", "message": "no model"})) == Reply(
        "failed", "no model"
    )
    assert client.read(json.dumps({"uid": "u", "status": "WARNING", "message": "slow"})) is None
    assert not client.owed


def test_each_session_has_a_client_of_its_own() -> None:
    assert set(CLIENTS) == {"listen", "stream", "seed", "whisperlive"}
    assert all(make() is not make() for make in CLIENTS.values())
