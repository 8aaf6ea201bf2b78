"""Pipecat speech-to-text service for `voicecli serve-stt`, whose end-of-turn model detects the end of a turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    STTMetadataFrame,
    TranscriptionFrame,
)
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import WebsocketSTTService
from pipecat.transcriptions.language import Language
from pipecat.turns.user_turn_strategies import ExternalUserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.utils.types import NOT_GIVEN, NotGiven, assert_given
from pydantic import BaseModel
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from voicecli.pipecat.connection import VoicecliConnection
from voicecli.server.client import LISTEN_PATH, parse_reply, websocket_url
from voicecli.server.stt.protocol import (
    Endpoint,
    Failure,
    Final,
    Partial,
    Ready,
    Reply,
    SpeechEnded,
    SpeechStarted,
    Start,
    Stop,
)

KEEPALIVE_S = 20.0
"""The server closes a session in which nothing comes for 60 s."""

STOP_S = 5.0
"""Longest wait for the last final when the pipeline ends."""


@dataclass
class VoicecliSTTSettings(STTSettings):
    """Settings that can change while the pipeline runs; a change begins a new session."""

    endpoint: Endpoint | NotGiven = field(default_factory=lambda: NOT_GIVEN)
    """How quickly a pause ends the turn."""
    hotwords: tuple[str, ...] | NotGiven = field(default_factory=lambda: NOT_GIVEN)
    """Likely names and terms."""


class VoicecliSTTService(VoicecliConnection, WebsocketSTTService):
    """Pushes interim and final transcripts, and proposes when a turn of the user begins and ends.

    The pipeline needs no VAD and no turn analyzer: the service's metadata asks for external turn strategies, unless
    the pipeline has its own. Each final is one TranscriptionFrame, followed by the proposal to stop. TTFB is the time
    from the last voiced sample to the final, as measured by the server.
    """

    Settings = VoicecliSTTSettings
    _settings: VoicecliSTTSettings

    def __init__(
        self,
        *,
        url: str = "http://127.0.0.1:8000",
        api_key: str = "",
        should_interrupt: bool = True,
        settings: VoicecliSTTSettings | None = None,
        **kwargs: Any,
    ) -> None:
        """`should_interrupt`: the user interrupts the bot by speaking. Raise SettingsError if `url` is no URL."""
        store = VoicecliSTTSettings(model=None, language=None, endpoint="balanced", hotwords=())
        if settings is not None:
            store.apply_update(settings)
        super().__init__(settings=store, keepalive_timeout=KEEPALIVE_S, **kwargs)
        self._address = websocket_url(url, LISTEN_PATH)
        self._api_key = api_key
        self._should_interrupt = should_interrupt
        self._current = 0  # the latest utterance that has begun and not ended; 0: none

    @property
    def supports_ttfs(self) -> bool:
        """Return False: the server's final ends the turn, so there is nothing to wait for."""
        return False

    def service_metadata_frame(self) -> STTMetadataFrame:
        frame = super().service_metadata_frame()
        frame.user_turn_strategies = ExternalUserTurnStrategies(enable_interruptions=self._should_interrupt)
        return frame

    def language_to_service_language(self, language: Language) -> str:
        """Return ISO 639-1, without the region."""
        return str(language.value).split("-")[0].lower()

    async def _update_settings(self, delta: STTSettings) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        if changed:
            await self._request_reconnect()
        return changed

    async def stop(self, frame: EndFrame) -> None:
        """Wait for the last final before the pipeline ends."""
        if self._receiving is not None and self._websocket is not None:
            self._disconnecting = True
            await self._send(Stop(type="stop"))
            await asyncio.wait((self._receiving,), timeout=STOP_S)
        await super().stop(frame)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Send s16le mono samples; transcripts arrive in the receiving task."""
        await self._send(audio)
        yield None

    async def _send(self, message: bytes | BaseModel) -> None:
        """Send a message; drop it while disconnected, which the receiving task reports and repairs."""
        if self._websocket is None or self._websocket.state is not State.OPEN:
            return
        with suppress(ConnectionClosed):
            await self._websocket.send(message if isinstance(message, bytes) else message.model_dump_json())

    def _start_message(self) -> Start:
        settings = self._settings
        return Start(
            language=settings.language or "",
            sample_rate_hz=self.sample_rate,
            endpoint=assert_given(settings.endpoint),
            hotwords=assert_given(settings.hotwords),
        )

    async def _receive_messages(self) -> None:
        await self._end_turn()  # of a session that was lost
        if self._websocket is None:
            raise ConnectionError(f"{self._address} is not connected")
        async for message in self._websocket:
            await self._handle(parse_reply(message))

    async def _handle(self, reply: Reply) -> None:
        match reply:
            case Ready():
                await self._call_event_handler("on_connected")
            case SpeechStarted(utterance=number):
                self._current = number
                await self.broadcast_frame(ProposedUserStartedSpeakingFrame)
            case Partial(stable=stable, unstable=unstable):
                text = f"{stable} {unstable}".strip()
                await self.push_frame(InterimTranscriptionFrame(text, self._user_id, time_now_iso8601(), result=reply))
            case SpeechEnded():
                pass  # the turn ends with its text
            case Final(utterance=number):
                await self._push_final(reply)
                if number == self._current:
                    await self._end_turn()
            case Failure(utterance=number, message=message, hint=hint):
                await self.push_error(f"{message} ({hint})" if hint else message)
                if number == self._current:
                    await self._end_turn()

    async def _push_final(self, final: Final) -> None:
        await self.emit_stt_usage_metrics()
        if not final.text:
            return
        await self.start_ttfb_metrics(start_time=time.time() - final.timings.after_end_ms / 1000)
        await self.push_frame(
            TranscriptionFrame(
                final.text,
                self._user_id,
                time_now_iso8601(),
                language_of(final.language),
                result=final,
                finalized=True,
            )
        )

    async def _end_turn(self) -> None:
        if self._current:
            self._current = 0
            await self.broadcast_frame(ProposedUserStoppedSpeakingFrame)


def language_of(code: str) -> Language | None:
    """Return Pipecat's language; None if it does not know the code."""
    try:
        return Language(code)
    except ValueError:
        return None
