"""Settings -> ear and speaker: devices, files, or a room. Names concrete classes beside `assemble.py`."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from voicecli import events
from voicecli.assemble.reconnecting import ReconnectingDevices
from voicecli.audio.device import Microphone, NoMicrophone, Speaker
from voicecli.audio.echo.canceller import EchoCanceller, EchoFreeMicrophone, Played
from voicecli.audio.echo.level_gate import LEARNING_S, READY_LEARNING_S, EchoAwareDetector
from voicecli.audio.files.wav import FileSpeaker, WavMicrophone, WavSpeaker
from voicecli.audio.source import Room
from voicecli.audio.speech_input import SpeechInput, VoiceActivityDetector
from voicecli.audio.vad import Silero, WebrtcSileroDetector
from voicecli.conversation.respond import Engines
from voicecli.errors import DeviceError, EngineError
from voicecli.events import Clock, Publish
from voicecli.settings.model import ListenSettings, Settings
from voicecli.speech_text.pacing import MOST_LEAD_S
from voicecli.turns.push_to_talk import PushToTalkKey
from voicecli.turns.segmenter import Segmenter

if TYPE_CHECKING:
    from voicecli.audio.portaudio import PortAudioMicrophone, PortAudioSpeaker

CLOCK: Clock = time.monotonic

NO_PORTAUDIO, PORTAUDIO_HINT = "PortAudio is not installed: {}", "apt install libportaudio2"


@dataclass(frozen=True, slots=True)
class Files:
    """Sound files in place of devices."""

    inputs: tuple[Path, ...] = ()
    output: Path | None = None
    fast: bool = False


class PipelineHooks:
    """What stands between the parts, for whoever measures or records; each method gives what is to be used."""

    def microphone(self, microphone: Microphone) -> Microphone:
        return microphone

    def speaker(self, speaker: Speaker) -> Speaker:
        return speaker

    def echo_free(self, microphone: Microphone) -> Microphone:
        """What the canceller makes of `microphone`; not asked for where there is none."""
        return microphone

    def engines(self, engines: Engines) -> Engines:
        return engines

    def played(self, played: Played | None) -> Played | None:
        """Who is told each block that sounds; None: nobody wants to know, as no echo is cancelled."""
        return played


async def open_devices(
    stack: AsyncExitStack,
    settings: Settings,
    sound: Files | Room,
    settled: Callable[[], bool],
    publish: Publish,
    watch: PipelineHooks | None = None,
    clock: Clock = CLOCK,
    reconnecting: ReconnectingDevices | None = None,
) -> tuple[SpeechInput, Speaker, bool]:
    """Ear and speaker, and whether anything can sound. A device that was not asked for by name may be missing.

    `clock` is the conversation's; a room may have one of its own. `reconnecting`: what keeps the devices, where
    they are to be changed.
    """
    watch, reconnecting = watch or PipelineHooks(), reconnecting or ReconnectingDevices(settled, clock, publish)
    microphone = watch.microphone(await open_microphone(stack, settings, sound, settled, publish, reconnecting))
    canceller = load_canceller(settings, sound, publish) if microphone.name else None
    if canceller is not None:
        reconnecting.on_change(canceller.reset)
    played = watch.played(canceller.played if canceller else None)
    try:
        speaker, voiced = watch.speaker(make_speaker(settings, sound, publish, played, reconnecting)), True
        await stack.enter_async_context(speaker)
    except DeviceError as error:
        if settings.audio.output_device or (isinstance(sound, Files) and sound.output):
            raise
        publish(events.Notice(at_s=CLOCK(), text=f"No speaker: answers are written ({error.message})"))
        speaker, voiced = await stack.enter_async_context(WavSpeaker(None, CLOCK, publish)), False
    gate: VoiceActivityDetector = make_vad(settings.listen)
    if canceller is not None and voiced:
        microphone, gate = (
            watch.echo_free(EchoFreeMicrophone(microphone, canceller)),
            EchoAwareDetector(gate, canceller.is_echo),
        )
    key = PushToTalkKey() if settings.listen.mode == "push-to-talk" else None
    return SpeechInput(microphone, gate, Segmenter(settings.listen), clock, publish, key), speaker, voiced


def load_canceller(settings: Settings, sound: Files | Room, publish: Publish) -> EchoCanceller | None:
    """What keeps the assistant from hearing itself, where that could happen. Raises EngineError when asked for."""
    needless = settings.listen.barge_in == "headphones" and settings.audio.echo == "auto"
    dry = bool(sound.inputs or sound.output) if isinstance(sound, Files) else not sound.echoes
    if settings.audio.echo == "off" or needless or dry:
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


async def open_microphone(
    stack: AsyncExitStack,
    settings: Settings,
    sound: Files | Room,
    settled: Callable[[], bool],
    publish: Publish,
    reconnecting: ReconnectingDevices,
) -> Microphone:
    """A room's, files, the device, or nothing where there is none."""
    if not isinstance(sound, Files):
        return await stack.enter_async_context(sound.microphone(settled, publish))
    if sound.inputs:
        return WavMicrophone(list(sound.inputs), settled, CLOCK, fast=sound.fast)
    try:
        wanted = settings.audio.input_device
        device = reconnecting.microphone(wanted, lambda name: microphone_called(name, settings, publish))
        return await stack.enter_async_context(device)
    except DeviceError as error:
        if settings.audio.input_device:
            raise
        publish(events.Notice(at_s=CLOCK(), text=f"No microphone: type your questions ({error})"))
        return NoMicrophone()


