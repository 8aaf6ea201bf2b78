"""Dictation output: partial words on a terminal's stderr, finished utterances in the chosen sinks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TextIO

from rich.console import Console
from rich.text import Text

from voicecli.errors import EngineError
from voicecli.printable import printable
from voicecli.ui.answer import MEASURE
from voicecli.ui.terminal.painter import Region

Copy = Callable[[str], tuple[Sequence[str], Sequence[str]]]
"""Copy a text to the clipboard; return the ways that worked, and the errors of the others."""


class TranscriptSink(Protocol):
    """A destination of utterances."""

    def put(self, text: str) -> None:
        """Write an utterance at once."""
        ...

    def close(self) -> None:
        """Finish the output. Calling it again does nothing."""
        ...


class FileSink:
    """Writes to a stream: one utterance per line, or all as one paragraph."""

    def __init__(self, out: TextIO, *, joined: bool) -> None:
        self._out = out
        self._joined = joined
        self._is_open = False  # a paragraph has begun

    def put(self, text: str) -> None:
        """Write an utterance at once. Raise BrokenPipeError if the reader has gone."""
        before = " " if self._is_open else ""
        print(before + text, end="" if self._joined else "\n", file=self._out, flush=True)
        self._is_open = self._joined

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            print(file=self._out, flush=True)


class BufferSink:
    """Writes one paragraph to a terminal at the end: an unfinished line would disturb the partial words."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._utterances: list[str] = []

    def put(self, text: str) -> None:
        self._utterances.append(text)

    def close(self) -> None:
        if self._utterances:
            print(" ".join(self._utterances), file=self._out, flush=True)
            self._utterances.clear()


class ClipboardSink:
    """Copies all utterances so far to the clipboard, after each one."""

    def __init__(self, copy: Copy, err: TextIO, *, joined: bool) -> None:
        self._copy, self._err = copy, err
        self._separator = " " if joined else "\n"
        self._utterances: list[str] = []
        self._reported: list[str] = []

    def put(self, text: str) -> None:
        """Copy all utterances so far. Raise EngineError if no way to the clipboard works."""
        self._utterances.append(text)
        used, failures = self._copy(self._separator.join(self._utterances))
        errors = "; ".join(failures)
        if not used:
            raise EngineError(f"copying to the clipboard failed: {errors}", "Use --output FILE to write a file.")
        news = ["Copied via " + " and ".join(used), *([f"Not copied via {errors}"] if errors else [])]
        for line in news:
            if line not in self._reported:
                self._reported.append(line)
                print(line, file=self._err, flush=True)

    def close(self) -> None:
        """Leave the text on the clipboard."""


class DictationScreen:
    """Shows words while they are spoken; without a terminal at stderr, only notes."""

    def __init__(self, err: TextIO, sinks: Sequence[TranscriptSink], *, shows_words: bool) -> None:
        """`shows_words`: print finished utterances too, because no sink shows them on this terminal."""
        console = Console(file=err)
        self._console = console if console.is_terminal and not console.is_dumb_terminal else None
        self._region = Region(self._console, MEASURE) if self._console is not None else None
        self._err = err
        self._sinks = sinks
        self._shows_words = shows_words

    @property
    def live(self) -> bool:
        """Whether words are shown while they are spoken."""
        return self._region is not None

    def note(self, text: str) -> None:
        """Write a note to stderr."""
        self._clear()
        print(text, file=self._err, flush=True)

    def hear(self, stable: str, unstable: str) -> None:
        """Show the words so far: the stable ones, and those that may change."""
        if self._region is not None:
            parts = ((stable, "bold"), (unstable, "dim"), ("…", "dim"))
            self._region.show(Text(" ").join(Text(printable(part), style) for part, style in parts if part))

    def pause(self) -> None:
        """Remove the partial words: it was no speech."""
        self._clear()

    def finish(self, text: str, reason: str) -> None:
        """Write a finished utterance to the sinks; `reason` says why one has no words."""
        self._clear()
        if not text:
            self.note(f"(no words: {reason})" if reason else "(no words)")
            return
        if self._shows_words and self._console is not None:
            self._console.print(Text(printable(text)))
        for sink in self._sinks:
            sink.put(text)

    def close(self) -> None:
        """Remove partial words and close the sinks."""
        self._clear()
        for sink in self._sinks:
            sink.close()

    def _clear(self) -> None:
        if self._region is not None:
            self._region.clear()


def open_transcript(out: TextIO, err: TextIO, *, joined: bool) -> FileSink | BufferSink:
    """Return the sink for standard output."""
    return BufferSink(out) if joined and out.isatty() and err.isatty() else FileSink(out, joined=joined)
