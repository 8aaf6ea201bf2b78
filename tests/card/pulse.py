"""The virtual sound card in the tests' own process."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import numpy as np

from voicecli.audio.device import Speaker
from voicecli.bench.virtual_card import VirtualCard
from voicecli.events import Publish
from voicecli.types import LISTEN_RATE_HZ, PlaybackChunk, TurnId


@asynccontextmanager
async def open_speaker(card: VirtualCard, publish: Publish) -> AsyncIterator[Speaker]:
    """The product's own speaker on this card, in this process."""
    with in_this_process(card):
        from voicecli.audio.devices import find_device, list_devices
        from voicecli.audio.portaudio import PortAudioSpeaker

        device = find_device(list_devices(), "", "output")
        async with PortAudioSpeaker(device, 0.05, time.monotonic, publish) as speaker:
            await settle(speaker)
            yield speaker


async def settle(speaker: Speaker) -> None:
    """A fresh null sink stalls for a second and then catches up in a burst: wait until it keeps real time."""
    for attempt in range(20):
        began_s = time.monotonic()
        turn = TurnId(-1 - attempt)
        speaker.begin(turn, held=False)
        speaker.play(PlaybackChunk(turn, np.zeros(round(0.3 * LISTEN_RATE_HZ), np.int16), LISTEN_RATE_HZ, 0))
        speaker.finish(turn)
        await speaker.drained()
        if 0.25 < time.monotonic() - began_s < 0.5:
            return
    raise RuntimeError("the virtual sound card never kept real time")


@contextmanager
def in_this_process(card: VirtualCard) -> Iterator[None]:
    """PortAudio looks for devices once, when it starts: start it anew where it can find this card."""
    import sounddevice

    before = dict(os.environ)
    os.environ.update(card.env)
    sounddevice._terminate()
    sounddevice._initialize()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
