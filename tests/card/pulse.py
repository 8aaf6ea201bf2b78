"""A private PulseAudio with a virtual microphone and a virtual speaker: what a sound card is to a program."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
import wave
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from voicecli.audio.device import Speaker
from voicecli.events import Publish
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechChunk, TurnId

MODULES = (
    "module-native-protocol-unix",
    "module-null-sink sink_name=speaker",
    "module-null-sink sink_name=ether",  # what is played into it, the microphone hears
    "module-remap-source source_name=mic master=ether.monitor",
)
START_S = 10.0
SILENCE_RMS = 60  # of int16; a null sink is digitally silent, resampling leaves a few units


class VirtualCard:
    """Runs its own daemon in its own folder, so that a developer's sound is left alone."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="voicecli-card-")
        runtime = self._folder.name
        self.env: Mapping[str, str] = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PULSE_")},
            "XDG_RUNTIME_DIR": runtime,
            "PULSE_RUNTIME_PATH": f"{runtime}/pulse",
            "PULSE_STATE_PATH": f"{runtime}/state",
            "PULSE_SERVER": f"unix:{runtime}/pulse/native",
        }
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--log-target=stderr"]
        for module in MODULES:
            command += ["-L", module]
        self._log = open(f"{runtime}/log", "w+b")
        self._daemon = subprocess.Popen(command, env=self.env, stdout=self._log, stderr=self._log)
        self._await_start()
        self.control("set-default-sink", "speaker")
        self.control("set-default-source", "mic")
        self.speaker = Recorder("speaker.monitor", self.env)
        self.air = Recorder("ether.monitor", self.env)  # what the microphone hears
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.speaker.close()
        self.air.close()
        self._daemon.terminate()
        self._daemon.wait(START_S)
        self._log.close()
        self._folder.cleanup()

    def control(self, *words: str) -> str:
        """Run pactl."""
        return subprocess.run(["pactl", *words], env=self.env, check=True, capture_output=True, text=True).stdout

    def say(self, path: Path) -> tuple[float, float]:
        """Play a file into the microphone; returns when it began and ended, on the monotonic clock."""
        began_s = time.monotonic()
        subprocess.run(["paplay", "--device=ether", "--latency-msec=30", str(path)], env=self.env, check=True)
        return began_s, time.monotonic()

    @contextmanager
    def echo(self, level_db: float) -> Iterator[None]:
        """The microphone hears the speaker, at `level_db`, as on a desk without headphones."""
        module = self.control(
            "load-module", "module-loopback", "source=speaker.monitor", "sink=ether", "latency_msec=30"
        )
        try:
            for line in self.control("list", "short", "sink-inputs").splitlines():
                self.control("set-sink-input-volume", line.split()[0], f"{level_db}dB")
            yield
        finally:
            self.control("unload-module", module.strip())

    @asynccontextmanager
    async def open_speaker(self, publish: Publish) -> AsyncIterator[Speaker]:
        """The product's own speaker on this card, in this process."""
        with self.in_this_process():
            from voicecli.audio.devices import find_device, list_devices
            from voicecli.audio.portaudio import PortAudioSpeaker

            device = find_device(list_devices(), "", "output")
            async with PortAudioSpeaker(device, 0.05, time.monotonic, publish) as speaker:
                await self._settle(speaker)
                yield speaker

    async def _settle(self, speaker: Speaker) -> None:
        """A fresh null sink stalls for a second and then catches up in a burst: wait until it keeps real time."""
        for attempt in range(20):
            began_s = time.monotonic()
            turn = TurnId(-1 - attempt)
            speaker.begin(turn, held=False)
            speaker.play(SpeechChunk(turn, np.zeros(round(0.3 * LISTEN_RATE_HZ), np.int16), LISTEN_RATE_HZ, 0))
            speaker.finish(turn)
            await speaker.drained()
            if 0.25 < time.monotonic() - began_s < 0.5:
                return
        raise RuntimeError("the virtual sound card never kept real time")

    @contextmanager
    def in_this_process(self) -> Iterator[None]:
        """PortAudio looks for devices once, when it starts: start it anew where it can find this card."""
        import sounddevice

        before = dict(os.environ)
        os.environ.update(self.env)
        sounddevice._terminate()
        sounddevice._initialize()
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def _await_start(self) -> None:
        deadline_s = time.monotonic() + START_S
        while subprocess.run(["pactl", "info"], env=self.env, capture_output=True).returncode:
            if time.monotonic() > deadline_s or self._daemon.poll() is not None:
                self._log.seek(0)
                raise RuntimeError(f"PulseAudio did not start: {self._log.read().decode()}")


class Recorder:
    """Everything that a source gives, from now on, on the monotonic clock."""

    def __init__(self, source: str, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            ["parec", f"--device={source}", "--format=s16le", f"--rate={LISTEN_RATE_HZ}", "--channels=1", "--raw",
             "--latency-msec=20"],
            env=env, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._blocks: list[bytes] = []
        self._samples = 0
        self._began_s: float | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
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
        """When the first sound after `after_s` began; fails when none came in time."""
        return self._await(after_s, timeout_s, quiet_s=None)

    def await_quiet(self, after_s: float, quiet_s: float, timeout_s: float) -> float:
        """When sound had been over for `quiet_s`; fails when it went on."""
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
                self._changed.wait(min(0.1, remaining_s))
        raise AssertionError(f"no {'sound' if quiet_s is None else 'quiet'} within {timeout_s} s")

    def _read(self) -> None:
        assert self._process.stdout is not None
        while block := os.read(self._process.stdout.fileno(), 3200):
            with self._changed:
                self._blocks.append(block)
                self._samples += len(block) // 2
                began_s = time.monotonic() - self._samples / LISTEN_RATE_HZ
                self._began_s = began_s if self._began_s is None else min(self._began_s, began_s)  # the least late
                self._changed.notify_all()


def write_wav(path: Path, pcm: Pcm) -> Path:
    """A mono file at 16 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(LISTEN_RATE_HZ)
        file.writeframes(pcm.tobytes())
    return path


def loud_steps(pcm: Pcm) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which steps of 10 ms hold sound."""
    steps = len(pcm) // 160
    rms = np.sqrt(np.mean(np.square(pcm[: steps * 160].reshape(steps, 160), dtype=np.float64), axis=1))
    return np.asarray(rms > SILENCE_RMS)
