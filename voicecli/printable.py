"""Make text from outside safe to print on a terminal. Pure."""

from __future__ import annotations

from dataclasses import replace

from voicecli.events import Ready

_SPACES = dict.fromkeys(map(ord, "\r\v\f"), " ")
_CONTROLS = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\n"), ord("\t")}, "\N{REPLACEMENT CHARACTER}")
_PRINTABLE = _CONTROLS | _SPACES


def printable(text: str) -> str:
    """Return the text without control characters, with the same length: the voice counts its characters."""
    return text.translate(_PRINTABLE)


def one_line(ready: Ready) -> Ready:
    """Return the event with names without line breaks, which some drivers add."""

    def flat(name: str) -> str:
        return " ".join(printable(name).split())

    return replace(
        ready,
        microphone=flat(ready.microphone),
        speaker=flat(ready.speaker),
        stt=flat(ready.stt),
        llm=flat(ready.llm),
        llm_why=flat(ready.llm_why),
        tts=flat(ready.tts),
    )


def size_text(size_bytes: float) -> str:
    """Format a size: in MB below 1000 MB, else in GB."""
    size_mb = size_bytes / 1e6
    return f"{size_mb / 1000:.1f} GB" if size_mb >= 1000 else f"{size_mb:.0f} MB"


def duration_text(left_s: float) -> str:
    """Format a time that is only about right: "under a minute", "6 min", "2 h"."""
    if left_s < 60:
        return "under a minute"
    minutes = round(left_s / 60)
    return f"{minutes} min" if minutes < 100 else f"{round(minutes / 60)} h"
