"""Where the time of a turn goes, from a naive pipeline to the product, one step at a time.

python -m benchmarks.steps                                  6 questions through each arm, some ten minutes
python -m benchmarks.steps --files 2 --arms naive product   fewer, for a look
python -m benchmarks.steps --speech FOLDER                  recordings of your own (their layout: benchmarks/speech.py)

Each arm is `voicecli talk` over sound files at real pace, with temperature 0 and short answers; its events are folded
into the parts of the wait as the screen shows them. The arms take turns, a few files each; figures are medians over
all files. CPU time is what the process used after its models were loaded; this part needs Linux.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.engines import shipped
from benchmarks.report import table
from benchmarks.speech import questions, speech_option
from voicecli.audio.files.wav import open_wav
from voicecli.bench.machine import machine
from voicecli.bench.waterfall import record, waterfall
from voicecli.conversation.latency import PART_NAMES, TurnLatency, latencies
from voicecli.events import Event, Ready
from voicecli.settings.load import keys
from voicecli.types import LISTEN_RATE_HZ
from voicecli.ui.jsonl import event_of

IDLE_S = 20

SAME = {"llm.temperature": "0", "llm.max_answer_tokens": "80"}

WAIT_FOR_THE_END = "listen.pause_ms"  # as long as listen.end_ms: nothing is begun before the user is surely done
NAIVE = {
    "stt.window": "full",
    "tts.streaming": "false",
    "listen.early_decode_ms": "0",
    "llm.prefill": "false",
    "llm.threads": "2",
    "listen.endpoint": "silence",
}
"""Settings of a pipeline whose stages wait for each other."""

STEPS = (
    ("work begins at the first pause", WAIT_FOR_THE_END),
    ("Whisper's short window", "stt.window"),
    ("Kokoro in windows", "tts.streaming"),
    ("what is decoded in the first silence is the final", "listen.early_decode_ms"),
    ("the prompt is read while the user speaks", "llm.prefill"),
    ("the model leaves a core free", "llm.threads"),
    ("the end is heard, not only waited for", "listen.endpoint"),
)
"""Name of each step, and the setting that it returns to its default."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to run a conversation."""

    name: str
    settings: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        return {f"VOICECLI_{key.replace('.', '_').upper()}": value for key, value in (SAME | self.settings).items()}


@dataclass(frozen=True, slots=True)
class Run:
    """What one process did."""

    turns: tuple[TurnLatency, ...]
    cpu_s: float  # from ready to the end
    wall_s: float
    peak_mb: float


def arms(known: Sequence[str]) -> list[Arm]:
    """Return the naive arm, then step by step the product; skip steps whose setting this version does not have."""
    left = {WAIT_FOR_THE_END: str(shipped().listen.end_ms)} | {key: NAIVE[key] for key in NAIVE if key in known}
    made = [Arm("naive", dict(left))]
    for name, key in STEPS:
        if key in left:
            del left[key]
            made.append(Arm(f"+ {name}" if left else f"+ {name}: the product", dict(left)))
    return made


def converse(arm: Arm, files: Sequence[Path], folder: Path) -> Run:
    """Run one conversation over the files. Raise CalledProcessError if it fails."""
    command = [sys.executable, "-m", "voicecli", "talk", "--ui", "jsonl", "--llm", "embedded", "--offline"]
    command += [part for file in files for part in ("--input", str(file))] + ["--output", str(folder / "answers.wav")]
    events: list[Event] = []
    ready_cpu_s = 0.0
    with (
        (folder / "errors.txt").open("w+") as errors,
        subprocess.Popen(
            command, env={**os.environ, **arm.environment}, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            events.append(event_of(line))
            if isinstance(events[-1], Ready):
                ready_cpu_s = cpu_s(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise subprocess.CalledProcessError(process.returncode, command, stderr=errors.read())
    ready_s = next(event.at_s for event in events if isinstance(event, Ready))
    cpu = used.ru_utime + used.ru_stime - ready_cpu_s
    return Run(latencies(events), cpu, events[-1].at_s - ready_s, used.ru_maxrss / 1024)


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def step_rows(turns: dict[str, list[TurnLatency]]) -> list[list[object]]:
    """Return a row for each arm: medians of the parts in ms, of the whole in s, and the gain of the step."""
    rows: list[list[object]] = []
    before_s = 0.0
    for name, mine in turns.items():
        parts = [statistics.median(one) for one in zip(*(turn.parts for turn in mine), strict=True)]
        whole_s = statistics.median(turn.voice_to_voice_s for turn in mine)
        gain = f"{before_s - whole_s:+.2f}" if before_s else ""
        rows.append([name, *(f"{part * 1000:.0f}" for part in parts), f"{whole_s:.2f}", gain, len(mine)])
        before_s = whole_s
    return rows


def burden(name: str, runs: Sequence[Run]) -> str:
    """Describe what an arm needs of the machine."""
    turns = sum(len(run.turns) for run in runs) or 1
    each_cpu_s, each_s = sum(run.cpu_s for run in runs) / turns, sum(run.wall_s for run in runs) / turns
    return f"{name}: {each_cpu_s:.1f} s of CPU in {each_s:.1f} s a turn, {max(run.peak_mb for run in runs):.0f} MB"


def idle_share(folder: Path) -> float:
    """Return the share of one core used while listening to silence."""
    path = folder / "silence.wav"
    with open_wav(path, LISTEN_RATE_HZ) as file:
        file.writeframes(np.random.default_rng(0).normal(0, 30, IDLE_S * LISTEN_RATE_HZ).astype(np.int16).tobytes())
    run = converse(Arm("product", {}), [path], folder)
    return run.cpu_s / IDLE_S


def chosen_arms(wanted: Sequence[str]) -> list[Arm]:
    """Return all arms, or those with the given name prefixes; "product" is the last."""
    every = arms(keys())
    left_out = [key for key in NAIVE if key not in keys()]
    if left_out:
        print(f"not known to this version, left out: {', '.join(left_out)}", file=sys.stderr)
    if not wanted:
        return every
    return [arm for arm in every if any(arm.name.removeprefix("+ ").startswith(name) for name in wanted)] + (
        [every[-1]] if "product" in wanted else []
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    speech_option(options)
    options.add_argument("--files", type=int, default=6, help="questions for each arm")
    options.add_argument(
        "--each", type=int, default=3, help="questions in one conversation, before the next arm's turn"
    )
    options.add_argument("--arms", nargs="*", default=[], help="beginnings of their names, or product")
    chosen = options.parse_args()
    selected = chosen_arms(chosen.arms)
    runs: dict[str, list[Run]] = {arm.name: [] for arm in selected}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = questions(chosen.speech, chosen.files, folder)
        for start in range(0, len(asked), chosen.each):
            for arm in selected:
                runs[arm.name].append(converse(arm, asked[start : start + chosen.each], folder))
        idle = idle_share(folder)
    turns = {arm: heard for arm, mine in runs.items() if (heard := [turn for run in mine for turn in run.turns])}
    for arm_name in runs.keys() - turns.keys():
        print(f"{arm_name}: no answer was heard", file=sys.stderr)
    print(f"{machine()}; parts in ms, whole in s, medians over n turns\n")
    print(table(["arm", *PART_NAMES, "whole", "gain", "n"], step_rows(turns)))
    print(f"\n{burden(selected[-1].name, runs[selected[-1].name])}\nidle, listening: {idle:.1%} of one core\n")
    print("```")
    for arm_name, mine in turns.items():
        print(waterfall(arm_name, [record(arm_name, "", turn) for turn in mine]))
    print("```")


if __name__ == "__main__":
    main()
