"""Pipecat text-to-speech service for `voicecli serve-tts`: text as the model writes it, audio from the first clause."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame, TTSStoppedFrame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TextAggregationMode, WebsocketTTSService
from pipecat.utils.types import NOT_GIVEN, NotGiven, assert_given
from pydantic import BaseModel, Field, TypeAdapter
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from voicecli.pipecat.connection import VoicecliConnection
from voicecli.server.client import websocket_url
from voicecli.server.tts.protocol import (
    AudioStarted,
    Cancel,
    Cancelled,
    Done,
    End,
    Failed,
    Ready,
    ServerMessage,
    SpokenWords,
    Start,
    Text,
)

SPEAK_PATH = "/v1/speak"
_SERVER_MESSAGE: TypeAdapter[ServerMessage] = TypeAdapter(Annotated[ServerMessage, Field(discriminator="type")])


@dataclass(slots=True)
class Contexts:
    """Map the utterances of one connection to Pipecat's audio contexts. Pure.

    The server numbers utterances by their first texts, so both sides count alike; it accepts one text at a time.
    """

    _contexts: dict[int, str] = field(default_factory=dict)  # of utterances that are not over
    _begun: int = 0
    _written: int = 0  # the utterance whose text is not complete; 0: none

    def write(self, context: str) -> bool:
        """Note that text of a context comes next; return whether the text of another one has to be ended first."""
        other = self._written != 0 and self.of(self._written) != context
        if not self._written or other:
            self._begun += 1
            self._written = self._begun
            self._contexts[self._begun] = context
        return other

    def end(self, context: str) -> bool:
        """Note that the text of a context is complete; return whether the server has to know."""
        if not self._written or self.of(self._written) not in (context, None):
            return False
        self._written = 0
        return True

    def of(self, utterance: int) -> str | None:
        """Return the context of an utterance; None if it was dropped."""
        return self._contexts.get(utterance)

    def over(self, utterance: int) -> str | None:
        """Remove an utterance that was spoken or failed; return the context that is complete with it."""
        context = self._contexts.pop(utterance, None)
        return None if context in self._contexts.values() else context

    def drop(self, context: str) -> Literal["cancel", "end", ""]:
        """Drop an interrupted context; return what to send to the server, which cancels all utterances or none."""
        dropped = [utterance for utterance, of in self._contexts.items() if of == context]
        for utterance in dropped:
            del self._contexts[utterance]
        writing = self._written in dropped
        if dropped and not self._contexts:
            self._written = 0
            return "cancel"
        if writing:
            self._written = 0
            return "end"
        return ""


@dataclass
class VoicecliTTSSettings(TTSSettings):
    """Settings that can change while the pipeline runs, from the next utterance on."""

    speed: float | None | NotGiven = field(default_factory=lambda: NOT_GIVEN)
    """0.5 to 2; None: the server's setting."""


class VoicecliTTSService(VoicecliConnection, WebsocketTTSService):
    """Pushes audio at the server's rate, and a TTSTextFrame for each word when it has been played.

    Tokens go to the server at once, since it cuts clauses itself. An interruption cancels what the server still
    speaks; a TTSSpeakFrame that may not be interrupted is spoken to its end.
    """

    Settings = VoicecliTTSSettings
    _settings: VoicecliTTSSettings

    def __init__(
        self,
        *,
        url: str = "http://127.0.0.1:8880",
        api_key: str = "",
        settings: VoicecliTTSSettings | None = None,
        **kwargs: Any,
    ) -> None:
        """Raise SettingsError if `url` is no URL."""
        store = VoicecliTTSSettings(model=None, voice=None, language=None, speed=None)
        if settings is not None:
            store.apply_update(settings)
        own = {"push_text_frames": False, "push_start_frame": True, "append_trailing_space": True}
        kwargs.setdefault("text_aggregation_mode", TextAggregationMode.TOKEN)
        super().__init__(settings=store, **own, **kwargs)
        self._address = websocket_url(url, SPEAK_PATH)
        self._api_key = api_key
        self._contexts = Contexts()
        self._playing = 0  # the utterance of the binary frames
        self._rate_hz = 0

    async def _update_settings(self, delta: TTSSettings) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        if changed and self._websocket is not None:
            await self._send(self._start_message())
        return changed

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Send a part of the text; its audio arrives in the receiving task."""
        try:
            if self._websocket is None or self._websocket.state is State.CLOSED:
                await self._connect()
            if self._contexts.write(context_id):
                await self._send(End(type="end"))
            await self._send(Text(type="text", text=text))
        except (ConnectionClosed, ConnectionError) as error:
            yield ErrorFrame(f"{self._address}: {error}", exception=error)
            yield TTSStoppedFrame(context_id=context_id)
            return
        await self.start_tts_usage_metrics(text)
        yield None

    async def flush_audio(self, context_id: str | None = None) -> None:
        """Tell the server that the text of a context is complete."""
        context = context_id or self.get_active_audio_context_id()
        if context and self._contexts.end(context):
            await self._send(End(type="end"))

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        await self.stop_all_metrics()
        match self._contexts.drop(context_id):
            case "cancel":
                await self._send(Cancel(type="cancel"))
            case "end":
                await self._send(End(type="end"))

    def _start_message(self) -> Start:
        settings = self._settings
        return Start(type="start", voice=settings.voice or "", speed=assert_given(settings.speed))

    async def _send(self, message: BaseModel) -> None:
        """Send a message. Raise ConnectionError or ConnectionClosed."""
        if self._websocket is None:
            raise ConnectionError("not connected")
        await self._websocket.send(message.model_dump_json())

    async def _connect_websocket(self) -> None:
        was_open = self._websocket is not None and self._websocket.state is State.OPEN
        if not was_open:
            self._contexts = Contexts()
        await super()._connect_websocket()
        if not was_open and self._websocket is not None:
            await self._call_event_handler("on_connected")

    async def _receive_messages(self) -> None:
        if self._websocket is None:
            raise ConnectionError(f"{self._address} is not connected")
        async for message in self._websocket:
            if isinstance(message, bytes):
                await self._push_audio(message)
            else:
                await self._handle(_SERVER_MESSAGE.validate_json(message))

    async def _push_audio(self, samples: bytes) -> None:
        context = self._contexts.of(self._playing)
        if context is not None:
            await self.append_to_audio_context(context, TTSAudioRawFrame(samples, self._rate_hz, 1, context_id=context))

    async def _handle(self, reply: ServerMessage) -> None:
        match reply:
            case Ready(sample_rate_hz=rate_hz):
                self._rate_hz = rate_hz
            case AudioStarted(utterance=number):
                self._playing = number
            case SpokenWords(utterance=number, words=words):
                if context := self._contexts.of(number):
                    await self.add_word_timestamps([(word.text, word.end_s) for word in words], context)
            case Done(utterance=number):
                await self._finish(number)
            case Cancelled():
                pass  # its context has been dropped
            case Failed(utterance=number, message=message, hint=hint):
                await self.push_error(f"{message} ({hint})" if hint else message)
                if number is not None:
                    await self._finish(number)

    async def _finish(self, utterance: int) -> None:
        context = self._contexts.over(utterance)
        if context is not None and self.audio_context_available(context):
            await self.append_to_audio_context(context, TTSStoppedFrame(context_id=context))
            await self.remove_audio_context(context)
