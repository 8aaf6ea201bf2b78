"""Windows over a generator whose sound can be foretold: no column lost, none twice, no seam, no work once abandoned."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from voicecli.engines.kokoro.parts import COLUMN_SAMPLES, COLUMNS_PER_FRAME, SOURCE_PER_COLUMN, Utterance, Values
from voicecli.engines.kokoro.sound import RATE_HZ, STEP_SAMPLES, Audio
from voicecli.engines.kokoro.statistics import (
    LEAST_VARIANCE,
    SENTENCES,
    StatisticsPredictor,
    calibrate,
    fit,
    held_style,
)
from voicecli.engines.kokoro.streaming import (
    COLUMN_S,
    CONTEXT_COLUMNS,
    ENOUGH_AHEAD,
    FIRST_WINDOW,
    LEAD_COLUMNS,
    MAX_WINDOW,
    MIN_WINDOW,
    NEXT_WINDOW,
    WHOLE_COLUMNS,
    StreamingVoice,
    awaited_window,
    may_sound,
    next_window,
    window_end,
)
from voicecli.engines.kokoro.words import Batch

STYLES = np.arange(510 * 256, dtype=np.float32).reshape(510, 1, 256)
STATISTICS = 4
FORETELLING = StatisticsPredictor(np.zeros((2, STATISTICS), np.float32), np.ones(STATISTICS // 2, np.float32), 0.5)
SILENT_FRAMES, TRAILING_FRAMES = 20, 2
LEAD_FRAMES = LEAD_COLUMNS // COLUMNS_PER_FRAME
FRAME_S = COLUMNS_PER_FRAME * COLUMN_SAMPLES / RATE_HZ


class Ramp:
    """A generator that gives each column its own level, and is wrong in the outermost columns of what it is given."""

    def __init__(self, frames_per_token: int) -> None:
        self.frames_per_token = frames_per_token
        self.runs: list[int] = []
        self.given: list[bool] = []
        self.more: list[bool] = []

    def utterance(self, tokens: Sequence[int], style: Values, speed: float) -> tuple[Utterance, NDArray[np.int64]]:
        frames = np.array([SILENT_FRAMES, *[self.frames_per_token] * len(tokens), TRAILING_FRAMES])
        columns = int(frames.sum()) * COLUMNS_PER_FRAME
        values = np.tile(np.linspace(0.2, 0.5, columns, dtype=np.float32), (1, 512, 1))
        source = np.ones((1, 22, columns * SOURCE_PER_COLUMN + 1), np.float32)
        return Utterance(values, source, style), frames

    def sound(self, utterance: Utterance, statistics: Values | None, *, more: bool = False) -> tuple[Audio, Values]:
        self.runs.append(len(utterance))
        self.given.append(statistics is not None)
        self.more.append(more)
        audio = np.repeat(utterance.columns[0, 0], COLUMN_SAMPLES)
        if statistics is not None:
            audio[: COLUMN_SAMPLES * (CONTEXT_COLUMNS - 1)] += 0.3
            audio[-COLUMN_SAMPLES * (CONTEXT_COLUMNS - 1) :] += 0.3
        return audio, np.zeros((1, STATISTICS, 1), np.float32)


def voice(ramp: Ramp, batches: Sequence[Sequence[int]]) -> StreamingVoice:
    """Each token is a word."""
    phonemes = [Batch(list(tokens), range(1, len(tokens) + 1)) for tokens in batches]
    return StreamingVoice(ramp, lambda text: phonemes, STYLES, 1.0, FORETELLING)


@given(st.integers(1, 60), st.integers(1, 8))
def test_windows_join_to_the_whole(tokens: int, frames_per_token: int) -> None:
    ramp = Ramp(frames_per_token)
    parts = [sound.audio for sound in voice(ramp, [range(tokens)]).say("x")]
    sound = np.concatenate(parts)
    utterance, frames = ramp.utterance(range(tokens), STYLES[0], 1.0)
    silent = (int(frames[0]) - LEAD_FRAMES) * COLUMNS_PER_FRAME
    whole = np.repeat(utterance.columns[0, 0, silent:], COLUMN_SAMPLES)
    assert len(sound) == len(whole)
    inner = slice(
        CONTEXT_COLUMNS * COLUMN_SAMPLES, -CONTEXT_COLUMNS * COLUMN_SAMPLES
    )  # the outermost have no context to be right
    if all(ramp.given):
        np.testing.assert_allclose(sound[inner], whole[inner], atol=1e-5)


@given(st.lists(st.integers(1, 80), min_size=1, max_size=3))
def test_the_share_grows_to_one_and_only_the_last_is_one(batches: list[int]) -> None:
    shares = [sound.share for sound in voice(Ramp(4), [range(size) for size in batches]).say("x")]
    assert shares == sorted(shares)
    assert [share == 1 for share in shares] == [False] * (len(shares) - 1) + [True]


@given(st.integers(1, 80))
def test_the_generator_is_reported_whether_more_of_a_text_follows(tokens: int) -> None:
    ramp = Ramp(4)
    list(voice(ramp, [range(tokens)]).say("x"))
    assert ramp.more == [True] * (len(ramp.runs) - 1) + [False]


def test_a_short_utterance_is_one_text_chunk_with_its_own_statistics() -> None:
    ramp = Ramp(2)
    assert len(list(voice(ramp, [range(4)]).say("x"))) == 1
    assert ramp.given == [False]
    assert ramp.runs[0] <= WHOLE_COLUMNS


def test_an_abandoned_utterance_computes_nothing_more() -> None:
    ramp = Ramp(4)
    list(itertools.islice(voice(ramp, [range(200)]).say("x"), 1))
    assert len(ramp.runs) == 1


def test_the_first_window_is_short() -> None:
    ramp = Ramp(4)
    assert len(next(voice(ramp, [range(200)]).say("x")).audio) / RATE_HZ < 0.5


@given(st.lists(st.integers(1, 80), min_size=1, max_size=3), st.integers(1, 8))
def test_each_word_ends_where_the_frames_of_its_last_token_begin(batches: list[int], frames_per_token: int) -> None:
    ramp = Ramp(frames_per_token)
    ends_s, passed_s = [], 0.0
    for sound in voice(ramp, [range(size) for size in batches]).say("x"):
        assert sound.word_ends_s is not None
        assert all(0 <= end_s <= len(sound.audio) / RATE_HZ for end_s in sound.word_ends_s)
        ends_s += [passed_s + end_s for end_s in sound.word_ends_s]
        passed_s += len(sound.audio) / RATE_HZ
    expected_s, begin = [], 0
    for size in batches:
        expected_s += [(begin + LEAD_FRAMES + token * frames_per_token) * FRAME_S for token in range(size)]
        begin += LEAD_FRAMES + size * frames_per_token + TRAILING_FRAMES
    assert ends_s == pytest.approx(expected_s, abs=1e-6)


class Silent(Ramp):
    """A generator that is silent where its columns are below a level."""

    def __init__(self, level: float) -> None:
        super().__init__(frames_per_token=4)
        self.level = level

    def sound(self, utterance: Utterance, statistics: Values | None, *, more: bool = False) -> tuple[Audio, Values]:
        audio = np.repeat(utterance.columns[0, 0], COLUMN_SAMPLES)
        return np.where(audio < self.level, 0, audio), np.zeros((1, STATISTICS, 1), np.float32)


def test_silence_that_is_cut_off_takes_the_words_along() -> None:
    def ends_s(level: float) -> tuple[list[float], float]:
        ends, passed_s = [], 0.0
        for sound in voice(Silent(level), [range(20)]).say("x"):
            ends += [passed_s + end_s for end_s in sound.word_ends_s or ()]
            passed_s += len(sound.audio) / RATE_HZ
        return ends, passed_s

    (whole, whole_s), (late, late_s) = ends_s(0.0), ends_s(0.3)
    assert 0.1 < whole_s - late_s < whole_s / 2
    assert late == pytest.approx([max(0, end_s - (whole_s - late_s)) for end_s in whole], abs=1e-6)


class Timed(Ramp):
    """A generator that takes its time, on a clock of its own."""

    def __init__(self, rtf: float) -> None:
        super().__init__(frames_per_token=4)
        self.rtf = rtf
        self.now_s = 0.0

    def sound(self, utterance: Utterance, statistics: Values | None, *, more: bool = False) -> tuple[Audio, Values]:
        self.now_s += self.rtf * len(utterance) * COLUMN_S
        return super().sound(utterance, statistics, more=more)


def heard(timed: Timed, tokens: int, learnt_rtf: float) -> tuple[float, float]:
    """Seconds to the first sound, and of silence inside, from a voice that has got to know its machine at a factor."""
    phonemes = [Batch(list(range(tokens)), range(1, tokens + 1))]
    speaker = StreamingVoice(timed, lambda text: phonemes, STYLES, 1.0, FORETELLING, lambda: timed.now_s)
    rtf, timed.rtf = timed.rtf, learnt_rtf
    for _ in range(6):
        list(speaker.say("x"))
    timed.rtf = rtf
    began_s = timed.now_s
    sounds = [(timed.now_s - began_s, len(sound.audio) / RATE_HZ) for sound in speaker.say("x")]
    (first_s, length_s), *later = sounds
    ends_s, silent_s = first_s + length_s - LEAD_COLUMNS * COLUMN_S, 0.0  # a trimmer takes the silent lead away
    for at_s, length_s in later:
        silent_s += max(0.0, at_s - ends_s)
        ends_s = max(ends_s, at_s) + length_s
    return first_s, silent_s


@given(st.integers(8, 80), st.floats(0.05, 0.75), st.floats(0.05, 0.75))
def test_a_machine_that_computes_faster_than_it_speaks_leaves_no_gap(
    tokens: int, rtf: float, learnt_rtf: float
) -> None:
    """Even where it has become slower since it was got to know."""
    assert heard(Timed(rtf), tokens, learnt_rtf)[1] == 0


@given(st.integers(8, 80), st.floats(0.05, 0.5))
def test_a_quick_machine_waits_for_the_shortest_window_alone(tokens: int, rtf: float) -> None:
    assert heard(Timed(rtf), tokens, rtf)[0] == pytest.approx(
        rtf * (FIRST_WINDOW + LEAD_COLUMNS + CONTEXT_COLUMNS) * COLUMN_S
    )


@given(st.floats(1, 5))
def test_a_machine_that_cannot_keep_up_waits_for_little_more_than_a_second_of_eight(rtf: float) -> None:
    assert heard(Timed(rtf), 80, rtf)[0] <= 1.25 * rtf


@given(st.integers(0, 500), st.floats(-LEAD_COLUMNS, 200), st.integers(1, 600), st.floats(0.05, 3))
def test_what_is_waited_for_is_enough_and_no_more_than_that(begin: int, ahead: float, more: int, rtf: float) -> None:
    columns = begin + more

    def enough(length: int) -> bool:
        end = window_end(begin, length, columns)
        return may_sound(end, ahead + end - begin, columns, rtf)

    length = awaited_window(begin, ahead, columns, rtf)
    shortest = NEXT_WINDOW if begin else FIRST_WINDOW + LEAD_COLUMNS
    assert shortest <= length <= ENOUGH_AHEAD + LEAD_COLUMNS
    assert length >= ENOUGH_AHEAD or enough(length)
    assert length == shortest or not enough(shortest)


@given(st.floats(0, 500), st.floats(0.05, 5))
def test_a_window_is_computed_while_what_is_ahead_plays(ahead: float, rtf: float) -> None:
    window = next_window(ahead, rtf)
    assert MIN_WINDOW <= window <= MAX_WINDOW
    assert window == MIN_WINDOW or (window + 2 * CONTEXT_COLUMNS) * rtf <= ahead


@given(st.integers(0, 500), st.integers(NEXT_WINDOW, MAX_WINDOW), st.integers(1, 500))
def test_no_short_rest_is_left_behind(begin: int, length: int, more: int) -> None:
    end = window_end(begin, length, begin + more)
    assert begin < end <= begin + min(more, length)
    assert end == begin + more or min(end - begin, begin + more - end) >= min(MIN_WINDOW, length // 2)


def test_the_prosody_goes_by_length_and_the_timbre_is_held() -> None:
    short, long = held_style(STYLES, 1), held_style(STYLES, 400)
    assert (short[:, :128] == long[:, :128]).all()
    assert (long[:, 128:] == STYLES[399, :, 128:]).all()
    assert (held_style(STYLES, 10_000)[:, 128:] == STYLES[-1, :, 128:]).all()


def utterance_of(voicing: float) -> Utterance:
    source = np.full((1, 22, 61), voicing, np.float32)
    return Utterance(np.zeros((1, 512, 1), np.float32), source, STYLES[0])


def test_statistics_that_lie_on_a_line_are_foretold_exactly() -> None:
    voicings = [0.5, 1.0, 2.0]
    measured = [np.array([v, 2 * v, 1 + 0.5 * v - v * v, 9 + v - 4 * v * v], np.float32) for v in voicings]
    predictor = fit(voicings, [10, 20, 30], [values.reshape(1, -1, 1) for values in measured], 0.5)
    for voicing, values in zip(voicings[:2], measured[:2], strict=True):
        np.testing.assert_allclose(predictor(utterance_of(voicing)).reshape(-1)[:2], values[:2], rtol=1e-4, atol=1e-5)
    kept = StatisticsPredictor.from_bytes(predictor.to_bytes())
    np.testing.assert_array_equal(kept(utterance_of(1.3)), predictor(utterance_of(1.3)))


def test_a_variance_is_never_foretold_as_nothing() -> None:
    measured = [np.array([v, 1.0 / v], np.float32).reshape(1, -1, 1) for v in (1.0, 2.0)]
    predictor = fit([1.0, 2.0], [10, 10], measured, 0.5)
    assert predictor(utterance_of(50.0)).reshape(-1)[1] >= LEAST_VARIANCE * 0.5


@pytest.mark.parametrize("content", [b"", b"PK no", b"\x00" * 64])
def test_damaged_statistics_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="statistics"):
        StatisticsPredictor.from_bytes(content)


def test_calibrating_speaks_every_sentence_by_its_own_statistics() -> None:
    ramp = Ramp(4)
    said: list[str] = []

    def utterances(text: str) -> list[Utterance]:
        said.append(text)
        return [ramp.utterance(range(len(text)), STYLES[0], 1.0)[0]]

    steps = calibrate(ramp, utterances)
    assert [next(steps) for _ in SENTENCES] == list(range(1, len(SENTENCES) + 1))
    with pytest.raises(StopIteration) as end:
        next(steps)
    predictor = end.value.value
    assert said == list(SENTENCES)
    assert not any(ramp.given)
    assert predictor.loudest == pytest.approx(0.5)


class Mute(Ramp):
    """A generator of silence."""

    def sound(self, utterance: Utterance, statistics: Values | None, *, more: bool = False) -> tuple[Audio, Values]:
        audio, measured = super().sound(utterance, statistics, more=more)
        return 0 * audio, measured


def test_silence_is_nothing_to_give() -> None:
    assert list(voice(Mute(4), [range(30)]).say("x")) == []


@given(st.lists(st.integers(1, 40), min_size=1, max_size=3), st.integers(1, 8))
def test_a_voice_that_is_not_prepared_speaks_whole_by_its_own_statistics(lengths: list[int], frames: int) -> None:
    ramp = Ramp(frames)
    batches = [Batch(list(range(length)), range(1, length + 1)) for length in lengths]
    unprepared = StreamingVoice(ramp, lambda text: batches, STYLES, 1.0, None)
    sounds = list(unprepared.say("x"))
    assert not unprepared.streams
    assert not any(ramp.given)
    assert len(ramp.runs) == len(lengths)
    assert sounds[-1].share == 1
    assert sum(len(sound.audio) for sound in sounds) == pytest.approx(sum(ramp.runs) * COLUMN_SAMPLES, abs=STEP_SAMPLES)
    assert sum(len(sound.word_ends_s or ()) for sound in sounds) == sum(lengths)


def test_no_phonemes_are_no_sound() -> None:
    assert list(StreamingVoice(Ramp(2), lambda text: [], STYLES, 1.0, None).say("x")) == []
    assert list(voice(Ramp(2), []).say("x")) == []
