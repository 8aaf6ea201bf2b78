"""`voicecli bench` and its commands: measure how fast the program is on this machine."""

from __future__ import annotations

import typer

from voicecli.commands.bench.docs import bench_docs
from voicecli.commands.bench.live import bench_live
from voicecli.commands.bench.serve_stt import bench_serve_stt
from voicecli.commands.bench.stages import bench_endpoint, bench_llm, bench_stt, bench_tts
from voicecli.commands.bench.voice import bench_voice

bench = typer.Typer()
bench.callback(invoke_without_command=True)(bench_voice)
bench.command(name="stt")(bench_stt)
bench.command(name="llm")(bench_llm)
bench.command(name="tts")(bench_tts)
bench.command(name="endpoint")(bench_endpoint)
bench.command(name="live")(bench_live)
bench.command(name="serve-stt")(bench_serve_stt)
bench.command(name="docs")(bench_docs)
