"""Settings -> speech input and speaker: sound devices, or what takes their place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voicecli import events
from voicecli.audio.device import Microphone, NoMicrophone, Speaker
from voicecli.audio.echo.canceller import EchoCanceller, EchoFreeMicrophone, Played
from voicecli.audio.echo.level_gate import LEARNING_S, READY_LEARNING_S, EchoAwareDetector
from voicecli.audio.files.wav import FileSpeaker, WavMicrophone, WavSpeaker
from voicecli.audio.reconnect.portaudio_calls import Seen, SoundSystem, list_devices_in_subprocess
from voicecli.audio.reconnect.reconnector import DevicePart, DeviceReconnector, S, Source
from voicecli.audio.reconnect.streams import (
    AudibleOnce,
    MicrophoneStream,
    ReconnectingMicrophone,
    ReconnectingSpeaker,
    SpeakerStream,
)
from voicecli.audio.source import SoundSource
from voicecli.audio.speech_input import SpeechInput, VoiceActivityDetector
from voicecli.audio.vad import Silero, WebrtcSileroDetector
from voicecli.conversation.parts import Devices, Engines
from voicecli.errors import DeviceError, EngineError
from voicecli.events import CLOCK, Clock, Publish
from voicecli.settings.model import ListenSettings, Settings
from voicecli.speech_text.pacing import MOST_LEAD_S
from voicecli.turns.push_to_talk import PushToTalkKey
from voicecli.turns.segmenter import Segmenter

if TYPE_CHECKING:
    from voicecli.audio.portaudio import PortAudioMicrophone, PortAudioSpeaker

NO_PORTAUDIO, PORTAUDIO_HINT = "PortAudio is not installed: {}", "apt install libportaudio2"


@dataclass(frozen=True, slots=True)
class Files:
    """Sound files in place of devices. Without any file, both ends are devices."""

    inputs: tuple[Path, ...] = ()
    output: Path | None = None
    fast: bool = False

    @property
    def echoes(self) -> bool:
        """Whether both ends are devices."""
        return not self.inputs and self.output is None

    def microphone(self, is_idle: Callable[[], bool], publish: Publish) -> Microphone | None:
        """Return a microphone that plays the input files."""
        return WavMicrophone(list(self.inputs), is_idle, CLOCK, fast=self.fast) if self.inputs else None

    def speaker(self, publish: Publish, played: Played | None) -> Speaker | None:
        """Return a speaker that writes the output file."""
        return WavSpeaker(self.output, CLOCK, publish, fast=self.fast, played=played) if self.output else None


class PipelineHooks:
    """What a measurement or a recording puts between the parts. Each method returns what is to be used."""

    def microphone(self, microphone: Microphone) -> Microphone:
        """Wrap the microphone."""
        return microphone

    def speaker(self, speaker: Speaker) -> Speaker:
        """Wrap the speaker."""
        return speaker

    def echo_free(self, microphone: Microphone) -> Microphone:
        """Wrap the microphone behind the echo canceller. Not called where there is none."""
        return microphone

    def engines(self, engines: Engines) -> Engines:
        """Wrap the engines."""
        return engines

    def played(self, played: Played | None) -> Played | None:
        """Wrap what is given each block that sounds; None where no echo is cancelled."""
        return played


class ReconnectingDevices:
    """The microphone and the speaker of one conversation, which may be exchanged while it goes on."""

    def __init__(self, is_idle: Callable[[], bool], clock: Clock, publish: Publish) -> None:
        """`is_idle` returns whether no turn is alive."""
        self._system = SoundSystem(is_idle)
        self._is_idle = is_idle
        self._clock = clock
        self._publish = publish
        self._reconnectors: dict[DevicePart, DeviceReconnector[Any]] = {}

    def in_use(self) -> dict[DevicePart, str]:
        """Return the names of the open devices: empty for one that is gone, none for one that never was there."""
        return {part: one.name for part, one in self._reconnectors.items() if one in self._system.parts}

    def request(self, part: DevicePart, name: str) -> None:
        """Use another device as soon as no turn is alive."""
        self._reconnectors[part].request(name)

    async def available(self) -> Seen:
        """Return what there is now, devices that were plugged in since the start included."""
        return await list_devices_in_subprocess()

    def on_change(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever a device goes or comes."""
        self._system.changed = changed

    def microphone(self, wanted: str, make: Callable[[str], MicrophoneStream]) -> ReconnectingMicrophone:
        """Return a microphone that outlives its device. `make` returns the device of a name, not open yet."""
        source = Source("microphone", wanted, make)
        return ReconnectingMicrophone(self._reconnector(source), self._clock)

    def speaker(self, wanted: str, make: Callable[[str, Publish], SpeakerStream]) -> ReconnectingSpeaker:
        """Return a speaker that outlives its device. It reports once for each turn that it is audible."""
        publish = AudibleOnce(self._publish)
        source = Source("speaker", wanted, lambda name: make(name, publish))
        return ReconnectingSpeaker(self._reconnector(source), self._clock)

    def _reconnector(self, source: Source[S]) -> DeviceReconnector[S]:
        reconnector = DeviceReconnector(source, self._system, self._is_idle, self._clock, self._publish)
        self._reconnectors[source.part] = reconnector
        return reconnector


