"""What a bug report holds: with a recorded conversation, or without any word that was spoken."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from voicecli import __version__
from voicecli.bench.machine import described
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
"""The last of the log file: what libraries and drivers complained about."""

CONTENTS = {
    ABOUT: "versions, the machine, what doctor finds, settings without secrets and paths, checksums of the models",
    LOG: "the last lines of the log file, without your name and folders",
    EVENTS: "what happened and when, with every word that was recognised and answered",
    MICROPHONE: "what the microphone heard, your voice included",
    ECHO_FREE: "the same without the echo of the speaker",
    SPEAKER: "what the speaker played",
    TIMES: "when each bit of sound was captured and played, and your key strokes",
}
"""File -> what is in it."""

Findings = Sequence[Mapping[str, object]]
"""Of `voicecli doctor`, scrubbed: what JSON can hold, and no word that was spoken."""


def about(settings: Settings, models: dict[str, str], findings: Findings = (), *, prompt: bool = False) -> About:
    """`models` is what `model_digests` gave. `prompt`: with the words of the system prompt."""
    return About(
        version=__version__,
        taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=described(),
        settings=redacted_settings(settings, prompt=prompt),
        models=models,
        findings=tuple(dict(one) for one in findings),
    )


def plain_members(reported: About, log: str) -> dict[str, bytes]:
    """A report without a conversation; `log` is what `log_lines` gave."""
    members = {ABOUT: ABOUT_ADAPTER.dump_json(reported, indent=1)}
    if log:
        members[LOG] = log.encode()
    return with_readme(members)


def recording_members(reported: About, recorder: Recorder, log: str) -> dict[str, bytes]:
    """A report with the conversation that `recorder` has kept."""
    priced = ABOUT_ADAPTER.validate_python(
        {**json.loads(ABOUT_ADAPTER.dump_json(reported)), "latencies": latencies_of(recorder.calls)}
    )
    recorded = Recording(priced, tuple(recorder.events), recorder.sounds())
    plain = plain_members(reported, log)
    return with_readme({**plain, **recorded_members(recorded)})


def with_readme(members: Mapping[str, bytes]) -> dict[str, bytes]:
    """Whoever opens the zip reads first what is in it."""
    lines = [f"{name}  {CONTENTS[name]}" for name in members if name in CONTENTS]
    return {README: ("\n".join(["Made by `voicecli report`.", "", *lines]) + "\n").encode(), **members}


def log_lines(log_file: Path, private: Private) -> str:
    """The last of it, without names; empty where there is none."""
    try:
        lines = log_file.read_text(encoding="utf8", errors="replace").splitlines()[-LOG_LINES:]
    except OSError:
        return ""
    return redacted_text("".join(f"{line}\n" for line in lines), private)
