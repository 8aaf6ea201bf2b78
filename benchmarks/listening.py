"""How different streamed and stock Kokoro sound: figures, and a page with both side by side.

python -m benchmarks.listening                      mel distance, levels, and the words that Whisper gets wrong
python -m benchmarks.listening --write docs         also write docs/listening.html and its sound files

Mel distance and levels are defined in benchmarks/sound.py. `voicecli bench tts` measures the speed, with `--no-stream`
that of stock Kokoro.
"""

from __future__ import annotations

import argparse
import html
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from benchmarks.engines import recognizer, voice, whisper_model
from benchmarks.report import table
from benchmarks.sound import Distance
from benchmarks.sound import distance as sound_distance
from benchmarks.speech import ANSWERS
from voicecli.audio.resample import resample
from voicecli.bench.machine import machine
from voicecli.bench.stage_tts import Synthesis, speak
from voicecli.bench.wer import word_errors
from voicecli.engines.whisper.engine import Whisper
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment

VOICES = ("af_heart", "am_michael", "bf_emma")
PAGE_PAIRS = (("af_heart", 1), ("af_heart", 2), ("am_michael", 3), ("am_michael", 9), ("bf_emma", 8), ("bf_emma", 11))
"""Voice and sentence of each pair on the page."""

RATE_HZ = 24_000  # a rate that Opus supports
BITS_PER_S = 32_000
FRAME_SAMPLES = 480  # 20 ms

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>voicecli: streamed and stock Kokoro</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2.5rem auto; padding: 0 1rem; }}
  h1 {{ font-size: 1.4rem; }}
  section {{ border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: 1rem 0; }}
  blockquote {{ margin: 0 0 .6rem; font-size: 1.1rem; }}
  small {{ opacity: .7; }}
  .pair {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: .4rem 1.5rem; }}
  audio {{ width: 100%; display: block; }}
</style>
<h1>Streamed and stock Kokoro</h1>
<p>The same model, voice and text. <b>Stock</b> computes the whole sentence before the first sound; <b>streamed</b>
gives out the first 0.3 s of sound as soon as they are computed. <a href="performance.md">The figures</a></p>
{pairs}
</html>
"""

PAIR = """<section>
<blockquote>{sentence} <small>{voice}</small></blockquote>
<div class="pair">
<label>Stock<audio controls preload="none" src="listening/{stock}"></audio></label>
<label>Streamed<audio controls preload="none" src="listening/{streamed}"></audio></label>
</div>
</section>"""


def write_page(folder: Path, pairs: Sequence[tuple[str, str, Pcm, Pcm]]) -> None:
    """Write `folder/listening.html` and its sound files; `pairs`: voice, sentence, stock and streamed PCM at 24 kHz."""
    sounds = folder / "listening"
    sounds.mkdir(parents=True, exist_ok=True)
    shown = []
    for number, (name, sentence, stock, streamed) in enumerate(pairs, start=1):
        names = [f"{number}-{name}-{way}.ogg" for way in ("stock", "streamed")]
        for file_name, pcm in zip(names, (stock, streamed), strict=True):
            write_opus(sounds / file_name, pcm)
        shown.append(PAIR.format(sentence=html.escape(sentence), voice=name, stock=names[0], streamed=names[1]))
    (folder / "listening.html").write_text(PAGE.format(pairs="\n".join(shown)), encoding="utf8")


def write_opus(path: Path, pcm: Pcm) -> None:
    """Write mono Ogg Opus."""
    whole = np.pad(pcm, (0, -len(pcm) % FRAME_SAMPLES))
    with av.open(str(path), "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=RATE_HZ, layout="mono")
        stream.bit_rate = BITS_PER_S
        for start in range(0, len(whole), FRAME_SAMPLES):
            frame = av.AudioFrame.from_ndarray(whole[None, start : start + FRAME_SAMPLES], "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


@dataclass(frozen=True, slots=True)
class Pair:
    """One sentence, synthesized both ways."""

    voice: str
    sentence: str
    stock: Synthesis
    streamed: Synthesis

    @property
    def distance(self) -> Distance:
        return sound_distance(self.stock.pcm / 32768, self.streamed.pcm / 32768)

    @property
    def duration_ratio(self) -> float:
        return len(self.streamed.pcm) / len(self.stock.pcm)


def pairs(voices: Sequence[str]) -> list[Pair]:
    """Synthesize every sentence with every voice, both ways."""
    made = []
    for name in voices:
        streamed, stock = voice(name, streaming=True), voice(name, streaming=False)
        made += [Pair(name, text, speak(stock, text), speak(streamed, text)) for text in ANSWERS]
    return made


def quality_rows(made: Sequence[Pair], whisper: Whisper) -> list[list[object]]:
    """Return a row for each voice, with means over its sentences."""
    rows: list[list[object]] = []
    for name in dict.fromkeys(pair.voice for pair in made):
        mine = [pair for pair in made if pair.voice == name]
        distances = [pair.distance for pair in mine]
        rows.append(
            [
                name,
                f"{statistics.mean(one.mel_db for one in distances):.2f}",
                f"{statistics.mean(one.level_db for one in distances):+.2f} ± "
                f"{statistics.stdev(one.level_db for one in distances):.2f}",
                f"{statistics.mean(one.level_spread_db for one in distances):.2f}",
                heard_wrong(whisper, [(pair.sentence, pair.stock.pcm) for pair in mine]),
                heard_wrong(whisper, [(pair.sentence, pair.streamed.pcm) for pair in mine]),
                f"{statistics.mean(pair.duration_ratio for pair in mine):.3f}",
            ]
        )
    return rows


def heard_wrong(whisper: Whisper, said: Sequence[tuple[str, Pcm]]) -> str:
    """Return how many words Whisper gets wrong, and of how many."""
    wrong = total = 0
    for text, pcm in said:
        clip = resample(pcm, 24_000, LISTEN_RATE_HZ)
        heard = whisper.transcribe(SpeechSegment(clip, 0.0, len(clip) / LISTEN_RATE_HZ)).text
        counted = word_errors(text, heard)
        wrong, total = wrong + counted[0], total + counted[1]
    return f"{wrong} of {total}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--write", type=Path, metavar="FOLDER", help="write listening.html into this folder")
    chosen = options.parse_args()
    made = pairs(VOICES)
    print(f"kokoro-v1.0 int8; {machine()}\n\nStreamed against stock, {len(ANSWERS)} sentences per voice\n")
    head = ["voice", "mel distance dB", "louder dB", "level spread dB", "wrong words, stock", "streamed", "duration"]
    print(table(head, quality_rows(made, recognizer(whisper_model("whisper-base"), "full"))))
    if chosen.write:
        by_name = {(pair.voice, pair.sentence): pair for pair in made}
        shown = [by_name[name, ANSWERS[index]] for name, index in PAGE_PAIRS]
        write_page(chosen.write, [(one.voice, one.sentence, one.stock.pcm, one.streamed.pcm) for one in shown])


if __name__ == "__main__":
    main()
