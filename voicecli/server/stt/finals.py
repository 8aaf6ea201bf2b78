"""The finals of a session.

An utterance is decoded in its first silence. If no speech follows, that decode is the final and only has to be awaited.
The scheduler decodes a session's finals in the order of their utterances, so they are sent in that order too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from voicecli.errors import VoiceCliError
from voicecli.events import Clock
from voicecli.server.stt.protocol import Final, Reply, Timings, failure_of
from voicecli.server.stt.scheduler import Decoded, DecodeQueueClient, Urgency
from voicecli.types import SpeechSegment, Transcript, TurnId

OnTranscript = Callable[[TurnId, Transcript], None]


@dataclass(frozen=True, slots=True)
class UtteranceAudio:
    """The audio of an utterance up to a silence."""

    utterance: TurnId
    segment: SpeechSegment


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decode that becomes the final unless the speaker goes on."""

    audio: UtteranceAudio
    decoding: asyncio.Task[Decoded | VoiceCliError]


class Finals:
    """Decodes and sends the finals of one session. Belongs to the event loop; its tasks are the session's."""

    def __init__(
        self, queue: DecodeQueueClient, clock: Clock, send: Callable[[Reply], None], tasks: asyncio.TaskGroup
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._send = send
        self._tasks = tasks
        self._prepared: Prepared | None = None
        self._committed: dict[TurnId, asyncio.Task[None]] = {}
        self._audio_s, self._audio_at_s = 0.0, 0.0  # length of the session's audio, and when that much had arrived

    def audio_arrived(self, audio_s: float) -> None:
        """Note that `audio_s` seconds of the session's audio have arrived by now."""
        self._audio_s, self._audio_at_s = audio_s, self._clock()

    def prepare(self, audio: UtteranceAudio, on_transcript: OnTranscript | None = None) -> None:
        """Start to decode an utterance that may be complete; pass its transcript to `on_transcript`."""
        same = self._prepared is not None and self._prepared.audio.segment.ended_at_s == audio.segment.ended_at_s
        if not same:
            self.discard()
            self._prepared = Prepared(audio, self._tasks.create_task(self._decode(audio.segment)))
        if on_transcript is not None and self._prepared is not None:
            self._prepared.decoding.add_done_callback(
                lambda decoding: _pass_transcript(audio.utterance, decoding, on_transcript)
            )

    def discard(self) -> None:
        """Cancel the prepared decode: the speaker went on."""
        if self._prepared is not None:
            self._prepared.decoding.cancel()
            self._prepared = None

    def commit(self) -> None:
        """Send the prepared decode as the final when it is done: the utterance is complete."""
        prepared, self._prepared = self._prepared, None
        assert prepared is not None, "an utterance ends in a pause"
        self._queue.scheduler.promote(prepared.audio.segment)
        utterance = prepared.audio.utterance
        self._committed[utterance] = self._tasks.create_task(self._finish(prepared), name=f"final {utterance}")

    def send_empty(self, utterance: TurnId, reason: str) -> None:
        """Send a final without words."""
        timings = Timings(queue_ms=0, decode_ms=0, after_end_ms=0)
        self._send(Final(utterance=utterance, text="", language="", audio_s=0, reason=reason, timings=timings))

    def cancel(self) -> None:
        """End all utterances whose final is not sent yet, without words."""
        self.discard()
        for utterance, task in self._committed.items():
            task.cancel()
            self.send_empty(utterance, "cancelled")
        self._committed.clear()

    async def _decode(self, segment: SpeechSegment) -> Decoded | VoiceCliError:
        try:
            return await self._queue.final(segment, Urgency.EAGER)
        except VoiceCliError as error:
            return error  # reported if the utterance ends with this decode

    async def _finish(self, prepared: Prepared) -> None:
        decoded = await prepared.decoding
        utterance = prepared.audio.utterance
        del self._committed[utterance]
        if isinstance(decoded, VoiceCliError):
            self._send(failure_of(decoded, utterance))
        else:
            self._send(self._final(prepared.audio, decoded))

    def _final(self, audio: UtteranceAudio, decoded: Decoded) -> Final:
        transcript = decoded.transcript
        after_end_s = self._clock() - self._audio_at_s + self._audio_s - audio.segment.ended_at_s
        return Final(
            utterance=audio.utterance,
            text=transcript.text,
            language=transcript.language,
            audio_s=round(transcript.audio_s, 3),
            reason=transcript.reason,
            timings=Timings(
                queue_ms=round(decoded.queued_s * 1000),
                decode_ms=round(decoded.decode_s * 1000),
                after_end_ms=max(0, round(after_end_s * 1000)),
            ),
        )


def _pass_transcript(
    utterance: TurnId, decoding: asyncio.Task[Decoded | VoiceCliError], on_transcript: OnTranscript
) -> None:
    if not decoding.cancelled() and isinstance(decoded := decoding.result(), Decoded):
        on_transcript(utterance, decoded.transcript)
