"""Load-test the speech-to-text servers of other programs as `voicecli bench serve-stt` load-tests ours.

python -m benchmarks.serve_stt --protocol whisperlive --url ws://127.0.0.1:9090 --speech FOLDER --pid 4711
python -m benchmarks.serve_stt --protocol voiceagentguide --url ws://127.0.0.1:9800 --speech FOLDER

With --pid, CPU time and memory of the server are measured too. FOLDER holds recordings, as for `voicecli bench stt`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import numpy as np

from benchmarks.report import table
from voicecli.bench.corpus import load_corpus
from voicecli.bench.load import Pace
from voicecli.bench.load_client import Client, Reply
from voicecli.bench.load_report import table_lines
from voicecli.bench.machine import machine
from voicecli.bench.serve_stt import Measured, Server, measure
from voicecli.settings.load import load_settings
from voicecli.types import FRAME_S, Pcm


class VoiceAgentGuideClient:
    """The `/ws` of VoiceAgentGuide's server: the client finds the end, and sends the whole utterance in one message."""

    path, waits_for_ready, first_message, last_message, awaits_final = "/ws", False, "", "", False

    def begin_utterance(self) -> None:
        """Send nothing: the server does not need to know."""

    def encode_frame(self, pcm: Pcm) -> bytes:
        return b""

    def encode_utterance(self, pcm: Pcm) -> bytes:
        return pcm.tobytes()

    def parse(self, message: str) -> Reply:
        """Return the text as a final; the server sends its errors as texts too."""
        return Reply("failed", message) if message.startswith("ERROR:") else Reply("final", message)


class WhisperLiveClient:
    """WhisperLive's protocol: float samples in; the last segments of everything said so far out, repeatedly.

    A segment that ends within `EDGE_S` of the start of an utterance belongs to the previous one.
    """

    EDGE_S = 0.3
    OPTIONS: ClassVar = {
        "language": "en",
        "task": "transcribe",
        "model": "base",
        "use_vad": True,
        "send_last_n_segments": 10,
        "no_speech_thresh": 0.45,
        "clip_audio": False,
        "same_output_threshold": 10,
    }
    """The defaults of its own client; a server with one model for all sessions ignores "model"."""
    path, waits_for_ready, awaits_final = "/", True, False
    last_message = b"END_OF_AUDIO"

    def __init__(self) -> None:
        self.first_message = json.dumps({"uid": uuid4().hex, **self.OPTIONS})
        self._sent_s = self._from_s = 0.0

    def begin_utterance(self) -> None:
        self._from_s = self._sent_s + self.EDGE_S

    def encode_frame(self, pcm: Pcm) -> bytes:
        self._sent_s += FRAME_S
        return (pcm.astype("<f4") / np.float32(32768)).tobytes()

    def encode_utterance(self, pcm: Pcm) -> bytes:
        return b""

    def parse(self, message: str) -> Reply | None:
        fields: dict[str, Any] = json.loads(message)
        if fields.get("message") == "SERVER_READY":
            return Reply("ready", fields.get("backend", ""))
        if fields.get("status") == "WAIT":
            return Reply("refused", f"wait {fields['message']:.0f} min")
        if fields.get("status") == "ERROR":
            return Reply("failed", str(fields["message"]))
        segments = [one for one in fields.get("segments", ()) if float(one["end"]) > self._from_s]
        if not segments:
            return None
        text = " ".join(one["text"].strip() for one in segments)
        return Reply("final" if all(one["completed"] for one in segments) else "partial", text)


CLIENTS: dict[str, Callable[[], Client]] = {
    "voiceagentguide": VoiceAgentGuideClient,
    "whisperlive": WhisperLiveClient,
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--url", required=True, help="address of the running server, such as ws://127.0.0.1:9090")
    options.add_argument("--protocol", required=True, choices=sorted(CLIENTS))
    options.add_argument("--pid", type=int, help="process of the server, to measure what it uses (Linux)")
    options.add_argument("--clients", type=int, nargs="+", default=[1, 2, 4, 8], help="clients at once, in each run")
    options.add_argument("--utterances", type=int, default=6, help="utterances of each client")
    options.add_argument("--speech", type=Path, help="folder of recordings; without it, questions spoken by Kokoro")
    chosen = options.parse_args()
    corpus = load_corpus(chosen.speech, load_settings({}).settings, print)
    server = Server(chosen.url, chosen.pid, make_client=CLIENTS[chosen.protocol])
    runs: list[Measured] = []
    asyncio.run(measure(server, corpus.said, chosen.clients, Pace(chosen.utterances), runs.append))
    head, *lines = table_lines([one.row for one in runs])
    print(f"{chosen.protocol} at {chosen.url}; {corpus.reported}; {machine()}\n\n{table(head, lines)}")


if __name__ == "__main__":
    main()
