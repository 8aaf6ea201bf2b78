"""When is the speaker taken to be done: too soon, or late? Rules side by side on the same recordings.

python -m benchmarks.endpoint --speech FOLDER

The product's own gate, segmenter, Smart Turn and Whisper hear each recording; a verdict and the words come as late as
they were computed. The true end is the last voiced frame; a recording is cut off where an endpoint comes before it. It
is taken for a new speaker each time, so what is learnt of pauses counts inside a recording alone.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from benchmarks.engines import recogniser, shipped, whisper_model
from benchmarks.hesitations import with_hesitations
from benchmarks.report import table
from benchmarks.speech import recordings, speech_option
from voicecli.assemble import model_file, open_store
from voicecli.assemble_devices import make_gate
from voicecli.audio.endpoint import MODES, WENT_ON_S, Bounds, Pauses, wait_ms
from voicecli.audio.resample import Framer
from voicecli.audio.segmenter import Endpoint, Heard, Lull, Onset, Pause, Resume, Segmenter
from voicecli.bench.machine import machine
from voicecli.engines.base import EndOfTurn, SpeechToText
from voicecli.engines.smart_turn import SmartTurn
from voicecli.types import FRAME_S, LISTEN_RATE_HZ, AudioFrame, Pcm, SpeechSegment, Transcript

T = TypeVar("T")
Clip = list[tuple[AudioFrame, bool]]
"""A recording, with the gate's verdict on each frame."""
Rule = Callable[[float, Transcript | None, Pauses], float]
"""Probability, words if known, learnt pauses -> silence in ms."""

SILENCES_MS = (500, 600, 700, 800)
NEVER_MS = 3400
TAIL_S = 3.5  # longer than any rule waits
AT_ONCE_MS, AFTER_ALL_MS = 200, 3000  # Smart Turn alone, as Pipecat waits: at once above 0.5, else three seconds


@dataclass(frozen=True, slots=True)
class Judged:
    """What is learnt in one pause, and how long that took."""

    probability: float
    judge_s: float
    transcript: Transcript
    decode_s: float


@dataclass(slots=True)
class Oracle:
    """Asks the engines once about the same speech, whichever rule listens."""

    turn: EndOfTurn
    stt: SpeechToText
    known: dict[tuple[int, float, float], Judged] = field(default_factory=dict)

    def ask(self, clip: int, segment: SpeechSegment) -> Judged:
        key = (clip, segment.started_at_s, segment.ended_at_s)
        if key not in self.known:
            probability, judge_s = timed(lambda: self.turn.probability(segment))
            transcript, decode_s = timed(lambda: self.stt.transcribe(segment))
            self.known[key] = Judged(probability, judge_s, transcript, decode_s)
        return self.known[key]


@dataclass(frozen=True, slots=True)
class Heeded:
    """What a rule made of a recording."""

    cut_off: bool
    wait_s: float | None  # from the true end to the endpoint; None where the last word was dropped as too short


def timed(call: Callable[[], T]) -> tuple[T, float]:
    began_s = time.perf_counter()
    result = call()
    return result, time.perf_counter() - began_s


def voiced_frames(pcm: Pcm) -> Clip:
    """The recording and a long silence, with the gate's verdict on each frame."""
    gate = make_gate(shipped().listen)
    silence = np.zeros(round(TAIL_S * LISTEN_RATE_HZ), np.int16)
    frames = Framer(LISTEN_RATE_HZ).push(np.concatenate([pcm, silence]))
    captured = [AudioFrame(frame, index * FRAME_S) for index, frame in enumerate(frames)]
    return [(frame, gate.is_speech(frame)) for frame in captured]


def listen(frames: Clip, ask: Callable[[SpeechSegment], Judged] | None, rule: Rule) -> Iterator[tuple[float, Endpoint]]:
    """Each endpoint and when it came; without `ask` the rule is told nothing and counts from the first frame on."""
    settings = shipped().listen
    segmenter, pauses = Segmenter(settings), Pauses()
    due: list[tuple[float, float, Transcript | None]] = []
    lulled_s, ended_at_s = 0.0, -WENT_ON_S - 1
    for frame, is_speech in frames:
        now_s = frame.captured_at_s + FRAME_S
        for heard in segmenter.push(frame, is_speech, settings.start_ms):
            due = [] if isinstance(heard, Resume | Endpoint) else due
            pauses = learnt(pauses, heard, ended_at_s)
            if isinstance(heard, Lull):
                lulled_s = now_s
            elif isinstance(heard, Pause) and ask is None:
                due = [(now_s, 0.0, None)]
            elif isinstance(heard, Pause) and ask is not None:
                judged = ask(heard.segment)
                words_s = max(now_s, lulled_s + judged.decode_s)
                due = [(now_s + judged.judge_s, judged.probability, None)]
                due.append((max(due[0][0], words_s), judged.probability, judged.transcript))
            elif isinstance(heard, Endpoint):
                ended_at_s = heard.ended_at_s
                yield now_s, heard
        while due and due[0][0] <= now_s:
            _, probability, transcript = due.pop(0)
            segmenter.wait_until(rule(probability, transcript, pauses))