@dataclass(frozen=True, slots=True)
class DeviceOpener:
    """Opens speech input and speaker. `clock` is the conversation's; a simulated source may have its own."""

    stack: AsyncExitStack  # closes them
    settings: Settings
    source: SoundSource
    is_idle: Callable[[], bool]
    publish: Publish
    hooks: PipelineHooks
    reconnecting: ReconnectingDevices
    clock: Clock = CLOCK

    async def open(self) -> tuple[Devices, bool]:
        """Return the devices, and whether anything can be heard.

        A device that the settings do not name may be missing. Raise DeviceError for one that they do name.
        """
        listen = self.settings.listen
        microphone = self.hooks.microphone(await self._open_microphone())
        canceller = load_canceller(self.settings, self.source, self.publish) if microphone.name else None
        if canceller is not None:
            self.reconnecting.on_change(canceller.reset)
        speaker, has_sound = await self._open_speaker(self.hooks.played(canceller.played if canceller else None))
        detector: VoiceActivityDetector = make_vad(listen)
        if canceller is not None and has_sound:
            microphone = self.hooks.echo_free(EchoFreeMicrophone(microphone, canceller))
            detector = EchoAwareDetector(detector, canceller.is_echo)
        key = PushToTalkKey() if listen.mode == "push-to-talk" else None
        speech_input = SpeechInput(microphone, detector, Segmenter(listen), self.clock, self.publish, key)
        return Devices(speech_input, speaker), has_sound

    async def _open_microphone(self) -> Microphone:
        wanted = self.settings.audio.input_device
        own = self.source.microphone(self.is_idle, self.publish)
        device = own or self.reconnecting.microphone(
            wanted, lambda name: open_input_device(name, self.settings, self.publish)
        )
        try:
            return await self.stack.enter_async_context(device)
        except DeviceError as error:
            if own is not None or wanted:
                raise
            self._notice(f"No microphone: type your questions ({error})")
            return NoMicrophone()

    async def _open_speaker(self, played: Played | None) -> tuple[Speaker, bool]:
        wanted = self.settings.audio.output_device
        own = self.source.speaker(self.publish, played)
        try:
            speaker = own or self.reconnecting.speaker(
                wanted, lambda name, publish: open_output_device(name, self.settings, publish, played)
            )
            return await self.stack.enter_async_context(self.hooks.speaker(speaker)), True
        except DeviceError as error:
            if own is not None or wanted:
                raise
            self._notice(f"No speaker: answers are written ({error.message})")
            return await self.stack.enter_async_context(WavSpeaker(None, CLOCK, self.publish)), False

    def _notice(self, text: str) -> None:
        self.publish(events.Notice(at_s=CLOCK(), text=text))


def load_canceller(settings: Settings, source: SoundSource, publish: Publish) -> EchoCanceller | None:
    """Return what keeps the assistant from hearing itself, where it could. Raise EngineError when it was asked for."""
    needless = settings.listen.barge_in == "headphones" and settings.audio.echo == "auto"
    if settings.audio.echo == "off" or needless or not source.echoes:
        return None
    try:
        return EchoCanceller.load(READY_LEARNING_S if settings.audio.ready_sound else LEARNING_S)
    except EngineError as error:
        if settings.audio.echo == "on":
            raise
        instead = "wear headphones (--barge-in headphones), or --barge-in off"
        text = f"No echo cancellation, so {instead}: {error.message} ({error.hint})"
        publish(events.Notice(at_s=CLOCK(), text=text))
        return None


def open_input_device(name: str, settings: Settings, publish: Publish) -> PortAudioMicrophone:
    """Return the input device of that name, not started yet; an empty name is the default. Raise DeviceError."""
    try:
        from voicecli.audio.devices import find_device, list_devices
        from voicecli.audio.portaudio import PortAudioMicrophone
    except OSError as error:
        raise DeviceError(NO_PORTAUDIO.format(error), PORTAUDIO_HINT) from error
    device = find_device(list_devices(), name, "input")
    return PortAudioMicrophone(device, settings.audio.input_latency_s, CLOCK, publish)


def open_output_device(
    name: str, settings: Settings, publish: Publish, played: Played | None = None
) -> PortAudioSpeaker:
    """Return the output device of that name, not started yet; an empty name is the default. Raise DeviceError."""
    try:
        from voicecli.audio.devices import find_device, list_devices
        from voicecli.audio.portaudio import PortAudioSpeaker
    except OSError as error:
        raise DeviceError(NO_PORTAUDIO.format(error), PORTAUDIO_HINT) from error
    device = find_device(list_devices(), name, "output")
    return PortAudioSpeaker(device, settings.audio.output_latency_s, CLOCK, publish, played)


def make_recording(path: Path) -> Speaker:
    """Return a speaker that writes a file as fast as the voice speaks."""
    return FileSpeaker(path, MOST_LEAD_S)


def make_vad(listen: ListenSettings) -> WebrtcSileroDetector:
    """Return a voice activity detector that has heard nothing yet. Raise ModelMissing."""
    return WebrtcSileroDetector(Silero.load(), listen)
