"""When is the speaker taken to be done: too soon, or late? Rules side by side on the same recordings.

python -m benchmarks.endpoint --speech FOLDER

As `voicecli bench endpoint` (voicecli/bench/endpointing.py) with one more rule, Smart Turn alone, and with the orders
of benchmarks/speech.py, the silence around them included.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel

from benchmarks.engines import recogniser, shipped, whisper_model
from benchmarks.report import table
from benchmarks.speech import recordings, speech_option
from voicecli.assemble.devices import make_vad
from voicecli.bench.endpointing import (
    APART_S,
    Frames,
    Heeded,
    Oracle,
    Rule,
    framed,
    heed,
    listen,
    ours,
    silence,
    true_end,
)
from voicecli.bench.hesitations import with_hesitations
from voicecli.bench.machine import machine
from voicecli.engines.smart_turn.engine import SmartTurn
from voicecli.models.store import model_file, open_store
from voicecli.turns.endpoint import MODES, PauseStatistics
from voicecli.types import Pcm, Transcript

TONE_S = 0.4  # of the silence before an order and after it
SILENCES_MS = (500, 600, 700, 800)
AT_ONCE_MS, AFTER_ALL_MS = 200, 3000  # Smart Turn alone, as Pipecat waits: at once above 0.5, else three seconds


def smart_turn_alone(probability: float, transcript: Transcript | None, pauses: PauseStatistics) -> float:
    """As Pipecat's defaults have it."""
    return AT_ONCE_MS if probability > 0.5 else AFTER_ALL_MS


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


def compare(clips: Sequence[Frames], oracle: Oracle) -> str:
    """All rules on the same recordings."""
    rows: list[list[object]] = []
    settings = shipped().listen
    ended = [(clip, end) for clip in clips if (end := true_end(clip, settings))]
    for name, rule in RULES.items():
        heeded = []
        ask = None if name.startswith("silence") else oracle.ask
        for clip, end in ended:
            heeded.append(heed(list(listen(clip, settings, ask, rule)), end))
        rows.append(row(name, heeded))
    return table(("rule", "cut off", "wait, median ms", "90th", "longest"), rows)


def word_ends_s(model: WhisperModel, pcm: Pcm) -> list[float]:
    """As faster-whisper times them."""
    segments, _ = model.transcribe(pcm.astype(np.float32) / 32768, language="en", beam_size=1, word_timestamps=True)
    return [float(word.end) for segment in segments for word in segment.words or ()]


def tables(folder: Path | None, most: int | None = None) -> Iterator[str]:
    """All rules on `most` of the orders: as recorded, and with a pause for thought."""
    orders = [one.pcm for one in recordings(folder) if one.slots][:most]
    model = whisper_model(shipped().stt.model)
    turn = SmartTurn.load(model_file(open_store(shipped()), shipped().listen.endpoint_model, ".onnx"))
    paused = [pcm for _, pcm in with_hesitations(orders, partial(word_ends_s, model), TONE_S)]
    for title, said in (("as recorded", orders), ("with a pause for thought", paused)):
        oracle = Oracle(turn, recogniser(model, shipped().stt.window))
        clips = [framed(pcm, make_vad(shipped().listen), APART_S * index) for index, pcm in enumerate(said)]
        yield f"{len(said)} orders, {title}\n\n{compare(clips, oracle)}"
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
