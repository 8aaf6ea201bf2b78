"""Text-to-speech with Kokoro: one resident model, and a view of it for each voice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from voicecli.engines.kokoro.model import CutModel, Model, Narrate, WholeModel, open_session
from voicecli.engines.kokoro.parts import NotCuttable
from voicecli.engines.kokoro.phonemes import EXTRA_HINT, missing_packages
from voicecli.engines.kokoro.sound import RATE_HZ, pause_samples, to_pcm
from voicecli.engines.kokoro.voices import LANGUAGES, Styles, known_voices, language_of, read_voice
from voicecli.errors import ModelMissing, SettingsError
from voicecli.languages import UNSPACED, code_of, name_of
from voicecli.settings.model import TtsSettings
from voicecli.types import AudioChunk, KnownVoice

GREETINGS = {"ja": "こんにちは。", "zh": "你好。", "hi": "नमस्ते।"}
"""Synthesized once at load instead of "Hello there.", to load the phonemizer of the language."""


class Kokoro:
    """A view of a resident Kokoro: one voice at one speed. `synthesize` blocks; one worker thread owns it."""

    sample_rate_hz = RATE_HZ

    def __init__(self, model: Model, folder: Path, title: str, styles: Styles, speed: float) -> None:
        """`title`: model, "{voice}" and device."""
        self.model = title.partition(" ")[0]
        self._model = model
        self._folder = folder
        self._title = title
        self._voice = model.voice(styles, speed)
        self._has_spaces = code_of(styles.language) not in UNSPACED
        self.voice = styles.name
        self.language = styles.language
        self.streams = self._voice.streams
        self.name = title.format(voice=styles.name)

    @classmethod
    def load(cls, model: Path, voices: Path, settings: TtsSettings, narrate: Narrate = lambda text: None) -> Kokoro:
        """Load `model` (.onnx) and a voice from the folder of .bin files, and synthesize once to warm both.

        The first load of a model cuts its graph, and the first load of a voice calibrates it; both results are stored
        beside the model and reported to `narrate`. Raise ModelMissing, SettingsError (unknown voice) or EngineError
        (cannot run as configured).
        """
        if not model.is_file():
            raise ModelMissing(f"{model} does not exist", "voicecli download-models")
        styles = speakable(read_voice(voices, settings.voice))
        title = f"{model.parent.name} {{voice}} {settings.device}"
        try:
            opened = open_model(model, settings, narrate)
        except NotCuttable as reason:
            narrate(
                f"The voice cannot stream and speaks one text chunk at a time, because {model.name} differs: {reason}"
            )
            title += " (does not stream)"
            opened = WholeModel(open_session(model, settings))
        for _ in opened.preparing(styles, narrate):
            pass
        kokoro = cls(opened, voices, title, styles, settings.speed)
        list(kokoro.synthesize(GREETINGS.get(code_of(styles.language), "Hello there.")))
        return kokoro

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        """Yield the sound of one text chunk, followed by the pause that fits its last punctuation mark."""
        if not any(c.isalnum() for c in text):
            return
        for sound in self._voice.say(text):
            pause = np.zeros(pause_samples(text) if sound.share == 1 else 0, np.int16)
            ends_s = sound.word_ends_s if self._has_spaces else None  # else a sentence would be one word
            yield AudioChunk(np.concatenate([to_pcm(sound.audio), pause]), sound.share, ends_s)

    def known_voices(self) -> Sequence[KnownVoice]:
        """Return the voices on disk."""
        return [KnownVoice(name, LANGUAGES[name[0]]) for name in known_voices(self._folder)]

    def speaking(self, voice: str, speed: float, language_code: str = "") -> Kokoro:
        """Return a view with another voice or blend, at another speed (0.5 to 2), in another language (a letter).

        This takes a few milliseconds. A voice that is not calibrated works, but does not stream. Raise SettingsError if
        there is no such voice or language.
        """
        styles = read_voice(self._folder, voice)
        if language_code:
            styles = replace(styles, language=language_of(language_code))
        return Kokoro(self._model, self._folder, self._title, speakable(styles), speed)

    def preparing(self, voice: str, narrate: Narrate = lambda text: None) -> Iterator[int]:
        """Calibrate a voice or blend, so that views made after the last step stream, now and after later loads.

        Each step takes about a second; there are none if the voice streams already or the model cannot stream. Raise
        SettingsError if there is no such voice.
        """
        return self._model.preparing(read_voice(self._folder, voice), narrate)


def speakable(styles: Styles) -> Styles:
    """Return the voice. Raise SettingsError if a package that its language needs is missing."""
    if absent := missing_packages(styles.language):
        language = name_of(code_of(styles.language))
        raise SettingsError(f"{styles.name} speaks {language}, which needs {', '.join(absent)}", EXTRA_HINT)
    return styles


def open_model(model: Path, settings: TtsSettings, narrate: Narrate) -> Model:
    """Open the model as the settings say. Raise NotCuttable if it should stream and cannot."""
    if not settings.streaming:
        return WholeModel(open_session(model, settings))
    if settings.device != "cpu":
        raise NotCuttable("streaming is for the CPU")
    return CutModel(model, settings, narrate)
