"""The product's conversation in a simulated room: real recognizer, voice and end-of-turn model, scripted answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from benchmarks.engines import recognizer, shipped, voice, whisper_model
from benchmarks.room.acoustics import Room
from benchmarks.room.card import RoomCard
from benchmarks.room.sounds import Clip
from benchmarks.room.story import Span, Story
from voicecli.assemble.conversation import conversation_options
from voicecli.assemble.devices import make_vad
from voicecli.audio.device import Microphone
from voicecli.audio.echo.canceller import EchoCanceller, EchoFreeMicrophone
from voicecli.audio.echo.level_gate import LEARNING_S, READY_LEARNING_S, EchoAwareDetector
from voicecli.audio.sounds import play_ready_sound
from voicecli.audio.speech_input import SpeechInput, VoiceActivityDetector
from voicecli.conversation.conversation import Conversation
from voicecli.conversation.history import History
from voicecli.conversation.parts import Devices, Engines
from voicecli.engines.base import EndOfTurn, SpeechToText, TextToSpeech
from voicecli.engines.smart_turn.engine import SmartTurn
from voicecli.engines.whisper.final_cache import FinalCache
from voicecli.events import Event, LevelMeasured
from voicecli.models.store import model_file, open_store
from voicecli.replay import virtual_time
from voicecli.replay.virtual_time import CallClock, TimedWorker
from voicecli.settings.load import build, shipped_values
from voicecli.settings.model import Settings
from voicecli.turns.activity import Activity
from voicecli.turns.segmenter import Segmenter
from voicecli.types import AudioChunk, Message, Token

T = TypeVar("T")
E = TypeVar("E", bound=Event)

ANSWERS = (
    "The old lighthouse stands on a cliff above the bay. Every evening a man climbs the stairs, lights the lamp "
    "and writes a line about the weather, and he has never missed a night.",
    "A good stew begins with onions that are fried slowly. Then come the carrots, some garlic and the meat, and after "
    "two hours on a low flame it is ready to be served with bread.",
    "Trains were late in the whole region because of the storm. Most lines run again, but the bridge near the harbour "
    "stays closed, so buses go from the station until tomorrow morning.",
    "Bees tell each other where the flowers are by dancing. The angle of the dance shows the direction, its length "
    "shows the distance, and the others follow it across the meadow.",
    "The museum opens at nine and closes at six. On Sundays the entrance is free, and there is a guided tour through "
    "the new wing every hour, which takes about forty minutes.",
)
"""About ten seconds each when spoken."""

FIRST_TOKEN_S, TOKEN_S = 0.15, 0.02
"""Times of the scripted language model: round figures for a small one on the same machine."""


@dataclass
class Narrator:
    """A language model that gives its stories in turn, whatever the question."""

    stories: Sequence[str] = ANSWERS
    name: str = "scripted"

    def __post_init__(self) -> None:
        self._reported = count()

    async def warm(self, messages: Sequence[Message]) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        story = self.stories[next(self._reported) % len(self.stories)]
        await asyncio.sleep(FIRST_TOKEN_S)
        for word in story.split(" "):
            yield Token(word + " ")
            await asyncio.sleep(TOKEN_S)


class RememberedVoice:
    """A voice that synthesizes each text once, and then repeats the audio at the cost of the first time."""

    def __init__(self, voice: TextToSpeech, clock: CallClock) -> None:
        self.name, self.sample_rate_hz = voice.name, voice.sample_rate_hz
        self._voice = voice
        self._clock = clock
        self._known: dict[str, list[tuple[AudioChunk, float]]] = {}

    def synthesize(self, text: str) -> Iterator[AudioChunk]:
        if text in self._known:
            for audio_chunk, took_s in self._known[text]:
                self._clock.spend(took_s)
                yield audio_chunk
            return
        made: list[tuple[AudioChunk, float]] = []
        began_s = self._clock()
        for audio_chunk in self._voice.synthesize(text):
            made.append((audio_chunk, self._clock() - began_s))
            yield audio_chunk
            began_s = self._clock()
        self._known[text] = made


@dataclass(frozen=True, slots=True)
class Costs:
    """Fixed durations of engine calls, in s, independent of the machine. No time passes inside a call then.

    Round figures in the range of two cores of an AMD EPYC.
    """

    stt_s: float = 0.2  # a decode
    tts_s: float = 0.15  # an audio chunk
    turn_s: float = 0.03


@dataclass(frozen=True, slots=True)
class Cast:
    """The engines, loaded once for any number of conversations."""

    stt: SpeechToText
    tts: TextToSpeech
    turn: EndOfTurn
    clock: CallClock
    costs: Costs | None  # None: calls take the time that `clock` measures

    @classmethod
    def load(cls, costs: Costs | None = None) -> Cast:
        """Load from the user's model folder. Raise ModelMissing or EngineError if that fails."""
        settings, clock = shipped(), CallClock()
        stt = recognizer(whisper_model(settings.stt.model), settings.stt.window)
        turn = SmartTurn.load(model_file(open_store(settings), settings.listen.endpoint_model, ".onnx"))
        return cls(stt, RememberedVoice(voice(settings.tts.voice, streaming=True), clock), turn, clock, costs)

    def workers(self) -> tuple[TimedWorker, TimedWorker, TimedWorker]:
        """Return the workers for speech-to-text, voice and end of turn."""
        if self.costs is None:
            stt, tts, turn = (TimedWorker(self.clock.last_call_s, self.clock.call) for _ in range(3))
            return stt, tts, turn
        costs = self.costs
        return (
            TimedWorker(lambda *_: costs.stt_s),
            TimedWorker(lambda *_: costs.tts_s),
            TimedWorker(lambda *_: costs.turn_s),
        )


