"""The clipboard: through a program of the desktop, and through the terminal itself (OSC 52), which works over SSH too.

Only the program tells whether it was done; a terminal that does not know OSC 52, or may not obey, is silent.
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

LONGEST_BYTES = 74_994
"""Of a text: its sequence is 100,000 bytes long then, which is where hterm's own osc52.sh stops."""

TOOL_S = 3.0
"""A program that takes longer waits for a desktop that does not answer."""

Which = Callable[[str], str | None]
"""Where a program is, if it is installed."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that takes the clipboard's new text from standard input."""

    command: tuple[str, ...]
    encoding: str = "utf8"

    @property
    def name(self) -> str:
        return self.command[0]


def find_tool(platform: str, environ: Mapping[str, str], which: Which) -> Tool | None:
    """The first program that is installed and has a desktop to serve."""
    tools: list[Tool] = []
    if platform == "darwin":
        tools.append(Tool(("pbcopy",)))
    if environ.get("WAYLAND_DISPLAY"):
        tools.append(Tool(("wl-copy",)))
    if environ.get("DISPLAY"):
        tools += [Tool(("xclip", "-selection", "clipboard", "-in")), Tool(("xsel", "--clipboard", "--input"))]
    if platform == "win32" or environ.get("WSL_DISTRO_NAME"):
        tools.append(Tool(("clip.exe",), "utf-16"))  # what has no byte order mark it takes for the console's code page
    return next((tool for tool in tools if which(tool.name)), None)


def osc52(text: str) -> str:
    """The order to a terminal to put `text` on the clipboard; empty where it is too long for one."""
    data = text.encode()
    return f"\x1b]52;c;{base64.b64encode(data).decode()}\x07" if len(data) <= LONGEST_BYTES else ""


class Clipboard:
    """At least one way to it is there."""

    def __init__(self, tool: Tool | None, terminal: TextIO | None) -> None:
        self._tool = tool
        self._terminal = terminal

    def close(self) -> None:
        if self._terminal is not None:
            self._terminal.close()

    def copy(self, text: str) -> tuple[list[str], list[str]]:
        """In place of what was there: the ways that took it, and what is wrong with the others. Blocks for a moment."""
        through: list[str] = []
        failures: list[str] = []
        if self._tool is not None:
            reason = run_tool(self._tool, text)
            (failures if reason else through).append(reason or self._tool.name)
        if self._terminal is not None:
            order = osc52(text)
            self._terminal.write(order)
            self._terminal.flush()
            (through if order else failures).append(TERMINAL if order else f"{TERMINAL}: the text is too long for it")
        return through, failures


def find_clipboard(environ: Mapping[str, str] | None = None, which: Which = shutil.which) -> Clipboard:
    """That of this desktop, and of this terminal. Raises SettingsError when there is neither."""
    names = ("WAYLAND_DISPLAY", "DISPLAY", "WSL_DISTRO_NAME")
    tool = find_tool(sys.platform, surroundings(*names) if environ is None else environ, which)
    terminal: TextIO | None = None
    with suppress(OSError):  # without a terminal: a daemon's child
        terminal = Path("/dev/tty").open("w", encoding="utf8")  # noqa: SIM115 - as long as the program runs
    if tool is None and terminal is None:
        raise SettingsError(
            "there is no clipboard: no terminal, and no wl-copy, xclip, xsel, pbcopy or clip.exe with a desktop",
            "--output FILE writes a file",
        )
    return Clipboard(tool, terminal)


def run_tool(tool: Tool, text: str) -> str:
    """Why it failed; empty where it did not.

    xclip and wl-copy leave a process behind that holds the clipboard and whatever it has inherited: waiting for the
    end of a pipe would be waiting for that.
    """
    with tempfile.TemporaryFile() as reported:
        try:
            done = subprocess.run(
                tool.command,
                input=text.encode(tool.encoding),
                stdout=subprocess.DEVNULL,
                stderr=reported,
                timeout=TOOL_S,
                check=False,
                start_new_session=True,  # Ctrl-C in the terminal is not meant for what stays behind
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{tool.name}: {error}"
        reported.seek(0)
        reason = " ".join(reported.read().decode(errors="replace").split())
        return f"{tool.name}: {reason or f'ended with {done.returncode}'}" if done.returncode else ""
