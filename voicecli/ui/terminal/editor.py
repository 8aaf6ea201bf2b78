"""The line that is being typed: a value that keys turn into the next value. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from voicecli.ui.terminal.keys import Key


@dataclass(frozen=True, slots=True)
class Line:
    """Text and where the cursor stands in it, 0..len(text)."""

    text: str = ""
    cursor: int = 0

    def press(self, key: Key) -> Line:
        """The line after a key; keys that mean nothing here change nothing."""
        before, after = self.text[: self.cursor], self.text[self.cursor :]
        match key:
            case "left" | "ctrl-b":
                return Line(self.text, max(self.cursor - 1, 0))
            case "right" | "ctrl-f":
                return Line(self.text, min(self.cursor + 1, len(self.text)))
            case "home" | "ctrl-a":
                return Line(self.text, 0)
            case "end" | "ctrl-e":
                return Line(self.text, len(self.text))
            case "backspace":
                return Line(before[:-1] + after, len(before[:-1]))
            case "delete":
                return Line(before + after[1:], self.cursor)
            case "ctrl-u":
                return Line(after, 0)
            case "ctrl-k":
                return Line(before, self.cursor)
            case "ctrl-w" | "alt-backspace":
                kept = _without_last_word(before)
                return Line(kept + after, len(kept))
            case _ if len(key) == 1:
                return Line(before + key + after, self.cursor + 1)
            case _:
                return self


def _without_last_word(text: str) -> str:
    words = text.rstrip()
    return words[: len(words) - len(words.split()[-1])] if words else ""
