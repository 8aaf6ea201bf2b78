"""What was said last, for keys that do something with it."""

from __future__ import annotations

from pathlib import Path

from voicecli.ui.view import ViewModel


def last_answer(view: ViewModel) -> str:
    """The latest answer that has words, as written; empty when there is none."""
    return next((one.written for one in reversed(view.exchanges) if one.released and one.written), "")


def can_repeat(view: ViewModel) -> bool:
    """Whether the last answer can be said again now: there is one and a voice for it, and nobody speaks."""
    quiet = view.state in ("Listening", "Muted", "Ready")
    return quiet and view.has_speaker and view.ready is not None and bool(view.ready.tts and last_answer(view))


def last_question(view: ViewModel) -> str:
    """The latest words of the user; empty when there are none."""
    return next((one.transcript for one in reversed(view.exchanges) if one.transcript), "")


def save_answer(text: str, folder: Path) -> Path:
    """Into a new file: none is overwritten. Raises OSError."""
    number = 1
    while (path := folder / f"answer-{number}.md").exists():
        number += 1
    with path.open("x", encoding="utf8") as file:
        file.write(text.rstrip("\n") + "\n")
    return path
