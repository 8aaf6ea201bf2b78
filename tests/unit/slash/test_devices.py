"""/device."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from voicecli.slash.complete import Value
from voicecli.slash.devices import WANTS, DeviceCommand, DevicePart, Seen, device_values

SEEN: Seen = frozenset(
    {
        ("Yeti", "input"),
        ("Webcam", "input"),
        ("Webcam", "default input"),
        ("HDMI", "output"),
        ("HDMI", "default output"),
    }
)


@dataclass
class Devices:
    used: dict[DevicePart, str] = field(default_factory=lambda: {"microphone": "Yeti"})
    there: Seen = SEEN
    wanted: list[tuple[DevicePart, str]] = field(default_factory=list)

    def in_use(self) -> dict[DevicePart, str]:
        return self.used

    def request(self, part: DevicePart, name: str) -> None:
        self.wanted.append((part, name))

    async def available(self) -> Seen:
        return self.there


def said(devices: Devices, argument: str) -> str:
    return asyncio.run(DeviceCommand(devices).device(argument))


def test_the_list_marks_what_is_in_use_and_the_default_ones() -> None:
    assert said(Devices(), "").splitlines() == [
        "Microphones:",
        "  Webcam (default)",
        "> Yeti",
        "Speakers:",
        "  HDMI (default)",
        WANTS,
    ]
    assert said(Devices(there=frozenset()), "").startswith("There is no microphone.\nThere is no speaker.")


def test_a_device_is_wanted_by_a_part_of_its_name_or_as_the_systems() -> None:
    devices = Devices()
    assert said(devices, "mic Blue Yeti") == ""
    assert said(devices, "Microphone default") == ""
    assert devices.wanted == [("microphone", "Blue Yeti"), ("microphone", "")]


def test_what_lacks_or_cannot_be_is_reported() -> None:
    devices = Devices()
    assert said(devices, "mic") == WANTS
    assert said(devices, "headset Yeti") == WANTS
    assert "began without a speaker" in said(devices, "speaker HDMI")
    assert devices.wanted == []


def test_what_may_follow() -> None:
    assert device_values(SEEN) == [
        Value("mic Webcam", "default"),
        Value("mic Yeti"),
        Value("speaker HDMI", "default"),
        Value("mic default", "the system's"),
        Value("speaker default", "the system's"),
    ]
