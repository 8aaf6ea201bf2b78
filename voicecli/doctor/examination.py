"""Run all checks in order. A check that raises becomes a failed finding, and the others still run."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from voicecli.doctor.finding import Finding, Group
from voicecli.doctor.models import ModelFacts
from voicecli.errors import SettingsError, VoiceCliError, first_of, import_advice
from voicecli.settings.model import Settings

SOUND_TIMEOUT_S = 12.0
"""Listening and playing take two seconds, five if the speaker is stuck. Starting a process and PortAudio adds to it."""

Check = Callable[[], Sequence[Finding]]

Step = tuple[str, str, Check]
"""Name of the finding if the check raises, description of the step, and the check."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to check."""

    settings: Settings
    models: Sequence[str]  # models that a conversation needs, by their names in the settings
    changed: dict[str, str]  # settings that differ from the defaults, with their values
    problem: SettingsError | None = None  # why the user's settings were rejected; then `settings` are the defaults
    aloud: bool = True  # open devices and play a sound
    quick: bool = False  # do not hash model files


class Examination:
    """One run of all checks. Later checks use the results of earlier ones."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._settings = request.settings
        self._models: Sequence[ModelFacts] = ()
        self._answers_elsewhere = False  # a server answers, so the embedded model is not loaded

    def run(self, doing: Callable[[str], None]) -> Iterator[Group]:
        """Yield each group of findings; report each step to `doing` before it starts.

        Groups are in the order of their dependencies: the first failure may be the cause of later ones.
        """
        models = "Checking the models" if self._request.quick else "Hashing the models"
        sound = (
            "Please be quiet for a moment: listening and playing a sound" if self._request.aloud else "Listing devices"
        )
        program: tuple[Step, ...] = (
            ("program", "Loading the packages", self._program),
            ("terminal", "Checking the terminal", self._terminal),
        )
        engines: tuple[Step, ...] = (
            ("NVIDIA card", "Looking for a graphics card", self._gpu),
            ("models", models, self._check_models),
            ("language model", "Requesting one token", self._language_model),
            ("llama.cpp", "Looking at the embedded llama.cpp", self._llama),
            ("memory", "Checking free memory", self._memory),
        )
        devices: tuple[Step, ...] = (
            ("sound system", "Looking for sound servers", self._sound_system),
            ("sound", sound, self._sound),
        )
        for title, steps in (("Program", program), ("Models", engines), ("Sound", devices)):
            findings: list[Finding] = []
            for name, step, check in steps:
                doing(step)
                findings += guarded(name, check)
            yield Group(title, findings)

    def _program(self) -> list[Finding]:
        from voicecli.doctor.probes.program import python_facts
        from voicecli.doctor.program import python_findings

        return [*python_findings(python_facts()), settings_finding(self._request)]

    def _check_models(self) -> list[Finding]:
        from voicecli.doctor.models import model_findings
        from voicecli.doctor.probes.models import model_facts
        from voicecli.models.manifest import Manifest
        from voicecli.models.store import ModelStore

        store = ModelStore(self._settings.models_dir, Manifest.load())
        self._models = model_facts(store, self._request.models, quick=self._request.quick)
        return model_findings(list(self._models), offline=self._settings.models.offline)

    def _language_model(self) -> list[Finding]:
        from voicecli.doctor.probes.servers import language_model_facts
        from voicecli.doctor.servers import server_findings
        from voicecli.models.store import embedded_models, language_model_file, open_store

        names = embedded_models(self._settings)
        there = any(model.name in names and model.state in ("whole", "own") for model in self._models)
        gguf = partial(language_model_file, open_store(self._settings), self._settings)
        facts = language_model_facts(self._settings.llm, "".join(names), gguf, embedded_is_there=there)
        self._answers_elsewhere = bool(facts.answering)
        return server_findings(facts)

    def _llama(self) -> list[Finding]:
        from voicecli.doctor.program import llama_finding
        from voicecli.engines.llm.cpu_backend import use_fastest

        cpu = use_fastest()
        return [llama_finding(cpu.name, cpu.better, cpu.problem)]

    def _memory(self) -> list[Finding]:
        from voicecli.doctor.models import memory_findings
        from voicecli.engines.machine import memory_facts

        return memory_findings(memory_facts(), [model for model in self._models if not self._is_elsewhere(model)])

    def _is_elsewhere(self, model: ModelFacts) -> bool:
        """Return whether the model is loaded outside this machine's main memory."""
        settings = self._settings
        on_gpu = {
            "stt": settings.stt.device == "cuda",
            "tts": settings.tts.device == "cuda",
            "llm": settings.llm.gpu_layers < 0 or self._answers_elsewhere,
        }
        return on_gpu.get(model.kind, False)

    def _gpu(self) -> list[Finding]:
        from voicecli.doctor.gpu import gpu_findings
        from voicecli.doctor.probes.gpu import gpu_facts

        return gpu_findings(gpu_facts(self._settings))

    def _sound_system(self) -> list[Finding]:
        from voicecli.doctor.probes.sound_system import system_facts
        from voicecli.doctor.sound_system import system_findings

        return system_findings(system_facts())

    def _sound(self) -> list[Finding]:
        from voicecli.doctor.probes.processes import run_in_subprocess
        from voicecli.doctor.sound import SoundFacts, sound_findings

        probe = ("voicecli.doctor.probes.sound", "sound_facts")
        facts = run_in_subprocess(*probe, self._settings.audio, self._request.aloud, within_s=SOUND_TIMEOUT_S)
        assert isinstance(facts, SoundFacts)
        return sound_findings(facts)

    def _terminal(self) -> list[Finding]:
        from voicecli.doctor.probes.program import terminal_facts
        from voicecli.doctor.program import terminal_findings

        return terminal_findings(terminal_facts())


def settings_finding(request: Request) -> Finding:
    """Return the finding about the settings: valid or not, and which ones were changed."""
    if request.problem:
        advice = request.problem.hint or "voicecli talk --show-settings"
        text = f"{request.problem.message}; the checks below use the defaults"
        return Finding("settings", "failed", text, advice)
    changed = len(request.changed)
    text = f"{changed} changed: {', '.join(sorted(request.changed)[:3])}" if changed else "all defaults"
    return Finding("settings", "passed", text + (", ..." if changed > 3 else ""), facts=request.changed)


def guarded(name: str, check: Check) -> Sequence[Finding]:
    """Return the findings of a check; if it raises, return one failed finding with the reason."""
    try:
        return check()
    except Exception as caught:
        error = first_of(caught) if isinstance(caught, ExceptionGroup) else caught
        if isinstance(error, VoiceCliError):
            return [Finding(name, "failed", error.message, error.hint or "run voicecli doctor --json for details")]
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        advice = _error_advice(error)
        return [Finding(name, "failed", f"could not be checked: {reason}", advice, {"where": where})]


def _error_advice(error: Exception) -> str:
    if isinstance(error, ImportError):
        return import_advice(error.name or "voicecli", str(error))
    if isinstance(error, OSError) and "PortAudio" in str(error):
        return import_advice("sounddevice", str(error))
    return "if the lines above do not explain it, report it with the output of voicecli doctor --json"
