"""Trials of an answer: from the question to its first sound, with the language model and the voice at work together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

from voicecli.assemble.engines import load_voice
from voicecli.conversation.history import History
from voicecli.conversation.speaking import Voicing
from voicecli.conversation.turn import StageError, Turn
from voicecli.engines.base import LanguageModel, TextToSpeech
from voicecli.engines.llm.select import open_language_model
from voicecli.engines.worker import ThreadWorker
from voicecli.errors import EngineError, first_of
from voicecli.events import Clock
from voicecli.models.store import ModelStore, model_file
from voicecli.settings.model import Settings
from voicecli.speech_text.chunker import TextChunker
from voicecli.speech_text.markdown_blocks import SpeechMarkdownFilter
from voicecli.speech_text.think_filter import without_thinking
from voicecli.tune.turns import side_by_side
from voicecli.tune.values import Arm, Sample, Samples
from voicecli.types import AudioChunk, Message, TurnId

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
