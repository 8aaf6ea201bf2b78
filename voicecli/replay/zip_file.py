"""One zip for a report or a recording. What somebody else made is read with care: sizes first, nothing is unpacked."""

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
"""Of a file in the zip when it is unpacked: three quarters of an hour of the speaker. What is larger is refused."""

HINT = "voicecli report --record makes one that can be replayed"

T = TypeVar("T")
ABOUT_ADAPTER: TypeAdapter[About] = TypeAdapter(About)
TIMES_ADAPTER: TypeAdapter[Times] = TypeAdapter(Times)


def recorded_members(recorded: Recording) -> dict[str, bytes]:
    """Name -> content of each file that a recording is made of."""
    return {
        ABOUT: ABOUT_ADAPTER.dump_json(recorded.about, indent=1),
        EVENTS: events_text(recorded.events).encode(),
        TIMES: TIMES_ADAPTER.dump_json(recorded.times),
        MICROPHONE: wav_bytes(recorded.sounds.microphone, LISTEN_RATE_HZ),
        ECHO_FREE: wav_bytes(recorded.sounds.echo_free, LISTEN_RATE_HZ),
        SPEAKER: wav_bytes(recorded.sounds.speaker, recorded.times.speaker_rate_hz),
    }


def events_text(events: Sequence[Event]) -> str:
    """A line for each."""
    return "".join(f"{event_json(event)}\n" for event in events)


def wav_bytes(pcm: Pcm, rate_hz: int) -> bytes:
    """A mono file."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm.tobytes())
    return held.getvalue()


def write_zip(path: Path, members: Mapping[str, bytes]) -> int:
    """All of it or nothing, for its owner's eyes alone; returns its bytes. Raises SettingsError."""
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
    """What `recorded_members` gave. Raises SettingsError, with what is wrong, for anything else."""
    try:
        with zipfile.ZipFile(path) as packed:
            about = checked(path, ABOUT, ABOUT_ADAPTER, member(path, packed, ABOUT))
            if about.schema_version != SCHEMA:
                raise SettingsError(
                    f"{path} has schema {about.schema_version}, this version reads {SCHEMA}", "record it again"
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
        raise SettingsError(f"{path} is no whole zip: {error}", HINT) from error
    sounds = Sounds(microphone, echo_free, speaker, times)
    if why := inconsistency(sounds):
        raise SettingsError(f"{path} does not fit together: {why}", HINT)
    return Recording(about, events, sounds)


def member(path: Path, packed: zipfile.ZipFile, name: str) -> bytes:
    """One file, never more than `MOST_BYTES` of it. Raises SettingsError or BadZipFile."""
    try:
        info = packed.getinfo(name)
    except KeyError:
        raise SettingsError(f"{path} holds no {name}", f"a report without --record holds no sound; {HINT}") from None
    try:
        with packed.open(info) as file:
            content = file.read(MAX_BYTES + 1)
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed in an unusual way
        raise SettingsError(f"{name} in {path} cannot be unpacked: {error}", HINT) from error
    if len(content) > MAX_BYTES:
        raise SettingsError(f"{name} in {path} unpacks to more than {MAX_BYTES >> 20} MB", HINT)
    return content


def checked(path: Path, name: str, adapter: TypeAdapter[T], content: bytes) -> T:
    """Raises SettingsError where the JSON is another."""
    try:
        return adapter.validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise SettingsError(f"{name} in {path}: {where}: {first['msg']}", HINT) from error


def read_events(path: Path, content: bytes) -> tuple[Event, ...]:
    """Raises SettingsError for what is no event, and for a field of another type."""
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
    """Mono samples, shape (n,). Raises SettingsError where it is another kind of file."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            found = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            if found != (1, 2, rate_hz):
                raise SettingsError(f"{name} in {path} is no mono file of 16 bits at {rate_hz} Hz", HINT)
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise SettingsError(f"{name} in {path} is no WAV file: {error}", HINT) from error
    return np.frombuffer(data[: len(data) // 2 * 2], np.int16)
