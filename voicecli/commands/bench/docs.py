"""`voicecli bench docs`: a Markdown page that compares results with those of other programs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from voicecli.commands.bench.options import OUTPUT
from voicecli.commands.bench.output import write
from voicecli.commands.options import option


def bench_docs(
    results: Annotated[list[Path], typer.Argument(metavar="RESULT.json...", help="Files written by --json.")],
    peers: Annotated[
        Path | None, option(metavar="FILE", help="Results of other programs, such as docs/peers.toml.", panel=OUTPUT)
    ] = None,
    out: Annotated[
        Path | None, option(metavar="FILE", help="Write to this file instead of stdout.", panel=OUTPUT)
    ] = None,
) -> None:
    """Write a page that compares results with those of other programs.

    Example:

      voicecli bench docs v2v.json stt.json --peers docs/peers.toml --out docs/benchmarks.md
    """
    from voicecli.bench.peers import document, read_peers
    from voicecli.bench.result import read_result

    words = ["voicecli", "bench", "docs", *(path.name for path in results)]
    words += ["--peers", str(peers)] if peers else []
    words += ["--out", str(out)] if out else []
    found = [read_result(path) for path in results]
    page = document(found, read_peers(peers) if peers else None, shlex.join(words))
    if out is None:
        print(page, end="")
    else:
        write(out, page, "--out FILE")
