"""List the sound devices, and find the one that the user means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import sounddevice

from voicecli.errors import DeviceError

Direction = Literal["input", "output"]


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device as PortAudio lists it."""

    index: int
    name: str
    host: str  # ALSA, Core Audio, Windows WASAPI, ...
    inputs: int  # channels
    outputs: int  # channels
    rate_hz: float  # the device's default
    is_default_input: bool
    is_default_output: bool

    def channels(self, direction: Direction) -> int:
        """Return the number of channels in a direction; 0 if the device does not have it."""
        return self.inputs if direction == "input" else self.outputs


def list_devices() -> list[DeviceInfo]:
    """Return all devices. Raise DeviceError if PortAudio does not answer."""
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
    """Return the device that `wanted` names: by index, name or part of a name; empty means the system's default.

    Raise DeviceError if there is none, or if a part of a name matches devices of different names.
    """
    candidates = [device for device in devices if device.channels(direction)]
    if not candidates:
        raise DeviceError(f"there is no {direction} device", "run `voicecli devices` to list what the system offers")
    if not wanted:
        default = [d for d in candidates if (d.is_default_input if direction == "input" else d.is_default_output)]
        return (default or candidates)[0]
    if wanted.isdecimal():
        matches = [device for device in candidates if device.index == int(wanted)]
    else:
        exact = [device for device in candidates if device.name.lower() == wanted.lower()]
        matches = exact or [device for device in candidates if wanted.lower() in device.name.lower()]
    if not matches:
        raise DeviceError(f"no {direction} device matches {wanted!r}", f"{direction} devices: {listed(candidates)}")
    if len({device.name for device in matches}) > 1:
        raise DeviceError(f"{wanted!r} matches several {direction} devices: {listed(matches)}", "use more of the name")
    return matches[0]


def listed(devices: list[DeviceInfo]) -> str:
    """Return the index and name of each device, for a message."""
    return "; ".join(f"{device.index} {device.name}" for device in devices)
