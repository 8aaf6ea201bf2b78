"""What stays in the terminal when the live screen is gone."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from voicecli.ui.dialogue import dialogue
from voicecli.ui.view import ViewModel
from voicecli.ui.waterfall import statistics

LINES_KEPT = 40


def farewell(view: ViewModel, console: Console) -> list[Text]:
    """The end of the conversation, and how fast it was; nothing if nothing was said."""
    if not view.exchanges:
        return []
    lines = [*dialogue(view, console, console.width, LINES_KEPT), Text()]
    if spoken := tuple(one for one in view.latencies if not one.typed):
        lines.append(Text("voice to voice  ", "bold").append_text(statistics(spoken)))
    return lines
