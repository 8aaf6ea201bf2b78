"""The zip file of a report or a recording. It may come from strangers: sizes are limited, nothing is extracted."""

from __future__ import annotations

import io
import os
import wave
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from voicecli.errors import SettingsError
from voicecli.events import Event
from voicecli.replay.bundle import SCHEMA, About, Recording, Sounds, Times, inconsistency
from voicecli.types import LISTEN_RATE_HZ, Pcm
from voicecli.ui.jsonl import event_json, event_of

ABOUT, EVENTS, TIMES = "report.json", "events.jsonl", "times.json"
MICROPHONE, ECHO_FREE, SPEAKER = "microphone.wav", "echo-free.wav", "speaker.wav"

MAX_BYTES = 256 << 20
"""Largest uncompressed file in a zip: 45 minutes of the speaker. Larger ones are rejected."""

HINT = "voicecli report --record creates a file that can be replayed"

T = TypeVar("T")
ABOUT_ADAPTER: TypeAdapter[About] = TypeAdapter(About)
TIMES_ADAPTER: TypeAdapter[Times] = TypeAdapter(Times)


def recorded_members(recorded: Recording) -> dict[str, bytes]:
    """Return the name and content of each file of a recording."""
    return {
        ABOUT: ABOUT_ADAPTER.dump_json(recorded.about, indent=1),
        EVENTS: events_text(recorded.events).encode(),
        TIMES: TIMES_ADAPTER.dump_json(recorded.times),
        MICROPHONE: wav_bytes(recorded.sounds.microphone, LISTEN_RATE_HZ),
        ECHO_FREE: wav_bytes(recorded.sounds.echo_free, LISTEN_RATE_HZ),
        SPEAKER: wav_bytes(recorded.sounds.speaker, recorded.times.speaker_rate_hz),
    }


def events_text(events: Sequence[Event]) -> str:
    """Return the events as JSON, one on each line."""
    return "".join(f"{event_json(event)}\n" for event in events)


def wav_bytes(pcm: Pcm, rate_hz: int) -> bytes:
    """Return a mono WAV file with 16 bits a sample."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm.tobytes())
    return held.getvalue()


def write_zip(path: Path, members: Mapping[str, bytes]) -> int:
    """Write the zip completely or not at all, readable by its owner only. Return its bytes. Raise SettingsError."""
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        private = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(private, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in members.items():
                packed.writestr(name, content)
        part.replace(path)
        return path.stat().st_size
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SettingsError(f"{path} cannot be written: {error.strerror}", "--output FILE") from error


def read_recording(path: Path) -> Recording:
    """Return the recording in a zip. Raise SettingsError, with the reason, if the file is not a valid recording."""
    try:
        with zipfile.ZipFile(path) as packed:
            about = checked(path, ABOUT, ABOUT_ADAPTER, member(path, packed, ABOUT))
            if about.schema_version != SCHEMA:
                raise SettingsError(
                    f"{path} has schema {about.schema_version}, but this version reads schema {SCHEMA}",
                    "record it again",
                )
            times = checked(path, TIMES, TIMES_ADAPTER, member(path, packed, TIMES))
            events = read_events(path, member(path, packed, EVENTS))
            microphone, echo_free = (
                read_wav(path, name, member(path, packed, name), LISTEN_RATE_HZ) for name in (MICROPHONE, ECHO_FREE)
            )
            speaker = read_wav(path, SPEAKER, member(path, packed, SPEAKER), times.speaker_rate_hz)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}", "check the name") from error
    except zipfile.BadZipFile as error:
        raise SettingsError(f"{path} is not a complete zip file: {error}", HINT) from error
    sounds = Sounds(microphone, echo_free, speaker, times)
    if why := inconsistency(sounds):
        raise SettingsError(f"{path} is inconsistent: {why}", HINT)
    return Recording(about, events, sounds)


def member(path: Path, packed: zipfile.ZipFile, name: str) -> bytes:
    """Return one file, up to `MAX_BYTES`. Raise SettingsError or BadZipFile."""
    try:
        info = packed.getinfo(name)
    except KeyError:
        raise SettingsError(
            f"{path} contains no {name}", f"a report without --record contains no audio; {HINT}"
        ) from None
    try:
        with packed.open(info) as file:
            content = file.read(MAX_BYTES + 1)
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed in an unusual way
        raise SettingsError(f"{name} in {path} cannot be unpacked: {error}", HINT) from error
    if len(content) > MAX_BYTES:
        raise SettingsError(f"{name} in {path} unpacks to more than {MAX_BYTES >> 20} MB", HINT)
    return content


def checked(path: Path, name: str, adapter: TypeAdapter[T], content: bytes) -> T:
    """Return the parsed JSON. Raise SettingsError if it does not match the schema."""
    try:
        return adapter.validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise SettingsError(f"{name} in {path}: {where}: {first['msg']}", HINT) from error


def read_events(path: Path, content: bytes) -> tuple[Event, ...]:
    """Return the events. Raise SettingsError for an unknown event or a field of the wrong type."""
    try:
        events = tuple(event_of(line) for line in content.decode().split("\n") if line)
        adapters = {kind: TypeAdapter(kind) for kind in {type(event) for event in events}}
        return tuple(adapters[type(event)].validate_python(asdict(event)) for event in events)
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"{EVENTS} in {path}: {error.title}: {first['loc']}: {first['msg']}", HINT) from error
    except ValueError as error:
        raise SettingsError(f"{EVENTS} in {path}: {error}", HINT) from error


def read_wav(path: Path, name: str, content: bytes, rate_hz: int) -> Pcm:
    """Return mono samples, int16, shape (n,). Raise SettingsError if the format is another."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            found = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            if found != (1, 2, rate_hz):
                raise SettingsError(f"{name} in {path} is not a 16-bit mono file at {rate_hz} Hz", HINT)
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise SettingsError(f"{name} in {path} is not a WAV file: {error}", HINT) from error
    return np.frombuffer(data[: len(data) // 2 * 2], np.int16)
