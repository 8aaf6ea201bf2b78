"""How fast the embedded llama.cpp reads and writes, with its own CPU back end and with the fastest for this processor.

python -m benchmarks.llamacpp MODEL...                   every installed language model if none is named
python -m benchmarks.llamacpp MODEL --threads 1 2        threads that write
python -m benchmarks.llamacpp MODEL --beside-the-voice   write while Kokoro speaks, and time Kokoro too

Each round runs every arm once, in a process of its own; figures are medians over the rounds. "CPU ms" is the processor
time of one token, which a busy machine changes less than the pace; "sentence s" is how long Kokoro took for SENTENCE.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import product
from unittest.mock import patch

from benchmarks.engines import shipped, voice
from benchmarks.report import table
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.llm import llamacpp
from voicecli.engines.llm.llamacpp import EmbeddedServer
from voicecli.engines.llm.processor import OWN, CpuBackend
from voicecli.models.store import installed_models, language_model_file, open_store

WRITTEN_TOKENS = 48

STORY = " ".join(
    f"The {who} walked to the {where} and asked for number {number}."
    for number, (who, where) in enumerate([("old cat", "sea"), ("young king", "hill"), ("tall baker", "mill")] * 4)
)
"""Some 200 tokens."""

SENTENCE = "The quick brown fox jumps over the lazy dog."


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to run llama.cpp."""

    model: str
    threads: int
    own: bool  # xllamacpp's own CPU back end
    beside_the_voice: bool


@dataclass(frozen=True, slots=True)
class Pace:
    """What one process measured; CPU times are of all its threads."""

    backend: str
    reading_tps: float
    reading_cpu_ms: float  # of one token
    writing_tps: float
    writing_cpu_ms: float  # of one token; with the voice, its share is in it
    sentence_s: float  # to synthesize SENTENCE meanwhile; 0: no voice


def measure(arm: Arm) -> Pace:
    """Read STORY and write an answer, after a question to warm up."""
    sleep_while_waiting()
    file = language_model_file(open_store(shipped()), shipped(), arm.model)
    settings = shipped().llm.model_copy(update={"threads": arm.threads})
    speaking = Speaking() if arm.beside_the_voice else None
    with ExitStack() as stack:
        if arm.own:
            stack.enter_context(patch.object(llamacpp, "use_fastest", lambda: CpuBackend(OWN)))
        server = stack.enter_context(llamacpp.embedded_server(file.path, settings))
        ask(server, "Warm up.", 2)
        began_s = time.process_time()
        read = ask(server, f"{STORY} What is this?", 1)
        read_s = time.process_time()
        if speaking:
            speaking.start()
        written = ask(server, "Tell me a long story.", WRITTEN_TOKENS)
        written_s = time.process_time()
        sentence_s = speaking.stop() if speaking else 0.0
    return Pace(
        server.cpu.name,
        read["prompt_per_second"],
        1000 * (read_s - began_s) / read["prompt_n"],
        written["predicted_per_second"],
        1000 * (written_s - read_s) / written["predicted_n"],
        sentence_s,
    )


def ask(server: EmbeddedServer, question: str, tokens: int) -> dict[str, float]:
    """Return llama.cpp's own timings of an answer of `tokens` tokens."""
    body = {"messages": [{"role": "user", "content": question}], "max_tokens": tokens, "temperature": 0}
    body |= {"ignore_eos": True}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {server.api_key}"}
    request = urllib.request.Request(f"{server.base_url}/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        timings: dict[str, float] = json.load(answer)["timings"]
    return timings


class Speaking:
    """Kokoro on a thread of its own, speaking one sentence after the other."""

    def __init__(self) -> None:
        self._kokoro = voice(shipped().tts.voice, streaming=False)
        self._stopped = threading.Event()
        self._took_s: list[float] = []
        self._thread = threading.Thread(target=self._speak)
        list(self._kokoro.synthesize(SENTENCE))

    def start(self) -> None:
        """Begin to speak."""
        self._thread.start()

    def stop(self) -> float:
        """Return the median seconds that the sentence took."""
        self._stopped.set()
        self._thread.join()
        return statistics.median(self._took_s)

    def _speak(self) -> None:
        while not self._stopped.is_set():
            began_s = time.perf_counter()
            list(self._kokoro.synthesize(SENTENCE))
            self._took_s.append(time.perf_counter() - began_s)


def in_a_process(arm: Arm) -> Pace:
    """Measure in a new process: a back end is exchanged once in the life of one."""
    command = [sys.executable, "-m", "benchmarks.llamacpp", "--arm", json.dumps(asdict(arm))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Pace(**json.loads(done.stdout))


def row(arm: Arm, paces: Sequence[Pace]) -> list[str]:
    """Return the medians of an arm."""
    keys = ("reading_tps", "reading_cpu_ms", "writing_tps", "writing_cpu_ms", "sentence_s")
    medians = [statistics.median(getattr(pace, key) for pace in paces) for key in keys]
    figures = [f"{medians[0]:.0f}", f"{medians[1]:.1f}", f"{medians[2]:.1f}", f"{medians[3]:.0f}", f"{medians[4]:.2f}"]
    return [arm.model, paces[0].backend, str(arm.threads), *figures]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beside-the-voice", action="store_true")
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        print(json.dumps(asdict(measure(Arm(**json.loads(options.arm))))))
        return
    models = options.models or installed_models(open_store(shipped()), "llm")
    ways = product(models, options.threads, (True, False))
    arms = [Arm(model, threads, own, options.beside_the_voice) for model, threads, own in ways]
    rounds = [[in_a_process(arm) for arm in arms] for _ in range(options.rounds)]
    rows = [row(arm, paces) for arm, *paces in zip(arms, *rounds, strict=True)]
    head = ["model", "CPU back end", "threads", "reading tok/s", "CPU ms", "writing tok/s", "CPU ms", "sentence s"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
