"""Handlers of `/device`, `/doctor`, `/language`, `/model`, `/speed` and `/voice`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal, Protocol

from voicecli.doctor.finding import Finding, Group, State, first_to_do, summary
from voicecli.engines.llm.available import AvailableModels
from voicecli.engines.llm.select import Opened
from voicecli.settings.model import LlmSettings
from voicecli.slash.complete import Value
from voicecli.slash.dispatcher import Start, error_text

DevicePart = Literal["microphone", "speaker"]

PART_WORDS: dict[str, DevicePart] = {
    "mic": "microphone",
    "microphone": "microphone",
    "input": "microphone",
    "speaker": "speaker",
    "output": "speaker",
}
"""Accepted words for each device part."""

ROLES: dict[DevicePart, str] = {"microphone": "input", "speaker": "output"}

DEVICE_USAGE = (
    "/device lists the devices; /device mic NAME or /device speaker NAME selects one; part of the name is enough."
)

DEFAULT = "default"

DOCTOR_MARKS: dict[State, str] = {"passed": "+", "warned": "!", "failed": "x", "skipped": "-"}
"""Marks of `voicecli doctor` for an unknown terminal; screen readers can read them."""

TO_DOWNLOAD = "embedded, {size} to download"

DOCTOR_STARTED = "Checking the program, the models, the memory and the sound system; nothing is played…"

MIN_SPEED, MAX_SPEED = 0.5, 2.0
"""Range of tts.speed."""

SPEED_USAGE = f"/speed takes a number from {MIN_SPEED:g} to {MAX_SPEED:g}, where 1 is normal, for example: /speed 1.2"

NO_VOICE = "There was no speaker at the start, so no voice was loaded: answers are written."

Changed = Callable[[str, str], None]
"""Report the new engine's name and a message about it."""

ListedDevices = frozenset[tuple[str, str]]
"""Name and role of each device. A default device has a second entry, with the role "default input" or so."""


class Devices(Protocol):
    """The methods of `ReconnectingDevices` that `/device` uses."""

    def in_use(self) -> dict[DevicePart, str]: ...

    def request(self, part: DevicePart, name: str) -> None: ...

    async def available(self) -> ListedDevices: ...


