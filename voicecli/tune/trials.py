"""Arms that take turns on the same things."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from voicecli.assemble.devices import make_vad
from voicecli.assemble.engines import load_recogniser, load_voice
from voicecli.bench.endpointing import APART_S, Frames, Oracle, Rule, framed, heed, listen, ours, silence, true_end
from voicecli.bench.hesitations import with_hesitations
from voicecli.bench.rounds import in_turns
from voicecli.bench.speech import Utterance
from voicecli.bench.wer import word_errors
from voicecli.bench.words import found_slots
from voicecli.conversation.history import History
from voicecli.conversation.speaking import Voicing
from voicecli.conversation.turn import StageError, Turn
from voicecli.engines.base import EndOfTurn, LanguageModel, SpeechToText, TextToSpeech, Worker
from voicecli.engines.llm.select import open_language_model
from voicecli.engines.whisper.engine import Whisper
from voicecli.engines.worker import ThreadWorker
from voicecli.errors import EngineError, first_of
from voicecli.events import Clock
from voicecli.models.installed import model_file
from voicecli.models.manifest import ModelStore
from voicecli.settings.model import ListenSettings, Settings, SttSettings
from voicecli.speech_text.chunker import TextChunker
from voicecli.speech_text.markdown_blocks import SpeechMarkdownFilter
from voicecli.speech_text.think_filter import without_thinking
from voicecli.tune.values import Arm, Sample, Samples
from voicecli.turns.endpoint import MODES
from voicecli.turns.segmenter import Endpoint
from voicecli.types import LISTEN_RATE_HZ, AudioChunk, Message, Pcm, SpeechSegment, TranscribeOptions, TurnId

T = TypeVar("T")

Once = Callable[[Arm, T], Awaitable[Sample | None]]
"""One arm, one thing; None where it gave nothing to measure."""


async def side_by_side(
    arms: Sequence[Arm], things: Sequence[T], once: Once[T], clock: Clock, stop_s: float
) -> list[Samples]:
    """A sample of each arm for each thing, until `stop_s`. A thing that one arm makes nothing of counts for none."""
    found: dict[Arm, list[Sample]] = {arm: [] for arm in arms}
    for number, thing in enumerate(things):
        if clock() >= stop_s:
            break
        samples = {arm: await once(arm, thing) for arm in in_turns(arms, number)}
        whole = {arm: sample for arm, sample in samples.items() if sample is not None}
        for arm, sample in whole.items() if len(whole) == len(arms) else ():
            found[arm].append(sample)
    return [tuple(found[arm]) for arm in arms]


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


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording whose end is known."""

    name: str
    frames: Frames
    end: Endpoint


class Ending:
    """All endpoint modes on the same recordings, each as it is and twice with a pause for thought."""

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
        """As `search.Bench`, with the words by `stt`, which is used on this trial's worker. Raises EngineError."""
        oracle = Oracle(await self._worker.run(self._load_turn), stt)
        clips = await self._worker.run(self._clips, stt)

        async def once(arm: Arm, clip: Clip) -> Sample | None:
            return await self._worker.run(self._heeded, arm, clip, oracle)

        return await side_by_side(arms, clips, once, self._clock, stop_s)

    def _clips(self, stt: Whisper) -> list[Clip]:
        """Those with pauses beside those without, so that a trial which is cut short has both."""
        timing = stt.with_options(TranscribeOptions(words=True))
        plain = [one.pcm for one in self._said]
        paused = with_hesitations(plain, partial(word_ends_s, timing))
        named = [(index, one.name, one.pcm) for index, one in enumerate(self._said)]
        named += [(index, f"{self._said[index].name}, with a pause", pcm) for index, pcm in paused]
        clips = []
        for number, (_, name, pcm) in enumerate(sorted(named, key=lambda one: one[0])):
            frames = framed(pcm, make_vad(self._settings), number * APART_S)
            if (end := true_end(frames, self._settings)) is not None:
                clips.append(Clip(name, frames, end))
        return clips

    def _heeded(self, arm: Arm, clip: Clip, oracle: Oracle) -> Sample | None:
        """None where the last word was too short to be taken for speech."""
        mode = str(arm["listen.endpoint"])
        ask = None if mode == "silence" else oracle.ask
        heeded = heed(list(listen(clip.frames, self._settings, ask, rule(mode, self._settings))), clip.end)
        return None if heeded.wait_s is None else Sample(clip.name, heeded.wait_s, cut_off=heeded.cut_off)


def rule(mode: str, settings: ListenSettings) -> Rule:
    """How a mode waits."""
    bounds = next((its for name, its in MODES.items() if name == mode), None)
    return ours(bounds) if bounds else silence(settings.end_ms)


def word_ends_s(stt: SpeechToText, pcm: Pcm) -> list[float]:
    """When each word of a recording ends."""
    words = stt.transcribe(SpeechSegment(pcm, 0.0, len(pcm) / LISTEN_RATE_HZ)).words
    return [word.end_s for word in words]


ANSWER_TOKENS = 48
"""Most of an answer: two sentences, enough for the voice to work beside the model."""

ENOUGH_S = 2.0
"""Of sound: no more is made once the model has written all, since then nothing competes."""


