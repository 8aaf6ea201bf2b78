"""Speech-to-text: the short window against the full one, and against faster-whisper's own `transcribe`.

python -m benchmarks.stt                              on ../shared/speech, or on synthetic speech where that is missing
python -m benchmarks.stt --cut                        each recording as a turn of the conversation would hand it over
python -m benchmarks.stt --speech FOLDER              on a folder of recordings (its layout: benchmarks/speech.py)
python -m benchmarks.stt --model whisper-tiny.en --json out.json

One model object serves all arms. Each recording is decoded by each arm before the next one begins, and who comes first
changes with every recording. A last table has one utterance of nearly 28 s, made of sentences with pauses.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel

from benchmarks.engines import recogniser, whisper_model
from benchmarks.report import table
from benchmarks.speech import (
    QUESTIONS,
    SENTENCES,
    Recording,
    as_the_conversation_cuts,
    recordings,
    speech_option,
    spoken,
)
from benchmarks.words import repeats
from voicecli.bench.machine import machine
from voicecli.bench.questions import VOICES
from voicecli.bench.wer import found_slots, word_errors
from voicecli.engines.whisper.engine import Whisper
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment

GREEDY = "faster-whisper greedy"
LONG_S = 28.0
PAUSE_S = 0.5
LONG_ROUNDS = 3

Decode = Callable[[Pcm], tuple[str, bool]]
"""Text, and whether it was decoded twice."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One recording by one arm."""

    text: str
    took_s: float
    redecoded: bool


def arms(model: WhisperModel) -> dict[str, Decode]:
    """What is compared; the model is shared."""
    return {
        "short window": ours(recogniser(model, "short")),
        "full window": ours(recogniser(model, "full")),
        GREEDY: theirs(model, beam_size=1, temperature=0.0, without_timestamps=True, condition_on_previous_text=False),
        "faster-whisper defaults": theirs(model),
    }


def ours(whisper: Whisper) -> Decode:
    """The product's decode."""

    def decode(pcm: Pcm) -> tuple[str, bool]:
        transcript = whisper.transcribe(SpeechSegment(pcm, 0.0, len(pcm) / LISTEN_RATE_HZ))
        return transcript.text, transcript.redecoded

    return decode


def theirs(model: WhisperModel, **options: object) -> Decode:
    """faster-whisper's decode, with the language known as it is to the product."""

    def decode(pcm: Pcm) -> tuple[str, bool]:
        segments, _ = model.transcribe(pcm.astype(np.float32) / 32768, language="en", **options)
        return "".join(segment.text for segment in segments).strip(), False

    return decode


def listen(clips: Sequence[Pcm], decoders: dict[str, Decode]) -> dict[str, list[Heard]]:
    """Each clip by each arm, in an order that rotates."""
    names = list(decoders)
    heard: dict[str, list[Heard]] = {name: [] for name in names}
    for decode in decoders.values():
        decode(clips[0])  # the first call of all is slower
    for index, clip in enumerate(clips):
        turn = index % len(names)
        for name in [*names[turn:], *names[:turn]]:
            began_s = time.perf_counter()
            text, redecoded = decoders[name](clip)
            heard[name].append(Heard(text, time.perf_counter() - began_s, redecoded))
    return heard


def quality(said: Sequence[Recording], heard: dict[str, list[Heard]]) -> list[list[object]]:
    """A row for each arm: time, slots found, word errors, second decodes and repeated sentences."""
    rows: list[list[object]] = []
    greedy = statistics.median(one.took_s for one in heard[GREEDY])
    for name, mine in heard.items():
        took = [one.took_s for one in mine]
        found = sum(found_slots(clip.slots, one.text) for clip, one in zip(said, mine, strict=True))
        slots = sum(len(clip.slots) for clip in said)
        others = [[arm[i].text for other, arm in heard.items() if other != name] for i in range(len(said))]
        again = sum(repeats(one.text, rest) for one, rest in zip(mine, others, strict=True))
        rows.append(
            [
                name,
                f"{statistics.median(took):.3f}",
                f"{statistics.mean(took):.3f}",
                f"{statistics.median(took) / greedy:.2f}",
                f"{found / slots:.1%} ({found} of {slots})" if slots else "",
                errors(said, mine),
                sum(one.redecoded for one in mine),
                again,
            ]
        )
    return rows


def errors(said: Sequence[Recording], heard: Sequence[Heard]) -> str:
    """Wrong words and words, over the recordings whose text is known."""
    counted = [word_errors(clip.text, one.text) for clip, one in zip(said, heard, strict=True) if clip.text]
    wrong, total = sum(one[0] for one in counted), sum(one[1] for one in counted)
    return f"{wrong} of {total}" if total else ""


def tiled(said: Sequence[Recording]) -> Recording:
    """Sentences with pauses, as many as fit into 28 s; none comes twice, since that looks like a misled decode."""
    pause = np.zeros(round(PAUSE_S * LISTEN_RATE_HZ), np.int16)
    parts: list[Pcm] = []
    texts: list[str] = []
    more = [Recording(text, spoken(VOICES[0], text), text=text) for text in (*SENTENCES, *QUESTIONS)]
    for clip in (*said, *more):
        if clip.text and clip.text not in texts and sum(map(len, parts)) + len(clip.pcm) <= LONG_S * LISTEN_RATE_HZ:
            parts += [clip.pcm, pause]
            texts.append(clip.text)
    return Recording("long", np.concatenate(parts)[: -len(pause)], text=" ".join(texts))


def long_rows(clip: Recording, decoders: dict[str, Decode]) -> list[list[object]]:
    """Time and word errors for one long utterance."""
    heard = listen([clip.pcm] * LONG_ROUNDS, decoders)
    greedy = statistics.median(one.took_s for one in heard[GREEDY])
    rows: list[list[object]] = []
    for name, mine in heard.items():
        took_s = statistics.median(one.took_s for one in mine)
        wrong, total = word_errors(clip.text, mine[0].text)
        rows.append([name, f"{took_s:.2f}", f"{took_s / greedy:.2f}", f"{wrong} of {total}", mine[0].redecoded])
    return rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    speech_option(options)
    options.add_argument("--model", default="whisper-base", help="Whisper by its name in the manifest")
    options.add_argument("--cut", action="store_true", help="cut the silence around, as the conversation does")
    options.add_argument("--json", type=Path, help="write what was heard, for a closer look")
    chosen = options.parse_args()
    said = recordings(chosen.speech)
    if chosen.cut:
        said = [as_the_conversation_cuts(clip) for clip in said]
    decoders = arms(whisper_model(chosen.model))
    heard = listen([clip.pcm for clip in said], decoders)
    audio_s = statistics.median(len(clip.pcm) / LISTEN_RATE_HZ for clip in said)
    head = ["arm", "median s", "mean s", "of greedy", "slots", "wrong words", "decoded twice", "repeated"]
    print(f"{chosen.model} int8, {len(said)} recordings of {audio_s:.1f} s (median); {machine()}\n")
    print(table(head, quality(said, heard)))
    if chosen.json:
        texts = {clip.name: {name: arm[i].text for name, arm in heard.items()} for i, clip in enumerate(said)}
        chosen.json.write_text(json.dumps(texts, indent=1))
    if chosen.cut:
        return
    long = tiled(said)
    print(f"\nOne utterance of {len(long.pcm) / LISTEN_RATE_HZ:.1f} s, median of {LONG_ROUNDS}\n")
    print(table(["arm", "median s", "of greedy", "wrong words", "decoded twice"], long_rows(long, decoders)))


if __name__ == "__main__":
    main()
