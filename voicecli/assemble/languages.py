"""Settings -> the languages and voices of a conversation, and what they lack on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from voicecli.conversation.language import AUTO, LanguagePolicy
from voicecli.conversation.voice_registry import NoVoice, VoiceRegistry
from voicecli.engines.base import SpeechEngine, Worker
from voicecli.engines.current_voice import CurrentVoice, VoiceCalibration
from voicecli.engines.whisper.options import known_language
from voicecli.errors import SettingsError
from voicecli.languages import code_of, language_of_name, name_of
from voicecli.settings.load import defaults
from voicecli.settings.model import Settings, TtsSettings

if TYPE_CHECKING:
    from voicecli.engines.whisper.engine import Whisper


def opening_voice(settings: Settings) -> TtsSettings:
    """Return the settings with the first voice: where the conversation's language is set, one that speaks it."""
    from voicecli.engines.kokoro.phonemes import missing_packages

    language, tts = settings.stt.language, settings.tts
    if language in (AUTO, language_of_name(tts.voice)) or language not in tts.voices or missing_packages(language):
        return tts
    return tts.model_copy(update={"voice": tts.voices[language]})


def opening_instruction(settings: Settings) -> str:
    """Return the instruction for the language model to answer in the language of the start."""
    wanted = settings.stt.language
    home = language_of_name(settings.tts.voice)
    language = home if wanted == AUTO else wanted
    return LanguagePolicy(wanted, VoiceRegistry("", home)).instruction(language)


@asynccontextmanager
async def open_voices(speech: SpeechEngine, worker: Worker, settings: TtsSettings) -> AsyncIterator[CurrentVoice]:
    """Open all voices of a loaded model. Those in use learn to stream, between the answers."""
    learning = VoiceCalibration(speech, worker)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(learning.serve(), name="voices")
        yield CurrentVoice(speech, speech, settings.speed, learning.note)
        task.cancel()


def make_language_policy(
    settings: Settings, recognizer: Whisper, voice: CurrentVoice | None, narrate: Callable[[str], None]
) -> LanguagePolicy:
    """Return the language policy of a conversation. `narrate` reports what differs from the settings.

    Raise SettingsError when a configured voice does not exist, or speaks another language.
    """

    def heard(wanted: str) -> str:
        return known_language(wanted, recognizer.languages, recognizer.name)

    wanted = heard(settings.stt.language)
    if wanted != settings.stt.language:
        others = "--stt-model whisper-base understands all of them"
        narrate(f"{recognizer.name} only understands {name_of(wanted)}, so other languages are not detected: {others}.")
    voice_registry = make_voice_registry(settings, voice) if voice is not None else VoiceRegistry("", "en")
    language_policy = LanguagePolicy(wanted, voice_registry, voice, heard)
    if voice is not None and language_policy.is_written:
        narrate(language_policy.voice_status)
    if voice is not None and settings.tts.voice not in (opening_voice(settings).voice, defaults().tts.voice):
        language, spoken = name_of(wanted), name_of(language_of_name(settings.tts.voice))
        narrate(f"{settings.tts.voice} speaks {spoken} and the conversation is in {language}: {voice.voice} speaks.")
    return language_policy


def make_voice_registry(settings: Settings, voice: CurrentVoice) -> VoiceRegistry:
    """Return the loaded voice and the configured ones. Raise SettingsError."""
    from voicecli.engines.kokoro.phonemes import EXTRA_HINT, missing_packages

    missing, others, own = {}, dict(settings.tts.voices), settings.tts.voice
    if not missing_packages(language_of_name(own)):
        others[code_of(voice.language_of(own))] = own
    for language, name in others.items():
        if absent := missing_packages(language):
            why = f"{name_of(language)} needs {', '.join(absent)}"
            missing[language] = NoVoice(why, EXTRA_HINT)
        elif (spoken := code_of(voice.language_of(name))) != language:
            raise SettingsError(
                f"tts.voices: {name} speaks {name_of(spoken)}, not {name_of(language)}", "voicecli talk --show-settings"
            )
    return VoiceRegistry(voice.voice, code_of(voice.language_of(voice.voice)), others, missing)