class TimedVoice:
    """A voice whose own work is counted."""

    def __init__(self, voice: TextToSpeech) -> None:
        self.name, self.sample_rate_hz = voice.name, voice.sample_rate_hz
        self._voice = voice
        self.work_s = 0.0

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        """As `TextToSpeech.synthesize`."""
        audio_chunks = self._voice.synthesize(text)
        while True:
            began_s = time.perf_counter()
            audio_chunk = next(audio_chunks, None)
            self.work_s += time.perf_counter() - began_s
            if audio_chunk is None:
                return
            yield audio_chunk


class Answering:
    """The language model that the settings choose, and Kokoro on its worker; at most what two arms need is loaded."""

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
        self.embedded = False  # known when the first model is open
        self.model_name = ""

    async def measure(self, arms: Sequence[Arm], stop_s: float) -> list[Samples]:
        """As `search.Bench`. Raises EngineError, ModelMissing, BackendUnavailable or SettingsError."""
        for key in self._voices.keys() - {voice_key(arm) for arm in arms}:
            del self._voices[key]
        for threads in self._models.keys() - {int(arm["llm.threads"]) for arm in arms}:
            await self._models.pop(threads)[1].aclose()
        for arm in arms:
            await self.load(arm)
            await self._once(arm, self._questions[-1])  # what comes first finds nothing warm
        return await side_by_side(arms, self._questions, self._once, self._clock, stop_s)

    async def aclose(self) -> None:
        """Stop the language models."""
        while self._models:
            await self._models.popitem()[1][1].aclose()

    async def load(self, arm: Arm) -> None:
        """Voice and language model of an arm, where they are not there yet. Raises as `measure`."""
        if voice_key(arm) not in self._voices:
            named = dict(zip(("model", "threads", "streaming"), voice_key(arm), strict=True))
            chosen = self._settings.tts.model_copy(update=named)
            self._voices[voice_key(arm)] = await load_voice(self._worker, self._store, chosen, quiet)
        threads = int(arm["llm.threads"])
        if threads not in self._models:
            llm = self._settings.llm.model_copy(update={"threads": threads})
            stack = AsyncExitStack()
            opened = await stack.enter_async_context(open_language_model(llm, self._gguf, quiet))
            self.model_name = opened.model.name
            self._models[threads] = opened.model, stack
            await opened.model.warm(self._history.prompt("Hello."))

    def _gguf(self) -> Path:
        """Asked for only where the embedded model is the one that answers."""
        self.embedded = True
        return model_file(self._store, self._settings.llm.embedded_model, ".gguf")

    async def _once(self, arm: Arm, question: str) -> Sample | None:
        """None where the answer has nothing to say. Raises EngineError or BackendUnavailable."""
        model = self._models[int(arm["llm.threads"])][0]
        voice = TimedVoice(self._voices[voice_key(arm)])
        asked = self._history.prompt(question)
        if self._settings.llm.prefill:
            await model.warm(asked)  # as the conversation does while the user speaks
        text_chunks = TextChunker(first_chunk_chars=int(arm["tts.first_chunk_chars"]))
        turn = Turn(TurnId(1), question=question, chunker=text_chunks)
        tokens_s: list[float] = []
        sounds_s: list[float] = []
        began_s = self._clock()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(think(model, asked, turn, lambda: tokens_s.append(self._clock())))
                tasks.create_task(self._speak(turn, voice, sounds_s))
        except ExceptionGroup as group:
            failed = first_of(group)
            raise EngineError(failed.message, failed.hint) if isinstance(failed, StageError) else failed from group
        return answered(question, began_s, tokens_s, sounds_s, turn, voice.work_s) if sounds_s else None

    async def _speak(self, turn: Turn, voice: TextToSpeech, sounds_s: list[float]) -> None:
        """Note when each stretch of sound is ready. Who hears them starts with the first and hears at their pace."""

        def lead_s() -> float:
            return made_s() - (self._clock() - sounds_s[0]) if sounds_s else 0.0

        def made_s() -> float:
            return sum(chunk.audio_s for chunk in turn.chunks)

        voicing = Voicing(voice, self._worker, self._clock, lambda event: None)
        async with aclosing(voicing.chunks(turn, lead_s)) as chunks:
            async for _ in chunks:
                sounds_s.append(self._clock())
                if turn.chunker.closed and made_s() >= ENOUGH_S:
                    return


async def think(model: LanguageModel, asked: Sequence[Message], turn: Turn, note: Callable[[], None]) -> None:
    """Write the answer, as a conversation does."""
    speakable = SpeechMarkdownFilter()
    async with aclosing(without_thinking(model.reply(asked))) as tokens:
        async for token in tokens:
            note()
            for span in speakable.push(token.text):
                turn.chunker.push(span)
            turn.more.set()
    for span in speakable.close():
        turn.chunker.push(span)
    turn.chunker.close()
    turn.more.set()


def answered(
    question: str, began_s: float, tokens_s: Sequence[float], sounds_s: Sequence[float], turn: Turn, work_s: float
) -> Sample:
    writing_s = tokens_s[-1] - tokens_s[0]
    return Sample(
        question,
        took_s=sounds_s[0] - began_s,
        audio_s=sum(chunk.audio_s for chunk in turn.chunks),
        work_s=work_s,
        first_token_s=tokens_s[0] - began_s,
        tokens_per_s=(len(tokens_s) - 1) / writing_s if writing_s else 0.0,
    )


def voice_key(arm: Arm) -> tuple[object, ...]:
    """What a voice is loaded for."""
    return arm["tts.model"], arm["tts.threads"], arm["tts.streaming"]


def quiet(text: str) -> None:
    """What is loaded is told by who measures it."""
