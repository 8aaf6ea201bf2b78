"""/device, /doctor, /language, /model, /speed and /voice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.defaults import SETTINGS
from tests.unit.engines.llm.test_switch import Model
from voicecli.doctor.finding import Finding, Group
from voicecli.engines.llm.available import AvailableModel, AvailableModels
from voicecli.engines.llm.select import Opened
from voicecli.errors import BackendUnavailable, ModelMissing, SettingsError
from voicecli.settings.model import LlmSettings
from voicecli.slash.complete import Value
from voicecli.slash.handlers import (
    DEVICE_USAGE,
    DOCTOR_STARTED,
    DeviceCommand,
    DevicePart,
    DoctorCommand,
    LanguageCommand,
    ListedDevices,
    ModelCommand,
    SpeechCommands,
    device_values,
    findings_text,
    parse_speed,
)

SEEN: ListedDevices = frozenset(
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
    there: ListedDevices = SEEN
    wanted: list[tuple[DevicePart, str]] = field(default_factory=list)

    def in_use(self) -> dict[DevicePart, str]:
        return self.used

    def request(self, part: DevicePart, name: str) -> None:
        self.wanted.append((part, name))

    async def available(self) -> ListedDevices:
        return self.there


def device_reply(devices: Devices, argument: str) -> str:
    return asyncio.run(DeviceCommand(devices).device(argument))


def test_the_list_marks_what_is_in_use_and_the_default_ones() -> None:
    assert device_reply(Devices(), "").splitlines() == [
        "Microphones:",
        "  Webcam (default)",
        "> Yeti",
        "Speakers:",
        "  HDMI (default)",
        DEVICE_USAGE,
    ]
    assert device_reply(Devices(there=frozenset()), "").startswith("There is no microphone.\nThere is no speaker.")


def test_a_device_is_requested_by_a_part_of_its_name_or_as_the_default() -> None:
    devices = Devices()
    assert device_reply(devices, "mic Blue Yeti") == ""
    assert device_reply(devices, "Microphone default") == ""
    assert devices.wanted == [("microphone", "Blue Yeti"), ("microphone", "")]


def test_a_missing_name_and_an_unknown_part_are_reported() -> None:
    devices = Devices()
    assert device_reply(devices, "mic") == DEVICE_USAGE
    assert device_reply(devices, "headset Yeti") == DEVICE_USAGE
    assert "started without a speaker" in device_reply(devices, "speaker HDMI")
    assert devices.wanted == []


def test_device_completions_mark_the_default() -> None:
    assert device_values(SEEN) == [
        Value("mic Webcam", "default"),
        Value("mic Yeti"),
        Value("speaker HDMI", "default"),
        Value("mic default", "of the system"),
        Value("speaker default", "of the system"),
    ]


GROUPS = [
    Group("Program", [Finding("packages", "passed", "all load")]),
    Group(
        "Sound", [Finding("speaker", "failed", "none is there", "plug one in"), Finding("card", "skipped", "no GPU")]
    ),
]

TEXT = """\
+ packages  all load
x speaker   none is there
  > plug one in