def learnt(pauses: Pauses, heard: Heard, ended_at_s: float) -> Pauses:
    """As conversation/endpointing.py learns."""
    if isinstance(heard, Resume):
        return pauses.heard(heard.silence_ms)
    if isinstance(heard, Onset) and heard.started_at_s - ended_at_s <= WENT_ON_S:
        return pauses.heard((heard.started_at_s - ended_at_s) * 1000)
    return pauses


def silence(silence_ms: float) -> Rule:
    """By its length alone."""
    return lambda probability, transcript, pauses: silence_ms


def smart_turn_alone(probability: float, transcript: Transcript | None, pauses: Pauses) -> float:
    """As Pipecat's defaults have it."""
    return AT_ONCE_MS if probability > 0.5 else AFTER_ALL_MS


def ours(bounds: Bounds) -> Rule:
    """As the product waits."""
    return lambda probability, transcript, pauses: wait_ms(bounds, probability, transcript, pauses)


RULES: dict[str, Rule] = {
    **{f"silence {length_ms} ms": silence(length_ms) for length_ms in SILENCES_MS},
    "Smart Turn alone": smart_turn_alone,
    **{f"`{mode}`": ours(bounds) for mode, bounds in MODES.items()},
}


def row(name: str, heeded: list[Heeded]) -> list[object]:
    waits_ms = [1000 * one.wait_s for one in heeded if one.wait_s is not None]
    cut = sum(one.cut_off for one in heeded)
    median, p90 = statistics.median(waits_ms), float(np.percentile(waits_ms, 90))
    return [name, f"{cut} of {len(heeded)}", f"{median:.0f}", f"{p90:.0f}", f"{max(waits_ms):.0f}"]


def compare(clips: list[Clip], oracle: Oracle) -> str:
    """All rules on the same recordings."""
    rows: list[list[object]] = []
    true_ends = [list(listen(clip, None, silence(NEVER_MS)))[-1][1] for clip in clips]
    for name, rule in RULES.items():
        heeded = []
        for index, (clip, true_end) in enumerate(zip(clips, true_ends, strict=True)):
            ask = None if name.startswith("silence") else partial(oracle.ask, index)
            heeded.append(heed(list(listen(clip, ask, rule)), true_end))
        rows.append(row(name, heeded))
    return table(("rule", "cut off", "wait, median ms", "90th", "longest"), rows)


def heed(ends: list[tuple[float, Endpoint]], true_end: Endpoint) -> Heeded:
    """What the endpoints of one recording are worth."""
    told_s = next((at_s for at_s, end in ends if end.ended_at_s == true_end.ended_at_s), None)
    return Heeded(ends[0][1] != true_end, None if told_s is None else told_s - true_end.ended_at_s)


def tables(folder: Path | None, most: int | None = None) -> Iterator[str]:
    """All rules on `most` of the orders: as recorded, and with a pause for thought."""
    orders = [one for one in recordings(folder) if one.slots][:most]
    model = whisper_model(shipped().stt.model)
    turn = SmartTurn.load(model_file(open_store(shipped()), shipped().listen.endpoint_model, ".onnx"))
    for title, said in (("as recorded", orders), ("with a pause for thought", with_hesitations(orders, model))):
        oracle = Oracle(turn, recogniser(model, shipped().stt.window))
        yield f"{len(said)} orders, {title}\n\n{compare([voiced_frames(one.pcm) for one in said], oracle)}"
    judge_ms = 1000 * statistics.median(judged.judge_s for judged in oracle.known.values())
    yield f"Smart Turn takes {judge_ms:.0f} ms, one thread"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    speech_option(options)
    for text in tables(options.parse_args().speech):
        print(f"\n{text}", flush=True)
    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
