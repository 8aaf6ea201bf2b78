"""Pipecat's text-to-speech on `voicecli serve-tts`: text in as the model writes it, sound out from the first clause."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Annotated, Any

from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame, TTSStoppedFrame
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TextAggregationMode, WebsocketTTSService
from pipecat.utils.types import NOT_GIVEN, NotGiven, assert_given
from pydantic import BaseModel, Field, TypeAdapter
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.protocol import State

from voicecli.pipecat.contexts import Contexts
from voicecli.server.client import key_headers, not_connected, proxy_for, websocket_url
from voicecli.server.tts.protocol import (
    AudioStarted,
    Cancel,
    Cancelled,
    Done,
    End,
    Failed,
    Ready,
    Spoken,
    Start,
    Text,
    Told,
)

SPEAK_PATH = "/v1/speak"
_REPORTED: TypeAdapter[Told] = TypeAdapter(Annotated[Told, Field(discriminator="type")])


@dataclass
class VoicecliTTSSettings(TTSSettings):
    """What can change while the pipeline runs; it holds from the next utterance on."""

    speed: float | None | NotGiven = field(default_factory=lambda: NOT_GIVEN)
    """0.5 to 2; None: the server's own."""


class VoicecliTTSService(WebsocketTTSService):
    """Audio at the server's rate, with a TTSTextFrame for each word at the time when it has been heard.

    Tokens go to the server as they come, since it cuts clauses itself. An interruption cancels what the server still
    speaks; a TTSSpeakFrame that may not be interrupted is spoken to its end.
    """

    Settings = VoicecliTTSSettings
    _settings: VoicecliTTSSettings
    _websocket: ClientConnection | None

    def __init__(
        self,
        *,
        url: str = "http://127.0.0.1:8880",
        api_key: str = "",
        settings: VoicecliTTSSettings | None = None,
        **kwargs: Any,
    ) -> None:
        """Raises SettingsError where `url` is none."""
        store = VoicecliTTSSettings(model=None, voice=None, language=None, speed=None)
        if settings is not None:
            store.apply_update(settings)
        own = {"push_text_frames": False, "push_start_frame": True, "append_trailing_space": True}
        kwargs.setdefault("text_aggregation_mode", TextAggregationMode.TOKEN)
        super().__init__(settings=store, **own, **kwargs)
        self._address = websocket_url(url, SPEAK_PATH)
        self._api_key = api_key
        self._receiving: asyncio.Task[None] | None = None
        self._contexts = Contexts()
        self._sounding = 0  # the utterance that binary frames belong to
        self._rate_hz = 0

    def can_generate_metrics(self) -> bool:
        return True

    async def setup(self, setup: FrameProcessorSetup) -> None:
        await super().setup(setup)
        await self._connect()

    async def _update_settings(self, delta: TTSSettings) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        if changed and self._websocket is not None:
            await self._say(self._wanted())
        return changed

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Send some text; its sound comes on the receiving task."""
        try:
            if self._websocket is None or self._websocket.state is State.CLOSED:
                await self._connect()
            if self._contexts.write(context_id):
                await self._say(End(type="end"))
            await self._say(Text(type="text", text=text))
        except (ConnectionClosed, ConnectionError) as error:
            yield ErrorFrame(f"{self._address}: {error}", exception=error)
            yield TTSStoppedFrame(context_id=context_id)
            return
        await self.start_tts_usage_metrics(text)
        yield None

    async def flush_audio(self, context_id: str | None = None) -> None:
        """The text of a context is at its end."""
        context = context_id or self.get_active_audio_context_id()
        if context and self._contexts.end(context):
            await self._say(End(type="end"))

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        await self.stop_all_metrics()
        match self._contexts.drop(context_id):
            case "cancel":
                await self._say(Cancel(type="cancel"))
            case "end":
                await self._say(End(type="end"))

    def _wanted(self) -> Start:
        settings = self._settings
        return Start(type="start", voice=settings.voice or "", speed=assert_given(settings.speed))

    async def _say(self, message: BaseModel) -> None:
        """Raises ConnectionError, or ConnectionClosed."""
        if self._websocket is None:
            raise ConnectionError("not connected")
        await self._websocket.send(message.model_dump_json())

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
        self._contexts = Contexts()
        try:
            self._websocket = await self._websocket_connect(
                self._address,
                additional_headers=key_headers(self._api_key),
                compression=None,
                proxy=proxy_for(self._address),
            )
            await self._say(self._wanted())
        except (OSError, InvalidHandshake, TimeoutError, ConnectionClosed) as error:
            self._websocket = None
            why = not_connected(self._address, error)
            await self._call_event_handler("on_connection_error", why.message)
            await self.push_error(f"{why.message} ({why.hint})", exception=error)
        else:
            await self._call_event_handler("on_connected")

    async def _disconnect_websocket(self) -> None:
        websocket, self._websocket = self._websocket, None
        if websocket is not None:
            await websocket.close()
            await self._call_event_handler("on_disconnected")

    async def _receive_messages(self) -> None:
        if self._websocket is None:
            raise ConnectionError(f"{self._address} is not connected")
        async for message in self._websocket:
            if isinstance(message, bytes):
                await self._sound(message)
            else:
                await self._take(_REPORTED.validate_json(message))

    async def _sound(self, samples: bytes) -> None:
        context = self._contexts.of(self._sounding)
        if context is not None:
            await self.append_to_audio_context(context, TTSAudioRawFrame(samples, self._rate_hz, 1, context_id=context))

    async def _take(self, reported: Told) -> None:
        match reported:
            case Ready(sample_rate_hz=rate_hz):
                self._rate_hz = rate_hz
            case AudioStarted(utterance=number):
                self._sounding = number
            case Spoken(utterance=number, words=words):
                if context := self._contexts.of(number):
                    await self.add_word_timestamps([(word.text, word.end_s) for word in words], context)
            case Done(utterance=number):
                await self._finish(number)
            case Cancelled():
                pass  # its context has gone
            case Failed(utterance=number, message=message, hint=hint):
                await self.push_error(f"{message} ({hint})" if hint else message)
                if number is not None:
                    await self._finish(number)

    async def _finish(self, utterance: int) -> None:
        context = self._contexts.over(utterance)
        if context is not None and self.audio_context_available(context):
            await self.append_to_audio_context(context, TTSStoppedFrame(context_id=context))
            await self.remove_audio_context(context)
