"""What holds for all findings, whatever the facts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from voicecli.doctor.finding import Finding


def lawful(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Each says what was found, what is not well says what to do, and JSON can hold all of it."""
    assert findings
    for finding in findings:
        assert finding.name
        assert finding.text
        assert finding.advice or finding.state in ("passed", "skipped"), finding
        assert "\n" not in finding.text + finding.advice
        json.dumps(finding.facts, allow_nan=False)
    return findings


def only(findings: Sequence[Finding], name: str) -> Finding:
    """The one of that name."""
    (finding,) = [finding for finding in lawful(findings) if finding.name == name]
    return finding


def states(findings: Sequence[Finding]) -> dict[str, str]:
    """Name -> state."""
    return {finding.name: finding.state for finding in lawful(findings)}
