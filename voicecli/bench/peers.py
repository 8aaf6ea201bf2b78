"""What other programs took, kept as data; and a page that sets our results beside them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from voicecli.bench.compare import counted
from voicecli.bench.markdown import escaped, markdown, table
from voicecli.bench.result import VOICE_TO_VOICE, Result
from voicecli.bench.summary import cell
from voicecli.bench.tables import Table
from voicecli.conversation.latency import percentile
from voicecli.errors import SettingsError

BARGE_IN, START, MEMORY, CPU, ANSWERED = "barge-in", "start", "peak memory", "CPU seconds a turn", "answered"
"""Of our results, the metric and the counts that the table of peers takes, where they are there."""

HEAD = ("", "p50, ms", "p95, ms", "answered", "silent after a barge-in, ms", "start, s", "memory, MB", "CPU s a turn")


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Peer:
    """One program; what was not measured is None."""

    name: str
    version: str
    p50_s: float
    p95_s: float
    note: str = ""  # mark of a note behind its times
    answered: str = ""
    barge_in_s: float | None = None
    barge_in_note: str = ""
    start_s: float | None = None
    memory_mb: float | None = None
    cpu_s_a_turn: float | None = None


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Peers:
    """The file."""

    peer: tuple[Peer, ...]
    conditions: tuple[str, ...]  # sentences: how they were measured
    notes: tuple[str, ...] = ()


PEERS: TypeAdapter[Peers] = TypeAdapter(Peers)


def read_peers(path: Path) -> Peers:
    """Raises SettingsError where it cannot be read or is no such file."""
    try:
        return PEERS.validate_python(tomllib.loads(path.read_text(encoding="utf8")))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", "--peers FILE") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is no TOML: {error}", "docs/peers.toml is an example") from error
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise SettingsError(
            f"{path} tells no peers: {where}: {error.errors()[0]['msg']}", "docs/peers.toml is an example"
        ) from error


def document(results: Sequence[Result], peers: Peers | None, command: str) -> str:
    """`docs/benchmarks.md`: beside the peers first, then each result; `command` is what made it."""
    return "\n\n".join(paragraphs(results, peers, command)).rstrip() + "\n"


def paragraphs(results: Sequence[Result], peers: Peers | None, command: str) -> Iterator[str]:
    yield "# Benchmarks"
    yield "Made by the command below, and not by hand; `voicecli bench --json FILE` writes a result."
    yield f"    {command}"
    ours = [row for result in results for row in our_rows(result)]
    if peers is not None:
        yield "## Beside other programs"
        yield "Voice to voice, from the last word of the user to the first sound of the answer."
        yield table(Table("", HEAD, (*ours, *(peer_row(peer) for peer in peers.peer))))
        yield "\n".join(f"- {escaped(one)}" for one in peers.conditions)
        yield from map(escaped, peers.notes)
    yield from (markdown(result, level=2).rstrip() for result in results)


def our_rows(result: Result) -> Iterator[tuple[str, ...]]:
    """A line for each scenario in which voice to voice was measured."""
    for metric in result.metrics:
        if metric.name == VOICE_TO_VOICE and metric.samples:
            counts = {one.name: one for one in result.counts if one.group == metric.group}
            texts = {name: counted(one.value, one.out_of, "") for name, one in counts.items()}
            barge_in = result.samples(metric.group, BARGE_IN)
            yield (
                f"voicecli {result.version}, {metric.group}",
                cell(percentile(metric.samples, 50), "s"),
                cell(percentile(metric.samples, 95), "s"),
                texts.get(ANSWERED, "–"),
                cell(percentile(barge_in, 50), "s") if barge_in else "–",
                *(texts.get(name, "–") for name in (START, MEMORY, CPU)),
            )


def peer_row(peer: Peer) -> tuple[str, ...]:
    """The same for a peer."""
    start, memory, cpu = (
        "–" if value is None else f"{value:g}" for value in (peer.start_s, peer.memory_mb, peer.cpu_s_a_turn)
    )
    stops = "–" if peer.barge_in_s is None else f"{cell(peer.barge_in_s, 's')} {peer.barge_in_note}".rstrip()
    p50, p95 = (f"{cell(value, 's')} {peer.note}".rstrip() for value in (peer.p50_s, peer.p95_s))
    return (f"{peer.name} {peer.version}", p50, p95, peer.answered or "–", stops, start, memory, cpu)