class Director:
    """Controls a scene: let time pass, wait for an event, speak, ask by keyboard."""

    def __init__(self, card: RoomCard, conversation: Conversation, clock: CallClock, story: Story) -> None:
        self.card = card
        self.story = story
        self.activity = Activity()
        self._conversation = conversation
        self._clock = clock
        self._happened = asyncio.Event()

    @property
    def now_s(self) -> float:
        return self._clock()

    def observe(self, event: Event) -> None:
        """Record the conversation's next event."""
        if not isinstance(event, LevelMeasured):
            self.story.events.append(event)
        self.activity.observe(event)
        self._happened.set()

    async def wait_until(self, at_s: float) -> None:
        """Let time pass."""
        await asyncio.sleep(max(0.0, at_s - self.now_s))

    async def happens(self, kind: type[E], within_s: float) -> E | None:
        """Return the next event of a kind; None if it does not come in time."""
        seen = len(self.story.events)
        return await self._found(
            lambda: next((event for event in self.story.events[seen:] if isinstance(event, kind)), None), within_s
        )

    async def settles(self, within_s: float) -> None:
        """Wait until no turn is running, for at most `within_s`."""
        await self._found(lambda: self.activity.is_idle() or None, within_s)

    async def _found(self, found: Callable[[], T | None], within_s: float) -> T | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while (result := found()) is None:
                    self._happened.clear()
                    await self._happened.wait()
                return result
        return None

    def ask(self, text: str = "Go on.") -> None:
        """Ask a typed question."""
        self._conversation.ask(text)

    def say(self, clip: Clip, at_s: float, *, murmur: bool = False) -> Span:
        """Let the user speak; a murmur is neither a question nor an interruption."""
        self.card.sound(clip.pcm, at_s)
        span = Span(at_s, at_s + clip.voiced_s)
        (self.story.murmured if murmur else self.story.said).append(span)
        return span


def settings_with(changed: Mapping[str, object]) -> Settings:
    """Return the shipped defaults with some `section.key` changed. Raise SettingsError for invalid ones."""
    values = {**shipped_values("default.toml"), **changed}
    return build(values, dict.fromkeys(values, "benchmark")).model_copy(update={"models": shipped().models})


Scene = Callable[[Director], Awaitable[None]]
"""Returns when the conversation should end."""


@dataclass(frozen=True, slots=True)
class Set:
    """Where a scene is played."""

    room: Room
    settings: Settings
    echo: bool = True  # whether the echo is cancelled
    stories: Sequence[str] = ANSWERS


def play(cast: Cast, where: Set, scene: Scene) -> Story:
    """Play a whole conversation, as fast as it can be computed."""
    return virtual_time.run(_play(cast, where, scene))


async def _play(cast: Cast, where: Set, scene: Scene) -> Story:
    async with opened(cast, where) as (director, conversation):
        talking = asyncio.create_task(conversation.run())
        try:
            await scene(director)
        finally:
            talking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await talking
        return director.story


@contextlib.asynccontextmanager
async def opened(cast: Cast, where: Set) -> AsyncIterator[tuple[Director, Conversation]]:
    """Assemble a conversation in a room."""
    settings, clock = where.settings, cast.clock
    directors: list[Director] = []

    def publish(event: Event) -> None:
        directors[0].observe(event)

    learning_s = READY_LEARNING_S if settings.audio.ready_sound else LEARNING_S
    canceller = EchoCanceller.load(learning_s) if where.echo else None
    card = RoomCard(where.room, settings.audio, clock, publish, canceller.played if canceller else None)
    async with card:
        microphone: Microphone = card
        gate: VoiceActivityDetector = make_vad(settings.listen)
        if canceller is not None:
            microphone, gate = (
                EchoFreeMicrophone(card, canceller),
                EchoAwareDetector(gate, canceller.is_echo),
            )
        speech_input = SpeechInput(microphone, gate, Segmenter(settings.listen), clock, publish)
        turn = cast.turn if settings.listen.endpoint != "silence" else None
        engines = Engines(FinalCache(cast.stt), Narrator(where.stories), cast.tts, turn, *cast.workers())
        history = History(settings.llm.system_prompt.strip(), settings.llm.context_tokens)
        rules = conversation_options(settings, prefill=False)
        conversation = Conversation(Devices(speech_input, card), engines, history, rules, clock, publish)
        directors.append(Director(card, conversation, clock, Story(card.record)))
        if settings.audio.ready_sound:
            await play_ready_sound(speech_input, card)
        yield directors[0], conversation
