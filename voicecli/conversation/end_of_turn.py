"""Has the user finished? Each pause is judged by its sound and its words; each new fact sets its wait again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voicecli import events
from voicecli.engines.base import EndOfTurn, Worker
from voicecli.errors import EngineError
from voicecli.events import Clock, Event, Publish
from voicecli.turns.endpoint import WENT_ON_S, EndpointBounds, PauseStatistics, wait_ms
from voicecli.types import SpeechSegment, Transcript, TurnId


class Endpointing:
    """Sets how long the silence of each pause must be. Without an end-of-turn model the segmenter's `end_ms` applies.

    Until the model has answered, `end_ms` applies as well, so a machine that is too busy to answer in time works as
    without a model. A verdict that comes after the pause is dropped.
    """

    def __init__(
        self,
        engine: EndOfTurn | None,
        worker: Worker,
        bounds: EndpointBounds | None,
        wait_until: Callable[[float], None],
        clock: Clock,
        publish: Publish,
    ) -> None:
        self._engine, self._worker = engine, worker
        self._bounds = bounds
        self._wait_until = wait_until
        self._clock = clock
        self._publish = publish
        self._pauses = PauseStatistics()
        self._ended_at_s: float | None = None  # of the last utterance
        self._judging: asyncio.Task[None] | None = None
        self._turn: TurnId | None = None  # whose pause is under way
        self._probability: float | None = None  # by the sound of what was said before it
        self._transcript: Transcript | None = None  # of the same

    def on_speech_started(self, started_at_s: float) -> None:
        """Begin an utterance. If it follows closely on the last one, the gap between them was a pause."""
        if self._ended_at_s is not None and started_at_s - self._ended_at_s <= WENT_ON_S:
            self._pauses = self._pauses.with_pause((started_at_s - self._ended_at_s) * 1000)
        self._ended_at_s = None

    def on_pause(self, turn: TurnId, segment: SpeechSegment, tasks: asyncio.TaskGroup) -> None:
        """Judge the pause that begins now."""
        self._turn, self._probability, self._transcript = turn, None, None
        if self._engine is not None:
            self._judging = tasks.create_task(self._judge(turn, segment), name=f"endpoint {turn}")

    def on_resume(self, silence_ms: float) -> None:
        """Note that the user continued after `silence_ms`."""
        self._pauses = self._pauses.with_pause(silence_ms)
        self.cancel()

    def on_endpoint(self, ended_at_s: float) -> None:
        """Note that the pause was taken for the end."""
        self._ended_at_s = ended_at_s
        self.cancel()

    def cancel(self) -> None:
        """Stop judging: the pause is over."""
        self._turn = None
        if self._judging is not None:
            self._judging.cancel()
            self._judging = None

    def observe(self, event: Event) -> None:
        """Use the words of the pause under way, once they are known."""
        if isinstance(event, events.Transcribed):
            self.set_transcript(event.turn, Transcript(event.text, event.language, event.audio_s))

    def on_no_words(self, turn: TurnId) -> None:
        """Note that no words were recognized so far."""
        self.set_transcript(turn, Transcript("", "", 0.0))

    def set_transcript(self, turn: TurnId | None, transcript: Transcript) -> None:
        """Set the words before the pause under way; ignore those of another turn."""
        if turn == self._turn:
            self._transcript = transcript
            self._set(turn)

    async def _judge(self, turn: TurnId, segment: SpeechSegment) -> None:
        assert self._engine is not None
        try:
            self._probability = await self._worker.run(self._engine.probability, segment)
        except EngineError as error:
            self._engine = None
            text = f"From now on only silence ends your turn: {error.message}"
            self._publish(events.Notice(at_s=self._clock(), text=text))
        self._set(turn)

    def _set(self, turn: TurnId | None) -> None:
        if self._probability is None or self._bounds is None:
            return
        wait = wait_ms(self._bounds, self._probability, self._transcript, self._pauses)
        self._wait_until(wait)
        self._publish(
            events.EndpointExpected(at_s=self._clock(), turn=turn, probability=self._probability, wait_ms=wait)
        )
