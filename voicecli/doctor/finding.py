"""A finding: what a check found, and what to do about it. Pure."""

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
    advice: str = ""  # what to do next; never empty if the state is warned or failed
    facts: Mapping[str, object] = field(default_factory=dict)
    """Details for a bug report: JSON values, and no spoken words."""


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one area, with its title."""

    title: str
    findings: Sequence[Finding]


def counts(groups: Iterable[Group]) -> dict[State, int]:
    """Return the number of findings of each state, in the order of `STATES`."""
    states = [finding.state for group in groups for finding in group.findings]
    return {state: states.count(state) for state in STATES}


def summary(groups: Sequence[Group]) -> str:
    """Return one line with the number of findings of each state. Zeros are left out, except of passed ones."""
    return ", ".join(f"{number} {state}" for state, number in counts(groups).items() if number or state == "passed")


def first_to_do(groups: Sequence[Group]) -> Finding | None:
    """Return the finding to fix first: the first failure, or else the first warning.

    Groups are in the order of their dependencies, so the first failure may be the cause of later ones.
    """
    findings = [finding for group in groups for finding in group.findings]
    for state in ("failed", "warned"):
        for finding in findings:
            if finding.state == state:
                return finding
    return None