- card      no GPU
1 passed, 1 failed, 1 skipped. Begin with speaker: plug one in"""


def test_findings_are_lines_with_their_advice_and_a_summary() -> None:
    assert findings_text(GROUPS) == TEXT
    assert findings_text([]) == "0 passed."


def doctor_reports(examine: Callable[[], Sequence[Group]], times: int = 1) -> list[str]:
    reported: list[str] = []

    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            command = DoctorCommand(examine, reported.append, tasks.create_task)
            reported.extend([await command.doctor("") for _ in range(times)])

    asyncio.run(run())
    return reported


def test_checks_run_off_the_loop_and_once_at_a_time() -> None:
    threads: list[threading.Thread] = []

    def examine() -> Sequence[Group]:
        threads.append(threading.current_thread())
        return GROUPS

    assert doctor_reports(examine, times=2) == [DOCTOR_STARTED, "The checks are already running.", TEXT]
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


def test_a_check_that_raises_is_reported() -> None:
    def broken() -> Sequence[Group]:
        raise OSError("no disk")

    assert doctor_reports(broken)[-1] == "That failed: OSError: no disk"


HERE = AvailableModel("small", "embedded", "embedded")
THERE = AvailableModel("large", "openai", "127.0.0.1:30000")
BOTH = AvailableModels((HERE, AvailableModel("small", "openai", "127.0.0.1:30000"), THERE), ("Ollama does not answer",))


@dataclass
class Models:
    """Has `small` embedded; switches to any other model, or fails."""

    settings: LlmSettings = SETTINGS.llm
    opened: Opened = field(default_factory=lambda: Opened(Model("small"), "", 4096, backend="embedded", asked="small"))
    failing: Exception | None = None
    loading: asyncio.Event | None = None

    async def switch(self, settings: LlmSettings) -> Opened:
        if self.loading:
            await self.loading.wait()
        if self.failing:
            raise self.failing
        self.settings = settings
        name = settings.model
        backend = settings.backend
        assert backend != "auto"
        self.opened = Opened(Model(name), "", 4096, backend=backend, asked=name)
        return self.opened


@dataclass
class Downloads:
    """Can download these models, by name and size, or fails."""

    there: dict[str, str] = field(default_factory=dict)
    failing: Exception | None = None
    got: list[str] = field(default_factory=list)

    async def sizes(self) -> dict[str, str]:
        return self.there

    def knows(self, name: str) -> bool:
        return name in self.there

    async def get(self, name: str) -> None:
        if self.failing:
            raise self.failing
        self.got.append(name)


def reports(
    models: Models,
    *arguments: str,
    choices: AvailableModels | Exception = BOTH,
    downloads: Downloads | None = None,
) -> list[object]:
    reported: list[object] = []

    async def asked() -> AvailableModels:
        if isinstance(choices, Exception):
            raise choices
        return choices

    async def run() -> None:
        tasks: list[asyncio.Task[None]] = []

        def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            tasks.append(asyncio.ensure_future(work))
            return tasks[-1]

        changed = lambda *what: reported.append(what)  # noqa: E731
        command = ModelCommand(models, asked, changed, reported.append, start, downloads or Downloads())
        reported.extend([await command.model(argument) for argument in arguments])
        await asyncio.sleep(0)
        if models.loading:
            models.loading.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())
    return [one for one in reported if one]


def test_a_model_switch_is_reported_when_it_is_loaded() -> None:
    models = Models()
    assert reports(models, "large") == [("large", "large answers from the next question on.")]
    assert (models.settings.backend, models.settings.model) == ("openai", "large")


def test_the_one_that_answers_is_not_loaded_again() -> None:
    models = Models(failing=AssertionError("loaded"))
    assert reports(models, "small") == ["small is already in use."]


def test_models_load_one_at_a_time() -> None:
    models = Models(loading=asyncio.Event())
    reported = reports(models, "large", "", "small")
    assert reported[0] == "large is still loading; try again when it is done."
    assert "small is in use. Available:" in str(reported[1])
    assert models.opened.asked == "large"
    assert reports(models, "small")[-1] == ("small", "small answers from the next question on.")


def test_a_failed_switch_reports_the_reason_and_the_model_in_use() -> None:
    failing = BackendUnavailable("127.0.0.1:30000 does not answer", "Start the server.")
    reported = reports(Models(failing=failing), "large")
    assert reported == ["127.0.0.1:30000 does not answer. Start the server. small stays in use."]


def test_a_name_that_is_not_known_is_reported_with_the_nearest_first() -> None:
    (reported,) = reports(Models(), "larg")
    assert str(reported).startswith("There is no language model 'larg'. nearest: large; Ollama")


def test_the_list_says_where_each_runs() -> None:
    assert reports(Models(), "") == [
        "small is in use. Available:\n"
        "small  embedded\n"
        "small  127.0.0.1:30000\n"
        "large  127.0.0.1:30000\n"
        "Ollama does not answer."
    ]
    assert reports(Models(), "", choices=OSError("disk")) == ["That failed: OSError: disk"]


def test_a_model_that_is_not_here_is_listed_with_its_size_and_downloaded_first() -> None:
    downloads = Downloads({"large": "1.1 GB"})
    only = AvailableModels((HERE,))
    assert reports(Models(), "", choices=only, downloads=downloads) == [
        "small is in use. Available:\nsmall  embedded\nlarge  embedded, 1.1 GB to download"
    ]
    assert reports(Models(), "large", downloads=downloads) == [("large", "large answers from the next question on.")]
    assert downloads.got == ["large"]


def test_a_download_that_fails_leaves_the_model_in_use() -> None:
    downloads = Downloads({"large": "1.1 GB"}, ModelMissing("large could not be downloaded", "check the network"))
    models = Models()
    (reported,) = reports(models, "large", downloads=downloads)
    assert reported == "Large could not be downloaded. check the network. small stays in use."
    assert models.opened.asked == "small"


def test_a_name_in_two_backends_means_the_current_backend() -> None:
    assert BOTH.find("small", "openai").backend == "openai"
    assert BOTH.find("small", "ollama") == HERE
    assert AvailableModels((AvailableModel("qwen", "ollama", "Ollama"),)).find("qwen:latest", "ollama").name == "qwen"
    assert AvailableModel("qwen", "ollama", "").settings(SETTINGS.llm).model == "qwen"


def test_a_gguf_file_is_a_model_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    with pytest.raises(SettingsError, match="there is no file"):
        BOTH.find(str(file), "openai")
    file.touch()
    assert BOTH.find(str(file), "openai") == AvailableModel(str(file), "embedded", "embedded")
    with pytest.raises(SettingsError) as raised:
        AvailableModels(()).find("x", "openai")
    assert "download-models" in raised.value.hint


@dataclass
class Languages:
    wanted: str = "en"
    voice_status: str = "English: af_heart speaks."

    def set_language(self, wanted: str) -> str:
        if wanted not in ("en", "de", "auto"):
            raise SettingsError(f"no language {wanted!r}")
        self.wanted = wanted
        return f"now {wanted}"


def test_languages_are_listed_and_set() -> None:
    command = LanguageCommand(languages := Languages(), ("en", "de"))
    reported = "The language is en. English: af_heart speaks. Available: auto, de, en."
    assert asyncio.run(command.language("")) == reported
    assert asyncio.run(command.language("DE")) == "now de"
    assert languages.wanted == "de"
    with pytest.raises(SettingsError):
        asyncio.run(command.language("dd"))


@dataclass
class Speaker:
    """Strict: three voices, and the languages that they are for."""

    voice: str = "af_heart"
    speed: float = 1.0
    chosen: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        return ["af_heart", "bm_george", "bm_lewis"]

    def name_of(self, voice: str) -> str:
        return f"kokoro {voice}"

    def pace(self, speed: float) -> None:
        self.speed = speed

    def set_voice(self, voice: str) -> str:
        if voice not in self.names():
            raise SettingsError(f"there is no voice {voice!r}", "nearest: bm_george")
        self.chosen.append(voice)
        return f"{voice} speaks."


class Talk:
    """The commands, and what came of them."""

    def __init__(self, speaker: Speaker) -> None:
        self.reported: list[object] = []
        self.speech = SpeechCommands(speaker, speaker, lambda *changed: self.reported.append(changed))

    def run(self, *actions: Callable[[], Awaitable[str]]) -> list[object]:
        async def run() -> None:
            for action in actions:
                self.reported.append(await action())

        asyncio.run(run())
        return [one for one in self.reported if one]


def test_a_new_voice_is_chosen_and_reported() -> None:
    speaker = Speaker()
    talk = Talk(speaker)
    (changed,) = talk.run(lambda: talk.speech.voice("bm_george"))
    assert changed == ("kokoro bm_george", "From the next answer on: bm_george speaks.")
    assert speaker.chosen == ["bm_george"]


def test_without_an_argument_both_show_the_current_value() -> None:
    talk = Talk(Speaker())
    voices, speed = talk.run(lambda: talk.speech.voice(""), lambda: talk.speech.speed(""))
    assert voices == "The voice is af_heart. Available: af_heart, bm_george, bm_lewis."
    assert str(speed).startswith("The voice speaks at 1 times its normal speed.")


def test_a_voice_that_does_not_exist_raises() -> None:
    talk = Talk(Speaker())
    with pytest.raises(SettingsError, match="no voice"):
        talk.run(lambda: talk.speech.voice("bm_georg"))


@pytest.mark.parametrize(
    ("text", "speed"),
    [
        ("1.2", 1.2),
        ("1,2", 1.2),
        ("2x", 2.0),
        ("0.5", 0.5),
        ("0.4", None),
        ("2.1", None),
        ("fast", None),
        ("nan", None),
    ],
)
def test_a_speed_is_a_number_in_its_bounds(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed
    speaker = Speaker()
    talk = Talk(speaker)
    (reported,) = talk.run(lambda: talk.speech.speed(text))
    assert (repr(text) in str(reported)) is (speed is None)
    assert speaker.speed == (speed or 1.0)
