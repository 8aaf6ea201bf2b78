"""A recording in a zip, and what is said about zips that are none."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.replay.stage import BLOCKS, FRAMES, recorded, sounds, times
from voicecli.errors import SettingsError
from voicecli.replay import zip_file
from voicecli.replay.bundle import inconsistency
from voicecli.replay.zip_file import (
    ABOUT,
    EVENTS,
    MICROPHONE,
    SPEAKER,
    TIMES,
    read_recording,
    recorded_members,
    wav_bytes,
    write_zip,
)

Members = dict[str, bytes]


def test_what_was_written_can_be_read_and_only_by_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    before = recorded()
    assert write_zip(path, recorded_members(before)) == path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    after = read_recording(path)
    assert (after.about, after.events, after.times) == (before.about, before.events, before.times)
    for name in ("microphone", "echo_free", "speaker"):
        assert np.array_equal(getattr(after.sounds, name), getattr(before.sounds, name))
    assert (after.began_s, after.voiced) == (5000.0, True)


def test_a_file_that_is_there_is_replaced_by_a_private_one(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_text("open to all")
    path.chmod(0o644)
    write_zip(path, {"a": b"b"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["a.zip"]


def test_what_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written"):
        write_zip(tmp_path / "no folder" / "a.zip", {"a": b""})


def without(name: str) -> Callable[[Members], None]:
    return lambda members: members.__delitem__(name)


def with_json(name: str, change: Callable[[Any], None]) -> Callable[[Members], None]:
    def act(members: Members) -> None:
        reported = json.loads(members[name])
        change(reported)
        members[name] = json.dumps(reported).encode()

    return act


def with_bytes(name: str, content: bytes) -> Callable[[Members], None]:
    return lambda members: members.__setitem__(name, content)


HOSTILE = {
    "no report.json": (without(ABOUT), "contains no report.json"),
    "no microphone": (without(MICROPHONE), "contains no microphone.wav"),
    "another schema": (with_json(ABOUT, lambda reported: reported.update(schema_version=9)), "schema 9"),
    "a price without end": (
        with_json(ABOUT, lambda reported: reported["latencies"].update(token_s=1e9)),
        "latencies.token_s",
    ),
    "not JSON": (with_bytes(ABOUT, b"\xff"), "report.json"),
    "a list": (with_bytes(TIMES, b"[]"), "times.json"),
    "an unknown action": (
        with_json(TIMES, lambda reported: reported["actions"][0].update(what="rm")),
        "actions.0.what",
    ),
    "an unknown event": (with_bytes(EVENTS, b'{"event": "Exploded"}'), "no such event"),
    "an event of other types": (
        with_bytes(EVENTS, b'{"event": "TurnDone", "at_s": 1.0, "turn": [], "spoken": ""}'),
        "TurnDone",
    ),
    "events that are no text": (with_bytes(EVENTS, b"\xff\xfe"), "events.jsonl"),
    "no sound file": (with_bytes(SPEAKER, b"RIFF"), "not a WAV file"),
    "another rate": (with_bytes(MICROPHONE, wav_bytes(np.zeros(320, np.int16), 8000)), "16000 Hz"),
    "fewer samples": (with_bytes(MICROPHONE, wav_bytes(np.zeros(320, np.int16), 16_000)), "is inconsistent"),
}


@pytest.mark.parametrize(("act", "reported"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_damaged_recording_is_an_error_that_says_where(
    act: Callable[[Members], None], reported: str, tmp_path: Path
) -> None:
    members = recorded_members(recorded())
    act(members)
    write_zip(tmp_path / "a.zip", members)
    with pytest.raises(SettingsError, match=reported):
        read_recording(tmp_path / "a.zip")


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_file, "MAX_BYTES", 1 << 20)
    members = recorded_members(recorded())
    members[ABOUT] = b" " * (2 << 20)
    write_zip(tmp_path / "a.zip", members)
    assert (tmp_path / "a.zip").stat().st_size < 1 << 20
    with pytest.raises(SettingsError, match="unpacks to more than 1 MB"):
        read_recording(tmp_path / "a.zip")


def test_an_encrypted_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    write_zip(path, recorded_members(recorded()))
    raw = bytearray(path.read_bytes())
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(sign) + offset] |= 1
    path.write_bytes(raw)
    with pytest.raises(SettingsError, match="cannot be unpacked"):
        read_recording(path)


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04 cut off"])
def test_what_is_no_zip_is_reported(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(SettingsError, match="not a complete zip file"):
        read_recording(tmp_path / "a.zip")


def test_damaged_bytes_inside_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in recorded_members(recorded()).items():
            packed.writestr(name, content)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b'"version"', b'"versiom"', 1))
    with pytest.raises(SettingsError, match="not a complete zip file"):
        read_recording(path)


def test_a_file_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_recording(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        ({}, ""),
        ({"captured_at_s": ()}, "0 and 25 frames"),
        ({"listenings": (FRAMES + 1,)}, "26 of them"),
        ({"listenings": (FRAMES + 1, -1)}, "25 of them"),
        ({"reported_at_s": ()}, "blocks"),
        ({"block_samples": (960, *(480,) * (BLOCKS - 1))}, "5280 in 10 blocks"),
        ({"speaker_rate_hz": 1}, "1 Hz"),
        ({"arrived_at_s": (float("nan"),) * FRAMES}, "out of order"),
        ({"arrived_at_s": tuple(range(0, -FRAMES, -1))}, "out of order"),
        ({"arrived_at_s": tuple(range(0, FRAMES * 1000, 1000))}, "out of order"),
        ({"arrived_at_s": tuple(range(FRAMES))}, "long before or after"),
    ],
)
def test_times_and_sounds_have_to_fit_together(changes: dict[str, object], reported: str) -> None:
    why = inconsistency(sounds(times(**changes)))
    assert reported in why
    assert bool(why) == bool(changes)


def test_a_recording_without_a_speaker_is_not_voiced() -> None:
    first, *others = recorded().events
    mute = replace(recorded(), events=(replace(first, speaker=""), *others))  # type: ignore[call-arg]
    assert not mute.voiced


def test_what_is_free_of_echo_is_as_long_as_what_is_not_or_not_there() -> None:
    assert inconsistency(sounds(echo_free=0)) == ""
    assert "320 without echo" in inconsistency(sounds(echo_free=320))
