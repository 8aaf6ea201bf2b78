"""One run of `voicecli transcribe` through a session as of `serve-stt`: on a pipe, or on files with a server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from voicecli.app.transcribe import FileTranscript, Outcome, Unreadable, Withheld
from voicecli.audio.files.reader import PIPE_BLOCK_S, PipedSound, read_clip
from voicecli.engines.worker import ThreadWorker
from voicecli.errors import DeviceError, EngineError, first_of
from voicecli.server.client import Event, listen
from voicecli.server.stt.protocol import Failure, Final, SpeechEnded, SpeechStarted, Start
from voicecli.types import LISTEN_RATE_HZ, Pcm

if TYPE_CHECKING:
    from voicecli.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Server:
    """The server that decodes."""

    url: str
    api_key: str
    language: str  # empty: the server's own


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said between two silences, with its times in the sound."""

    from_s: float
    until_s: float
    text: str
    decode_s: float = 0.0
    reason: str = ""  # why there is no text


@dataclass(slots=True)
class Utterances:
    """Joins the events of a session into utterances."""

    _spans: dict[int, tuple[float, float]] = field(default_factory=dict)

    def completed_by(self, event: Event) -> Utterance | None:
        """Return the utterance that an event completes. Raise EngineError for a failure that concerns no utterance."""
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
    """Transcribe standard input to its end, and call `show` for each utterance soon after it ends.

    With `Settings` this process decodes. Raise BackendUnavailable, DeviceError, EngineError, ModelMissing or
    SettingsError.
    """
    run_session(_transcribe_pipe(server, show))


def transcribe_at_server(files: Sequence[Path], server: Server, show: Callable[[Outcome], None]) -> None:
    """Transcribe files, and call `show` for each as soon as it is done. Raise BackendUnavailable or SettingsError."""
    run_session(_transcribe_at_server(files, server, show))


def run_session(work: Awaitable[None]) -> None:
    """Run `work`. If several tasks fail, raise the first error that a user can act on."""

    async def main() -> None:
        await work

    try:
        asyncio.run(main())
    except ExceptionGroup as group:
        raise first_of(group) from group


async def _transcribe_pipe(server: Server | Settings, show: Callable[[Utterance], None]) -> None:
    utterances = Utterances()

    def on_event(event: Event) -> None:
        if utterance := utterances.completed_by(event):
            show(utterance)

    with ThreadWorker("pipe") as worker:
        sound = await worker.run(PipedSound, sys.stdin.buffer)
        start = Start(sample_rate_hz=sound.rate_hz, partials=False)

        async def blocks() -> AsyncIterator[Pcm]:
            while len(pcm := await worker.run(sound.read)):
                yield pcm

        if isinstance(server, Server):
            await listen_at_server(server, start, blocks(), on_event)
        else:
            await listen_here(server, start, blocks(), on_event)


async def _transcribe_at_server(files: Sequence[Path], server: Server, show: Callable[[Outcome], None]) -> None:
    with ThreadWorker("files") as worker:
        for file in files:
            try:
                pcm = await worker.run(read_clip, file)
                show(await _transcribe_clip(file, pcm, server))
            except (DeviceError, EngineError) as error:
                show(Unreadable(file, error))


async def _transcribe_clip(file: Path, pcm: Pcm, server: Server) -> FileTranscript:
    """Transcribe a clip, cut where its speaker is likely to be done."""
    collected, utterances = Utterances(), list[Utterance]()

    def on_event(event: Event) -> None:
        if utterance := collected.completed_by(event):
            utterances.append(utterance)

    async def blocks() -> AsyncIterator[Pcm]:
        block = round(PIPE_BLOCK_S * LISTEN_RATE_HZ)
        for begin in range(0, len(pcm), block):
            yield pcm[begin : begin + block]

    await listen_at_server(server, Start(partials=False, endpoint="patient"), blocks(), on_event)
    return FileTranscript(
        file,
        " ".join(utterance.text for utterance in utterances if utterance.text),
        len(pcm) / LISTEN_RATE_HZ,
        sum(utterance.decode_s for utterance in utterances),
        None,
        tuple(Withheld(one.from_s, one.until_s, one.reason) for one in utterances if one.reason),
    )


async def listen_at_server(
    server: Server, start: Start, blocks: AsyncIterator[Pcm], on_event: Callable[[Event], None]
) -> None:
    """Send all blocks as fast as they come and the server accepts them."""
    start = start.model_copy(update={"language": server.language})
    async with listen(server.url, start, api_key=server.api_key) as session, asyncio.TaskGroup() as tasks:

        async def send() -> None:
            async for pcm in blocks:
                await session.send(pcm.astype("<i2").tobytes())
            await session.stop()

        sending = tasks.create_task(send())
        async for event in session:
            on_event(event)
        sending.cancel()


async def listen_here(
    settings: Settings, start: Start, blocks: AsyncIterator[Pcm], on_event: Callable[[Event], None]
) -> None:
    """Run the same session on engines of this process."""
    from voicecli.assemble.stt_server import ServerOptions, open_stt
    from voicecli.server.stt.protocol import Ready, Reply

    def on_reply(reply: Reply) -> None:
        if not isinstance(reply, Ready):
            on_event(reply)

    async with open_stt(settings, ServerOptions(max_sessions=1)) as service, asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(service.scheduler.serve())
        listener = service.listener(start, on_reply)

        async def push() -> None:
            async for pcm in blocks:
                await listener.push_audio(pcm)
            await listener.control("stop")

        tasks.create_task(push())
        await listener.run()
        serving.cancel()
