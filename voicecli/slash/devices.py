"""`/device`: which microphone and which speaker."""

from __future__ import annotations

from typing import Literal, Protocol

from voicecli.slash.complete import Value

DevicePart = Literal["microphone", "speaker"]

NAMES: dict[str, DevicePart] = {
    "mic": "microphone",
    "microphone": "microphone",
    "input": "microphone",
    "speaker": "speaker",
    "output": "speaker",
}
"""What a part may be called."""

ROLES: dict[DevicePart, str] = {"microphone": "input", "speaker": "output"}

WANTS = "/device lists them; /device mic NAME and /device speaker NAME take another, where part of a name is enough."

DEFAULT = "default"

Seen = frozenset[tuple[str, str]]
"""Of each device its name and what it is for, the default ones once more as defaults."""


class Devices(Protocol):
    """What is used of `ReconnectingDevices`."""

    def in_use(self) -> dict[DevicePart, str]: ...

    def request(self, part: DevicePart, name: str) -> None: ...

    async def available(self) -> Seen: ...


class DeviceCommand:
    """The handler of `/device`."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices

    async def device(self, argument: str) -> str:
        """A device is changed in the next moment in which nobody speaks; what came of it is told then."""
        word, _, name = argument.partition(" ")
        if not word:
            return listed(await self._devices.available(), self._devices.in_use())
        part = NAMES.get(word.lower())
        if part is None or not name.strip():
            return WANTS
        if part not in self._devices.in_use():
            return f"The conversation began without a {part}, so none can take its place: start voicecli talk again."
        self._devices.request(part, "" if name.strip() == DEFAULT else name.strip())
        return ""


def device_values(seen: Seen) -> list[Value]:
    """What may follow the command."""
    words = {"mic": "input", "speaker": "output"}
    found = [
        Value(f"{word} {name}", DEFAULT if (name, f"default {role}") in seen else "")
        for word, role in words.items()
        for name in sorted(name for name, known in seen if known == role)
    ]
    return [*found, *(Value(f"{word} {DEFAULT}", "the system's") for word in words)]


def listed(seen: Seen, in_use: dict[DevicePart, str]) -> str:
    """All of them; those in use are marked, and so are the system's default ones."""
    lines = []
    for part, role in ROLES.items():
        names = sorted(name for name, known in seen if known == role)
        lines.append(f"{part.capitalize()}s:" if names else f"There is no {part}.")
        for name in names:
            default = f" ({DEFAULT})" if (name, f"default {role}") in seen else ""
            lines.append(f"{'>' if name == in_use.get(part) else ' '} {name}{default}")
    return "\n".join([*lines, WANTS])
