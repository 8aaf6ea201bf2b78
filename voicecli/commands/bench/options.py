"""Output options that all measurements of `voicecli bench` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from voicecli.commands.options import option

OUTPUT = "Output"

JsonFile = Annotated[
    Path | None, option("--json", metavar="FILE", help="Write all samples to this file, for --compare.", panel=OUTPUT)
]
MarkdownFile = Annotated[
    Path | None, option("--markdown", metavar="FILE", help="Write the tables as Markdown.", panel=OUTPUT)
]
HtmlFile = Annotated[
    Path | None,
    option("--html", metavar="FILE", help="Write one HTML page with plots; it needs no network.", panel=OUTPUT),
]
CompareFile = Annotated[
    Path | None,
    option(
        "--compare", metavar="OLD.json", help="Compare with an earlier result: better, worse or same.", panel=OUTPUT
    ),
]
FailOver = Annotated[
    list[str] | None,
    option(
        "--fail-over",
        metavar="LIMIT",
        help="Exit with code 1 above this limit: p95=900 (ms), worst=…, wer=12 (%), GROUP:METRIC:p50=….",
        panel=OUTPUT,
    ),
]