def make_microphone(settings: Settings, publish: Publish) -> Microphone:
    """The device. Raises DeviceError when there is none."""
    return microphone_called(settings.audio.input_device, settings, publish)


def microphone_called(name: str, settings: Settings, publish: Publish) -> PortAudioMicrophone:
    """The device of that name, the system's default where it is empty. Raises DeviceError when there is none."""
    try:
        from voicecli.audio.devices import find_device, list_devices
        from voicecli.audio.portaudio import PortAudioMicrophone
    except OSError as error:
        raise DeviceError(NO_PORTAUDIO.format(error), PORTAUDIO_HINT) from error
    device = find_device(list_devices(), name, "input")
    return PortAudioMicrophone(device, settings.audio.input_latency_s, CLOCK, publish)


def make_speaker(
    settings: Settings,
    sound: Files | Room,
    publish: Publish,
    played: Played | None = None,
    reconnecting: ReconnectingDevices | None = None,
) -> Speaker:
    """A room's, a file, or the device, which may be a `reconnecting` one. Raises DeviceError when there is no device."""
    if not isinstance(sound, Files):
        return sound.speaker(publish, played)
    if sound.output:
        return WavSpeaker(sound.output, CLOCK, publish, fast=sound.fast, played=played)
    wanted = settings.audio.output_device
    if reconnecting is not None:
        return reconnecting.speaker(wanted, lambda name, tell: speaker_called(name, settings, tell, played))
    return speaker_called(wanted, settings, publish, played)


def speaker_called(name: str, settings: Settings, publish: Publish, played: Played | None) -> PortAudioSpeaker:
    """As `microphone_called`."""
    try:
        from voicecli.audio.devices import find_device, list_devices
        from voicecli.audio.portaudio import PortAudioSpeaker
    except OSError as error:
        raise DeviceError(NO_PORTAUDIO.format(error), PORTAUDIO_HINT) from error
    device = find_device(list_devices(), name, "output")
    return PortAudioSpeaker(device, settings.audio.output_latency_s, CLOCK, publish, played)


def make_recording(path: Path) -> Speaker:
    """A file that is written as fast as the voice speaks."""
    return FileSpeaker(path, MOST_LEAD_S)


def make_vad(listen: ListenSettings) -> WebrtcSileroDetector:
    """A gate that has heard nothing yet. Raises ModelMissing."""
    return WebrtcSileroDetector(Silero.load(), listen)
