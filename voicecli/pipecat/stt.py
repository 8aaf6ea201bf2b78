"""Pipecat's speech-to-text on `voicecli serve-stt`, whose own end-of-turn model says when the user is done."""

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
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import WebsocketSTTService
from pipecat.transcriptions.language import Language
from pipecat.turns.user_turn_strategies import ExternalUserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.utils.types import NOT_GIVEN, NotGiven, assert_given
from pydantic import BaseModel
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.protocol import State

from voicecli.server.client import LISTEN_PATH, key_headers, not_connected, proxy_for, reply_of, websocket_url
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
"""For the last words of a pipeline that ends."""


@dataclass
class VoicecliSTTSettings(STTSettings):
    """What can change while the pipeline runs; a change begins a new session."""

    endpoint: Endpoint | NotGiven = field(default_factory=lambda: NOT_GIVEN)
    """How soon a pause is an end."""
    hotwords: tuple[str, ...] | NotGiven = field(default_factory=lambda: NOT_GIVEN)
    """Names and terms that are likely to come up."""


class VoicecliSTTService(WebsocketSTTService):
    """Interim and final transcripts, and proposals when a turn of the user begins and ends.

    The pipeline needs no VAD and no turn analyzer: the service's metadata asks for external turn strategies, unless
    the pipeline has its own. One final is one TranscriptionFrame; the proposal to stop follows it. TTFB is the time
    from the last voiced sample to the final, as the server measured it.
    """

    Settings = VoicecliSTTSettings
    _settings: VoicecliSTTSettings
    _websocket: ClientConnection | None

    def __init__(
        self,
        *,
        url: str = "http://127.0.0.1:8000",
        api_key: str = "",
        should_interrupt: bool = True,
        settings: VoicecliSTTSettings | None = None,
        **kwargs: Any,
    ) -> None:
        """`should_interrupt`: who begins to speak interrupts the bot. Raises SettingsError where `url` is none."""
        store = VoicecliSTTSettings(model=None, language=None, endpoint="balanced", hotwords=())
        if settings is not None:
            store.apply_update(settings)
        super().__init__(settings=store, keepalive_timeout=KEEPALIVE_S, **kwargs)
        self._address = websocket_url(url, LISTEN_PATH)
        self._api_key = api_key
        self._should_interrupt = should_interrupt
        self._receiving: asyncio.Task[None] | None = None
        self._under_way = 0  # the latest utterance that has begun and not ended; 0: none

    def can_generate_metrics(self) -> bool:
        return True

    @property
    def supports_ttfs(self) -> bool:
        """The server's final is the end of the turn: there is nothing to wait for."""
        return False

    def service_metadata_frame(self) -> STTMetadataFrame:
        frame = super().service_metadata_frame()
        frame.user_turn_strategies = ExternalUserTurnStrategies(enable_interruptions=self._should_interrupt)
        return frame

    def language_to_service_language(self, language: Language) -> str:
        """ISO 639-1, without the region."""
        return str(language.value).split("-")[0].lower()

    async def _update_settings(self, delta: STTSettings) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        if changed:
            await self._request_reconnect()
        return changed

    async def setup(self, setup: FrameProcessorSetup) -> None:
        await super().setup(setup)
        await self._connect()

    async def stop(self, frame: EndFrame) -> None:
        """What was said is still told before the pipeline ends."""
        if self._receiving is not None and self._websocket is not None:
            self._disconnecting = True
            await self._say(Stop(type="stop"))
            await asyncio.wait((self._receiving,), timeout=STOP_S)
        await super().stop(frame)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Send s16le mono; transcripts come on the receiving task."""
        await self._say(audio)
        yield None

    async def _say(self, message: bytes | BaseModel) -> None:
        """A lost connection is the receiving task's to report and to mend; until then nothing is heard."""
        if self._websocket is None or self._websocket.state is not State.OPEN:
            return
        with suppress(ConnectionClosed):
            await self._websocket.send(message if isinstance(message, bytes) else message.model_dump_json())

    async def _connect(self) -> None:
        await super()._connect()
        await self._connect_websocket()
        if self._receiving is None or self._receiving.done():
            self._receiving = self.create_task(self._receive_task_handler(self._report_error))

    async def _disconnect(self) -> None:
        await super()._disconnect()
        if self._receiving is not None:
            await self.cancel_task(self._receiving)
            self._receiving = None
        await self._disconnect_websocket()

    async def _connect_websocket(self) -> None:
        if self._websocket is not None and self._websocket.state is State.OPEN:
            return
        settings = self._settings
        start = Start(
            language=settings.language or "",
            sample_rate_hz=self.sample_rate,
            endpoint=assert_given(settings.endpoint),
            hotwords=assert_given(settings.hotwords),
        )
        try:
            self._websocket = await self._websocket_connect(
                self._address,
                additional_headers=key_headers(self._api_key),
                compression=None,
                proxy=proxy_for(self._address),
            )
            await self._websocket.send(start.model_dump_json())
        except (OSError, InvalidHandshake, TimeoutError, ConnectionClosed) as error:
            self._websocket = None
            why = not_connected(self._address, error)
            await self._call_event_handler("on_connection_error", why.message)
            await self.push_error(f"{why.message} ({why.hint})", exception=error)

    async def _disconnect_websocket(self) -> None:
        websocket, self._websocket = self._websocket, None
        if websocket is not None:
            await websocket.close()
            await self._call_event_handler("on_disconnected")

    async def _receive_messages(self) -> None:
        await self._end_turn()  # of a session that was lost
        if self._websocket is None:
            raise ConnectionError(f"{self._address} is not connected")
        async for message in self._websocket:
            await self._take(reply_of(message))

    async def _take(self, reply: Reply) -> None:
        match reply:
            case Ready():
                await self._call_event_handler("on_connected")
            case SpeechStarted(utterance=number):
                self._under_way = number
                await self.broadcast_frame(ProposedUserStartedSpeakingFrame)
            case Partial(stable=stable, unstable=unstable):
                text = f"{stable} {unstable}".strip()
                await self.push_frame(InterimTranscriptionFrame(text, self._user_id, time_now_iso8601(), result=reply))
            case SpeechEnded():
                pass  # the turn ends with its text
            case Final(utterance=number):
                await self._tell(reply)
                if number == self._under_way:
                    await self._end_turn()
            case Failure(utterance=number, message=message, hint=hint):
                await self.push_error(f"{message} ({hint})" if hint else message)
                if number == self._under_way:
                    await self._end_turn()

    async def _tell(self, final: Final) -> None:
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
        if self._under_way:
            self._under_way = 0
            await self.broadcast_frame(ProposedUserStoppedSpeakingFrame)


def language_of(code: str) -> Language | None:
    """None where Pipecat does not know it."""
    try:
        return Language(code)
    except ValueError:
        return None
