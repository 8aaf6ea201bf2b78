"""Trials of the recogniser: how long a final takes, and how many words are wrong in it."""

from __future__ import annotations

from collections.abc import Sequence

from voicecli.assemble.engines import load_recogniser
from voicecli.bench.speech import Utterance
from voicecli.bench.wer import word_errors
from voicecli.bench.words import found_slots
from voicecli.engines.whisper.engine import Whisper
from voicecli.engines.worker import ThreadWorker
from voicecli.events import Clock
from voicecli.models.store import ModelStore
from voicecli.settings.model import SttSettings
from voicecli.tune.turns import side_by_side
from voicecli.tune.values import Arm, Sample, Samples
from voicecli.types import SpeechSegment


class Hearing:
    """Whisper as the product runs it, on its worker; at most the models of two arms are in memory."""

    def __init__(
        self, settings: SttSettings, store: ModelStore, said: Sequence[Utterance], worker: ThreadWorker, clock: Clock
    ) -> None:
        self._settings = settings
        self._store = store
        self._said = said
        self._worker = worker
        self._clock = clock
        self._loaded: dict[Arm, Whisper] = {}

    async def measure(self, arms: Sequence[Arm], stop_s: float) -> list[Samples]:
        """As `search.Bench`. Raises EngineError, ModelMissing or SettingsError."""
        for arm in [loaded for loaded in self._loaded if loaded not in arms]:
            del self._loaded[arm]
        for arm in arms:
            if arm not in self._loaded:
                await self._load(arm)
        return await side_by_side(arms, self._said, self._once, self._clock, stop_s)

    def recogniser(self, arm: Arm) -> Whisper:
        """Of an arm that was measured last."""
        return self._loaded[arm]

    async def _load(self, arm: Arm) -> None:
        named = {key.removeprefix("stt."): value for key, value in arm.values}
        self._loaded[arm] = await load_recogniser(self._worker, self._store, self._settings.model_copy(update=named))
        await self._once(arm, self._said[0])  # the first of its length finds nothing warm

    async def _once(self, arm: Arm, said: Utterance) -> Sample:
        began_s = self._clock()
        transcript = await self._worker.run(self._loaded[arm].transcribe, segment_of(said))
        took_s = self._clock() - began_s
        language = transcript.language if self._settings.language == "auto" else self._settings.language
        errors, words = wrong(said, transcript.text, language)
        audio_s = said.voiced_until_s - said.voiced_from_s
        return Sample(said.name, took_s, audio_s, took_s, errors, words)


def wrong(said: Utterance, heard: str, language: str) -> tuple[int, int]:
    """Words that are wrong, of how many; where only some phrases are known that have to be heard, these are counted."""
    if said.text:
        return word_errors(said.text, heard, language)
    return len(said.slots) - found_slots(said.slots, heard), len(said.slots)


def segment_of(said: Utterance) -> SpeechSegment:
    """As the conversation would send it."""
    return SpeechSegment(said.pcm, said.voiced_from_s, said.voiced_until_s)
