"""Wyoming, Home Assistant's protocol, over TCP: the sound between audio-start and audio-stop is one transcript.

What is said is decoded while it is being said, so that little is left to do at audio-stop. Each utterance in it is a
transcript-chunk as soon as its words are known.
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
from voicecli.server.pcm import SampleReader
from voicecli.server.sessions import Full
from voicecli.server.stt.protocol import Failure, Final, ProtocolError, Reply, Start
from voicecli.server.stt.service import Service

T = TypeVar("T", bound=BaseModel)

MOST_BYTES = 4 << 20
"""Of one event's data or sound: the longest message that the WebSockets take, too."""

CONNECTIONS = 64
"""At once: many clients keep one open, and an open one holds a place only while sound comes."""

US = Attribution(name="voicecli", url="")


class Gone(Exception):
    """The client has left, says nothing any more, or speaks another protocol."""


class BoundedReader(asyncio.StreamReader):
    """An event says itself how long it is; one that would fill the memory is not read."""

    async def readexactly(self, n: int) -> bytes:
        if n > MOST_BYTES:
            raise ValueError(f"{n} bytes in one event, {MOST_BYTES} at most")
        return await super().readexactly(n)


class Asked(BaseModel):
    """What a transcribe event asks for; the package takes any JSON for it."""

    language: str = ""
    transcript_names: tuple[str, ...] = ()
    transcript_terms: tuple[str, ...] = ()


class Sound(BaseModel):
    """What audio-start and audio-chunk say of their samples."""

    rate: int
    width: int
    channels: int


@dataclass(slots=True)
class Said:
    """What was understood since audio-start."""

    texts: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    text: str = ""
    language: str = ""
    failure: Failure | None = None

    def tell(self, reply: Reply) -> None:
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
        self._asked = Asked()
        self._refused = False  # until audio-stop, then the connection ends: clients wait for a transcript or its end

    async def run(self) -> None:
        """Until the client leaves, or was refused."""
        try:
            while await self._answer(await self._read()):
                pass
        except Gone:
            pass
        finally:
            self._writer.close()

    async def _answer(self, event: Event) -> bool:
        """False where that was all."""
        try:
            if Describe.is_type(event.type):
                await self._write(info(self._service))
            elif Ping.is_type(event.type):
                await self._write(Pong(event.data.get("text")))
            elif Transcribe.is_type(event.type):
                self._asked = parsed(Asked, event)
            elif AudioStart.is_type(event.type) and not self._refused:
                return await self._transcribe(sound_of(event).rate)
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
        """False where the recogniser failed. Raises VoiceCliError for what is refused before audio-stop."""
        said = Said()
        with self._service.sessions.one():
            try:
                await self._hear(rate_hz, said)
            except BaseExceptionGroup as group:
                raise leaf_of(group, Gone, VoiceCliError) from group
        self._asked = Asked()
        if said.failure is not None:
            await self._refuse(ProtocolError(said.failure.code, said.failure.message, said.failure.hint))
            return False
        await self._write(Transcript(said.text, language=said.language or None))
        await self._write(TranscriptStop())
        return True

    async def _hear(self, rate_hz: int, said: Said) -> None:
        listener = self._service.listener(start_of(self._asked, rate_hz), said.tell)
        reader = SampleReader("s16le")
        await self._write(TranscriptStart())
        async with asyncio.TaskGroup() as tasks:
            hearing = tasks.create_task(listener.run())
            chunks = tasks.create_task(self._send(said))
            while not AudioStop.is_type((event := await self._read()).type):
                if AudioChunk.is_type(event.type):
                    sound_of(event, rate_hz)
                    await listener.push_audio(reader.read(event.payload or b""))
            await listener.mark("stop")
            await hearing
            said.texts.put_nowait(None)
            await chunks

    async def _send(self, said: Said) -> None:
        while (chunk := await said.texts.get()) is not None:
            await self._write(TranscriptChunk(chunk))

    async def _read(self) -> Event:
        try:
            async with asyncio.timeout(self._service.limits.idle_s):
                event = await async_read_event(self._reader)
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            raise Gone from error
        except (KeyError, TypeError, AttributeError, RecursionError) as error:  # JSON, but no event
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


def sound_of(event: Event, rate_hz: int | None = None) -> Sound:
    """Raises ProtocolError where the sound is of a kind that is not taken, or not the one that was announced."""
    sound = parsed(Sound, event)
    found = f"{sound.rate} Hz, {8 * sound.width} bit, {sound.channels} channels"
    if sound.width != 2 or sound.channels != 1:
        raise ProtocolError("bad_audio", f"the audio has {found}", "16 bit and 1 channel are taken")
    if rate_hz is not None and sound.rate != rate_hz:
        raise ProtocolError("bad_audio", f"a chunk has {found}", f"audio-start said {rate_hz} Hz")
    return sound


def start_of(asked: Asked, rate_hz: int) -> Start:
    """As the session protocol says it. Raises ProtocolError."""
    try:
        return Start(
            language=asked.language.partition("-")[0].lower(),  # en-GB
            sample_rate_hz=rate_hz,
            partials=False,
            endpoint="silence",
            hotwords=(*asked.transcript_names, *asked.transcript_terms),
        )
    except ValidationError as error:
        raise problem(error) from error


def parsed(kind: type[T], event: Event) -> T:
    """Raises ProtocolError that names what is wrong."""
    try:
        return kind.model_validate({name: value for name, value in event.data.items() if value is not None})
    except ValidationError as error:
        raise problem(error) from error


def problem(error: ValidationError) -> ProtocolError:
    """The first thing that is wrong."""
    first = error.errors(include_url=False, include_input=False)[0]
    return ProtocolError("bad_event", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def leaf_of(group: BaseExceptionGroup[BaseException], *kinds: type[Exception]) -> BaseException:
    """The one that tells what happened; the group itself where it holds something else too."""
    expected, others = group.split(kinds)
    found: BaseException = group
    while others is None and isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def info(service: Service) -> Info:
    """What Home Assistant shows and goes by."""
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
        attribution=US,
        installed=True,
        description="Speech-to-text on this machine",
        version=__version__,
        models=[model],
        supports_transcript_streaming=True,
    )
    return Info(asr=[program])


async def serve_wyoming(service: Service, listening: socket.socket) -> None:
    """Until cancelled; connections go with it."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        clients: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(clients) >= CONNECTIONS:
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
