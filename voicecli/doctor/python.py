"""Python, and whether the packages load. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voicecli.doctor.finding import Finding

OLDEST, TOO_NEW = (3, 11), (3, 14)
"""As `requires-python` has it: kokoro-onnx has no wheels for 3.14."""


ENGINES = ("ctranslate2", "onnxruntime", "kokoro-onnx", "xllamacpp")
"""Whose versions are shown; a report has all."""


@dataclass(frozen=True, slots=True)
class PythonFacts:
    """This interpreter and what was installed into it."""

    program: str  # version of voicecli
    version: tuple[int, int, int]
    bits: int
    is_virtual: bool  # in an environment of its own
    system: str  # Linux 6.1 x86_64
    versions: Mapping[str, str | None]  # distribution -> version; None: not installed
    broken: Mapping[str, str]  # distribution -> why it does not load


def python_findings(facts: PythonFacts) -> list[Finding]:
    """A line on Python, one on all packages together, and one more on each that does not load."""
    return [_python(facts), *_packages(facts)]


def _python(facts: PythonFacts) -> Finding:
    version = ".".join(map(str, facts.version))
    reported = {"version": version, "bits": facts.bits, "system": facts.system, "virtual environment": facts.is_virtual}
    if not OLDEST <= facts.version[:2] < TOO_NEW:
        wanted = f"voicecli runs on {_dotted(OLDEST)} up to, but not including, {_dotted(TOO_NEW)}"
        return Finding("Python", "failed", f"{version}: {wanted}", "install it with another Python", reported)
    if facts.bits < 64:
        return Finding(
            "Python",
            "failed",
            f"{version}, {facts.bits} bits",
            "install a 64-bit Python: no engine runs on this",
            reported,
        )
    return Finding("Python", "passed", f"{version}, voicecli {facts.program}, {facts.system}", facts=reported)


def _packages(facts: PythonFacts) -> list[Finding]:
    reported = {name: version or "absent" for name, version in facts.versions.items()}
    absent = [name for name, version in facts.versions.items() if version is None]
    lines = []
    if absent:
        lines.append(
            Finding("packages", "failed", f"absent: {', '.join(absent)}", f"pip install {' '.join(absent)}", reported)
        )
    for name, why in facts.broken.items():
        lines.append(Finding(name, "failed", f"does not load: {why}", _cure(name, why), {"why": why} | reported))
    if not lines:
        shown = ", ".join(f"{name} {reported[name]}" for name in ENGINES if name in reported)
        lines.append(
            Finding(
                "packages",
                "passed",
                f"{len(reported)} are well; {shown}" if shown else f"{len(reported)} are well",
                facts=reported,
            )
        )
    return lines


def _cure(name: str, why: str) -> str:
    if "PortAudio" in why:
        return "apt install libportaudio2 (Debian, Ubuntu), dnf install portaudio (Fedora)"
    if "illegal instruction" in why.lower():
        return f"this processor lacks what {name} was built for (AVX); another machine can serve it: voicecli serve-stt"
    return f"pip install --force-reinstall {name}"


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))
