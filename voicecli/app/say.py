"""One run of `voicecli say`: speak a text like an answer of a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from voicecli.assemble.devices import make_recording, open_output_device
from voicecli.assemble.engines import load_voice
from voicecli.audio.device import Speaker
from voicecli.conversation.answer import AnswerStream, TextTurn
from voicecli.conversation.language import AnswerLanguage
from voicecli.conversation.speaking import Speaking
from voicecli.conversation.turn import StageError
from voicecli.engines.base import TextToSpeech, Worker
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.worker import ThreadWorker
from voicecli.errors import DeviceError, EngineError, SettingsError, VoiceCliError
from voicecli.events import CLOCK, Clock, Event, Notice, Synthesized
from voicecli.languages import language_of_name
from voicecli.models.store import open_store
from voicecli.settings.model import Settings
from voicecli.speech_text.normalize import normalize
from voicecli.speech_text.phrases import phrases_in
from voicecli.types import TurnId

ONLY_TURN = TurnId(1)


@dataclass(frozen=True, slots=True)
class SpeechTimes:
    """How long speaking took."""

    first_audio_s: float  # from the text to its first sound, with the voice loaded
    total_s: float  # from the text to the end of the last sound
    audio_s: float


class NothingToSpeak(EngineError):
    """The text holds nothing that the voice can speak."""


def say_text(text: str, settings: Settings, output: Path | None, narrate: Callable[[str], None]) -> SpeechTimes:
    """Speak through the loudspeaker, or into a WAV file.

    Raise SettingsError if there is nothing to speak, DeviceError, ModelMissing or EngineError.
    """
    answer = answer_with(text, language_of_name(settings.tts.voice))
    if answer.is_exhausted:
        raise SettingsError(f"nothing in {text[:40]!r} can be spoken", "give a text with words")
    return asyncio.run(_say(answer, settings, output, narrate))


def answer_with(text: str, language: str = "en") -> AnswerStream:
    """Return a complete answer. `language` is the voice's, ISO 639-1."""
    turn = TextTurn(ONLY_TURN, AnswerLanguage(language, phrases=phrases_in(language)))
    turn.write(text)
    turn.close()
    return turn.answer


async def _say(
    answer: AnswerStream, settings: Settings, output: Path | None, narrate: Callable[[str], None]
) -> SpeechTimes:
    sleep_while_waiting()
    async with AsyncExitStack() as stack:
        return await say_answer(answer, settings, output or await open_loudspeaker(stack, settings, narrate), narrate)


async def open_loudspeaker(stack: AsyncExitStack, settings: Settings, narrate: Callable[[str], None]) -> Speaker:
    """Open the loudspeaker. Raise DeviceError if there is none."""

    def report(event: Event) -> None:
        if isinstance(event, Notice):
            narrate(event.text)

    try:
        return await stack.enter_async_context(open_output_device(settings.audio.output_device, settings, report))
    except DeviceError as error:
        raise DeviceError(error.message, f"-o FILE writes a WAV file instead; {error.hint}") from error


async def say_answer(
    answer: AnswerStream, settings: Settings, place: Speaker | Path, narrate: Callable[[str], None]
) -> SpeechTimes:
    """Load the voice and speak to the end, through an open loudspeaker or into a file.

    The file is opened last, since that truncates it. Raise what `speak` raises, ModelMissing and SettingsError.
    """
    async with AsyncExitStack() as stack:
        worker = stack.enter_context(ThreadWorker("tts"))
        voice = await load_voice(worker, open_store(settings), settings.tts, narrate)
        answer.set_normalizer(partial(normalize, language=voice.language))
        speaker = await stack.enter_async_context(make_recording(place)) if isinstance(place, Path) else place
        return await speak(answer, voice, worker, speaker, CLOCK)


async def speak(
    answer: AnswerStream, voice: TextToSpeech, worker: Worker, speaker: Speaker, clock: Clock
) -> SpeechTimes:
    """Speak until the last sound has been played.

    Raise EngineError, NothingToSpeak if the voice finds no words, or DeviceError if the speaker fails.
    """
    ready_s: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, Synthesized):
            ready_s.append(event.at_s)

    began_s = clock()
    speaker.begin(answer.turn, held=False)
    try:
        await Speaking(voice, worker, speaker, clock, note).speak(answer)
    except StageError as failure:
        cause = failure.__cause__
        raise cause if isinstance(cause, VoiceCliError) else EngineError(failure.message, failure.hint) from failure
    await speaker.drained()
    if not ready_s:
        raise NothingToSpeak(
            f"{voice.name} found nothing to speak in {answer.written[:40]!r}",
            "check that the voice speaks its language",
        )
    return SpeechTimes(ready_s[0] - began_s, clock() - began_s, sum(chunk.audio_s for chunk in answer.chunks))
