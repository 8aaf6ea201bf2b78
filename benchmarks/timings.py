"""When a voice's words end: by the lengths of Kokoro's phonemes, and by an even pace through the text.

python -m benchmarks.timings

Kokoro speaks sentences that are said as they are written, and faster-whisper's timestamps tell when each word ended.
Those are estimates too; both rows are held against the same ones.
"""

from __future__ import annotations

import dataclasses
import re
import statistics
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np
from faster_whisper import WhisperModel

from benchmarks.engines import voice, whisper_model
from benchmarks.report import table
from benchmarks.speech import ANSWERS
from voicecli.audio.resample import resample
from voicecli.bench.machine import machine
from voicecli.bench.wer import words as plain_words
from voicecli.conversation.history import heard_source_end
from voicecli.conversation.speaking import SpokenOffset
from voicecli.types import LISTEN_RATE_HZ, AudioChunk, PlaybackChunk, TextChunk, TurnId

VOICES = ("af_heart", "am_michael", "bf_emma")
STEP_S = 0.005
TEXTS = (
    *ANSWERS,
    "In the middle of the night, some of them were in the house with a few of the others.",
    "Let me think, well, I would have to say no, but you could have been right about it.",
    "Paris is a large city, the capital of France. It lies on the river Seine, in the north of the country.",
    "He has been with her for an hour or so, and that is that.",
    "My sister plays the violin in a small orchestra near the river.",
    "You can leave your coat on the chair behind the door, if you like.",
    "Most of the snow had melted by the end of the second week.",
    "I would put the bread in the oven now, and set the timer.",
    "The museum opens late on Thursdays, but the garden is always open.",
    "To reset the router, hold the button down until the lamp blinks.",
    "Tall trees keep the street cool in summer.",
    "He wrote a long letter to an old friend, then went for a walk.",
    "Is there anything else that you want to know about the engine?",
    "Bees tell each other with a dance where the flowers are.",
    "The bus to the airport was an hour late because of the storm.",
    "Salt makes water boil at a slightly higher temperature.",
)
"""All are said as they are written."""


def chunks(audio_chunks: Sequence[AudioChunk], rate_hz: int, text: str) -> list[PlaybackChunk]:
    """The sound of `text`, as the conversation sends it to the speaker."""
    ends = tuple(match.end() for match in re.finditer(r"\S+", text))
    place = SpokenOffset(TextChunk(text, len(text), ends), 0)
    made = []
    for audio_chunk in audio_chunks:
        words, source_end = place.after(audio_chunk)
        made.append(PlaybackChunk(TurnId(1), audio_chunk.pcm, rate_hz, source_end, words))
    return made


def reported_s(made: Sequence[PlaybackChunk], text: str) -> list[float]:
    """When each word of `text` counts as heard."""
    whole_s = sum(chunk.audio_s for chunk in made)
    steps = [*np.arange(0, whole_s, STEP_S), whole_s + STEP_S]
    reached = [heard_source_end(made, heard_s) for heard_s in steps]
    return [
        float(next(at_s for at_s, end in zip(steps, reached, strict=True) if end >= match.end()))
        for match in re.finditer(r"\S+", text)
    ]


def measured_s(whisper: WhisperModel, made: Sequence[PlaybackChunk]) -> list[tuple[str, float]]:
    """What the recogniser heard, and when each word ended."""
    pcm = resample(np.concatenate([chunk.pcm for chunk in made]), made[0].sample_rate_hz, LISTEN_RATE_HZ)
    segments, _ = whisper.transcribe(pcm.astype(np.float32) / 32768, language="en", beam_size=5, word_timestamps=True)
    return [(plain(word.word), word.end) for segment in segments for word in segment.words or ()]


def errors_ms(reported: Sequence[float], text: str, heard: Sequence[tuple[str, float]]) -> list[float]:
    """Return reported minus measured times of the words that were recognized as written."""
    written = [plain(word) for word in text.split()]
    found = SequenceMatcher(None, written, [word for word, _ in heard], autojunk=False).get_matching_blocks()
    return [1000 * (reported[one + i] - heard[other + i][1]) for one, other, count in found for i in range(count)]


def plain(word: str) -> str:
    return "".join(plain_words(word))


def row(name: str, errors: Sequence[float]) -> list[object]:
    sizes = sorted(map(abs, errors))
    return [
        name,
        f"{statistics.median(sizes):.0f}",
        f"{sizes[int(0.9 * len(sizes))]:.0f}",
        f"{sizes[-1]:.0f}",
        f"{statistics.median(errors):+.0f}",
        len(sizes),
    ]


def main() -> None:
    whisper = whisper_model("whisper-base")
    by_words: list[float] = []
    by_pace: list[float] = []
    for name in VOICES:
        kokoro = voice(name, streaming=True)
        for text in TEXTS:
            audio_chunks = list(kokoro.synthesize(text))
            unmarked = [dataclasses.replace(audio_chunk, word_ends_s=None) for audio_chunk in audio_chunks]
            made, even = (chunks(some, kokoro.sample_rate_hz, text) for some in (audio_chunks, unmarked))
            heard = measured_s(whisper, made)
            by_words += errors_ms(reported_s(made, text), text, heard)
            by_pace += errors_ms(reported_s(even, text), text, heard)
    print(f"{len(TEXTS)} sentences by {len(VOICES)} voices; {machine()}\n")
    print("Milliseconds from the end of a word as faster-whisper has it\n")
    head = ["", "median", "p90", "most", "later by (median)", "words"]
    print(table(head, [row("lengths of the phonemes", by_words), row("an even pace", by_pace)]))


if __name__ == "__main__":
    main()
