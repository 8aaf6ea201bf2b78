"""Trials of the endpoint: how long each mode waits after the true end of speech, and whom it cuts off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from voicecli.assemble.devices import make_vad
from voicecli.bench.endpointing import APART_S, Frames, Oracle, Rule, framed, heed, listen, ours, silence, true_end
from voicecli.bench.hesitations import with_hesitations
from voicecli.bench.speech import Utterance
from voicecli.engines.base import EndOfTurn, SpeechToText, Worker
from voicecli.engines.whisper.engine import Whisper
from voicecli.events import Clock
from voicecli.settings.model import ListenSettings
from voicecli.tune.turns import side_by_side
from voicecli.tune.values import Arm, Sample, Samples
from voicecli.turns.endpoint import MODES
from voicecli.turns.segmenter import Endpoint
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment, TranscribeOptions


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
