"""One run of `voicecli dictate`: transcribe a microphone, or a file, utterance by utterance.

This is a session of `serve-stt` with engines of this process, like `voicecli transcribe -`: it uses the voice activity
detectors, segmenter, end-of-turn model and partial transcripts of a conversation. No language model or voice is loaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

from voicecli import events
from voicecli.app.signals import signals, stop_soon
from voicecli.app.transcribe_stream import Utterances, listen_here, run_session
from voicecli.assemble.devices import open_input_device
from voicecli.audio.device import Microphone
from voicecli.audio.files.reader import PIPE_BLOCK_S, read_clip
from voicecli.engines.worker import ThreadWorker
from voicecli.server.client import Event
from voicecli.server.stt.protocol import Final, Partial, SpeechStarted, Start
from voicecli.settings.model import Settings
from voicecli.types import LISTEN_RATE_HZ, Pcm

SHORTEST_END_MS, LONGEST_END_MS = 250, 10_000
"""Bounds of the silence that ends an utterance in a session (`Start.silence_ms`), in milliseconds."""


class Page(Protocol):
    """Show words and keep them."""

    @property
    def live(self) -> bool:
        """Whether words are shown while they are spoken."""
        ...

    def note(self, text: str) -> None:
        """Show a note."""
        ...

    def hear(self, stable: str, unstable: str) -> None:
        """Show the words so far: those that are final, and those that may change."""
        ...

    def pause(self) -> None:
        """Show that the sound was not speech."""
        ...

    def finish(self, text: str, reason: str) -> None:
        """Show and keep a finished utterance; without words, `reason` says why."""
        ...

    def close(self) -> None:
        """End the output."""
        ...


class Dictating:
    """One run. The first Ctrl-C stops listening, and what has been said by then is still written."""

    def __init__(self, page: Page, *, once: bool) -> None:
        self._page = page
        self._once = once
        self._utterances = Utterances()
        self._listening = False
        self._ending = False
        self._done = False  # with `once`: an utterance is complete
        self.words = False  # an utterance had words
        self.interrupted = False  # by Ctrl-C
        self.forced = False  # by a second Ctrl-C, or by one before listening began

    async def hold(self, settings: Settings, file: Path | None) -> None:
        """Run until stopped. Raise DeviceError, ModelMissing, EngineError or SettingsError."""
        task = asyncio.current_task()
        assert task is not None
        with signals(lambda: self._stop(task)):
            async with AsyncExitStack() as stack:
                if file is None:
                    microphone = await stack.enter_async_context(
                        open_input_device(settings.audio.input_device, settings, self._report)
                    )
                    sound = self._listen(microphone)
                else:
                    sound = self._read(await clip_of(file))
                await listen_here(settings, session_of(settings, partials=self._page.live), sound, self.hear)

    def _stop(self, task: asyncio.Task[None]) -> None:
        self.interrupted = True
        if self._ending or not self._listening:
            stop_soon(task, self._page.close)
        self._ending = True

    def _report(self, event: events.Event) -> None:
        match event:
            case events.Notice(text=text):
                self._page.note(text)
            case events.FramesDropped(count=count):
                self._page.note(f"{count} frames of the microphone were dropped")
            case _:
                pass

    def hear(self, event: Event) -> None:
        """Show an event of the session."""
        if self._done:
            return
        if isinstance(event, SpeechStarted):
            self._page.hear("", "")
        elif isinstance(event, Partial):
            self._page.hear(event.stable, event.unstable)
        if utterance := self._utterances.completed_by(event):
            self._page.finish(utterance.text, utterance.reason)
            self.words = self.words or bool(utterance.text)
            self._done = self._once and bool(utterance.text)
        elif isinstance(event, Final):
            self._page.pause()

    async def _listen(self, microphone: Microphone) -> AsyncIterator[Pcm]:
        """Yield the microphone's sound from now on; the engines are warm."""
        self._listening = True
        self._page.note(f"Listening ({microphone.name}). Ctrl-C ends.")
        async for frame in microphone.frames():
            if self._ending or self._done:
                return
            yield frame.pcm

    async def _read(self, pcm: Pcm) -> AsyncIterator[Pcm]:
        """Yield a clip in blocks, as fast as it is transcribed."""
        self._listening = True
        block = round(PIPE_BLOCK_S * LISTEN_RATE_HZ)
        for begin in range(0, len(pcm), block):
            if self._ending or self._done:
                return
            yield pcm[begin : begin + block]


async def clip_of(file: Path) -> Pcm:
    """Read a file on a worker, so that Ctrl-C need not wait for it. Raise DeviceError if it cannot be read."""
    with ThreadWorker("file") as worker:
        return await worker.run(read_clip, file)


def dictate(settings: Settings, file: Path | None, page: Page, *, once: bool) -> Dictating:
    """Transcribe the microphone until Ctrl-C, or `file` until it ends; with `once`, until the first words.

    Raise DeviceError, ModelMissing, EngineError or SettingsError; what was recognized by then has been written.
    """
    dictating = Dictating(page, once=once)
    try:
        run_session(dictating.hold(settings, file))
    except asyncio.CancelledError:
        dictating.forced = True
    finally:
        page.close()
    return dictating


def session_of(settings: Settings, *, partials: bool) -> Start:
    """Return the start message of a server session that listens as a conversation with these settings does."""
    silence_ms = min(max(settings.listen.end_ms, SHORTEST_END_MS), LONGEST_END_MS)
    return Start(endpoint=settings.listen.endpoint, silence_ms=silence_ms, partials=partials)
