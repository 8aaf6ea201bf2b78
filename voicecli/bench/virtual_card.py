"""A sound card that is none: what a program plays on it is recorded, and its microphone hears what is played into it.

With PulseAudio on the machine a daemon is started for it alone, and nothing of the user's own sound is touched. Where
only PipeWire is, the card is a guest in the user's session: its two ends are the default devices until it is closed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from voicecli.errors import DeviceError
from voicecli.types import LISTEN_RATE_HZ, Pcm

SPEAKER, ETHER, MICROPHONE = "voicecli_speaker", "voicecli_ether", "voicecli_microphone"
"""What is played into the ether, the microphone hears."""

MODULES = (
    ("module-null-sink", f"sink_name={SPEAKER}"),
    ("module-null-sink", f"sink_name={ETHER}"),
    ("module-remap-source", f"source_name={MICROPHONE}", f"master={ETHER}.monitor"),
)

TOOLS = ("pactl", "paplay", "parec")
INSTALL = "apt install pulseaudio pulseaudio-utils (beside PipeWire pulseaudio-utils is enough)"
START_S = 10.0
LOOK_S = 0.05

Env = Mapping[str, str]


def absent_tools() -> list[str]:
    """Programs that are needed and not installed."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


class VirtualCard:
    """Open inside the context.

    `env` is the environment of a program that is to use it; `is_guest` tells that it lives in the user's own session.
    """

    def __enter__(self) -> Self:
        """Raises DeviceError where there is neither PulseAudio nor PipeWire."""
        if absent := absent_tools():
            raise DeviceError(f"a virtual sound card needs {', '.join(absent)}", INSTALL)
        with ExitStack() as stack:
            self.is_guest = shutil.which("pulseaudio") is None
            self.env: Env = stack.enter_context(guest() if self.is_guest else own_daemon())
            self.speaker = stack.enter_context(Monitor(f"{SPEAKER}.monitor", self.env))
            self.air = stack.enter_context(Monitor(f"{ETHER}.monitor", self.env))  # what the microphone hears
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def control(self, *words: str) -> str:
        """Run pactl. Raises DeviceError."""
        return control(self.env, *words)

    def say(self, path: Path) -> tuple[float, float]:
        """Play a file into the microphone; returns when it began and ended, on the monotonic clock."""
        began_s = time.monotonic()
        subprocess.run(["paplay", f"--device={ETHER}", "--latency-msec=30", str(path)], env=self.env, check=True)
        return began_s, time.monotonic()

    @contextmanager
    def echo(self, level_db: float) -> Iterator[None]:
        """The microphone hears the speaker, at `level_db`, as on a desk without headphones."""
        module = self.control(
            "load-module", "module-loopback", f"source={SPEAKER}.monitor", f"sink={ETHER}", "latency_msec=30"
        )
        try:
            for line in self.control("list", "short", "sink-inputs").splitlines():
                if self.owner_of(line.split()[0]) == module.strip():
                    self.control("set-sink-input-volume", line.split()[0], f"{level_db}dB")
            yield
        finally:
            self.control("unload-module", module.strip())

    def owner_of(self, sink_input: str) -> str:
        """The module that a stream belongs to, as PulseAudio names it; empty for a program's."""
        block = self.control("list", "sink-inputs").partition(f"Sink Input #{sink_input}\n")[2]
        return block.partition("Owner Module: ")[2].partition("\n")[0]


def control(env: Env, *words: str) -> str:
    """Run pactl. Raises DeviceError with what it says."""
    outcome = subprocess.run(["pactl", *words], env=env, capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise DeviceError(f"pactl {' '.join(words)}: {outcome.stderr.strip()}", "is PulseAudio or PipeWire running?")
    return outcome.stdout


@contextmanager
def own_daemon() -> Iterator[Env]:
    """The card in a PulseAudio of its own. Raises DeviceError where that does not start."""
    with daemon(MODULES) as env:
        control(env, "set-default-sink", SPEAKER)
        control(env, "set-default-source", MICROPHONE)
        yield env


@contextmanager
def daemon(modules: Sequence[Sequence[str]]) -> Iterator[Env]:
    """A PulseAudio in a folder of its own. Raises DeviceError where it does not start."""
    with tempfile.TemporaryDirectory(prefix="voicecli-card-") as runtime:
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PULSE_")},
            "XDG_RUNTIME_DIR": runtime,
            "PULSE_RUNTIME_PATH": f"{runtime}/pulse",
            "PULSE_STATE_PATH": f"{runtime}/state",
            "PULSE_SERVER": f"unix:{runtime}/pulse/native",
        }
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--log-target=stderr"]
        for module in (("module-native-protocol-unix",), *modules):
            command += ["-L", " ".join(module)]
        with Path(runtime, "log").open("w+b") as log:
            process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
            try:
                if not answers(env, process):
                    log.seek(0)
                    raise DeviceError(f"PulseAudio did not start: {log.read().decode(errors='replace')[-500:]}")
                yield env
            finally:
                process.terminate()
                process.wait(START_S)


def answers(env: Env, process: subprocess.Popen[bytes]) -> bool:
    """Wait until it does, or has ended."""
    deadline_s = time.monotonic() + START_S
    while subprocess.run(["pactl", "info"], env=env, capture_output=True, check=False).returncode:
        if time.monotonic() > deadline_s or process.poll() is not None:
            return False
        time.sleep(LOOK_S)
    return True


@contextmanager
def guest() -> Iterator[Env]:
    """In the sound server that runs; the default devices are what they were afterwards. Raises DeviceError."""
    env = dict(os.environ)
    with ExitStack() as stack:
        for kind in ("sink", "source"):
            stack.callback(control, env, f"set-default-{kind}", control(env, f"get-default-{kind}").strip())
        for module in MODULES:
            stack.callback(control, env, "unload-module", control(env, "load-module", *module).strip())
        control(env, "set-default-sink", SPEAKER)
        control(env, "set-default-source", MICROPHONE)
        yield env


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
