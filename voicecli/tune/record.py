"""All that a tuning found, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from voicecli.errors import SettingsError
from voicecli.tune.report import counts, metrics
from voicecli.tune.run import Outcome
from voicecli.tune.start import Beginning
from voicecli.tune.values import Choice


def write_record(path: Path, beginning: Beginning, outcome: Outcome, chosen: Sequence[Choice]) -> None:
    """Raises SettingsError where the file cannot be written."""
    from voicecli.bench.machine import described

    found = outcome.found
    reported = {
        "machine": asdict(described()),
        "spent_s": round(outcome.spent_s, 1),
        "language_model": outcome.language_model,
        "corpus": outcome.corpus,
        "doubts": list(outcome.doubts),
        "written": {one.key: one.value for one in chosen},
        "choices": [asdict(one) for one in found.choices],
        "untried": [asdict(one) for one in found.untried],
        "not_on_disk": list(beginning.there.others),
        "waits": asdict(found.waits),
        "waits_before": asdict(found.first_waits or found.waits),
        "metrics": [asdict(one) for one in metrics(found)],
        "counts": [asdict(one) for one in counts(found)],
    }
    try:
        path.write_text(json.dumps(reported, indent=1, ensure_ascii=False), encoding="utf8")
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}", "--json FILE") from error
