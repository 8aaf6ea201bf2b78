"""Synthesize with Kokoro a window at a time: the first sound comes once 0.3 s of it are computed. Pure.

Window lengths are in columns of 12.5 ms. `rtf` is the real-time factor: seconds of computing for one second of sound.
`ahead` is the sound that is computed and not yet played, once playback has begun.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicecli.engines.kokoro.parts import COLUMN_SAMPLES, COLUMNS_PER_FRAME, Parts, Utterance, Values
from voicecli.engines.kokoro.sound import RATE_HZ, RISE, Audio, Trimmer
from voicecli.engines.kokoro.statistics import StatisticsPredictor, held_style
from voicecli.engines.kokoro.words import Batch

COLUMN_S = COLUMN_SAMPLES / RATE_HZ  # 12.5 ms
AHEAD_TOKENS = 1
"""Tokens by which the sound runs ahead of its frames: speech before a pause ends when the frames of its last token
begin (10 ms later with af_heart, -30 am_michael, 35 bf_emma; medians of 36 to 43 pauses).
"""
WHOLE_COLUMNS = 56  # utterances up to this length are one window with their own statistics
FIRST_GUESS_RTF = 0.4  # of the real-time factor, on two cores
NEWEST_WEIGHT = 0.3

CONTEXT_COLUMNS = 4  # columns on either side of a window; twice as many change nothing that can be measured
LEAD_COLUMNS = 8  # kept of the silence before the first token: a first consonant begins up to 70 ms early
MIN_WINDOW, MAX_WINDOW = 32, 128  # of a window that is computed while those before it sound
FIRST_WINDOW, NEXT_WINDOW, WINDOW_STEP = 24, 12, 4  # of one that is waited for: the least, and how lengths differ
ENOUGH_AHEAD = 80  # ahead: on a machine that cannot keep up at all, more than a second of sound is not waited for
SAFETY = 0.8  # of the time that a window plays, what may go into computing the next
RTF_MARGIN = 1.15  # than was learnt: windows of one text differ by about a tenth

Phonemizer = Callable[[str], Sequence[Batch]]
"""Returns a text's phonemes, in batches that the model accepts."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Part of the sound of a text."""

    audio: Audio
    share: float  # of the text that has been spoken at its end; 1 for the last part
    word_ends_s: tuple[float, ...] | None  # of the words that end in it, from its beginning on; None: unknown


