"""The user's utterance while it is being said: its partial transcripts, its pauses and its end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from voicecli import events
from voicecli.conversation.end_of_turn import Endpointing
from voicecli.conversation.partial_decoder import PartialDecoder, SoFar
from voicecli.conversation.parts import ConversationOptions, Devices, Engines, Runtime
from voicecli.conversation.prefill import Prefill
from voicecli.conversation.turn import first_failure
from voicecli.errors import VoiceCliError
from voicecli.events import Event
from voicecli.turns.segmenter import Endpoint, Onset, Resume
from voicecli.turns.speculation import Speculation
from voicecli.types import SpeechSegment, TurnId


class Utterance:
    """The utterance under way, or the last one. Shows its words as they change, and sends the firm ones ahead.

    Each `on_...` method handles one event of the segmenter, and publishes what it means.
    """

    def __init__(
        self, devices: Devices, engines: Engines, options: ConversationOptions, prefill: Prefill, runtime: Runtime
    ) -> None:
        self.id = TurnId(0)
        self._so_far: SoFar = devices.speech_input.so_far
        self._decoder = PartialDecoder(engines.stt, engines.stt_worker, options.partials, runtime.clock)
        self._wait_s = options.wait_s
        self._prefill = prefill
        self._runtime = runtime
        self._speculation = Speculation()
        self._decoding: asyncio.Task[None] | None = None
        self._endpointing = Endpointing(
            engines.turn,
            engines.turn_worker,
            options.endpoint,
            devices.speech_input.wait_until,
            runtime.clock,
            runtime.publish,
        )

    @property
    def is_being_said(self) -> bool:
        """Whether the user is speaking."""
        return self._decoding is not None

    def observe(self, event: Event) -> None:
        """Follow what becomes of prepared answers, and the words of a pause."""
        self._speculation = self._speculation.apply(event)
        self._endpointing.observe(event)

    def on_onset(self, onset: Onset) -> None:
        """Begin a new utterance."""
        self._endpointing.on_speech_started(onset.started_at_s)
        self.id = self._runtime.new_turn_id()
        self._publish(events.SpeechStarted(at_s=self._runtime.clock(), turn=self.id, started_at_s=onset.started_at_s))
        self._start_decoding()

    def on_early_pause(self, segment: SpeechSegment) -> None:
        """Decode all that was said: it may be the end."""
        self._decoder.decode_early(segment)

    def on_pause(self, segment: SpeechSegment) -> bool:
        """Judge whether it is the end. Return whether to prepare an answer meanwhile."""
        preparing = self._speculation.is_worthwhile(self._wait_s)
        now_s, ended_at_s = self._runtime.clock(), segment.ended_at_s
        self._publish(events.SpeechPaused(at_s=now_s, turn=self.id, ended_at_s=ended_at_s, preparing=preparing))
        self._endpointing.on_pause(self.id, segment, self._runtime.tasks)
        return preparing

    def on_resume(self, resume: Resume) -> None:
        """Continue: it was only a pause."""
        self._endpointing.on_resume(resume.silence_ms)
        self._publish(events.SpeechResumed(at_s=self._runtime.clock(), turn=self.id))
        self._start_decoding()

    def on_endpoint(self, endpoint: Endpoint) -> None:
        """End it."""
        self._endpointing.on_endpoint(endpoint.ended_at_s)
        self._publish(events.SpeechEnded(at_s=self._runtime.clock(), turn=self.id, ended_at_s=endpoint.ended_at_s))

    def on_dropped(self) -> None:
        """Forget it: it was too short to be one."""
        self.stop_decoding()
        self._endpointing.cancel()

    def on_no_words(self, turn: TurnId) -> None:
        """Judge the pause by the knowledge that there are no words."""
        self._endpointing.on_no_words(turn)

    def stop_decoding(self) -> None:
        """Stop partial transcripts, for now at least."""
        if self._decoding is not None:
            self._decoding.cancel()
            self._decoding = None

    def _start_decoding(self) -> None:
        self._decoding = self._runtime.tasks.create_task(self._decode(self.id), name=f"partials {self.id}")

    async def _decode(self, turn: TurnId) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._prefill.run())
                async with aclosing(self._decoder.partials(self._so_far)) as partials:
                    async for words in partials:
                        if words.words:
                            self._show(turn, words.stable, words.unstable)
        except* VoiceCliError as group:  # the final transcript will fail too, and then the turn reports it
            message = first_failure(group).message
            self._publish(events.Notice(at_s=self._runtime.clock(), text=f"No words while you speak: {message}"))

    def _show(self, turn: TurnId, stable: str, unstable: str) -> None:
        self._publish(events.PartialHeard(at_s=self._runtime.clock(), turn=turn, stable=stable, unstable=unstable))
        self._prefill.update(stable)

    def _publish(self, event: Event) -> None:
        self._runtime.publish(event)
