"""What a report may not tell to strangers: who uses this machine, and what it is called. Pure.

No probe reads a conversation or a log, so what was spoken cannot be in a report to begin with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

POSSESSIVE = re.compile(r"\b(?:[^\W\d_a-z]\w* )?\w[\w.-]*['’]s (?=i?[A-Z])")
"""How phones and headphones are named after their owner, by macOS with the curved sign: "Ada Byron's AirPods". What
a person owns begins with a capital or is an iPhone; "NVIDIA's driver" is left alone."""

SHORTEST = 3
"""Shorter names would be found inside of words."""

COMMON_NAMES = frozenset({"root", "user", "admin", "ubuntu", "localhost", "pi"})
"""Login and host names that tell nothing of a person, and occur in texts of all kinds."""


@dataclass(frozen=True, slots=True)
class Private:
    """What is replaced, wherever it turns up."""

    home: str = ""
    user: str = ""
    machine: str = ""
    servers: tuple[str, ...] = ()  # hosts of servers that do not run on this machine
    secrets: tuple[str, ...] = ()  # API keys

    def replacements(self) -> list[tuple[str, str]]:
        """Text and what stands for it, the longer one first: a home folder holds the user's name."""
        pairs = [(secret, "KEY") for secret in self.secrets]
        pairs += [(server, "SERVER") for server in self.servers]
        pairs += [(self.home.rstrip("/\\"), "~")]
        pairs += [(name, word) for name, word in ((self.user, "USER"), (self.machine, "MACHINE")) if is_telling(name)]
        return sorted(((text, word) for text, word in pairs if text), key=lambda pair: -len(pair[0]))


def is_telling(name: str) -> bool:
    """Whether a login or host name may lead to a person, and can be told apart from other words."""
    return len(name) >= SHORTEST and name.lower() not in COMMON_NAMES


def scrubbed(value: object, private: Private) -> object:
    """A value that JSON can hold, without anything private in its texts and keys; other types become text."""
    if isinstance(value, str):
        return scrubbed_text(value, private)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {scrubbed_text(str(key), private): scrubbed(inner, private) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [scrubbed(inner, private) for inner in value]
    return scrubbed_text(str(value), private)


def scrubbed_text(text: str, private: Private) -> str:
    """Case does not count, and a name is only replaced where it is a word of its own."""
    for secret, word in private.replacements():
        before, after = (r"(?<!\w)" if secret[0].isalnum() else ""), (r"(?!\w)" if secret[-1].isalnum() else "")
        text = re.sub(before + re.escape(secret) + after, word, text, flags=re.IGNORECASE)
    return POSSESSIVE.sub("USER's ", text)
