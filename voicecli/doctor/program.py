"""The interpreter with its packages, and the terminal. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voicecli.doctor.finding import Finding
from voicecli.errors import import_advice

OLDEST, TOO_NEW = (3, 11), (3, 14)
"""The range of `requires-python`: kokoro-onnx has no wheels for 3.14."""


ENGINES = ("ctranslate2", "onnxruntime", "kokoro-onnx", "xllamacpp")
"""Packages whose versions are shown; a report has all versions."""


@dataclass(frozen=True, slots=True)
class PythonFacts:
    """The interpreter and the installed packages."""

    program: str  # version of voicecli
    version: tuple[int, int, int]
    bits: int
    is_virtual: bool  # in a virtual environment
    system: str  # Linux 6.1 x86_64
    versions: Mapping[str, str | None]  # distribution -> version; None: not installed
    broken: Mapping[str, str]  # distribution -> why it does not load


def python_findings(facts: PythonFacts) -> list[Finding]:
    """Return a finding about Python, one about all packages, and one about each package that does not load."""
    return [_python(facts), *_packages(facts)]


def _python(facts: PythonFacts) -> Finding:
    version = ".".join(map(str, facts.version))
    reported = {"version": version, "bits": facts.bits, "system": facts.system, "virtual environment": facts.is_virtual}
    if not OLDEST <= facts.version[:2] < TOO_NEW:
        wanted = f"voicecli needs Python {_dotted(OLDEST)} or newer, below {_dotted(TOO_NEW)}"
        return Finding("Python", "failed", f"{version}: {wanted}", "install voicecli with another Python", reported)
    if facts.bits < 64:
        return Finding(
            "Python",
            "failed",
            f"{version}, {facts.bits} bits",
            "install a 64-bit Python; the engines do not run on a 32-bit one",
            reported,
        )
    return Finding("Python", "passed", f"{version}, voicecli {facts.program}, {facts.system}", facts=reported)


def _packages(facts: PythonFacts) -> list[Finding]:
    reported = {name: version or "absent" for name, version in facts.versions.items()}
    absent = [name for name, version in facts.versions.items() if version is None]
    lines = []
    if absent:
        lines.append(
            Finding(
                "packages", "failed", f"not installed: {', '.join(absent)}", f"pip install {' '.join(absent)}", reported
            )
        )
    for name, why in facts.broken.items():
        lines.append(Finding(name, "failed", f"does not load: {why}", _import_fix(name, why), {"why": why} | reported))
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


def _import_fix(name: str, why: str) -> str:
    if "illegal instruction" in why.lower():
        return f"{name} was built for AVX, which this processor lacks; run it on another machine: voicecli serve-stt"
    return import_advice(name, why)


def llama_finding(name: str, better: str | None, problem: str) -> Finding:
    """Return which build of ggml's CPU back end the embedded llama.cpp computes with.

    `better`: the build for this processor where it is not in use; `problem`: why not, where it is installed.
    """
    reported = {"CPU back end": name, "for this processor": better or name}
    if problem:
        text = f"computes with {name}; the build for this processor is not used: {problem}"
        return Finding("llama.cpp", "warned", text, "make llama-cpu (in the checkout) builds it again", reported)
    faster = f"; make llama-cpu (in the checkout) builds a faster one for {better} in a minute" if better else ""
    return Finding("llama.cpp", "passed", f"computes with {name}{faster}", facts=reported)


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


NARROW_CELLS = 60
"""Minimum width: the status line needs 13 cells for the state, 24 for the meter, and the rest for problems."""

LOW_LINES = 12
"""Minimum height: with fewer lines little of the conversation fits between header and keys."""

SLOW_ESCAPE_MS = 100
"""Noticeable delay: Esc interrupts an answer."""


@dataclass(frozen=True, slots=True)
class TerminalFacts:
    """The terminal of this process."""

    is_terminal: bool  # both stdin and stdout are
    is_dumb: bool  # no cursor movement
    term: str
    columns: int
    lines: int
    encoding: str
    colors: str | None  # standard, 256, truecolor, ...; None: none
    is_no_color: bool  # NO_COLOR is set
    multiplexer: str = ""  # tmux or screen
    escape_ms: int | None = None  # how long tmux delays Esc; None: unknown


def terminal_findings(facts: TerminalFacts) -> list[Finding]:
    """Return findings about encoding and colors, and warnings about a small size and a delayed Esc."""
    reported = {
        "TERM": facts.term,
        "size": f"{facts.columns}x{facts.lines}",
        "encoding": facts.encoding,
        "colors": facts.colors or "none",
        "NO_COLOR": facts.is_no_color,
        "multiplexer": facts.multiplexer or "none",
    }
    if not facts.is_terminal:
        return [
            Finding(
                "terminal",
                "skipped",
                "input or output is not a terminal, so voicecli talk prints plain lines",
                facts=reported,
            )
        ]
    if facts.is_dumb:
        text = f"TERM={facts.term} cannot move the cursor, so voicecli talk prints plain lines"
        return [Finding("terminal", "warned", text, "use another terminal for the live screen", reported)]
    return [_abilities(facts, reported), *_size(facts), *_escape(facts)]


def is_unicode(encoding: str) -> bool:
    """Return whether the encoding can represent all of Unicode."""
    return encoding.lower().replace("-", "").startswith("utf")


def _abilities(facts: TerminalFacts, reported: dict[str, object]) -> Finding:
    if not is_unicode(facts.encoding):
        text = f"the encoding is {facts.encoding or 'unknown'}, but the live screen needs Unicode"
        return Finding("terminal", "warned", text, "set LANG=C.UTF-8, unset PYTHONIOENCODING", reported)
    colors = "no colors (NO_COLOR)" if facts.is_no_color else f"colors: {facts.colors or 'none'}"
    inside = f", in {facts.multiplexer}" if facts.multiplexer else ""
    return Finding("terminal", "passed", f"{facts.columns}x{facts.lines}, Unicode, {colors}{inside}", facts=reported)


def _size(facts: TerminalFacts) -> list[Finding]:
    if facts.columns >= NARROW_CELLS and facts.lines >= LOW_LINES:
        return []
    text = f"{facts.columns}x{facts.lines} is small: parts of the live screen are hidden"
    return [Finding("size", "warned", text, f"enlarge it to {NARROW_CELLS}x{LOW_LINES} or more, or use --ui plain")]


def _escape(facts: TerminalFacts) -> list[Finding]:
    if facts.escape_ms is None or facts.escape_ms <= SLOW_ESCAPE_MS:
        return []
    text = f"tmux delays it by {facts.escape_ms} ms, so interrupting an answer takes that much longer"
    return [Finding("Esc", "warned", text, "tmux set -s escape-time 10", {"escape-time": facts.escape_ms})]
