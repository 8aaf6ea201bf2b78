"""Remove from a report what identifies the user or the machine. Pure.

No probe reads a conversation or a log, so a report never contains spoken words in the first place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

POSSESSIVE = re.compile(r"\b(?:[^\W\d_a-z]\w* )?\w[\w.-]*['’]s (?=i?[A-Z])")
"""Matches the owner in names of phones and headphones, such as "Ada Byron's AirPods" (macOS: curved apostrophe).
The thing owned begins with a capital or is an iPhone, so "NVIDIA's driver" does not match."""

SHORTEST = 3
"""Shortest name to replace, in characters; shorter ones are common words."""

COMMON_NAMES = frozenset({"root", "user", "admin", "ubuntu", "localhost", "pi"})
"""Login and host names that identify nobody and occur in ordinary text."""


@dataclass(frozen=True, slots=True)
class Private:
    """The private texts that are replaced everywhere."""

    home: str = ""
    user: str = ""
    machine: str = ""
    servers: tuple[str, ...] = ()  # hosts of servers that do not run on this machine
    secrets: tuple[str, ...] = ()  # API keys

    def replacements(self) -> list[tuple[str, str]]:
        """Return pairs of text and placeholder, longest text first, because a home folder contains the user's name."""
        pairs = [(secret, "KEY") for secret in self.secrets]
        pairs += [(server, "SERVER") for server in self.servers]
        pairs += [(self.home.rstrip("/\\"), "~")]
        pairs += [
            (name, word) for name, word in ((self.user, "USER"), (self.machine, "MACHINE")) if is_identifying(name)
        ]
        return sorted(((text, word) for text, word in pairs if text), key=lambda pair: -len(pair[0]))


def is_identifying(name: str) -> bool:
    """Return whether a login or host name may identify a person and is not an ordinary word."""
    return len(name) >= SHORTEST and name.lower() not in COMMON_NAMES


def redacted(value: object, private: Private) -> object:
    """Return a JSON value without private texts, in keys too. Other types become text."""
    if isinstance(value, str):
        return redacted_text(value, private)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {redacted_text(str(key), private): redacted(inner, private) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(inner, private) for inner in value]
    return redacted_text(str(value), private)


def redacted_text(text: str, private: Private) -> str:
    """Return the text without private parts. Case is ignored; a name is replaced only where it is a whole word."""
    for secret, word in private.replacements():
        before, after = (r"(?<!\w)" if secret[0].isalnum() else ""), (r"(?!\w)" if secret[-1].isalnum() else "")
        text = re.sub(before + re.escape(secret) + after, word, text, flags=re.IGNORECASE)
    return POSSESSIVE.sub("USER's ", text)
