"""Settings -> a microphone and a speaker that outlast their devices. Names concrete classes beside `assemble.py`."""

from __future__ import annotations

from collections.abc import Callable

from voicecli.audio.keeper import Keeper, S, Source
from voicecli.audio.lasting import AudibleOnce, LastingMicrophone, LastingSpeaker, MicrophoneStream, SpeakerStream
from voicecli.audio.sound_system import SoundSystem
from voicecli.events import Clock, Publish

Make = Callable[[str], MicrophoneStream]
MakeSpeaker = Callable[[str, Publish], SpeakerStream]


class LastingDevices:
    """One conversation's devices. `settled` tells that no turn is alive."""

    def __init__(self, settled: Callable[[], bool], clock: Clock, publish: Publish) -> None:
        self._system = SoundSystem(settled)
        self._settled = settled
        self._clock = clock
        self._publish = publish

    def on_change(self, changed: Callable[[], None]) -> None:
        """`changed` is called whenever a device went away or came."""
        self._system.changed = changed

    def microphone(self, wanted: str, make: Make) -> LastingMicrophone:
        """`make` gives the device that a name stands for, not open yet."""
        source = Source("microphone", wanted, make)
        return LastingMicrophone(self._keeper(source), self._clock)

    def speaker(self, wanted: str, make: MakeSpeaker) -> LastingSpeaker:
        """As `microphone`; what is published tells of each turn once that it is audible, over whichever device."""
        publish = AudibleOnce(self._publish)
        source = Source("speaker", wanted, lambda name: make(name, publish))
        return LastingSpeaker(self._keeper(source), self._clock)

    def _keeper(self, source: Source[S]) -> Keeper[S]:
        return Keeper(source, self._system, self._settled, self._clock, self._publish)
