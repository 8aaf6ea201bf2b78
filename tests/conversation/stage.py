"""A whole conversation from a script, on a virtual clock: fakes in front, the product's own parts behind.

The microphone is a timeline of what the user says, and the gate reads loudness; the segmenter, the playout and the
conversation are the real ones. Fakes are strict: an unexpected call and an unused script fail.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

import numpy as np

from tests.defaults import LISTEN
from voicecli.audio.device import Microphone, Speaker
from voicecli.audio.files.wav import WavSpeaker
from voicecli.audio.speech_input import SpeechInput
from voicecli.conversation.conversation import Conversation
from voicecli.conversation.history import History
from voicecli.conversation.language import LanguagePolicy
from voicecli.conversation.partial_decoder import PartialSchedule
from voicecli.conversation.parts import ConversationOptions, Devices, Engines, Toolbox, WakeOptions
from voicecli.conversation.voice_registry import VoiceRegistry
from voicecli.engines.whisper.final_cache import FinalCache
from voicecli.engines.whisper.long_audio import LongSpeech
from voicecli.events import Event, LevelMeasured
from voicecli.replay import virtual_time
from voicecli.replay.virtual_time import TimedWorker
from voicecli.speech_text.chunker import SHORT_CLAUSE_CHARS
from voicecli.turns.barge_in import BargeIn
from voicecli.turns.endpoint import MODES
from voicecli.turns.push_to_talk import PushToTalkKey
from voicecli.turns.segmenter import Segmenter
from voicecli.types import FRAME_S, FRAME_SAMPLES, AudioChunk, AudioFrame, Message, SpeechSegment, Token, Transcript

SPEECH, NOISE = 1000, 100
"""Loudness of what is speech, and of what only might be."""

SPACE_S = 1.0
"""Between two words of a fake voice that tells when they end: long, so that an even pace would be far off."""

CHAR_S = 0.05
"""Speech of the fake voice: seconds a character."""


E = TypeVar("E", bound=Event)

START_S = 1000.0
"""The virtual clock at the start of a conversation."""


@dataclass(frozen=True)
class Said:
    text: str
    from_s: float
    until_s: float
    loudness: int = SPEECH
    language: str = "en"

    def covers(self, at_s: float) -> bool:
        return self.from_s <= at_s < self.until_s


@dataclass
class FakeMicrophone:
    """The timeline as frames: loud while somebody speaks, each utterance at a level of its own."""

    said: list[Said]
    length_s: float
    name: str = "fake"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def frames(self) -> AsyncIterator[AudioFrame]:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        for index in range(round(self.length_s / FRAME_S)):
            at_s = index * FRAME_S
            await asyncio.sleep(start_s + at_s + FRAME_S - loop.time())
            sounds = [said.loudness + i for i, said in enumerate(self.said) if said.covers(at_s + FRAME_S / 2)]
            yield AudioFrame(np.full(FRAME_SAMPLES, max(sounds, default=0), np.int16), start_s + at_s)


class LoudnessGate:
    may_be_speech = False

    def is_speech(self, frame: AudioFrame) -> bool:
        self.may_be_speech = bool(frame.pcm[0])
        return bool(frame.pcm[0] >= SPEECH)


@dataclass
class ScriptedStt:
    """Gives back what the timeline says was spoken inside a segment."""

    said: list[Said]
    errors: list[Exception] = field(default_factory=list)
    draft_error: Exception | None = None
    drafts: int = 0
    finals: int = 0
    _reported: int = 0
    name: str = "scripted"

    def taken(self) -> int:
        """Decodes since the last question for them."""
        decodes, self._reported = self.drafts + self.finals - self._reported, self.drafts + self.finals
        return decodes

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        self.finals += 1
        if self.errors:
            raise self.errors.pop(0)
        return self._inside(segment)

    def draft(self, segment: SpeechSegment) -> Transcript:
        self.drafts += 1
        if self.draft_error:
            raise self.draft_error
        return self._inside(segment)

    def _inside(self, segment: SpeechSegment) -> Transcript:
        from_s, until_s = segment.started_at_s - 1000, segment.ended_at_s - 1000
        text = " ".join(s.text for s in self.said if s.text and s.from_s < until_s - 0.01 and s.until_s > from_s + 0.01)
        language = next((s.language for s in reversed(self.said) if s.text and s.text in text), "en")
        return Transcript(text, language, segment.audio_s, "" if text else "no speech")


@dataclass
class ScriptedLlm:
    """One scripted answer a question, a word a token."""

    answers: list[str | Exception]
    first_token_s: float = 0.1
    token_s: float = 0.02
    asked: list[list[Message]] = field(default_factory=list)
    warmed: list[str] = field(default_factory=list)
    warmed_with: list[list[Message]] = field(default_factory=list)
    warmed_at_s: list[float] = field(default_factory=list)
    warm_error: Exception | None = None
    warm_s: float = 0.0
    given_up: int = 0  # requests to read ahead that were cancelled
    closed: int = 0
    name: str = "scripted"

    async def warm(self, messages: Sequence[Message]) -> None:
        if self.warm_error:
            raise self.warm_error
        self.warmed.append(messages[-1].text)
        self.warmed_with.append(list(messages))
        self.warmed_at_s.append(asyncio.get_running_loop().time())
        try:
            await asyncio.sleep(self.warm_s)
        except asyncio.CancelledError:
            self.given_up += 1
            raise

    async def aclose(self) -> None: ...

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        assert self.answers, f"unexpected question: {messages[-1].text!r}"
        self.asked.append(list(messages))
        answer = self.answers.pop(0)
        try:
            await asyncio.sleep(self.first_token_s)
            if isinstance(answer, Exception):
                raise answer
            for word in answer.split(" "):
                yield Token(word + " ")
                await asyncio.sleep(self.token_s)
        finally:
            self.closed += 1


@dataclass
class ToneTts:
    """Each character is `CHAR_S` of sound, and each space, if it tells when words end, `SPACE_S`."""

    errors: dict[str, Exception] = field(default_factory=dict)
    spoken: list[str] = field(default_factory=list)
    tells_words: bool = False
    sample_rate_hz: int = 24_000
    name: str = "tone"

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        for word, error in self.errors.items():
            if word in text:
                raise error
        self.spoken.append(text)
        if self.tells_words:
            return iter(self._word_by_word(text.split()))
        half = np.full(round(len(text) / 2 * CHAR_S * self.sample_rate_hz), 500, np.int16)
        return iter([AudioChunk(half, 0.5), AudioChunk(half, 1.0)])

    def _word_by_word(self, words: list[str]) -> list[AudioChunk]:
        """Return audio chunks of two words with a space after each; the last chunk is a space alone."""
        made = []
        for begin in range(0, len(words), 2):
            ends_s, length_s = [], 0.0
            for word in words[begin : begin + 2]:
                ends_s.append(length_s + CHAR_S * len(word))
                length_s = ends_s[-1] + SPACE_S
            share = min(begin + 2, len(words)) / (len(words) + 1)
            made.append(AudioChunk(np.full(round(length_s * self.sample_rate_hz), 500, np.int16), share, tuple(ends_s)))
        space = np.full(round(SPACE_S * self.sample_rate_hz), 500, np.int16)
        return [*made, AudioChunk(space, 1.0, ())]


@dataclass
class ScriptedEndOfTurn:
    """One scripted verdict a pause."""

    verdicts: list[float | Exception]
    name: str = "scripted"

    def probability(self, segment: SpeechSegment) -> float:
        assert self.verdicts, f"unexpected pause at {segment.ended_at_s}"
        verdict = self.verdicts.pop(0)
        if isinstance(verdict, Exception):
            raise verdict
        return verdict


class Talk:
    """Script a conversation, run it, look at its events. Times are seconds from its start."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.actions: list[tuple[float, Callable[[Conversation], None]]] = []
        self.stt = ScriptedStt(self.said)
        self.llm = ScriptedLlm([])
        self.tts: ToneTts | None = ToneTts()
        self.turn: ScriptedEndOfTurn | None = None
        self.turn_s = 0.04
        self.stt_s = 0.18
        self.tts_s_per_char = 0.01
        self.barge_in = True
        self.echo = True
        self.prefill = True
        self.most_answer_tokens = 160
        self.first_chunk_chars = SHORT_CLAUSE_CHARS
        self.push_to_talk = False
        self.waking: WakeOptions | None = None
        self.listen = LISTEN
        self.microphone: Callable[[Microphone], Microphone] = lambda microphone: microphone
        self.speaker: Callable[[Speaker], Speaker] = lambda speaker: speaker
        self.engines: Callable[[Engines], Engines] = lambda engines: engines
        self.observe: Callable[[Event], None] = lambda event: None
        self.sees_levels: Callable[[float], None] = lambda level_db: None
        self.tools: Toolbox | None = None
        self.events: list[Event] = []
        self.history = History("Be brief.", 4000)
        self.language_policy = LanguagePolicy("en", VoiceRegistry("", "en"))

    def user_says(self, text: str, at: float, until: float, language: str = "en") -> None:
        self.said.append(Said(text, at, until, language=language))

    def noise(self, at: float, until: float) -> None:
        """Something that is suspicious, and no speech."""
        self.said.append(Said("", at, until, NOISE))

    def at(self, at_s: float, action: Callable[[Conversation], None]) -> None:
        self.actions.append((at_s, action))

    def holds(self, at: float, until: float) -> None:
        """The key of push-to-talk."""
        self.at(at, lambda conversation: conversation.hold_to_talk(True))
        self.at(until, lambda conversation: conversation.hold_to_talk(False))

    def pauses_sound(self, *verdicts: float | Exception) -> None:
        """An end-of-turn model, and the probability it gives in each pause."""
        self.turn = ScriptedEndOfTurn(list(verdicts))

    def llm_replies(self, *answers: str | Exception) -> None:
        self.llm.answers += answers

    def run(self, length_s: float) -> list[Event]:
        virtual_time.run(self._run(length_s))
        assert not self.llm.answers, f"answers that nobody asked for: {self.llm.answers}"
        assert not (self.turn and self.turn.verdicts), f"pauses that nobody made: {self.turn}"
        return self.events

    async def _run(self, length_s: float) -> None:
        loop = asyncio.get_running_loop()

        def publish(event: Event) -> None:
            if isinstance(event, LevelMeasured):
                self.sees_levels(event.level_db)
            else:
                self.events.append(event)
            self.observe(event)

        async with AsyncExitStack() as stack:
            microphone = await stack.enter_async_context(self.microphone(FakeMicrophone(self.said, length_s)))
            speaker = await stack.enter_async_context(self.speaker(WavSpeaker(None, loop.time, publish)))
            key = PushToTalkKey() if self.push_to_talk else None
            speech_input = SpeechInput(microphone, LoudnessGate(), Segmenter(self.listen), loop.time, publish, key)
            engines = Engines(
                FinalCache(LongSpeech(self.stt)),
                self.llm,
                self.tts,
                self.turn,
                TimedWorker(lambda *_: self.stt_s * self.stt.taken()),
                TimedWorker(lambda *_: len(self.tts.spoken[-1]) / 2 * self.tts_s_per_char if self.tts else 0.0),
                TimedWorker(lambda *_: self.turn_s),
                self.language_policy,
                self.tools,
            )
            rules = ConversationOptions(
                BargeIn(
                    LISTEN.start_ms,
                    LISTEN.barge_in_pause_ms,
                    LISTEN.min_interrupt_ms,
                    LISTEN.duck_db,
                    allowed=self.barge_in,
                    phrase=self.waking.phrase if self.waking else None,
                ),
                PartialSchedule(0.5, LISTEN.pause_ms / 1000, (LISTEN.end_ms - LISTEN.early_decode_ms) / 1000),
                MODES["balanced"] if self.turn else None,
                (LISTEN.end_ms - LISTEN.pause_ms) / 1000,
                self.prefill,
                echo=self.echo,
                most_answer_tokens=self.most_answer_tokens,
                first_chunk_chars=self.first_chunk_chars,
                wake=self.waking,
            )
            engines = self.engines(engines)
            conversation = Conversation(
                Devices(speech_input, speaker), engines, self.history, rules, loop.time, publish
            )
            for at_s, action in self.actions:
                loop.call_later(at_s, action, conversation)
            await conversation.run()


def all_of(seen: list[Event], kind: type[E]) -> list[E]:
    return [event for event in seen if isinstance(event, kind)]


def only(seen: list[Event], kind: type[E]) -> E:
    (event,) = all_of(seen, kind)
    return event


def at_s(event: Event) -> float:
    return event.at_s - START_S


def roles(messages: list[Message]) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in messages[1:]]
