"""One run of `voicecli transcribe` that listens as `serve-stt` does: a pipe, or files at a server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from voicecli.app.transcribe import FileTranscript, Outcome, Unreadable, Withheld
from voicecli.audio.files.piped import BLOCK_S, PipedSound
from voicecli.audio.files.wav import read_clip
from voicecli.engines.worker import ThreadWorker
from voicecli.errors import DeviceError, EngineError, first_of
from voicecli.server.client import Event, listen
from voicecli.server.stt.protocol import Failure, Final, SpeechEnded, SpeechStarted, Start
from voicecli.types import LISTEN_RATE_HZ, Pcm

if TYPE_CHECKING:
    from voicecli.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Server:
    """Who decodes."""

    url: str
    api_key: str
    language: str  # empty: the server's own


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said between two silences; times are of the sound."""

    from_s: float
    until_s: float
    text: str
    decode_s: float = 0.0
    reason: str = ""  # why there is no text


@dataclass(slots=True)
class Utterances:
    """The events of a session, put together."""

    _spans: dict[int, tuple[float, float]] = field(default_factory=dict)

    def take(self, event: Event) -> Utterance | None:
        """What an event completes. Raises EngineError where it is about no utterance."""
        match event:
            case SpeechStarted(utterance=number, at_s=at_s):
                self._spans[number] = at_s, at_s
            case SpeechEnded(utterance=number, at_s=at_s):
                self._spans[number] = self._spans[number][0], at_s
            case Final(utterance=number):
                from_s, until_s = self._spans.pop(number)
                if until_s > from_s:  # else it was too short to be speech
                    return Utterance(from_s, until_s, event.text, event.timings.decode_ms / 1000, event.reason)
            case Failure(utterance=int() as number):
                return Utterance(*self._spans.pop(number), "", reason=event.message)
            case Failure():
                raise EngineError(event.message, event.hint)
        return None


def transcribe_pipe(server: Server | Settings, show: Callable[[Utterance], None]) -> None:
    """Standard input, to its end; `show` is told of each utterance soon after it ends.

    With `Settings` it is understood here. Raises BackendUnavailable, DeviceError, EngineError, ModelMissing or
    SettingsError.
    """
    run_plainly(_transcribe_pipe(server, show))


def transcribe_at_server(files: Sequence[Path], server: Server, show: Callable[[Outcome], None]) -> None:
    """Tell `show` of each file as soon as it is done. Raises BackendUnavailable or SettingsError."""
    run_plainly(_transcribe_at_server(files, server, show))


def run_plainly(work: Awaitable[None]) -> None:
    """Where tasks fail together, raise what a user can act on."""

    async def main() -> None:
        await work

    try:
        asyncio.run(main())
    except ExceptionGroup as group:
        raise first_of(group) from group


async def _transcribe_pipe(server: Server | Settings, show: Callable[[Utterance], None]) -> None:
    utterances = Utterances()

    def hear(event: Event) -> None:
        if utterance := utterances.take(event):
            show(utterance)

    with ThreadWorker("pipe") as worker:
        sound = await worker.run(PipedSound, sys.stdin.buffer)
        start = Start(sample_rate_hz=sound.rate_hz, partials=False)

        async def blocks() -> AsyncIterator[Pcm]:
            while len(pcm := await worker.run(sound.read)):
                yield pcm

        if isinstance(server, Server):
            await hear_at_server(server, start, blocks(), hear)
        else:
            await hear_here(server, start, blocks(), hear)


async def _transcribe_at_server(files: Sequence[Path], server: Server, show: Callable[[Outcome], None]) -> None:
    with ThreadWorker("files") as worker:
        for file in files:
            try:
                pcm = await worker.run(read_clip, file)
                show(await understand_at_server(file, pcm, server))
            except (DeviceError, EngineError) as error:
                show(Unreadable(file, error))


async def understand_at_server(file: Path, pcm: Pcm, server: Server) -> FileTranscript:
    """A clip, cut where its speaker is likely to be done."""
    utterances, heard = Utterances(), list[Utterance]()

    def hear(event: Event) -> None:
        if utterance := utterances.take(event):
            heard.append(utterance)

    async def blocks() -> AsyncIterator[Pcm]:
        block = round(BLOCK_S * LISTEN_RATE_HZ)
        for begin in range(0, len(pcm), block):
            yield pcm[begin : begin + block]

    await hear_at_server(server, Start(partials=False, endpoint="patient"), blocks(), hear)
    return FileTranscript(
        file,
        " ".join(utterance.text for utterance in heard if utterance.text),
        len(pcm) / LISTEN_RATE_HZ,
        sum(utterance.decode_s for utterance in heard),
        None,
        tuple(Withheld(said.from_s, said.until_s, said.reason) for said in heard if said.reason),
    )


async def hear_at_server(
    server: Server, start: Start, blocks: AsyncIterator[Pcm], hear: Callable[[Event], None]
) -> None:
    """All of a sound, as fast as it comes and the server takes it."""
    start = start.model_copy(update={"language": server.language})
    async with listen(server.url, start, api_key=server.api_key) as session, asyncio.TaskGroup() as tasks:

        async def feed() -> None:
            async for pcm in blocks:
                await session.send(pcm.astype("<i2").tobytes())
            await session.stop()

        feeding = tasks.create_task(feed())
        async for event in session:
            hear(event)
        feeding.cancel()


async def hear_here(
    settings: Settings, start: Start, blocks: AsyncIterator[Pcm], hear: Callable[[Event], None]
) -> None:
    """The same session on engines of this process."""
    from voicecli.assemble.stt_server import ServerOptions, open_stt
    from voicecli.server.stt.protocol import Ready, Reply

    def tell(reply: Reply) -> None:
        if not isinstance(reply, Ready):
            hear(reply)

    async with open_stt(settings, ServerOptions(max_sessions=1)) as service, asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(service.scheduler.serve())
        listener = service.listener(start, tell)

        async def feed() -> None:
            async for pcm in blocks:
                await listener.push_audio(pcm)
            await listener.control("stop")

        tasks.create_task(feed())
        await listener.run()
        serving.cancel()
