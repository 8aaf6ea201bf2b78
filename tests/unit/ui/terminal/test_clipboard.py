"""The clipboard: the ways to it, the sequence that is sent, and the errors."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path

import pytest

from voicecli.ui.terminal.clipboard import MAX_BYTES, TERMINAL, Clipboard, Tool, find_tool, osc52, run_tool

WAYLAND, X11, WSL = {"WAYLAND_DISPLAY": "wayland-0"}, {"DISPLAY": ":0"}, {"WSL_DISTRO_NAME": "Debian"}
ALL = ("pbcopy", "wl-copy", "xclip", "xsel", "clip.exe")


@pytest.mark.parametrize(
    ("platform", "environ", "installed", "name"),
    [
        ("linux", WAYLAND | X11, ALL, "wl-copy"),
        ("linux", WAYLAND | X11, ("xclip",), "xclip"),
        ("linux", X11, ALL, "xclip"),
        ("linux", X11, ("xsel", "wl-copy"), "xsel"),
        ("linux", WSL, ALL, "clip.exe"),
        ("linux", {}, ALL, None),
        ("linux", X11, (), None),
        ("darwin", {}, ("pbcopy",), "pbcopy"),
        ("win32", {}, ("clip.exe",), "clip.exe"),
    ],
)
def test_the_program_is_one_that_is_installed_and_has_a_desktop(
    platform: str, environ: Mapping[str, str], installed: tuple[str, ...], name: str | None
) -> None:
    tool = find_tool(platform, environ, lambda program: program if program in installed else None)
    assert (tool.name if tool else None) == name


def script(folder: Path, body: str) -> Tool:
    program = folder / "program"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return Tool((str(program),))


def test_a_program_gets_the_text(tmp_path: Path) -> None:
    tool = script(tmp_path, f"cat > {tmp_path / 'copied'}")
    assert run_tool(tool, "Grüße\n") == ""
    assert (tmp_path / "copied").read_text(encoding="utf8") == "Grüße\n"


def test_windows_gets_it_as_windows_reads_it(tmp_path: Path) -> None:
    tool = Tool(script(tmp_path, f"cat > {tmp_path / 'copied'}").command, "utf-16")
    run_tool(tool, "Grüße")
    assert (tmp_path / "copied").read_bytes().decode("utf-16") == "Grüße"


def test_what_a_program_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    assert run_tool(script(tmp_path, "cat > /dev/null; sleep 50 &"), "text") == ""


def test_errors_of_the_program_are_reported(tmp_path: Path) -> None:
    broken = script(tmp_path, "echo 'no display' >&2; exit 3")
    assert run_tool(broken, "text") == f"{broken.name}: no display"
    assert run_tool(script(tmp_path, "exit 3"), "text").endswith(": exit code 3")
    assert "No such file" in run_tool(Tool((str(tmp_path / "absent"),)), "text")


def test_a_terminal_is_sent_the_text_unless_it_is_too_long() -> None:
    assert osc52("Grüße") == f"\x1b]52;c;{base64.b64encode('Grüße'.encode()).decode()}\x07"
    assert len(osc52("x" * MAX_BYTES)) == 100_000
    assert osc52("x" * (MAX_BYTES + 1)) == ""


def test_both_ways_are_used_and_named(tmp_path: Path) -> None:
    tool, terminal = script(tmp_path, "cat > /dev/null"), io.StringIO()
    assert Clipboard(tool, terminal).copy("text") == ([tool.name, TERMINAL], [])
    assert terminal.getvalue() == osc52("text")


def test_one_way_that_fails_does_not_hide_the_other(tmp_path: Path) -> None:
    tool = script(tmp_path, "exit 1")
    assert Clipboard(tool, io.StringIO()).copy("text") == ([TERMINAL], [f"{tool.name}: exit code 1"])
    long = "x" * (MAX_BYTES + 1)
    through, failures = Clipboard(None, io.StringIO()).copy(long)
    assert (through, failures) == ([], [f"{TERMINAL}: the text is too long"])
