"""Settings -> a microphone and a speaker that outlast their devices. Names concrete classes beside `assemble.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voicecli.audio.reconnect.portaudio_calls import Seen, SoundSystem, list_devices_in_subprocess
from voicecli.audio.reconnect.reconnector import DevicePart, DeviceReconnector, S, Source
from voicecli.audio.reconnect.streams import (
    AudibleOnce,
    MicrophoneStream,
    ReconnectingMicrophone,
    ReconnectingSpeaker,
    SpeakerStream,
)
from voicecli.events import Clock, Publish

Make = Callable[[str], MicrophoneStream]
MakeSpeaker = Callable[[str, Publish], SpeakerStream]


class ReconnectingDevices:
    """One conversation's devices. `settled` tells that no turn is alive."""

    def __init__(self, settled: Callable[[], bool], clock: Clock, publish: Publish) -> None:
        self._system = SoundSystem(settled)
        self._settled = settled
        self._clock = clock
        self._publish = publish
        self._reconnectors: dict[DevicePart, DeviceReconnector[Any]] = {}

    def in_use(self) -> dict[DevicePart, str]:
        """Their names; a part that there was none of at the start is left out, one that is away has an empty one."""
        return {
            part: reconnector.name
            for part, reconnector in self._reconnectors.items()
            if reconnector in self._system.parts
        }

    def want(self, part: DevicePart, name: str) -> None:
        """Use another one that is `in_use`, as `TranscriptSink.want` does."""
        self._reconnectors[part].request(name)

    async def seen(self) -> Seen:
        """What there is now, what was plugged in since the start included. Nothing that is open is touched."""
        return await list_devices_in_subprocess()

    def on_change(self, changed: Callable[[], None]) -> None:
        """`changed` is called whenever a device went away or came."""
        self._system.changed = changed

    def microphone(self, wanted: str, make: Make) -> ReconnectingMicrophone:
        """`make` gives the device that a name stands for, not open yet."""
        source = Source("microphone", wanted, make)
        return ReconnectingMicrophone(self._reconnector(source), self._clock)

    def speaker(self, wanted: str, make: MakeSpeaker) -> ReconnectingSpeaker:
        """As `microphone`; what is published tells of each turn once that it is audible, over whichever device."""
        publish = AudibleOnce(self._publish)
        source = Source("speaker", wanted, lambda name: make(name, publish))
        return ReconnectingSpeaker(self._reconnector(source), self._clock)

    def _reconnector(self, source: Source[S]) -> DeviceReconnector[S]:
        reconnector = DeviceReconnector(source, self._system, self._settled, self._clock, self._publish)
        self._reconnectors[source.part] = reconnector
        return reconnector
