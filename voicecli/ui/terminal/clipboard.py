"""Copy to the clipboard with a program of the desktop, and through the terminal (OSC 52), which works over SSH too.

Only the program reports failures; a terminal without OSC 52, or with it disabled, reports nothing. pyperclip is no
replacement: it ignores the exit code of the program, has no timeout, and leaves it in the process group of Ctrl-C.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from voicecli.errors import SettingsError
from voicecli.settings.load import surroundings

TERMINAL = "the terminal (OSC 52)"

MAX_BYTES = 74_994
"""Longest text: its sequence has 100,000 bytes, the limit of hterm's osc52.sh."""

TOOL_S = 3.0
"""Timeout: a program that takes longer waits for a desktop that does not respond."""

Which = Callable[[str], str | None]
"""Return the path of an installed program."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that copies its standard input to the clipboard."""

    command: tuple[str, ...]
    encoding: str = "utf8"

    @property
    def name(self) -> str:
        return self.command[0]


def find_tool(platform: str, environ: Mapping[str, str], which: Which) -> Tool | None:
    """Return the first program that is installed and has a desktop to work with."""
    tools: list[Tool] = []
    if platform == "darwin":
        tools.append(Tool(("pbcopy",)))
    if environ.get("WAYLAND_DISPLAY"):
        tools.append(Tool(("wl-copy",)))
    if environ.get("DISPLAY"):
        tools += [Tool(("xclip", "-selection", "clipboard", "-in")), Tool(("xsel", "--clipboard", "--input"))]
    if platform == "win32" or environ.get("WSL_DISTRO_NAME"):
        tools.append(Tool(("clip.exe",), "utf-16"))  # without a byte order mark it assumes the code page
    return next((tool for tool in tools if which(tool.name)), None)


def osc52(text: str) -> str:
    """Return the sequence that makes a terminal copy `text`; empty if the text is too long."""
    data = text.encode()
    return f"\x1b]52;c;{base64.b64encode(data).decode()}\x07" if len(data) <= MAX_BYTES else ""


class Clipboard:
    """Copies with a program, through the terminal, or both; one of them is given."""

    def __init__(self, tool: Tool | None, terminal: TextIO | None) -> None:
        self._tool = tool
        self._terminal = terminal

    def close(self) -> None:
        if self._terminal is not None:
            self._terminal.close()

    def copy(self, text: str) -> tuple[list[str], list[str]]:
        """Copy `text`; return the ways that worked, and the errors of the others. Blocks for up to `TOOL_S`."""
        used: list[str] = []
        failures: list[str] = []
        if self._tool is not None:
            reason = run_tool(self._tool, text)
            (failures if reason else used).append(reason or self._tool.name)
        if self._terminal is not None:
            sequence = osc52(text)
            self._terminal.write(sequence)
            self._terminal.flush()
            (used if sequence else failures).append(TERMINAL if sequence else f"{TERMINAL}: the text is too long")
        return used, failures


def find_clipboard(environ: Mapping[str, str] | None = None, which: Which = shutil.which) -> Clipboard:
    """Return the clipboard of this desktop and terminal. Raise SettingsError if there is neither."""
    names = ("WAYLAND_DISPLAY", "DISPLAY", "WSL_DISTRO_NAME")
    tool = find_tool(sys.platform, surroundings(*names) if environ is None else environ, which)
    terminal: TextIO | None = None
    with suppress(OSError):  # without a terminal: a daemon's child
        terminal = Path("/dev/tty").open("w", encoding="utf8")  # noqa: SIM115 - as long as the program runs
    if tool is None and terminal is None:
        raise SettingsError(
            "no clipboard found: there is no terminal, and no desktop with wl-copy, xclip, xsel, pbcopy or clip.exe",
            "Use --output FILE to write a file.",
        )
    return Clipboard(tool, terminal)


def run_tool(tool: Tool, text: str) -> str:
    """Copy `text` and return the error message; empty if it worked.

    xclip and wl-copy leave a process behind that holds the clipboard and inherits open files. Waiting for the end of a
    pipe would mean waiting for that process, so errors go to a temporary file.
    """
    with tempfile.TemporaryFile() as errors:
        try:
            done = subprocess.run(
                tool.command,
                input=text.encode(tool.encoding),
                stdout=subprocess.DEVNULL,
                stderr=errors,
                timeout=TOOL_S,
                check=False,
                start_new_session=True,  # so that Ctrl-C does not end the process that holds the clipboard
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{tool.name}: {error}"
        errors.seek(0)
        reason = " ".join(errors.read().decode(errors="replace").split())
        return f"{tool.name}: {reason or f'exit code {done.returncode}'}" if done.returncode else ""
