"""A load-test client with the simplest protocol: frames in, each text is a final."""

from __future__ import annotations

from voicecli.bench.load_client import Reply
from voicecli.types import Pcm


class PlainClient:
    path, waits_for_ready, first_message, last_message, awaits_final = "/ws", False, "", "", False

    def begin_utterance(self) -> None:
        """Send nothing."""

    def encode_frame(self, pcm: Pcm) -> bytes:
        return pcm.tobytes()

    def encode_utterance(self, pcm: Pcm) -> bytes:
        return b""

    def parse(self, message: str) -> Reply:
        return Reply("failed", message) if message.startswith("ERROR:") else Reply("final", message)
