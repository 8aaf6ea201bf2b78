"""The result of a measurement: samples, turns, and the conditions needed to trust them. Pure values, saved as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from voicecli.errors import SettingsError

SCHEMA = 1
"""Version of the JSON file; a reader refuses any other."""

PROCESS = "the process"
"""Group of the totals of the whole measurement."""

VOICE_TO_VOICE = "voice to voice"
"""Name of the main metric."""

ANSWERS = "answers"
"""Name of the bench whose groups are language models."""

Better = Literal["lower", "higher", "neither"]


@dataclass(frozen=True, slots=True)
class Metric:
    """Samples of one quantity. `group` is what was compared or varied: a scenario, a model, a number of clients."""

    group: str
    name: str
    unit: str  # "s", "%", "1/s", "words"; empty for a ratio
    samples: tuple[float, ...]  # raw, in the order of measurement, without warm-ups
    better: Better = "lower"
    of: tuple[str, ...] = ()  # the recording of each sample, if it can be measured again
    stage: str = ""  # the stage whose own work this is; a comparison names it if it got slower


@dataclass(frozen=True, slots=True)
class Count:
    """How often something happened, or a total."""

    group: str
    name: str
    value: float
    out_of: float | None = None
    unit: str = ""
    better: Better = "lower"


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One turn, for the waterfall. Seconds after the last voiced sample of the user."""

    group: str
    name: str  # of the recording
    parts_s: tuple[float, ...]  # what each of PART_NAMES added; they sum up to the wait
    work_s: tuple[tuple[float, float], ...]  # when each stage worked
    heard: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that a measurement ran on."""

    processor: str
    cores: int
    threads: int
    memory_gb: float
    system: str
    python: str
    gpu: str = ""
    libraries: dict[str, str] = field(default_factory=dict)  # name -> version


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Result:
    """One run of `voicecli bench` or of one of its stages."""

    bench: str  # "voice to voice", "stt", "llm", "answers", "tts", "endpoint", "serve-stt"
    version: str  # of voicecli
    taken_at: str  # ISO 8601, UTC
    took_s: float
    device: str  # cpu or gpu
    machine: Machine
    settings: dict[str, str | int | float | bool]  # `section.key` -> value; no secrets, no paths of the user
    models: dict[str, str]  # name -> SHA-256 of its largest file
    corpus: str  # description of the recordings: "12 questions by 4 voices of Kokoro"
    seed: int
    metrics: tuple[Metric, ...]
    counts: tuple[Count, ...] = ()
    turns: tuple[TurnRecord, ...] = ()
    warm_ups: dict[str, float] = field(default_factory=dict)  # what ran without being counted -> seconds
    doubts: tuple[str, ...] = ()  # why the figures may mislead, such as other load on the machine
    events: tuple[dict[str, object], ...] = ()  # raw, as `talk --ui jsonl` writes them
    schema_version: int = SCHEMA

    def samples(self, group: str, name: str) -> tuple[float, ...]:
        """Return the samples of one metric; empty if it was not measured."""
        return next((one.samples for one in self.metrics if (one.group, one.name) == (group, name)), ())

    @property
    def groups(self) -> tuple[str, ...]:
        """Return the groups, in the order of measurement."""
        groups = [*(one.group for one in self.metrics), *(one.group for one in self.counts)]
        return tuple(dict.fromkeys(groups))


RESULT: TypeAdapter[Result] = TypeAdapter(Result)


def write_result(path: Path, result: Result) -> None:
    """Write a result as JSON. Raise SettingsError if the file cannot be written."""
    try:
        path.write_bytes(RESULT.dump_json(result, indent=1))
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}", "--json FILE") from error


def read_result(path: Path) -> Result:
    """Read what `write_result` wrote. Raise SettingsError for anything else."""
    try:
        result = RESULT.validate_json(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}", "voicecli bench --json FILE writes one") from error
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "the file"
        raise SettingsError(
            f"{path} is not a result of voicecli bench: {where}: {error.errors()[0]['msg']}",
            "voicecli bench --json FILE writes one",
        ) from error
    if result.schema_version != SCHEMA:
        raise SettingsError(
            f"{path} has schema {result.schema_version}, this version reads {SCHEMA}", "measure again with this version"
        )
    return result
