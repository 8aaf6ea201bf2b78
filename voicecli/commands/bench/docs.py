"""`voicecli bench docs`: results beside the figures of other programs, as one page of Markdown."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from voicecli.commands.bench.options import OUTPUT
from voicecli.commands.bench.output import write
from voicecli.commands.options import option


def bench_docs(
    results: Annotated[list[Path], typer.Argument(metavar="RESULT.json...", help="What --json wrote.")],
    peers: Annotated[
        Path | None, option(metavar="FILE", help="Figures of other programs, as docs/peers.toml.", panel=OUTPUT)
    ] = None,
    out: Annotated[Path | None, option(metavar="FILE", help="Write there, not on stdout.", panel=OUTPUT)] = None,
) -> None:
    """Write results as one page, beside other programs.

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
