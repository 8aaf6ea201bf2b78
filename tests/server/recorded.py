"""Recordings as people upload them."""

from __future__ import annotations

import io

import av
import numpy as np

from voicecli.types import LISTEN_RATE_HZ, Pcm

CODECS = {
    "wav": "pcm_s16le",
    "flac": "flac",
    "mp3": "libmp3lame",
    "ogg": "libopus",
    "webm": "libopus",
    "mp4": "aac",
}


def container(pcm: Pcm, kind: str = "wav", rate_hz: int = LISTEN_RATE_HZ, channels: int = 1) -> bytes:
    """A sound file; all channels hold the same."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as output:
        layout = "stereo" if channels == 2 else "mono"
        stream = output.add_stream(CODECS[kind], rate=rate_hz, layout=layout)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.repeat(pcm, channels)[np.newaxis], "s16", layout)
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(stream.format, stream.layout, rate_hz, frame_size=stream.frame_size or 1024)
        for ready in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(ready))
        output.mux(stream.encode(None))
    return file.getvalue()
