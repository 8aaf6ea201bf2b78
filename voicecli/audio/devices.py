"""Which sound devices there are, and which one the user means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import sounddevice

from voicecli.errors import DeviceError

Direction = Literal["input", "output"]


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One device as PortAudio sees it."""

    index: int
    name: str
    host: str  # ALSA, Core Audio, Windows WASAPI, ...
    inputs: int  # channels
    outputs: int
    rate_hz: float  # its own default
    is_default_input: bool
    is_default_output: bool

    def channels(self, direction: Direction) -> int:
        return self.inputs if direction == "input" else self.outputs


def list_devices() -> list[DeviceInfo]:
    """All devices. Raises DeviceError when PortAudio cannot be asked."""
    try:
        hosts: Any = sounddevice.query_hostapis()
        found: Any = sounddevice.query_devices()
        defaults = sounddevice.default.device
    except sounddevice.PortAudioError as error:
        raise DeviceError(
            f"the sound system does not answer: {error}", "check that a sound server is running"
        ) from error
    return [
        DeviceInfo(
            index=index,
            name=device["name"],
            host=hosts[device["hostapi"]]["name"],
            inputs=device["max_input_channels"],
            outputs=device["max_output_channels"],
            rate_hz=device["default_samplerate"],
            is_default_input=index == defaults[0],
            is_default_output=index == defaults[1],
        )
        for index, device in enumerate(found)
    ]


def find_device(devices: list[DeviceInfo], wanted: str, direction: Direction) -> DeviceInfo:
    """The device that `wanted` names: an index, a whole name or a part of one; empty: the system's default.

    Raises DeviceError when there is none, or when a part of a name fits several devices of one host.
    """
    able = [device for device in devices if device.channels(direction)]
    if not able:
        raise DeviceError(f"there is no {direction} device", "voicecli devices lists what the system offers")
    if not wanted:
        default = [d for d in able if (d.is_default_input if direction == "input" else d.is_default_output)]
        return (default or able)[0]
    if wanted.isdecimal():
        matches = [device for device in able if device.index == int(wanted)]
    else:
        exact = [device for device in able if device.name.lower() == wanted.lower()]
        matches = exact or [device for device in able if wanted.lower() in device.name.lower()]
    if not matches:
        raise DeviceError(f"no {direction} device fits {wanted!r}", f"{direction} devices: {listed(able)}")
    if len({device.name for device in matches}) > 1:
        raise DeviceError(f"{wanted!r} fits several {direction} devices: {listed(matches)}", "use more of the name")
    return matches[0]


def listed(devices: list[DeviceInfo]) -> str:
    """Index and name of each, for a message."""
    return "; ".join(f"{device.index} {device.name}" for device in devices)
