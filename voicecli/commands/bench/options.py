"""What all measurements of `voicecli bench` do with their result: the same options on each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from voicecli.commands.options import option

OUTPUT = "Output"

JsonFile = Annotated[
    Path | None, option("--json", metavar="FILE", help="Write all samples; --compare reads them.", panel=OUTPUT)
]
MarkdownFile = Annotated[Path | None, option("--markdown", metavar="FILE", help="Write the tables.", panel=OUTPUT)]
HtmlFile = Annotated[
    Path | None, option("--html", metavar="FILE", help="Write one page with plots; needs no network.", panel=OUTPUT)
]
CompareFile = Annotated[
    Path | None, option("--compare", metavar="OLD.json", help="Tell better, worse or same.", panel=OUTPUT)
]
FailOver = Annotated[
    list[str] | None,
    option(
        "--fail-over",
        metavar="LIMIT",
        help="Exit code 1 beyond it: p95=900 (ms), worst=…, wer=12 (%), GROUP:METRIC:p50=….",
        panel=OUTPUT,
    ),
]
