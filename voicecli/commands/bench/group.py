"""`voicecli bench` and its commands: measure how fast the program is on this machine."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from voicecli.commands.bench.answers import bench_answers
from voicecli.commands.bench.conversation import bench_live, bench_voice
from voicecli.commands.bench.options import OUTPUT
from voicecli.commands.bench.serve_stt import bench_serve_stt
from voicecli.commands.bench.stages import bench_endpoint, bench_llm, bench_stt, bench_tts
from voicecli.commands.options import option


def bench_docs(
    results: Annotated[list[Path], typer.Argument(metavar="RESULT.json...", help="Files written by --json.")],
    peers: Annotated[
        Path | None, option(metavar="FILE", help="Other programs' figures, as docs/peers.toml.", panel=OUTPUT)
    ] = None,
    out: Annotated[
        Path | None, option(metavar="FILE", help="Write to this file instead of stdout.", panel=OUTPUT)
    ] = None,
) -> None:
    """Write results as one Markdown page, beside the figures of other programs.

    Example:

      voicecli bench docs v2v.json stt.json --peers docs/peers.toml --out docs/benchmarks.md
    """
    from voicecli.bench.peers import document, read_peers
    from voicecli.bench.result import read_result
    from voicecli.commands.bench.output import write

    command = ["voicecli", "bench", "docs", *(path.name for path in results)]
    command += ["--peers", str(peers)] if peers else []
    command += ["--out", str(out)] if out else []
    found = [read_result(path) for path in results]
    page = document(found, read_peers(peers) if peers else None, shlex.join(command))
    if out is None:
        print(page, end="")
    else:
        write(out, page, "--out FILE")


bench = typer.Typer()
bench.callback(invoke_without_command=True)(bench_voice)
bench.command(name="stt")(bench_stt)
bench.command(name="llm")(bench_llm)
bench.command(name="answers")(bench_answers)
bench.command(name="tts")(bench_tts)
bench.command(name="endpoint")(bench_endpoint)
bench.command(name="live")(bench_live)
bench.command(name="serve-stt")(bench_serve_stt)
bench.command(name="docs")(bench_docs)
