"""Text from elsewhere that may stand on a terminal. Pure."""

from __future__ import annotations

from dataclasses import replace

from voicecli.events import Ready

_SPACES = dict.fromkeys(map(ord, "\r\v\f"), " ")
_CONTROLS = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\n"), ord("\t")}, "\N{REPLACEMENT CHARACTER}")
_PRINTABLE = _CONTROLS | _SPACES


def printable(text: str) -> str:
    """Text that a terminal cannot take for a command; as long as `text`, because the voice counts its characters."""
    return text.translate(_PRINTABLE)


def one_line(ready: Ready) -> Ready:
    """Names without line breaks: some drivers put them there."""

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
