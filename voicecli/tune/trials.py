"""Measure arms with the real engines: final transcripts, answers up to their first sound, and endpoints."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import TypeVar

from voicecli.assemble.engines import load_recognizer, load_voice
from voicecli.bench.endpointing import Clip, Oracle, Rule, clips_of, evaluate, listen, ours, silence, word_ends_s
from voicecli.bench.hesitations import with_hesitations
from voicecli.bench.rounds import in_turns
from voicecli.bench.speech import Utterance
from voicecli.bench.watch import Call, WatchedVoice
from voicecli.bench.wer import found_slots, word_errors
from voicecli.conversation.answer import AnswerStream
from voicecli.conversation.history import History
from voicecli.conversation.speaking import Synthesis
from voicecli.conversation.turn import StageError
from voicecli.engines.base import EndOfTurn, LanguageModel, TextToSpeech, Worker
from voicecli.engines.llm.select import open_language_model
from voicecli.engines.whisper.engine import Whisper
from voicecli.engines.worker import ThreadWorker
from voicecli.errors import EngineError, first_of
from voicecli.events import Clock
from voicecli.models.store import ModelStore, language_model_file
from voicecli.settings.model import ListenSettings, Settings, SttSettings
from voicecli.speech_text.think_filter import without_thinking
from voicecli.tune.values import Arm, Sample, Samples
from voicecli.turns.endpoint import MODES
from voicecli.types import GgufFile, Message, SpeechSegment, TurnId

T = TypeVar("T")

MeasureOnce = Callable[[Arm, T], Awaitable[Sample | None]]
"""Measures one arm on one input; None if there was nothing to measure."""

ANSWER_TOKENS = 48
"""Longest answer: two sentences, enough for the voice to work beside the model."""

ENOUGH_AUDIO_S = 2.0
"""Synthesis stops after this much audio once the model has finished: from then on nothing competes for the cores."""


async def side_by_side(
    arms: Sequence[Arm], inputs: Sequence[T], measure_once: MeasureOnce[T], clock: Clock, stop_s: float
) -> list[Samples]:
    """Return a sample of each arm for each input, until `stop_s`; arms take turns in going first.

    An input that gives no sample with one arm counts for none.
    """
    found: dict[Arm, list[Sample]] = {arm: [] for arm in arms}
    for number, one in enumerate(inputs):
        if clock() >= stop_s:
            break
        samples = {arm: await measure_once(arm, one) for arm in in_turns(arms, number)}
        measured = {arm: sample for arm, sample in samples.items() if sample is not None}
        for arm, sample in measured.items() if len(measured) == len(arms) else ():
            found[arm].append(sample)
    return [tuple(found[arm]) for arm in arms]


class HearingTrials:
    """Trials of Whisper as the product runs it; at most the models of two arms are in memory."""

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
        """Implement `search.Bench`. Raise EngineError, ModelMissing or SettingsError if an arm cannot run."""
        for arm in [loaded for loaded in self._loaded if loaded not in arms]:
            del self._loaded[arm]
        for arm in arms:
            if arm not in self._loaded:
                await self._load(arm)
        return await side_by_side(arms, self._said, self._once, self._clock, stop_s)

    def recognizer(self, arm: Arm) -> Whisper:
        """Return the recognizer of an arm of the last trial."""
        return self._loaded[arm]

    async def _load(self, arm: Arm) -> None:
        values = {key.removeprefix("stt."): value for key, value in arm.values}
        self._loaded[arm] = await load_recognizer(self._worker, self._store, self._settings.model_copy(update=values))
        await self._once(arm, self._said[0])  # the first decode of this length finds cold caches

    async def _once(self, arm: Arm, said: Utterance) -> Sample:
        segment = SpeechSegment(said.pcm, said.voiced_from_s, said.voiced_until_s)
        began_s = self._clock()
        transcript = await self._worker.run(self._loaded[arm].transcribe, segment)
        took_s = self._clock() - began_s
        language = transcript.language if self._settings.language == "auto" else self._settings.language
        errors, words = count_errors(said, transcript.text, language)
        audio_s = said.voiced_until_s - said.voiced_from_s
        return Sample(said.name, took_s, audio_s, took_s, errors, words)


def count_errors(said: Utterance, heard: str, language: str) -> tuple[int, int]:
    """Return the number of wrong words and of all words; where only phrases are known, count missing phrases."""
    if said.text:
        return word_errors(said.text, heard, language)
    return len(said.slots) - found_slots(said.slots, heard), len(said.slots)


class EndingTrials:
    """Trials of the endpoint modes on the same recordings, each unchanged and twice with a pause."""

    def __init__(
        self,
        settings: ListenSettings,
        said: Sequence[Utterance],
        load_turn: Callable[[], EndOfTurn],
        worker: Worker,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._said = said
        self._load_turn = load_turn
        self._worker = worker
        self._clock = clock

    async def measure(self, arms: Sequence[Arm], stt: Whisper, stop_s: float) -> list[Samples]:
        """Implement `search.Bench`, with the transcripts of `stt`, which runs on this trial's worker.

        Raise EngineError if an engine fails.
        """
        oracle = Oracle(await self._worker.run(self._load_turn), stt)
        clips = await self._worker.run(self._clips, stt)

        async def once(arm: Arm, clip: Clip) -> Sample | None:
            return await self._worker.run(self._evaluate, arm, clip, oracle)

        return await side_by_side(arms, clips, once, self._clock, stop_s)

    def _clips(self, stt: Whisper) -> list[Clip]:
        """Return each recording followed by its versions with pauses, so that a trial cut short has both."""
        paused = with_hesitations([one.pcm for one in self._said], partial(word_ends_s, stt))
        named = [(index, one.name, one.pcm) for index, one in enumerate(self._said)]
        named += [(index, f"{self._said[index].name}, with a pause", pcm) for index, pcm in paused]
        return clips_of([(name, pcm) for _, name, pcm in sorted(named, key=lambda one: one[0])], self._settings)

    def _evaluate(self, arm: Arm, clip: Clip, oracle: Oracle) -> Sample | None:
        """Return None if the last word was too short to count as speech."""
        mode = str(arm["listen.endpoint"])
        ask = None if mode == "silence" else oracle.ask
        endpoints = list(listen(clip.frames, self._settings, ask, rule_of(mode, self._settings)))
        result = evaluate(endpoints, clip.end)
        return None if result.wait_s is None else Sample(clip.name, result.wait_s, cut_off=result.cut_off)


def rule_of(mode: str, settings: ListenSettings) -> Rule:
    """Return the rule of an endpoint mode."""
    bounds = next((its for name, its in MODES.items() if name == mode), None)
    return ours(bounds) if bounds else silence(settings.end_ms)


class AnsweringTrials:
    """Trials of the configured language model with Kokoro; at most what two arms need is loaded."""

    def __init__(
        self, settings: Settings, store: ModelStore, questions: Sequence[str], worker: ThreadWorker, clock: Clock
    ) -> None:
        short = {"temperature": 0.0, "max_answer_tokens": ANSWER_TOKENS}
        self._settings = settings.model_copy(update={"llm": settings.llm.model_copy(update=short)})
        self._store = store
        self._questions = questions
        self._worker = worker
        self._clock = clock
        self._history = History(settings.llm.system_prompt.strip(), settings.llm.context_tokens)
        self._voices: dict[tuple[object, ...], TextToSpeech] = {}
        self._models: dict[int, tuple[LanguageModel, AsyncExitStack]] = {}
        self.embedded = False  # known once the first model is open
        self.model_name = ""

    async def measure(self, arms: Sequence[Arm], stop_s: float) -> list[Samples]:
        """Implement `search.Bench`. Raise EngineError, ModelMissing, BackendUnavailable or SettingsError."""
        for key in self._voices.keys() - {voice_key(arm) for arm in arms}:
            del self._voices[key]
        for threads in self._models.keys() - {int(arm["llm.threads"]) for arm in arms}:
            await self._models.pop(threads)[1].aclose()
        for arm in arms:
            await self.load(arm)
            await self._once(arm, self._questions[-1])  # the first answer finds cold caches
        return await side_by_side(arms, self._questions, self._once, self._clock, stop_s)

    async def aclose(self) -> None:
        """Stop the language models."""
        while self._models:
            await self._models.popitem()[1][1].aclose()

    async def load(self, arm: Arm) -> None:
        """Load the voice and the language model of an arm unless they are loaded. Raise what `measure` raises."""
        if voice_key(arm) not in self._voices:
            values = dict(zip(("model", "threads", "streaming"), voice_key(arm), strict=True))
            chosen = self._settings.tts.model_copy(update=values)
            self._voices[voice_key(arm)] = await load_voice(self._worker, self._store, chosen, ignore)
        threads = int(arm["llm.threads"])
        if threads not in self._models:
            llm = self._settings.llm.model_copy(update={"threads": threads})
            stack = AsyncExitStack()
            opened = await stack.enter_async_context(open_language_model(llm, self._gguf, ignore))
            self.model_name = opened.model.name
            self._models[threads] = opened.model, stack
            await opened.model.warm(self._history.prompt("Hello."))

    def _gguf(self, name: str) -> GgufFile:
        """Return the file of the embedded model; only called if that model answers."""
        self.embedded = True
        return language_model_file(self._store, self._settings, name)

    async def _once(self, arm: Arm, question: str) -> Sample | None:
        """Return None if the answer has nothing to say. Raise EngineError or BackendUnavailable."""
        model = self._models[int(arm["llm.threads"])][0]
        calls: list[Call] = []
        voice = WatchedVoice(self._voices[voice_key(arm)], calls, self._clock)
        prompt = self._history.prompt(question)
        if self._settings.llm.prefill:
            await model.warm(prompt)  # as the conversation does while the user speaks
        answer = AnswerStream(TurnId(1), first_chunk_chars=int(arm["tts.first_chunk_chars"]))
        tokens_s: list[float] = []
        sounds_s: list[float] = []
        began_s = self._clock()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(write_answer(model, prompt, answer, lambda: tokens_s.append(self._clock())))
                tasks.create_task(self._speak(answer, voice, sounds_s))
        except ExceptionGroup as group:
            failed = first_of(group)
            raise EngineError(failed.message, failed.hint) if isinstance(failed, StageError) else failed from group
        if not sounds_s:
            return None
        writing_s = tokens_s[-1] - tokens_s[0]
        return Sample(
            question,
            took_s=sounds_s[0] - began_s,
            audio_s=sum(chunk.audio_s for chunk in answer.chunks),
            work_s=sum(call.work_s for call in calls),
            first_token_s=tokens_s[0] - began_s,
            tokens_per_s=(len(tokens_s) - 1) / writing_s if writing_s else 0.0,
        )

    async def _speak(self, answer: AnswerStream, voice: TextToSpeech, sounds_s: list[float]) -> None:
        """Note when each audio chunk is ready, as if playback began with the first and never paused."""

        def lead_s() -> float:
            return made_s() - (self._clock() - sounds_s[0]) if sounds_s else 0.0

        def made_s() -> float:
            return sum(chunk.audio_s for chunk in answer.chunks)

        synthesis = Synthesis(voice, self._worker, self._clock, lambda event: None)
        async with aclosing(synthesis.chunks(answer, lead_s)) as chunks:
            async for _ in chunks:
                sounds_s.append(self._clock())
                if answer.is_closed and made_s() >= ENOUGH_AUDIO_S:
                    return


async def write_answer(
    model: LanguageModel, prompt: Sequence[Message], answer: AnswerStream, on_token: Callable[[], None]
) -> None:
    """Write the answer, as a conversation does."""
    async with aclosing(without_thinking(model.reply(prompt))) as tokens:
        async for token in tokens:
            on_token()
            answer.write(token.text)
    answer.close()


def voice_key(arm: Arm) -> tuple[object, ...]:
    """Return the values for which a voice is loaded."""
    return arm["tts.model"], arm["tts.threads"], arm["tts.streaming"]


def ignore(text: str) -> None:
    """Ignore a loading message: the tuning reports what it loads itself."""
