"""A page on which two ways to speak can be heard side by side."""

from __future__ import annotations

import html
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from voicecli.types import Pcm

RATE_HZ = 24_000  # one that Opus takes as it is
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
    """`folder/listening.html` and its sounds; `pairs`: voice, sentence, stock and streamed at 24 kHz."""
    sounds = folder / "listening"
    sounds.mkdir(parents=True, exist_ok=True)
    shown = []
    for number, (voice, sentence, stock, streamed) in enumerate(pairs, start=1):
        names = [f"{number}-{voice}-{way}.ogg" for way in ("stock", "streamed")]
        for name, pcm in zip(names, (stock, streamed), strict=True):
            write_opus(sounds / name, pcm)
        shown.append(PAIR.format(sentence=html.escape(sentence), voice=voice, stock=names[0], streamed=names[1]))
    (folder / "listening.html").write_text(PAGE.format(pairs="\n".join(shown)), encoding="utf8")


def write_opus(path: Path, pcm: Pcm) -> None:
    """Ogg Opus, mono."""
    whole = np.pad(pcm, (0, -len(pcm) % FRAME_SAMPLES))
    with av.open(str(path), "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=RATE_HZ, layout="mono")
        stream.bit_rate = BITS_PER_S
        for start in range(0, len(whole), FRAME_SAMPLES):
            frame = av.AudioFrame.from_ndarray(whole[None, start : start + FRAME_SAMPLES], "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
