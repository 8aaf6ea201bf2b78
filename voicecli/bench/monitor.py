"""What a source of the sound server gives, recorded on the monotonic clock."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import numpy as np

from voicecli.errors import DeviceError
from voicecli.types import LISTEN_RATE_HZ, Pcm

SILENCE_RMS = 60  # of int16; a null sink is digitally silent, resampling leaves a few units
STEP = LISTEN_RATE_HZ // 100
BLOCK_BYTES = 3200
WAIT_S = 0.1


class Monitor:
    """Everything that a source gives while the context is open.

    It has a thread of its own, not the loop: a block's arrival is its time, whatever the rest of the program does.
    """

    def __init__(self, source: str, env: Mapping[str, str]) -> None:
        self._source, self._env = source, env
        self._blocks: list[bytes] = []
        self._samples = 0
        self._began_s: float | None = None
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["parec", f"--device={self._source}", "--format=s16le", f"--rate={LISTEN_RATE_HZ}", "--channels=1", "--raw",
             "--latency-msec=20"],
            env=self._env, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def since(self, at_s: float) -> Pcm:
        """Samples from `at_s` (monotonic) until now, shape (n,) at 16 kHz."""
        with self._changed:
            audio = np.frombuffer(b"".join(self._blocks), np.int16)
            return audio[max(0, round((at_s - (self._began_s or at_s)) * LISTEN_RATE_HZ)) :]

    def await_sound(self, after_s: float, timeout_s: float) -> float:
        """When the first sound after `after_s` began. Raises DeviceError when none came in time."""
        return self._await(after_s, timeout_s, quiet_s=None)

    def await_quiet(self, after_s: float, quiet_s: float, timeout_s: float) -> float:
        """When sound had been over for `quiet_s`. Raises DeviceError when it went on."""
        return self._await(after_s, timeout_s, quiet_s=quiet_s)

    def _await(self, after_s: float, timeout_s: float, quiet_s: float | None) -> float:
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while (remaining_s := deadline_s - time.monotonic()) > 0:
                loud = loud_steps(self.since(after_s))
                if quiet_s is None and loud.any():
                    return after_s + float(np.argmax(loud)) / 100
                if quiet_s is not None and len(loud) > quiet_s * 100 and not loud[-round(quiet_s * 100) :].any():
                    return after_s + len(loud) / 100 - quiet_s
                self._changed.wait(min(WAIT_S, remaining_s))
        raise DeviceError(f"no {'sound' if quiet_s is None else 'quiet'} at {self._source} within {timeout_s} s")

    def _read(self) -> None:
        assert self._process.stdout is not None
        while block := os.read(self._process.stdout.fileno(), BLOCK_BYTES):
            with self._changed:
                self._blocks.append(block)
                self._samples += len(block) // 2
                began_s = time.monotonic() - self._samples / LISTEN_RATE_HZ
                self._began_s = began_s if self._began_s is None else min(self._began_s, began_s)  # the least late
                self._changed.notify_all()


def loud_steps(pcm: Pcm) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which steps of 10 ms hold sound."""
    steps = len(pcm) // STEP
    rms = np.sqrt(np.mean(np.square(pcm[: steps * STEP].reshape(steps, STEP), dtype=np.float64), axis=1))
    return np.asarray(rms > SILENCE_RMS)
