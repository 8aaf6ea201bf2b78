"""Record a conversation while it is held: microphone, playback, events and the user's actions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np

from voicecli.assemble.devices import PipelineHooks
from voicecli.audio.device import Microphone
from voicecli.audio.echo.canceller import Played, PlayedBlock
from voicecli.bench.watch import Call, EngineWatch
from voicecli.conversation.parts import Engines
from voicecli.errors import DeviceError
from voicecli.events import (
    AnswerReplayed,
    Clock,
    Event,
    LevelMeasured,
    TurnDone,
    TurnFailed,
    TurnInterrupted,
)
from voicecli.replay.bundle import Sounds, Times, UserAction
from voicecli.slash.commands import is_command
from voicecli.turns.activity import Activity
from voicecli.types import AudioFrame, Pcm, TurnId
from voicecli.ui.screen import Controls

SPEAKER_HZ = 48_000
"""Speaker rate of a recording without playback."""


class Recorder(PipelineHooks):
    """Record one conversation through the pipeline's hooks, and end it after a number of turns.

    `played` is called on the speaker's thread and only appends; all other methods belong to the loop.
    """

    def __init__(self, clock: Clock, turns: int) -> None:
        self.events: list[Event] = []
        self.stopped = False  # by the user, before it was complete
        self._clock = clock
        self._turns = turns
        self._over = 0
        self._repeats: set[TurnId | None] = set()
        self._activity = Activity()
        self._engines = EngineWatch(clock)
        self._frames: list[tuple[AudioFrame, float]] = []
        self._listenings: list[int] = []
        self._cleaned: list[AudioFrame] = []
        self._blocks: list[tuple[PlayedBlock, float]] = []
        self._echoes = False
        self._actions: list[UserAction] = []
        self._controls: Controls | None = None

    @property
    def turns_over(self) -> int:
        """Return the number of turns that were answered, interrupted or failed."""
        return self._over

    @property
    def calls(self) -> list[Call]:
        """Return all calls of the engines."""
        return self._engines.calls

    def microphone(self, microphone: Microphone) -> Microphone:
        """Return a microphone that is recorded. Raise DeviceError if there is none: typed questions have no audio."""
        if not microphone.name:
            raise DeviceError("there is no microphone to record", "use --input FILE to play a sound file instead")
        return TappedMicrophone(microphone, lambda: self._listenings.append(0), self._heard)

    def echo_free(self, microphone: Microphone) -> Microphone:
        return TappedMicrophone(microphone, lambda: None, self._cleaned.append)

    def engines(self, engines: Engines) -> Engines:
        return self._engines.engines(engines)

    def played(self, played: Played | None) -> Played | None:
        self._echoes = played is not None

        def keep(block: PlayedBlock) -> None:
            self._blocks.append((block, self._clock()))
            if played is not None:
                played(block)

        return keep

    def observe(self, event: Event) -> None:
        """Record an event. End the conversation once enough turns are over and nothing is in progress."""
        if isinstance(event, LevelMeasured):
            return
        self.events.append(event)
        self._activity.observe(event)
        if isinstance(event, AnswerReplayed):
            self._repeats.add(event.turn)
        if event.turn in self._repeats:
            pass
        elif isinstance(event, TurnDone | TurnFailed) or (isinstance(event, TurnInterrupted) and not event.reopened):
            self._over += 1
        if self._over >= self._turns and self._activity.is_idle() and self._controls is not None:
            self._controls.quit()

    def controls(self, controls: Controls) -> Controls:
        """Return controls that record the user's actions."""
        self._controls = controls

        def set_muted(muted: bool) -> None:
            self._record_action(UserAction(self._clock(), "mute" if muted else "unmute"))
            controls.set_muted(muted)

        def interrupt() -> None:
            self._record_action(UserAction(self._clock(), "interrupt"))
            controls.interrupt()

        def ask(text: str) -> None:
            if not is_command(text):
                self._record_action(UserAction(self._clock(), "ask", text[1:] if text.startswith("//") else text))
            controls.ask(text)

        def quit() -> None:
            self.stopped = True
            controls.quit()

        def repeat(answer: str) -> None:
            self._record_action(UserAction(self._clock(), "repeat", answer))
            controls.repeat(answer)

        def push(held: bool) -> None:
            self._record_action(UserAction(self._clock(), "hold" if held else "let go"))
            controls.push(held)

        return replace(controls, set_muted=set_muted, interrupt=interrupt, ask=ask, quit=quit, repeat=repeat, push=push)

    def sounds(self) -> Sounds:
        """Return all recorded audio with its times."""
        blocks = [(block, reported_s) for block, reported_s in self._blocks if len(block.pcm)]
        rate_hz = blocks[0][0].rate_hz if blocks else SPEAKER_HZ
        times = Times(
            tuple(round(frame.captured_at_s, 6) for frame, _ in self._frames),
            tuple(round(came_s, 6) for _, came_s in self._frames),
            tuple(self._listenings),
            rate_hz,
            tuple(len(block.pcm) for block, _ in blocks),
            tuple(round(reported_s, 6) for _, reported_s in blocks),
            tuple(round(block.sounds_at_s, 6) for block, _ in blocks),
            self._echoes,
            tuple(self._actions),
        )
        return Sounds(
            joined([frame.pcm for frame, _ in self._frames]),
            joined([frame.pcm for frame in self._cleaned]),
            joined([block.pcm for block, _ in blocks]),
            times,
        )

    def _heard(self, frame: AudioFrame) -> None:
        self._frames.append((frame, self._clock()))
        self._listenings[-1] += 1

    def _record_action(self, action: UserAction) -> None:
        self._actions.append(action)


class TappedMicrophone:
    """A microphone whose frames are also passed to a callback. The microphone is already open."""

    def __init__(
        self, microphone: Microphone, listens: Callable[[], None], heard: Callable[[AudioFrame], None]
    ) -> None:
        self.name = microphone.name
        self._microphone = microphone
        self._listens, self._heard = listens, heard

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: whoever opened the microphone closes it."""

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield the microphone's frames."""
        self._listens()
        async for frame in self._microphone.frames():
            self._heard(frame)
            yield frame


def joined(parts: list[Pcm]) -> Pcm:
    """Return the concatenated samples, int16, shape (n,)."""
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)
