"""Decode the kitty keyboard protocol: presses, repeats and releases of every key. Pure.

https://sw.kovidgoyal.net/kitty/keyboard-protocol/

    CSI key ; modifiers : event ; text u        event 1 press, 2 repeat, 3 release
    CSI ? flags u                               reply to `QUERY`
"""

from __future__ import annotations

import re

FLAGS = 0b11011
"""Unambiguous escape codes (1), event types (2), for text keys too (8), with their text (16). Without 8 a terminal
does not report releases of the space bar; without 16 the text of Shift and a key is unknown, as it depends on the
keyboard."""

NEEDED = 0b01010
"""The flags that are necessary to detect a held key."""

QUERY, PUSH, POP = "\x1b[?u", f"\x1b[>{FLAGS}u", "\x1b[<u"
"""Terminals without the protocol ignore these."""

FLAGS_REPLY = "kitty flags "
"""Prefix of the key for a reply to `QUERY`; the active flags follow."""

REPEATED, RELEASED = "space-repeat", "space-release"

SEQUENCE = re.compile(rb"\x1b\[(?:\?(?P<flags>\d+)|(?P<key>\d+)(?::(?P<shifted>\d*))?[\d:]*(?P<rest>;[\d:;]*)?)u")
"""A complete sequence that ends in u; other sequences are not specific to this protocol."""

_ESCAPE, _SPACE = 27, 32
_NAMED = {_ESCAPE: "esc", 13: "enter", 57414: "enter", 9: "tab", 127: "backspace"}
_KEYPAD = {57417: "left", 57418: "right", 57419: "up", 57420: "down", 57421: "page-up", 57422: "page-down"}
_KEYPAD |= {57423: "home", 57424: "end", 57426: "delete"}
_PRIVATE = range(0xE000, 0xF900)
"""Numbers of keys without text, such as Shift alone, F13 or volume."""

_SHIFT, _ALT, _CTRL, _SUPER = 1, 2, 4, 8


def kitty_keys(match: re.Match[bytes]) -> list[str]:
    """Return the key names of a sequence; releases have none, except that of the space bar."""
    if match["flags"] is not None:
        return [FLAGS_REPLY + match["flags"].decode()]
    number = int(match["key"])
    modifiers, event, text = _rest((match["rest"] or b"").decode())
    if number == _SPACE and event != 1:
        return [REPEATED if event == 2 else RELEASED]
    if event == 3:
        return []
    if name := _NAMED.get(number) or _KEYPAD.get(number):
        return [f"alt-{name}" if modifiers & _ALT and name == "backspace" else name]
    if text and not modifiers & _CTRL:
        return [character for character in text if character.isprintable()]
    return _without_text(number, int(match["shifted"] or 0), modifiers)


def is_release(parameters: str) -> bool:
    """Return whether `CSI parameters letter`, as for an arrow key, is a release."""
    fields = parameters.split(";")
    return len(fields) > 1 and fields[1].endswith(":3")


def _without_text(number: int, shifted: int, modifiers: int) -> list[str]:
    if number in _PRIVATE or number > 0x10FFFF or not chr(number).isprintable() or modifiers & _SUPER:
        return []
    character = chr(number)
    if modifiers & _CTRL:
        return [f"ctrl-{character}"] if "a" <= character <= "z" else []
    if modifiers & _SHIFT:
        character = chr(shifted) if shifted else character.upper()
    return [f"alt-{character}" if modifiers & _ALT else character]


def _rest(rest: str) -> tuple[int, int, str]:
    """Return modifiers, event and text of `;modifiers:event;text`, each of which may be missing."""
    _, first, second, *_ = [*rest.split(";"), "", ""] if rest else ["", "", ""]
    modifiers, _, event = first.partition(":")
    codes = [int(code) for code in second.split(":") if code]
    text = "".join(chr(code) for code in codes if code <= 0x10FFFF)
    return max(0, int(modifiers or 1) - 1), int(event.split(":")[0] or 1), text
