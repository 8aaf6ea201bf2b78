"""How the load test of other programs' servers understands them, with the messages that they really send."""

from __future__ import annotations

import json

import numpy as np

from benchmarks.serve_stt import CLIENTS, VoiceAgentGuideClient, WhisperLiveClient
from voicecli.bench.load_client import Reply

FRAME = np.arange(-160, 160, dtype=np.int16)


def test_voiceagentguide_gets_whole_utterances_and_its_texts_are_finals_or_errors() -> None:
    client = VoiceAgentGuideClient()
    client.begin_utterance()
    assert (client.encode_frame(FRAME), client.encode_utterance(FRAME)) == (b"", FRAME.tobytes())
    assert client.parse("I want an espresso.") == Reply("final", "I want an espresso.")
    assert client.parse("") == Reply("final", "")
    failed = "ERROR: buffer size must be a multiple of element size"
    assert client.parse(failed) == Reply("failed", failed)
    assert not client.awaits_final


def segments(*spoken: tuple[float, float, str, bool]) -> str:
    reported = [
        {"start": f"{a:.3f}", "end": f"{b:.3f}", "text": text, "completed": done} for a, b, text, done in spoken
    ]
    return json.dumps({"uid": "u", "segments": reported})


def test_whisper_live_sends_segments_of_everything_said_so_far() -> None:
    client = WhisperLiveClient()
    assert json.loads(client.first_message)["language"] == "en"
    ready = json.dumps({"uid": "u", "message": "SERVER_READY", "backend": "faster_whisper"})
    assert client.parse(ready) == Reply("ready", "faster_whisper")
    client.begin_utterance()
    assert np.frombuffer(client.encode_frame(FRAME), "<f4")[0] == -160 / 32768
    assert client.encode_utterance(FRAME) == b""
    for _ in range(99):
        client.encode_frame(FRAME)
    growing = segments((0.0, 1.0, " A large", True), (1.0, 2.0, " latte", False))
    assert client.parse(growing) == Reply("partial", "A large latte")
    assert client.parse(segments((0.0, 2.0, " A large latte.", True))) == Reply("final", "A large latte.")
    client.begin_utterance()  # 2 s of audio have been sent
    both = segments((0.0, 2.1, " A large latte.", True), (2.1, 3.0, " And milk", False))
    assert client.parse(both) == Reply("partial", "And milk")
    assert client.parse(segments((0.0, 2.1, " A large latte.", True))) is None


def test_whisper_live_reports_that_it_is_full_or_fails() -> None:
    client = WhisperLiveClient()
    assert client.parse(json.dumps({"uid": "u", "status": "WAIT", "message": 9.87})) == Reply("refused", "wait 10 min")
    assert client.parse(json.dumps({"uid": "u", "status": "ERROR", "message": "no model"})) == Reply(
        "failed", "no model"
    )
    assert client.parse(json.dumps({"uid": "u", "status": "WARNING", "message": "slow"})) is None
    assert not client.awaits_final


def test_each_session_has_its_own_client() -> None:
    assert all(make() is not make() for make in CLIENTS.values())
