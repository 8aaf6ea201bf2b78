"""What rich and tmux tell of this terminal."""

from __future__ import annotations

import sys

from rich.console import Console

from voicecli.doctor.probes.shell import output_of
from voicecli.doctor.terminal import TerminalFacts
from voicecli.settings.load import surroundings


def terminal_facts() -> TerminalFacts:
    """Of stdin and stdout."""
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
        colours=console.color_system,
        is_no_color="NO_COLOR" in found,
        multiplexer=multiplexer,
        escape_ms=int(escape) if escape.isdecimal() else None,
    )
