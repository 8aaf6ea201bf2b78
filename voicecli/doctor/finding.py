"""What was found, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

State = Literal["passed", "warned", "failed", "skipped"]

STATES: tuple[State, ...] = ("passed", "warned", "failed", "skipped")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    state: State
    text: str  # what was found
    advice: str = ""  # what to do next; never empty where the state is warned or failed
    facts: Mapping[str, object] = field(default_factory=dict)
    """For a bug report: what JSON can hold, and no word that was spoken."""


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one area, under its title."""

    title: str
    findings: Sequence[Finding]


def counts(groups: Iterable[Group]) -> dict[State, int]:
    """How many findings there are of each state, in the order of `STATES`."""
    states = [finding.state for group in groups for finding in group.findings]
    return {state: states.count(state) for state in STATES}


def summary(groups: Sequence[Group]) -> str:
    """One line: how many passed, were warned of, failed and were skipped; zeros are left out but for the first."""
    return ", ".join(f"{number} {state}" for state, number in counts(groups).items() if number or state == "passed")


def first_to_do(groups: Sequence[Group]) -> Finding | None:
    """The finding to begin with: the first that failed, or else the first that was warned of.

    Groups are in the order in which they need each other, so the first failure may be the reason of the next.
    """
    findings = [finding for group in groups for finding in group.findings]
    for state in ("failed", "warned"):
        for finding in findings:
            if finding.state == state:
                return finding
    return None
