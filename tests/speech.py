"""Real speech and noise for tests, where the folder with them lies beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicecli.audio.files.reader import read_clip
from voicecli.types import Pcm

FOLDER = Path(__file__).parents[2] / "shared" / "speech"
ABSENT = pytest.mark.skip(reason="needs the recordings that lie beside the checkout")


def files(pattern: str, most: int) -> list[Path]:
    """Recordings by pattern; one skipped parameter where there are none."""
    found = sorted(FOLDER.glob(pattern))[:most]
    return found or [pytest.param(Path("absent"), marks=ABSENT)]  # type: ignore[list-item]


SPOKEN = files("commands/*.wav", 12)
SENTENCES = files("sentences/*.wav", 6)
NOISE = files("noise/*.wav", 5)


def clip(path: Path) -> Pcm:
    """Samples at 16 kHz, shape (n,)."""
    return read_clip(path)
