"""Measure what listening costs: canceller, voice activity detector and segmenter, as shares of one core.

python -m benchmarks.capture --speech FOLDER

The frames of each recording go through the product's own parts as fast as they can, while playback sounds, which is
when the canceller and the guard have the most to do.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from benchmarks.engines import shipped
from benchmarks.report import table
from benchmarks.speech import recordings, speech_option
from voicecli.assemble.devices import make_vad
from voicecli.audio.echo.canceller import EchoCanceller, PlayedBlock
from voicecli.audio.echo.level_gate import EchoAwareDetector
from voicecli.audio.resample import Framer, resample
from voicecli.audio.speech_input import VoiceActivityDetector
from voicecli.bench.machine import machine
from voicecli.turns.segmenter import Segmenter
from voicecli.types import FRAME_S, LISTEN_RATE_HZ, AudioFrame, Pcm

SPEAKER_HZ = 48_000
ECHO_DB = -20.0
Listen = Callable[[AudioFrame, Pcm], object]


def detector_alone(detector: VoiceActivityDetector, segmenter: Segmenter, start_ms: float) -> Listen:
    """Return a listener for headphones."""
    return lambda frame, played: segmenter.push(frame, detector.is_speech(frame), start_ms)


def cancelled(
    canceller: EchoCanceller, detector: VoiceActivityDetector, segmenter: Segmenter, start_ms: float
) -> Listen:
    """Return a listener for open loudspeakers."""
    guarded = EchoAwareDetector(detector, canceller.is_echo)

    def listen(frame: AudioFrame, played: Pcm) -> object:
        canceller.played(PlayedBlock(played, SPEAKER_HZ, frame.captured_at_s))
        clean = canceller.cancel(frame)
        return segmenter.push(clean, guarded.is_speech(clean), start_ms)

    return listen


def share_of_a_core(listen: Listen, heard: Pcm, played: Pcm) -> float:
    """Return CPU time over the length of the audio."""
    frames = list(Framer(LISTEN_RATE_HZ).push(heard))
    loud = np.split(resample(played, LISTEN_RATE_HZ, SPEAKER_HZ)[: len(frames) * 960], len(frames))
    began_s = time.process_time()
    for index, (pcm, block) in enumerate(zip(frames, loud, strict=True)):
        listen(AudioFrame(pcm, index * FRAME_S), block)
    return (time.process_time() - began_s) / (len(frames) * FRAME_S)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    speech_option(options)
    listen = shipped().listen
    voice = np.concatenate([one.pcm for one in recordings(options.parse_args().speech)])[: 60 * LISTEN_RATE_HZ]
    played = np.roll(voice, LISTEN_RATE_HZ * 5)
    echo = played * 10 ** (ECHO_DB / 20)
    sounds = {"silence": np.zeros_like(voice), "a voice": voice, "a voice over an answer": voice + echo}
    rows: list[list[object]] = []
    for name, heard in sounds.items():
        pcm = np.clip(heard, -32768, 32767).astype(np.int16)
        start_ms = float(listen.start_ms)
        alone = share_of_a_core(detector_alone(make_vad(listen), Segmenter(listen), start_ms), pcm, played)
        canceller = EchoCanceller.load()
        both = share_of_a_core(cancelled(canceller, make_vad(listen), Segmenter(listen), start_ms), pcm, played)
        rows.append([name, f"{alone:.1%}", f"{both:.1%}"])
    print(table(("heard", "detector", "canceller and detector"), rows))
    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
