"""Open the devices that voicecli talk would open; listen, play the ready sound, and listen for its echo."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TypeVar

import numpy as np

from voicecli.audio.devices import DeviceInfo, Direction, find_device, list_devices
from voicecli.audio.echo.canceller import PlayedBlock
from voicecli.audio.portaudio import PortAudioMicrophone, PortAudioSpeaker
from voicecli.audio.resample import resample
from voicecli.audio.sounds import READY, READY_HZ, ready_sound
from voicecli.doctor.round_trip import Block, find_echo, joined, level_of
from voicecli.doctor.sound import Capture, ChosenDevice, DeviceFacts, Playback, SoundFacts
from voicecli.errors import DeviceError
from voicecli.events import CLOCK, Event
from voicecli.settings.model import AudioSettings
from voicecli.types import LISTEN_RATE_HZ, AudioFrame, PlaybackChunk

QUIET_S = 0.7
"""Listening time before the playback; in total the microphone is open for two seconds."""

RETURN_S = 0.6
"""Listening time after the playback: the echo canceller handles no later echo."""

STUCK_S = 3.0
"""Timeout for playing 0.8 s of sound. All waits together are shorter than `portaudio.STALL_S`, after which a silent
microphone raises an error: here it has to become a finding."""


Opened = TypeVar("Opened")


def sound_facts(settings: AudioSettings, aloud: bool) -> SoundFacts:
    """Return facts about the devices. With `aloud`, test them for about two seconds; otherwise only list them."""
    devices = list_devices()
    microphone, inner = chosen(devices, settings.input_device, "input")
    speaker, outer = chosen(devices, settings.output_device, "output")
    facts = SoundFacts(platform.system(), microphone, speaker, is_tried=aloud)
    return asyncio.run(Trial(settings, inner, outer).run(facts)) if aloud else facts


def chosen(devices: list[DeviceInfo], wanted: str, direction: Direction) -> tuple[DeviceFacts, DeviceInfo | None]:
    """Return the device that the settings choose among those of its direction."""
    names = tuple(device.name for device in devices if device.channels(direction))
    try:
        found = find_device(devices, wanted, direction)
    except DeviceError as error:
        return DeviceFacts(names, problem=error.message, hint=error.hint), None
    return DeviceFacts(names, ChosenDevice(found.name, found.host, found.channels(direction), found.rate_hz)), found


class Trial:
    """A test of both devices. If one cannot be opened, report it and test the other alone."""

    def __init__(self, settings: AudioSettings, microphone: DeviceInfo | None, speaker: DeviceInfo | None) -> None:
        self._settings = settings
        self._input = microphone
        self._output = speaker
        self._frames: list[tuple[AudioFrame, float]] = []  # with the arrival time
        self._blocks: list[tuple[PlayedBlock, float]] = []  # with the time of the call, from the speaker's thread

    async def run(self, facts: SoundFacts) -> SoundFacts:
        """Return `facts` with the results of the test."""
        async with AsyncExitStack() as stack:
            microphone = await self._open_microphone(stack)
            speaker = await self._open_speaker(stack)
            if isinstance(microphone, DeviceError):
                facts = replace(facts, microphone=_refused(facts.microphone, microphone))
            if isinstance(speaker, DeviceError):
                facts = replace(facts, speaker=_refused(facts.speaker, speaker))
            began_s = CLOCK()
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._listen(microphone))
                await asyncio.sleep(QUIET_S)
                quiet = len(self._frames)
                await self._play(speaker)
                await asyncio.sleep(RETURN_S)
                listening.cancel()
            waited_s = CLOCK() - began_s
        heard = self._heard(quiet, waited_s) if isinstance(microphone, PortAudioMicrophone) else None
        played = self._played() if isinstance(speaker, PortAudioSpeaker) else None
        echo = find_echo(played_blocks(self._blocks), heard_blocks(self._frames)) if heard and played else None
        return replace(facts, heard=heard, played=played, echo=echo)

    async def _open_microphone(self, stack: AsyncExitStack) -> PortAudioMicrophone | DeviceError | None:
        if self._input is None:
            return None
        opening = PortAudioMicrophone(self._input, self._settings.input_latency_s, CLOCK, _ignore)
        return await _opened(stack.enter_async_context(opening))

    async def _open_speaker(self, stack: AsyncExitStack) -> PortAudioSpeaker | DeviceError | None:
        if self._output is None:
            return None
        opening = PortAudioSpeaker(self._output, self._settings.output_latency_s, CLOCK, _ignore, self._note)
        return await _opened(stack.enter_async_context(opening))

    def _note(self, block: PlayedBlock) -> None:
        self._blocks.append((block, CLOCK()))

    async def _listen(self, microphone: PortAudioMicrophone | DeviceError | None) -> None:
        if isinstance(microphone, PortAudioMicrophone):
            async for frame in microphone.frames():
                self._frames.append((frame, CLOCK()))

    async def _play(self, speaker: PortAudioSpeaker | DeviceError | None) -> None:
        if not isinstance(speaker, PortAudioSpeaker):
            return
        speaker.begin(READY, held=False)
        speaker.play(PlaybackChunk(READY, ready_sound(), READY_HZ, 0))
        speaker.finish(READY)
        try:
            async with asyncio.timeout(STUCK_S):
                await speaker.drained()
        except TimeoutError:
            speaker.flush()

    def _heard(self, quiet: int, waited_s: float) -> Capture:
        pcm = joined(heard_blocks(self._frames))
        before = joined(heard_blocks(self._frames[:quiet]))
        return Capture(len(pcm) / LISTEN_RATE_HZ, waited_s, is_zero=not pcm.any(), level_db=level_of(before))

    def _played(self) -> Playback:
        if len(self._blocks) < 2:
            return Playback(0.0, QUIET_S)
        (_, first_s), (_, last_s) = self._blocks[0], self._blocks[-1]
        took_s = sum(len(block.pcm) / block.rate_hz for block, _ in self._blocks[:-1])
        return Playback(took_s, last_s - first_s)


async def _opened(opening: Awaitable[Opened]) -> Opened | DeviceError:
    try:
        return await opening
    except DeviceError as error:
        return error


def _refused(facts: DeviceFacts, error: DeviceError) -> DeviceFacts:
    return replace(facts, chosen=None, problem=error.message, hint=error.hint)


def _ignore(event: Event) -> None:
    """Ignore the events of the devices."""


def heard_blocks(frames: Sequence[tuple[AudioFrame, float]]) -> list[Block]:
    """Return the microphone's frames as blocks for the analysis."""
    return [Block(frame.pcm, came_s, frame.captured_at_s) for frame, came_s in frames]


def played_blocks(blocks: Sequence[tuple[PlayedBlock, float]]) -> list[Block]:
    """Return the playback as blocks at the microphone's rate: resampled as a whole, then split at the same times."""
    if not blocks:
        return []
    rate_hz = blocks[0][0].rate_hz
    pcm = resample(np.concatenate([block.pcm for block, _ in blocks]), rate_hz, LISTEN_RATE_HZ)
    ends = np.cumsum([len(block.pcm) for block, _ in blocks]) * LISTEN_RATE_HZ / rate_hz
    resampled = np.split(pcm, np.round(ends[:-1]).astype(int))
    return [
        Block(part, played_at_s, block.sounds_at_s)
        for part, (block, played_at_s) in zip(resampled, blocks, strict=True)
    ]
