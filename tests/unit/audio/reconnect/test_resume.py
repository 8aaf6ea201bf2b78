from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.audio.reconnect.resume import PlaybackState
from voicecli.types import PlaybackChunk, TurnId

RATE_HZ = 1000


@given(st.lists(st.integers(0, 500), max_size=8), st.integers(0, 5000))
def test_what_was_heard_and_the_rest_are_the_whole(lengths: list[int], heard: int) -> None:
    sound = np.arange(sum(lengths), dtype=np.int16)
    ends = np.cumsum(lengths, dtype=int)
    chunks = [
        PlaybackChunk(TurnId(1), sound[end - length : end], RATE_HZ, 0)
        for end, length in zip(ends, lengths, strict=True)
    ]  # fmt: skip
    delivery = PlaybackState(TurnId(1), held=False, before_s=heard / RATE_HZ, chunks=chunks)
    rest = [chunk.pcm for chunk in delivery.rest()]
    left = np.concatenate([np.zeros(0, np.int16), *rest])
    assert np.array_equal(left, sound[heard:])
    assert delivery.queued_s == pytest.approx(len(sound) / RATE_HZ)
    assert delivery.left_s == pytest.approx(len(left) / RATE_HZ)
