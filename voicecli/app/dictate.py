"""One run of `voicecli dictate`: what is said into a microphone, or in a file, utterance by utterance.

It is a session of `serve-stt` on engines of this process, as `voicecli transcribe -` is: the conversation's own gate,
segmenter, end-of-turn model and drafts. No language model and no voice are loaded.
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
"""Bounds of the silence that ends an utterance of a session (`Start.silence_ms`)."""


class Page(Protocol):
    """Where words are shown and kept."""

    @property
    def live(self) -> bool:
        """Whether words are wanted while they are said."""
        ...

    def note(self, text: str) -> None: ...

    def hear(self, stable: str, unstable: str) -> None:
        """Somebody speaks. Words so far: those that are firm, and those that may change."""
        ...

    def pause(self) -> None:
        """It was no speech."""
        ...

    def finish(self, text: str, reason: str) -> None:
        """An utterance is over; without words there is a reason."""
        ...

    def close(self) -> None: ...


class Dictating:
    """One run. `stop` is Ctrl-C: the first one ends the listening, and what has been said by then is still written."""

    def __init__(self, page: Page, *, once: bool) -> None:
        self._page = page
        self._once = once
        self._utterances = Utterances()
        self._listening = False
        self._ending = False
        self._done = False  # `once`: there was an utterance
        self.words = False  # there was one with words
        self.interrupted = False  # by Ctrl-C
        self.forced = False  # by another one, or before it could listen

    async def hold(self, settings: Settings, file: Path | None) -> None:
        """Raises DeviceError, ModelMissing, EngineError or SettingsError."""
        task = asyncio.current_task()
        assert task is not None
        with signals(lambda: self._stop(task)):
            async with AsyncExitStack() as stack:
                if file is None:
                    microphone = await stack.enter_async_context(
                        open_input_device(settings.audio.input_device, settings, self._tell)
                    )
                    sound = self._heard(microphone)
                else:
                    sound = self._read(await clip_of(file))
                await listen_here(settings, session_of(settings, partials=self._page.live), sound, self.hear)

    def _stop(self, task: asyncio.Task[None]) -> None:
        self.interrupted = True
        if self._ending or not self._listening:
            stop_soon(task, self._page.close)
        self._ending = True

    def _tell(self, event: events.Event) -> None:
        match event:
            case events.Notice(text=text):
                self._page.note(text)
            case events.FramesDropped(count=count):
                self._page.note(f"{count} frames of the microphone were dropped")
            case _:
                pass

    def hear(self, event: Event) -> None:
        """Show what the session tells."""
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

    async def _heard(self, microphone: Microphone) -> AsyncIterator[Pcm]:
        """What is said from now on; the engines are warm."""
        self._listening = True
        self._page.note(f"Listening ({microphone.name}). Ctrl-C ends.")
        async for frame in microphone.frames():
            if self._ending or self._done:
                return
            yield frame.pcm

    async def _read(self, pcm: Pcm) -> AsyncIterator[Pcm]:
        """A clip, as fast as it is understood."""
        self._listening = True
        block = round(PIPE_BLOCK_S * LISTEN_RATE_HZ)
        for begin in range(0, len(pcm), block):
            if self._ending or self._done:
                return
            yield pcm[begin : begin + block]


async def clip_of(file: Path) -> Pcm:
    """On a worker, since Ctrl-C would wait for it on the main thread. Raises DeviceError."""
    with ThreadWorker("file") as worker:
        return await worker.run(read_clip, file)


def dictate(settings: Settings, file: Path | None, page: Page, *, once: bool) -> Dictating:
    """Listen to the microphone until Ctrl-C, or to `file` until it ends; with `once` until there were words.

    Raises DeviceError, ModelMissing, EngineError or SettingsError; what was understood by then has been written.
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
    """What the settings say of a conversation's ear, as a session of the server is asked for it."""
    silence_ms = min(max(settings.listen.end_ms, SHORTEST_END_MS), LONGEST_END_MS)
    return Start(endpoint=settings.listen.endpoint, silence_ms=silence_ms, partials=partials)
