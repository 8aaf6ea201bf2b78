"""Collect facts about the interpreter, its packages and the terminal."""

from __future__ import annotations

import importlib.metadata
import platform
import signal
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console

from voicecli import __version__
from voicecli.doctor.program import PythonFacts, TerminalFacts
from voicecli.engines.machine import output_of
from voicecli.settings.load import surroundings

PACKAGES: Mapping[str, str] = {
    "numpy": "numpy",
    "sounddevice": "",
    "soxr": "soxr",
    "webrtcvad-wheels": "webrtcvad",
    "livekit": "livekit.rtc",
    "onnxruntime": "onnxruntime",
    "ctranslate2": "ctranslate2",
    "faster-whisper": "faster_whisper",
    "onnx": "onnx",
    "kokoro-onnx": "kokoro_onnx",
    "xllamacpp": "xllamacpp",
    "openai": "openai",
    "ollama": "ollama",
}
"""Distribution -> module: the packages that a conversation needs, each after its own dependencies.

An empty module is not imported: sounddevice starts PortAudio on import, which the sound probe checks.
"""

INSTEAD = {"onnxruntime": "onnxruntime-gpu"}
"""Other builds that contain the same module."""

LOAD_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    print("begin", name, flush=True)
    try:
        importlib.import_module(name)
    except BaseException as error:
        print("error", type(error).__name__, str(error).partition("\\n")[0], flush=True)
"""

LONGEST_S = 30.0
"""Timeout for importing all packages, which takes two seconds on two cores."""


def python_facts(packages: Mapping[str, str] = PACKAGES) -> PythonFacts:
    """Return facts about the interpreter and the packages. Import packages in another process: they may crash."""
    versions = {name: version_of(name) or version_of(INSTEAD.get(name, name)) for name in packages}
    there = {module: name for name, module in packages.items() if versions[name] and module}
    broken = {there[module]: why for module, why in broken_modules(list(there)).items()}
    return PythonFacts(
        program=__version__,
        version=sys.version_info[:3],
        bits=struct.calcsize("P") * 8,
        is_virtual=sys.prefix != sys.base_prefix,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        versions=versions,
        broken=broken,
    )


def version_of(distribution: str) -> str | None:
    """Return the version of a distribution; None if it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def broken_modules(modules: Sequence[str]) -> dict[str, str]:
    """Return the modules that do not load, with the reason. After a crash, try the rest in a new process."""
    broken: dict[str, str] = {}
    rest = list(modules)
    while rest:
        command = [sys.executable, "-P", "-c", LOAD_ALL, *rest]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
            printed, end = done.stdout, ending(done.returncode)
        except subprocess.TimeoutExpired as late:
            printed, end = (late.stdout or b"").decode(), f"no end within {LONGEST_S:.0f} s"
        begun = read_report(printed, broken)
        if not end:
            break
        if not begun:
            return dict.fromkeys(modules, f"Python does not start: {end}")
        broken[begun[-1]] = end
        rest = rest[len(begun) :]
    return broken


def read_report(printed: str, broken: dict[str, str]) -> list[str]:
    """Return the modules whose import began; add those that raised to `broken`."""
    begun: list[str] = []
    for line in printed.splitlines():
        word, _, said = line.partition(" ")
        if word == "begin":
            begun.append(said)
        elif word == "error" and begun:
            broken[begun[-1]] = said
    return begun


def ending(code: int) -> str:
    """Return why a process failed; empty for exit code 0."""
    if code >= 0:
        return f"exit code {code}" if code else ""
    return f"crash ({signal.strsignal(-code) or f'signal {-code}'})"


def terminal_facts() -> TerminalFacts:
    """Return facts about the terminal of stdin and stdout, from Rich and tmux."""
    console = Console()
    found = surroundings("TERM", "NO_COLOR", "TMUX", "STY")
    multiplexer = "tmux" if "TMUX" in found else "screen" if "STY" in found else ""
    escape = output_of("tmux", "show-options", "-sv", "escape-time") if multiplexer == "tmux" else ""
    return TerminalFacts(
        is_terminal=sys.stdin is not None and sys.stdin.isatty() and console.is_terminal,
        is_dumb=console.is_dumb_terminal,
        term=found.get("TERM", ""),
        columns=console.width,
        lines=console.height,
        encoding=console.encoding,
        colors=console.color_system,
        is_no_color="NO_COLOR" in found,
        multiplexer=multiplexer,
        escape_ms=int(escape) if escape.isdecimal() else None,
    )