class DeviceCommand:
    """Handler of `/device`."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices

    async def device(self, argument: str) -> str:
        """List the devices, or request another one; the change is made and reported once nobody speaks."""
        word, _, name = argument.partition(" ")
        if not word:
            return device_list(await self._devices.available(), self._devices.in_use())
        part = PART_WORDS.get(word.lower())
        if part is None or not name.strip():
            return DEVICE_USAGE
        if part not in self._devices.in_use():
            return f"The conversation started without a {part}, so none can replace it: start voicecli talk again."
        self._devices.request(part, "" if name.strip() == DEFAULT else name.strip())
        return ""


def device_values(seen: ListedDevices) -> list[Value]:
    """Return the possible arguments of `/device`."""
    words = {"mic": "input", "speaker": "output"}
    found = [
        Value(f"{word} {name}", DEFAULT if (name, f"default {role}") in seen else "")
        for word, role in words.items()
        for name in sorted(name for name, known in seen if known == role)
    ]
    return [*found, *(Value(f"{word} {DEFAULT}", "of the system") for word in words)]


def device_list(seen: ListedDevices, in_use: dict[DevicePart, str]) -> str:
    """Return all devices, one line each; ">" marks those in use, "(default)" the system defaults."""
    lines = []
    for part, role in ROLES.items():
        names = sorted(name for name, known in seen if known == role)
        lines.append(f"{part.capitalize()}s:" if names else f"There is no {part}.")
        for name in names:
            default = f" ({DEFAULT})" if (name, f"default {role}") in seen else ""
            lines.append(f"{'>' if name == in_use.get(part) else ' '} {name}{default}")
    return "\n".join([*lines, DEVICE_USAGE])


class DoctorCommand:
    """Handler of `/doctor`; the checks run while the conversation goes on."""

    def __init__(self, examine: Callable[[], Sequence[Group]], report: Callable[[str], None], start: Start) -> None:
        """`examine` blocks, so it is called in a thread."""
        self._examine = examine
        self._report = report
        self._start = start
        self._is_running = False

    async def doctor(self, argument: str) -> str:
        """Start the checks and return at once; the findings are reported when all are there."""
        if self._is_running:
            return "The checks are already running."
        self._is_running = True
        self._start(self._run())
        return DOCTOR_STARTED

    async def _run(self) -> None:
        try:
            self._report(findings_text(await asyncio.to_thread(self._examine)))
        except Exception as error:
            self._report(error_text(error))
        finally:
            self._is_running = False


def findings_text(groups: Sequence[Group]) -> str:
    """Return the findings, one line each with the advice below it, then the summary and where to begin."""
    findings = [finding for group in groups for finding in group.findings]
    width = max((len(finding.name) for finding in findings), default=0)
    lines = [line for finding in findings for line in _finding_lines(finding, width)]
    first = first_to_do(groups)
    begin = f" Begin with {first.name}: {first.advice}" if first else ""
    return "\n".join([*lines, f"{summary(groups)}.{begin}"])


def _finding_lines(finding: Finding, width: int) -> list[str]:
    lines = [f"{DOCTOR_MARKS[finding.state]} {finding.name:<{width}}  {finding.text}"]
    return [*lines, f"  > {finding.advice}"] if finding.advice else lines


class Models(Protocol):
    """The methods of `ModelSwitch` that `/model` uses."""

    @property
    def opened(self) -> Opened: ...

    @property
    def settings(self) -> LlmSettings: ...

    async def switch(self, settings: LlmSettings) -> Opened: ...


class ModelDownloads(Protocol):
    """The methods of `Downloads` that `/model` uses."""

    async def sizes(self) -> dict[str, str]: ...

    def knows(self, name: str) -> bool: ...

    async def get(self, name: str) -> None: ...


class ModelCommand:
    """Handler of `/model`. A model loads beside the one in use and replaces it when it is warm."""

    def __init__(
        self,
        models: Models,
        choices: Callable[[], Awaitable[AvailableModels]],
        changed: Changed,
        report: Callable[[str], None],
        start: Start,
        downloads: ModelDownloads,
    ) -> None:
        """`choices` finds the available models; `downloads` has those that are not here yet."""
        self._models = models
        self._choices = choices
        self._changed = changed
        self._report = report
        self._start = start
        self._downloads = downloads
        self._loading = ""

    async def model(self, argument: str) -> str:
        """Start to list the models, or to load one, and return at once."""
        if argument and self._loading:
            return f"{self._loading} is still loading; try again when it is done."
        self._loading = self._loading or argument
        self._start(self._switch(argument) if argument else self._list())
        return ""

    async def _list(self) -> None:
        try:
            self._report(model_list(await self._choices(), await self._downloads.sizes(), self._models))
        except Exception as error:
            self._report(error_text(error))

    async def _switch(self, argument: str) -> None:
        try:
            await self._load(argument)
        except Exception as error:
            self._report(f"{error_text(error)} {self._models.opened.model.name} stays in use.")
        finally:
            self._loading = ""

    async def _load(self, wanted: str) -> None:
        models = self._models
        if self._downloads.knows(wanted):
            await self._downloads.get(wanted)
        choice = (await self._choices()).find(wanted, models.opened.backend)
        if (choice.backend, choice.name) == (models.opened.backend, models.opened.asked):
            self._report(f"{models.opened.model.name} is already in use.")
            return
        opened = await models.switch(choice.settings(models.settings))
        self._changed(opened.model.name, f"{opened.model.name} answers from the next question on.")


def model_list(choices: AvailableModels, sizes: Mapping[str, str], models: Models) -> str:
    """Return all models and where they run, one line each; `sizes` are those of models to download."""
    rows = [(one.name, one.where) for one in choices.models]
    rows += [(name, TO_DOWNLOAD.format(size=size)) for name, size in sizes.items()]
    width = max((len(name) for name, _ in rows), default=0)
    lines = [f"{models.opened.model.name} is in use. Available:"]
    lines += [f"{name:<{width}}  {where}" for name, where in rows]
    return "\n".join([*lines, *(f"{reason}." for reason in choices.unreachable)])


class Languages(Protocol):
    """The methods of `LanguagePolicy` that `/language` uses."""

    @property
    def wanted(self) -> str: ...

    @property
    def voice_status(self) -> str: ...

    def set_language(self, wanted: str) -> str: ...


class LanguageCommand:
    """Handler of `/language`."""

    def __init__(self, language_policy: Languages, recognized: Sequence[str]) -> None:
        """`recognized`: the languages that the recognizer knows, ISO 639-1."""
        self._language_policy = language_policy
        self._recognized = recognized

    async def language(self, argument: str) -> str:
        """List the languages or set one. Raise SettingsError if the recognizer does not know it."""
        policy = self._language_policy
        if not argument:
            codes = ", ".join(sorted(self._recognized))
            return f"The language is {policy.wanted}. {policy.voice_status} Available: auto, {codes}."
        return policy.set_language(argument.lower())


class Speaker(Protocol):
    """The methods of `CurrentVoice` that `/voice` and `/speed` use."""

    voice: str
    speed: float

    def names(self) -> list[str]: ...

    def name_of(self, voice: str) -> str: ...

    def pace(self, speed: float) -> None: ...


class Voices(Protocol):
    """The method of `LanguagePolicy` that `/voice` uses."""

    def set_voice(self, voice: str) -> str: ...


class SpeechCommands:
    """Handlers of `/voice` and `/speed`."""

    def __init__(self, speaker: Speaker, voices: Voices, changed: Changed) -> None:
        self._speaker = speaker
        self._voices = voices
        self._changed = changed

    async def voice(self, argument: str) -> str:
        """List the voices or select one. Raise SettingsError if there is no such voice."""
        speaker = self._speaker
        if not argument:
            return f"The voice is {speaker.voice}. Available: {', '.join(speaker.names())}."
        message = self._voices.set_voice(argument)
        self._changed(speaker.name_of(argument), f"From the next answer on: {message}")
        return ""

    async def speed(self, argument: str) -> str:
        """Show the speed, or set it from the next answer on."""
        if not argument:
            return f"The voice speaks at {self._speaker.speed:g} times its normal speed. {SPEED_USAGE}"
        speed = parse_speed(argument)
        if speed is None:
            return f"{SPEED_USAGE}; got {argument!r}."
        self._speaker.pace(speed)
        return f"The next answer is spoken at {speed:g} times the voice's normal speed."


def parse_speed(text: str) -> float | None:
    """Return a speed such as "1.2", "1,2" or "2x"; None for anything else or out of range."""
    try:
        speed = float(text.rstrip("x").replace(",", "."))
    except ValueError:
        return None
    return speed if MIN_SPEED <= speed <= MAX_SPEED else None
