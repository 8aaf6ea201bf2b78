"""Words while they are being said: shown as they change, and the firm ones sent ahead to the language model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voicecli import events
from voicecli.conversation.partial_decoder import PartialDecoder
from voicecli.conversation.prefill import Prefill
from voicecli.conversation.turn import first_failure
from voicecli.errors import VoiceCliError
from voicecli.events import Clock, Publish
from voicecli.turns.stable_prefix import StablePrefix
from voicecli.types import SpeechSegment, TurnId


class PartialTranscripts:
    """Of one utterance at a time. All methods belong to the loop."""

    def __init__(
        self, partial_decoder: PartialDecoder, prefill: Prefill, clock: Clock, publish: Publish, *, ahead: bool
    ) -> None:
        """`ahead`: whether words are sent to the language model."""
        self._partial_decoder = partial_decoder
        self._prefill = prefill
        self._clock = clock
        self._publish = publish
        self._ahead = ahead
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether something is being said."""
        return self._task is not None

    def start(self, turn: TurnId, so_far: Callable[[], SpeechSegment | None], tasks: asyncio.TaskGroup) -> None:
        """Until they are stopped."""
        self._task = tasks.create_task(self._run(turn, so_far))

    def stop(self) -> None:
        """The words so far are all, for now at least."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self, turn: TurnId, so_far: Callable[[], SpeechSegment | None]) -> None:
        def tell(words: StablePrefix) -> None:
            if not words.words:
                return
            stable, unstable = words.stable, words.unstable
            self._publish(events.PartialHeard(at_s=self._clock(), turn=turn, stable=stable, unstable=unstable))
            if self._ahead:
                self._prefill.update(stable)

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._prefill.run())
                await self._partial_decoder.run(so_far, tell)
        except* VoiceCliError as group:  # the final transcript will fail too, and then the turn says so
            message = first_failure(group).message
            self._publish(events.Notice(at_s=self._clock(), text=f"No words while you speak: {message}"))
