"""The contents of a bug report, with a recorded conversation or without any spoken words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from voicecli import __version__
from voicecli.bench.machine import describe_machine
from voicecli.doctor.privacy import Private, redacted_text
from voicecli.replay.bundle import About, Recording
from voicecli.replay.latencies import latencies_of
from voicecli.replay.recorder import Recorder
from voicecli.replay.redacted_settings import redacted_settings
from voicecli.replay.zip_file import (
    ABOUT,
    ABOUT_ADAPTER,
    ECHO_FREE,
    EVENTS,
    MICROPHONE,
    SPEAKER,
    TIMES,
    recorded_members,
)
from voicecli.settings.model import Settings

LOG, README = "log.txt", "README.txt"

LOG_LINES = 200
"""Lines from the end of the log file, with warnings of libraries and drivers."""

CONTENTS = {
    ABOUT: "versions, the machine, what doctor finds, settings without secrets and paths, checksums of the models",
    LOG: "the last lines of the log file, without your name and folders",
    EVENTS: "what happened and when, with every word that was recognized and answered",
    MICROPHONE: "the audio of the microphone, your voice included",
    ECHO_FREE: "the same without the echo of the speaker",
    SPEAKER: "what the speaker played",
    TIMES: "when each block of audio was captured and played, and your key strokes",
}
"""File name -> description, for the README."""

Findings = Sequence[Mapping[str, object]]
"""Findings of `voicecli doctor` as JSON values, without private data."""


def about(settings: Settings, models: dict[str, str], findings: Findings = (), *, prompt: bool = False) -> About:
    """Return where a report comes from. `models` are digests by name; `prompt`: include the system prompt."""
    return About(
        version=__version__,
        taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=describe_machine(),
        settings=redacted_settings(settings, prompt=prompt),
        models=models,
        findings=tuple(dict(one) for one in findings),
    )


def plain_members(source: About, log: str) -> dict[str, bytes]:
    """Return the files of a report without a conversation; `log` is the result of `log_lines`."""
    members = {ABOUT: ABOUT_ADAPTER.dump_json(source, indent=1)}
    if log:
        members[LOG] = log.encode()
    return with_readme(members)


def recording_members(source: About, recorder: Recorder, log: str) -> dict[str, bytes]:
    """Return the files of a report with the recorded conversation."""
    measured = ABOUT_ADAPTER.validate_python(
        {**json.loads(ABOUT_ADAPTER.dump_json(source)), "latencies": latencies_of(recorder.calls)}
    )
    recorded = Recording(measured, tuple(recorder.events), recorder.sounds())
    plain = plain_members(source, log)
    return with_readme({**plain, **recorded_members(recorded)})


def with_readme(members: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files with a README that describes each of them, first."""
    lines = [f"{name}  {CONTENTS[name]}" for name in members if name in CONTENTS]
    return {README: ("\n".join(["Made by `voicecli report`.", "", *lines]) + "\n").encode(), **members}


def log_lines(log_file: Path, private: Private) -> str:
    """Return the end of the log file without private data; empty if there is no file."""
    try:
        lines = log_file.read_text(encoding="utf8", errors="replace").splitlines()[-LOG_LINES:]
    except OSError:
        return ""
    return redacted_text("".join(f"{line}\n" for line in lines), private)
