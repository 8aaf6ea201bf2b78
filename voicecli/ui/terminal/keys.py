"""Read keys of a terminal on the event loop.

    bytes -> decode() -> keys        pure
    cbreak(fd)                       one key at a time, no echo; always restores the terminal
    listen(fd, on_key)               the two together, on the running loop

Ctrl-C stays a signal, so that it also works while the loop is busy.
"""

from __future__ import annotations

import asyncio
import os
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from voicecli.ui.terminal.kitty import SEQUENCE, is_release, kitty_keys

Key = str
"""One printable character, or the name of a key: "esc", "enter", "left", "ctrl-u", "alt-x", "end of input".

A reply of the terminal to a query is REPLY and its text.
Text between "paste" and "pasted" was pasted, if the terminal reports that (PASTE_ON)."""

ESCAPE_WAIT_S = 0.05
"""A lone ESC byte is the Esc key if nothing follows for this long; a terminal sends a sequence in one write."""

REPLY = "reply "

REPLY_WAIT_S = 1.0
"""Longest wait for the rest of a reply; a slow link may split it."""

READ_BYTES = 1024

MOUSE_ON, MOUSE_OFF = "\x1b[?1000h\x1b[?1006h", "\x1b[?1006l\x1b[?1000l"
"""Mouse buttons and wheel, in decimal: https://invisible-island.net/xterm/ctlseqs/ctlseqs.html#h2-Mouse-Tracking"""

PASTE_ON, PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l"
"""Bracketed paste: https://invisible-island.net/xterm/xterm-paste64.html"""

_ESC = 0x1B
_CONTROL = {0x0A: "enter", 0x0D: "enter", 0x09: "tab", 0x7F: "backspace", 0x08: "backspace"}
_FINAL = {"A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end"}
_WHEEL = {64: "wheel-up", 65: "wheel-down"}
_MODIFIERS = 4 | 8 | 16
_NUMBERED = {
    "1": "home",
    "3": "delete",
    "4": "end",
    "7": "home",
    "8": "end",
    "5": "page-up",
    "6": "page-down",
    "200": "paste",
    "201": "pasted",
}


def decode(raw: bytes, *, complete: bool) -> tuple[list[Key], bytes]:
    """Return the keys in `raw`, and the bytes at its end that are an incomplete key.

    With `complete` no more bytes follow: a lone ESC is the Esc key, other fragments are dropped.
    """
    keys: list[Key] = []
    position = 0
    while position < len(raw):
        if sequence := SEQUENCE.match(raw, position):
            keys += kitty_keys(sequence)
            position = sequence.end()
            continue
        key, length = _first_key(raw[position:])
        if length == 0:
            break
        if key:
            keys.append(key)
        position += length
    rest = raw[position:]
    if not complete:
        return keys, rest
    return ([*keys, "esc"] if rest == bytes([_ESC]) else keys), b""


def _first_key(raw: bytes) -> tuple[Key, int]:
    """Return the first key and its length in bytes; length 0: incomplete; an empty key: unknown."""
    first = raw[0]
    if first == _ESC:
        return _escape(raw)
    if first in _CONTROL:
        return _CONTROL[first], 1
    if first < 0x20:
        return f"ctrl-{chr(first + 0x60)}", 1
    length = 2 if 0xC0 <= first < 0xE0 else 3 if 0xE0 <= first < 0xF0 else 4 if 0xF0 <= first < 0xF8 else 1
    if len(raw) < length:
        return "", 0
    try:
        character = raw[:length].decode("utf-8")
    except UnicodeDecodeError:
        return "", 1
    return ("" if "\x7f" < character < "\xa0" else character), length


def _escape(raw: bytes) -> tuple[Key, int]:
    if len(raw) == 1:
        return "", 0
    if raw[1] == _ESC:
        return "esc", 1
    if raw[1:2] in (b"[", b"O"):
        return _sequence(raw)
    if raw[1:2] == b"]" and (len(raw) == 2 or raw[2:3].isdigit()):
        return _osc_reply(raw)
    key, length = _first_key(raw[1:])
    return (f"alt-{key}" if key else "", length + 1) if length else ("", 0)


def _sequence(raw: bytes) -> tuple[Key, int]:
    """Decode CSI (ECMA-48 5.4: parameters, then a final byte in 0x40..0x7E) and SS3 (one byte after `ESC O`)."""
    end = 2
    while end < len(raw) and raw[1:2] == b"[" and 0x20 <= raw[end] <= 0x3F:
        end += 1
    if end >= len(raw):
        return "", 0
    final = chr(raw[end])
    parameters = raw[2:end].decode("ascii")
    number = parameters.split(";")[0]
    if final == "M" and number[:1] == "<" and number[1:].isdecimal():
        return _WHEEL.get(int(number[1:]) & ~_MODIFIERS, ""), end + 1
    if is_release(parameters):
        return "", end + 1
    return (_NUMBERED.get(number, "") if final == "~" else _FINAL.get(final, "")), end + 1


def _osc_reply(raw: bytes) -> tuple[Key, int]:
    r"""Decode OSC (ECMA-48 8.3.89), which ends in BEL or `ESC \`."""
    for end, char in enumerate(raw):
        if char == 0x07 or raw[end : end + 2] == b"\x1b\\":
            return REPLY + raw[2:end].decode("ascii", errors="replace"), end + (1 if char == 0x07 else 2)
    return "", 0


@contextmanager
def cbreak(fd: int) -> Iterator[None]:
    """Make the terminal deliver single keys without echo, with signals; always restore it.

    Ctrl-S, Ctrl-Q, Ctrl-V and Ctrl-Z lose their terminal meaning: paused output, or a process stopped while it draws,
    would leave the microphone and the terminal in an unexpected state.
    """
    before = termios.tcgetattr(fd)
    modes = termios.tcgetattr(fd)
    modes[0] &= ~termios.IXON
    modes[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
    modes[6][termios.VSUSP] = os.fpathconf(fd, "PC_VDISABLE").to_bytes(1, "little")
    try:
        termios.tcsetattr(fd, termios.TCSANOW, modes)
        yield
    finally:
        with suppress(termios.error):  # it was closed
            termios.tcsetattr(fd, termios.TCSANOW, before)
            termios.tcflush(fd, termios.TCIFLUSH)  # a late reply of the terminal must not reach the shell


@contextmanager
def listen(fd: int, on_key: Callable[[Key], None]) -> Iterator[None]:
    """Call `on_key` on the running loop for each key of `fd`; once with "end of input" if the terminal goes away."""
    loop = asyncio.get_running_loop()
    pending = b""
    timer: asyncio.TimerHandle | None = None

    def deliver(raw: bytes, *, complete: bool) -> None:
        nonlocal pending, timer
        if timer is not None:
            timer.cancel()
        keys, pending = decode(pending + raw, complete=complete)
        wait_s = REPLY_WAIT_S if pending.startswith(b"\x1b]") else ESCAPE_WAIT_S
        timer = loop.call_later(wait_s, lambda: deliver(b"", complete=True)) if pending else None
        for key in keys:
            on_key(key)

    def readable() -> None:
        try:
            raw = os.read(fd, READ_BYTES)
        except OSError:  # the terminal was closed
            raw = b""
        if raw:
            deliver(raw, complete=False)
        else:
            loop.remove_reader(fd)
            on_key("end of input")

    loop.add_reader(fd, readable)
    try:
        yield
    finally:
        loop.remove_reader(fd)
        if timer is not None:
            timer.cancel()
