"""Dictation: words while they are said on a terminal's stderr, utterances where they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TextIO

from rich.console import Console
from rich.text import Text

from voicecli.errors import EngineError
from voicecli.ui.dialogue import MEASURE
from voicecli.ui.terminal.region import Region
from voicecli.ui.view import printable

Copy = Callable[[str], tuple[Sequence[str], Sequence[str]]]
"""Puts a text on the clipboard; gives the ways that took it, and what is wrong with the others."""


class TranscriptSink(Protocol):
    """Where utterances go."""

    def put(self, text: str) -> None:
        """One more, at once."""
        ...

    def close(self) -> None:
        """No more will come; called again it does nothing."""
        ...


class FileSink:
    """A stream: an utterance a line, or all of them one paragraph."""

    def __init__(self, out: TextIO, *, joined: bool) -> None:
        self._out = out
        self._joined = joined
        self._is_open = False  # a paragraph has begun

    def put(self, text: str) -> None:
        """Raises BrokenPipeError when the reader has gone."""
        before = " " if self._is_open else ""
        print(before + text, end="" if self._joined else "\n", file=self._out, flush=True)
        self._is_open = self._joined

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            print(file=self._out, flush=True)


class BufferSink:
    """One paragraph on a terminal, when it is over: the cursor of an unfinished line would be in the screen's way."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._said: list[str] = []

    def put(self, text: str) -> None:
        self._said.append(text)

    def close(self) -> None:
        if self._said:
            print(" ".join(self._said), file=self._out, flush=True)
            self._said.clear()


class ClipboardSink:
    """The clipboard: all utterances so far, each time there is another one."""

    def __init__(self, copy: Copy, err: TextIO, *, joined: bool) -> None:
        self._copy, self._err = copy, err
        self._between = " " if joined else "\n"
        self._said: list[str] = []
        self._reported: list[str] = []

    def put(self, text: str) -> None:
        """Raises EngineError when nothing takes it."""
        self._said.append(text)
        through, failures = self._copy(self._between.join(self._said))
        reported = "; ".join(failures)
        if not through:
            raise EngineError(f"the clipboard did not take it: {reported}", "--output FILE writes a file")
        news = ["Copied through " + " and ".join(through), *([f"Not copied through {reported}"] if reported else [])]
        for line in news:
            if line not in self._reported:
                self._reported.append(line)
                print(line, file=self._err, flush=True)

    def close(self) -> None:
        """It stays there."""


class DictationScreen:
    """Shows what is heard; where stderr is no terminal, only what is told."""

    def __init__(self, err: TextIO, sinks: Sequence[TranscriptSink], *, shows_words: bool) -> None:
        """`shows_words`: what the keepers take is to be seen nowhere else, so it stays on the screen."""
        console = Console(file=err)
        self._console = console if console.is_terminal and not console.is_dumb_terminal else None
        self._region = Region(self._console, MEASURE) if self._console is not None else None
        self._err = err
        self._sinks = sinks
        self._shows_words = shows_words

    @property
    def live(self) -> bool:
        """Whether words are shown while they are said."""
        return self._region is not None

    def note(self, text: str) -> None:
        """Something beside the words."""
        self._clear()
        print(text, file=self._err, flush=True)

    def hear(self, stable: str, unstable: str) -> None:
        """Somebody speaks. Words so far: those that are firm, and those that may change."""
        if self._region is not None:
            parts = ((stable, "bold"), (unstable, "dim"), ("…", "dim"))
            self._region.show(Text(" ").join(Text(printable(part), style) for part, style in parts if part))

    def pause(self) -> None:
        """It was no speech."""
        self._clear()

    def finish(self, text: str, reason: str) -> None:
        """An utterance is over; without words there is a reason."""
        self._clear()
        if not text:
            self.note(f"(no words: {reason})" if reason else "(no words)")
            return
        if self._shows_words and self._console is not None:
            self._console.print(Text(printable(text)))
        for sink in self._sinks:
            sink.put(text)

    def close(self) -> None:
        """Whatever was being said is over."""
        self._clear()
        for sink in self._sinks:
            sink.close()

    def _clear(self) -> None:
        if self._region is not None:
            self._region.clear()


def open_words(out: TextIO, err: TextIO, *, joined: bool) -> FileSink | BufferSink:
    """Standard output as a keeper."""
    return BufferSink(out) if joined and out.isatty() and err.isatty() else FileSink(out, joined=joined)