class StreamingVoice:
    """One voice of a cut Kokoro, for use by one thread."""

    def __init__(
        self,
        parts: Parts,
        phonemize: Phonemizer,
        styles: Values,
        speed: float,
        predictor: StatisticsPredictor | None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`styles`: a row for each number of tokens, (510, 1, 256). Without a `predictor` it does not stream."""
        self._parts = parts
        self._phonemize = phonemize
        self._styles = styles
        self._speed = speed
        self._predictor = predictor
        self._clock = clock
        self._rtf = FIRST_GUESS_RTF

    @property
    def streams(self) -> bool:
        return self._predictor is not None

    def say(self, text: str) -> Iterator[Sound]:
        """Yield the sound of `text` as it becomes ready.

        Each step runs the generator once; on a slow machine the first step repeats that until playback can go on
        without a gap.
        """
        batches = self._phonemize(text)
        total = sum(len(batch.tokens) for batch in batches)
        trimmer, said = self._trimmer(), 0
        sound = np.zeros(0, np.float32)
        words, given, made = list[int](), 0, 0  # samples: ends of words yet to come, sound given out and sound begun
        for batch in batches:
            utterance, ends = spoken_part(self._parts, batch.tokens, self._styles, self._speed)
            words += [made + int(ends[max(0, end - AHEAD_TOKENS)]) * COLUMN_SAMPLES for end in batch.word_ends]
            made += len(utterance) * COLUMN_SAMPLES
            for audio, end in self._windows(utterance, audible=bool(said)):
                share = (said + len(batch.tokens) * end / len(utterance)) / total
                trimmer = trimmer or Trimmer(float(np.abs(audio).max(initial=0.0)))
                sound = trimmer.push(audio)
                if share < 1 and len(sound):
                    ended = bisect_right(words, trimmer.left_out + given + len(sound))
                    yield Sound(sound, share, _ends_s(words[:ended], trimmer.left_out + given, len(sound)))
                    words, given = words[ended:], given + len(sound)
            said += len(batch.tokens)
        if trimmer is not None and len(ending := trimmer.finish()):
            sound = np.concatenate([sound, ending])
            yield Sound(sound, 1.0, _ends_s(words, trimmer.left_out + given, len(sound)))

    def _trimmer(self) -> Trimmer | None:
        """Return None if the loudness of the voice is unknown; the first batch, which comes whole, then shows it."""
        return Trimmer(self._predictor.loudest) if self._predictor is not None else None

    def _windows(self, utterance: Utterance, *, audible: bool) -> Iterator[tuple[Audio, int]]:
        """Yield the sound of seamless windows, and the column at which each ends.

        `audible`: playback has begun; else hold the first sound back until playback can go on without a gap.
        """
        columns = len(utterance)
        predictor = self._predictor if columns > WHOLE_COLUMNS else None
        statistics = predictor(utterance) if predictor is not None else None
        overhang, held = np.zeros(0, np.float32), list[Audio]()
        begin, ahead, rtf = 0, float(-LEAD_COLUMNS), self._rtf
        while begin < columns:
            length = next_window(ahead, rtf) if audible else awaited_window(begin, ahead, columns, rtf)
            end = columns if statistics is None else window_end(begin, length, columns)
            first, beyond = max(0, begin - CONTEXT_COLUMNS), min(columns, end + CONTEXT_COLUMNS)
            began_s = self._clock()
            audio, _ = self._parts.sound(utterance.part(first, beyond), statistics, more=end < columns)
            took_s = self._clock() - began_s
            sound = audio[(begin - first) * COLUMN_SAMPLES : (end - first) * COLUMN_SAMPLES]
            sound[: len(overhang)] = overhang + (sound[: len(overhang)] - overhang) * RISE[: len(overhang)]
            overhang = audio[(end - first) * COLUMN_SAMPLES :][: len(RISE)]
            left = max(0.0, ahead - took_s / COLUMN_S) if audible else ahead
            begin, ahead = end, left + end - begin
            rtf = self._update_rtf(took_s, beyond - first)
            held.append(sound)
            if audible := audible or may_sound(begin, ahead, columns, rtf):
                yield np.concatenate(held), end
                held.clear()

    def _update_rtf(self, took_s: float, columns: int) -> float:
        """Update the mean real-time factor; return the higher of it and the latest, in case the machine became busy."""
        rtf = took_s / (columns * COLUMN_S)
        self._rtf += NEWEST_WEIGHT * (rtf - self._rtf)
        return max(rtf, self._rtf)


def spoken_part(
    parts: Parts, tokens: Sequence[int], styles: Values, speed: float
) -> tuple[Utterance, NDArray[np.int64]]:
    """Return the generator's input for `tokens` without most of the silence before them.

    Also return the columns that have passed when zero, one, two, ... of the tokens have been spoken.
    """
    utterance, frames = parts.utterance(tokens, held_style(styles, len(tokens)), speed)
    silent = max(0, int(frames[0]) * COLUMNS_PER_FRAME - LEAD_COLUMNS)
    return utterance.part(silent, len(utterance)), np.cumsum(frames)[:-1] * COLUMNS_PER_FRAME - silent


def _ends_s(ends: Sequence[int], begin: int, samples: int) -> tuple[float, ...]:
    """Convert `ends`, in samples of the whole text, to seconds of a part of `samples` that begins at `begin`."""
    return tuple(min(max(end - begin, 0), samples) / RATE_HZ for end in ends)


def may_sound(begin: int, ahead: float, columns: int, rtf: float) -> bool:
    """Return whether the rest, from column `begin` on, is computed before the sound ahead ends, or enough is ahead."""
    while ahead < ENOUGH_AHEAD and begin < columns:
        end = window_end(begin, next_window(ahead, rtf), columns)
        left = ahead - (end - begin + 2 * CONTEXT_COLUMNS) * rtf * RTF_MARGIN
        if left < 0:
            return False
        begin, ahead = end, left + end - begin
    return True


def awaited_window(begin: int, ahead: float, columns: int, rtf: float) -> int:
    """Return the shortest window after which playback may begin; the shortest possible on a machine that keeps up."""
    least, most = (NEXT_WINDOW, ENOUGH_AHEAD) if begin else (FIRST_WINDOW + LEAD_COLUMNS, ENOUGH_AHEAD + LEAD_COLUMNS)
    for length in range(least, most, WINDOW_STEP):
        end = window_end(begin, length, columns)
        if may_sound(end, ahead + end - begin, columns, rtf):
            return length
    return most


def next_window(ahead: float, rtf: float) -> int:
    """Return how many columns can be computed in less time than `ahead` takes to play."""
    return min(MAX_WINDOW, max(MIN_WINDOW, int(SAFETY * ahead / rtf) - 2 * CONTEXT_COLUMNS))


def window_end(begin: int, length: int, columns: int) -> int:
    """Return the end of a window. If only a short rest would follow, split evenly: the whole would take too long."""
    rest = columns - begin
    if rest <= length:
        return columns
    return begin + (min(length, rest // 2) if rest < length + MIN_WINDOW else length)
