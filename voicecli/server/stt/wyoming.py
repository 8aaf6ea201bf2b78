"""Wyoming, Home Assistant's protocol, over TCP: the audio between audio-start and audio-stop is one transcript.

Speech is decoded while it arrives, so that little is left to do at audio-stop. Each utterance is sent as a
transcript-chunk as soon as it is decoded.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable, async_read_event, async_write_event
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info
from wyoming.ping import Ping, Pong

from voicecli import __version__
from voicecli.errors import VoiceCliError
from voicecli.server.sessions import Full
from voicecli.server.stt.protocol import Failure, Final, ProtocolError, Reply, SampleReader, Start, invalid
from voicecli.server.stt.service import Service
from voicecli.server.websocket import Gone

T = TypeVar("T", bound=BaseModel)

MAX_EVENT_BYTES = 4 << 20
"""The largest data or audio of one event; WebSocket messages have the same limit."""

MAX_CONNECTIONS = 64
"""Open connections: many clients keep one open, which takes a session slot only while audio comes."""

ATTRIBUTION = Attribution(name="voicecli", url="")


class BoundedReader(asyncio.StreamReader):
    """A reader that refuses events which declare a size that would fill the memory."""

    async def readexactly(self, n: int) -> bytes:
        if n > MAX_EVENT_BYTES:
            raise ValueError(f"an event of {n} bytes; at most {MAX_EVENT_BYTES} are accepted")
        return await super().readexactly(n)


class Options(BaseModel):
    """The options of a transcribe event; the wyoming package accepts any JSON for it."""

    language: str = ""
    transcript_names: tuple[str, ...] = ()
    transcript_terms: tuple[str, ...] = ()


class AudioFormat(BaseModel):
    """The format in audio-start and audio-chunk."""

    rate: int
    width: int
    channels: int


@dataclass(slots=True)
class Utterances:
    """The transcript since audio-start."""

    texts: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    text: str = ""
    language: str = ""
    failure: Failure | None = None

    def add(self, reply: Reply) -> None:
        """Add a final, or note a failure."""
        match reply:
            case Final(text=text, language=language) if text:
                chunk = f" {text}" if self.text else text
                self.text += chunk
                self.language = self.language or language
                self.texts.put_nowait(chunk)
            case Failure():
                self.failure = reply
            case _:
                pass


class Client:
    """One connection."""

    def __init__(self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._service = service
        self._reader, self._writer = reader, writer
        self._options = Options()
        self._refused = False  # at audio-stop the connection ends: clients wait for a transcript or for its end

    async def run(self) -> None:
        """Answer events until the client leaves or was refused."""
        try:
            while await self._answer(await self._read()):
                pass
        except Gone:
            pass
        finally:
            self._writer.close()

    async def _answer(self, event: Event) -> bool:
        """Answer an event; return False if the connection is over."""
        try:
            if Describe.is_type(event.type):
                await self._write(info(self._service))
            elif Ping.is_type(event.type):
                await self._write(Pong(event.data.get("text")))
            elif Transcribe.is_type(event.type):
                self._options = parse(Options, event)
            elif AudioStart.is_type(event.type) and not self._refused:
                return await self._transcribe(audio_format(event).rate)
            elif AudioStop.is_type(event.type) and self._refused:
                return False
        except VoiceCliError as error:
            await self._refuse(error)
        return True

    async def _refuse(self, error: VoiceCliError) -> None:
        self._refused = True
        code = error.code if isinstance(error, ProtocolError) else "full" if isinstance(error, Full) else "refused"
        await self._write(Error(f"{error.message} ({error.hint})" if error.hint else error.message, code))

    async def _transcribe(self, rate_hz: int) -> bool:
        """Transcribe up to audio-stop; return False if the recognizer failed. Raise VoiceCliError before audio-stop."""
        utterances = Utterances()
        with self._service.sessions.slot():
            try:
                await self._receive_audio(rate_hz, utterances)
            except BaseExceptionGroup as group:
                raise _leaf(group, Gone, VoiceCliError) from group
        self._options = Options()
        if (failure := utterances.failure) is not None:
            await self._refuse(ProtocolError(failure.code, failure.message, failure.hint))
            return False
        await self._write(Transcript(utterances.text, language=utterances.language or None))
        await self._write(TranscriptStop())
        return True

    async def _receive_audio(self, rate_hz: int, utterances: Utterances) -> None:
        listener = self._service.listener(start_of(self._options, rate_hz), utterances.add)
        reader = SampleReader("s16le")
        await self._write(TranscriptStart())
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(listener.run())
            chunks = tasks.create_task(self._send_chunks(utterances))
            while not AudioStop.is_type((event := await self._read()).type):
                if AudioChunk.is_type(event.type):
                    audio_format(event, rate_hz)
                    await listener.push_audio(reader.read(event.payload or b""))
            await listener.control("stop")
            await listening
            utterances.texts.put_nowait(None)
            await chunks

    async def _send_chunks(self, utterances: Utterances) -> None:
        while (chunk := await utterances.texts.get()) is not None:
            await self._write(TranscriptChunk(chunk))

    async def _read(self) -> Event:
        try:
            async with asyncio.timeout(self._service.limits.idle_s):
                event = await async_read_event(self._reader)
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            raise Gone from error
        except (KeyError, TypeError, AttributeError, RecursionError) as error:  # valid JSON, but not an event
            raise Gone from error
        if event is None or not isinstance(event.data, dict):
            raise Gone
        return event

    async def _write(self, event: Eventable) -> None:
        try:
            async with asyncio.timeout(self._service.limits.send_s):
                await async_write_event(event.event(), self._writer)
        except (TimeoutError, OSError) as error:
            raise Gone from error


def audio_format(event: Event, rate_hz: int | None = None) -> AudioFormat:
    """Return the format of an event. Raise ProtocolError if it is unsupported, or not at the announced `rate_hz`."""
    audio = parse(AudioFormat, event)
    found = f"{audio.rate} Hz, {8 * audio.width} bit, {audio.channels} channels"
    if audio.width != 2 or audio.channels != 1:
        raise ProtocolError("bad_audio", f"the audio has {found}", "send 16 bit and 1 channel")
    if rate_hz is not None and audio.rate != rate_hz:
        raise ProtocolError("bad_audio", f"a chunk has {found}", f"audio-start said {rate_hz} Hz")
    return audio


def start_of(options: Options, rate_hz: int) -> Start:
    """Return the start message with the same options. Raise ProtocolError."""
    try:
        return Start(
            language=options.language.partition("-")[0].lower(),  # en-GB
            sample_rate_hz=rate_hz,
            partials=False,
            endpoint="silence",
            hotwords=(*options.transcript_names, *options.transcript_terms),
        )
    except ValidationError as error:
        raise invalid(error, "bad_event") from error


def parse(kind: type[T], event: Event) -> T:
    """Parse the data of an event. Raise ProtocolError if it is invalid."""
    try:
        return kind.model_validate({name: value for name, value in event.data.items() if value is not None})
    except ValidationError as error:
        raise invalid(error, "bad_event") from error


def _leaf(group: BaseExceptionGroup[BaseException], *kinds: type[Exception]) -> BaseException:
    """Return the first exception in a group; the group itself if it holds exceptions of other kinds."""
    expected, others = group.split(kinds)
    found: BaseException = group
    while others is None and isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def info(service: Service) -> Info:
    """Return the description that Home Assistant asks for."""
    name = service.model.split()[0]
    model = AsrModel(
        name=name,
        attribution=Attribution(name="OpenAI Whisper, SYSTRAN faster-whisper", url="https://github.com/openai/whisper"),
        installed=True,
        description=service.model,
        version=None,
        languages=list(service.languages),
    )
    program = AsrProgram(
        name="voicecli",
        attribution=ATTRIBUTION,
        installed=True,
        description="Speech-to-text on this machine",
        version=__version__,
        models=[model],
        supports_transcript_streaming=True,
    )
    return Info(asr=[program])


async def serve_wyoming(service: Service, listening: socket.socket) -> None:
    """Serve until cancelled; connections end with it."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        clients: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(clients) >= MAX_CONNECTIONS:
                writer.close()
                return
            client = tasks.create_task(Client(service, reader, writer).run())
            clients.add(client)
            client.add_done_callback(clients.discard)

        def protocol() -> asyncio.StreamReaderProtocol:
            return asyncio.StreamReaderProtocol(BoundedReader(loop=loop), connected, loop=loop)

        server = await loop.create_server(protocol, sock=listening)
        try:
            await loop.create_future()
        finally:
            server.close()
