"""How clients of four servers talk: what they send, and what the replies mean. No transport, no clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol
from uuid import uuid4

import numpy as np

from voicecli.types import FRAME_S, LISTEN_RATE_HZ, Pcm

Kind = Literal["ready", "refused", "partial", "final", "failed"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a message of the server comes to."""

    kind: Kind
    text: str = ""  # of a transcript; the server's words where it refuses or fails


class Client(Protocol):
    """One session, from its first message to its last."""

    @property
    def path(self) -> str: ...

    @property
    def greets(self) -> bool:
        """The server says when audio may come."""
        ...

    @property
    def hello(self) -> str:
        """First message; empty: none."""
        ...

    @property
    def goodbye(self) -> str | bytes:
        """Last message; empty: none."""
        ...

    def begin(self) -> None:
        """What follows is another utterance."""
        ...

    def frame(self, pcm: Pcm) -> bytes:
        """To be sent for the last 20 ms; empty: nothing."""
        ...

    def whole(self, pcm: Pcm) -> bytes:
        """To be sent when the client itself has found the end, with all of the utterance; empty: nothing."""
        ...

    def read(self, message: str) -> Reply | None:
        """None where it tells nothing that is measured."""
        ...

    @property
    def owed(self) -> bool:
        """The server has told of an utterance that it has not answered yet."""
        ...


class ListenClient:
    """Our `WS /v1/listen`."""

    path, greets = "/v1/listen", True
    hello = json.dumps({"type": "start", "language": "en", "sample_rate_hz": LISTEN_RATE_HZ, "format": "s16le"})
    goodbye = json.dumps({"type": "stop"})

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._newest = self._before = 0

    def begin(self) -> None:
        self._open.clear()
        self._before = self._newest

    def frame(self, pcm: Pcm) -> bytes:
        return pcm.tobytes()

    def whole(self, pcm: Pcm) -> bytes:
        return b""

    def read(self, message: str) -> Reply | None:
        reported: dict[str, Any] = json.loads(message)
        number: int | None = reported.get("utterance")
        if number is not None and number <= self._before:
            return None  # too late
        match reported["type"]:
            case "ready":
                return Reply("ready", reported["model"])
            case "speech_started":
                self._newest = reported["utterance"]
                self._open.add(self._newest)
            case "partial":
                return Reply("partial", f"{reported['stable']} {reported['unstable']}".strip())
            case "final":
                self._open.discard(reported["utterance"])
                return Reply("final", reported["text"])
            case "error":
                self._open.discard(number or 0)
                return Reply("failed", f"{reported['code']}: {reported['message']}")
        return None

    @property
    def owed(self) -> bool:
        return bool(self._open)


class StreamClient:
    """Our `WS /ws`, fed as it is spoken: the server finds the end, and each text is a final."""

    path, greets, hello, goodbye, owed = "/ws", False, "", "", False

    def begin(self) -> None:
        """The server is not told."""

    def frame(self, pcm: Pcm) -> bytes:
        return pcm.tobytes()

    def whole(self, pcm: Pcm) -> bytes:
        return b""

    def read(self, message: str) -> Reply | None:
        return final_or_error(message)


class SeedClient:
    """`/ws` of VoiceAgentGuide's server: a whole utterance in one message, found by the client."""

    path, greets, hello, goodbye, owed = "/ws", False, "", "", False

    def begin(self) -> None:
        """The server is not told."""

    def frame(self, pcm: Pcm) -> bytes:
        return b""

    def whole(self, pcm: Pcm) -> bytes:
        return pcm.tobytes()

    def read(self, message: str) -> Reply | None:
        return final_or_error(message)


class WhisperLiveClient:
    """WhisperLive: float samples in, the last segments of all that was said out, again and again.

    A segment that ends within `EDGE_S` of the utterance's beginning is of the one before.
    """

    EDGE_S = 0.3
    WANTED: ClassVar = {
        "language": "en",
        "task": "transcribe",
        "model": "base",
        "use_vad": True,
        "send_last_n_segments": 10,
        "no_speech_thresh": 0.45,
        "clip_audio": False,
        "same_output_threshold": 10,
    }
    """Its own client's defaults; a server with one model for all takes no other."""
    path, greets, owed = "/", True, False
    goodbye = b"END_OF_AUDIO"

    def __init__(self) -> None:
        self.hello = json.dumps({"uid": uuid4().hex, **self.WANTED})
        self._sent_s = self._from_s = 0.0

    def begin(self) -> None:
        self._from_s = self._sent_s + self.EDGE_S

    def frame(self, pcm: Pcm) -> bytes:
        self._sent_s += FRAME_S
        return (pcm.astype("<f4") / np.float32(32768)).tobytes()

    def whole(self, pcm: Pcm) -> bytes:
        return b""

    def read(self, message: str) -> Reply | None:
        reported: dict[str, Any] = json.loads(message)
        if reported.get("message") == "SERVER_READY":
            return Reply("ready", reported.get("backend", ""))
        if reported.get("status") == "WAIT":
            return Reply("refused", f"wait {reported['message']:.0f} min")
        if reported.get("status") == "ERROR":
            return Reply("failed", str(reported["message"]))
        segments = [one for one in reported.get("segments", ()) if float(one["end"]) > self._from_s]
        if not segments:
            return None
        text = " ".join(one["text"].strip() for one in segments)
        return Reply("final" if all(one["completed"] for one in segments) else "partial", text)


def final_or_error(message: str) -> Reply:
    """A plain text: VoiceAgentGuide's server sends its errors as texts too."""
    return Reply("failed", message) if message.startswith("ERROR:") else Reply("final", message)


CLIENTS: dict[str, Callable[[], Client]] = {
    "listen": ListenClient,
    "stream": StreamClient,
    "seed": SeedClient,
    "whisperlive": WhisperLiveClient,
}
