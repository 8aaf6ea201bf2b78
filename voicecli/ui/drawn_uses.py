"""Tools that an answer uses, as lines of a screen."""

from __future__ import annotations

from rich.text import Text

from voicecli.ui.uses import ToolUse

MARK = "⚙ "
LEAVE = "  May it?  y yes · a always · n no"

STYLES = {"done": "dim", "failed": "red", "denied": "yellow", "cancelled": "yellow"}


def drawn_use(use: ToolUse) -> Text:
    """One call: what is used, and what came of it."""
    if use.state == "asked":
        return Text.assemble((use.reported, "bold yellow"), (LEAVE, "yellow"))
    if use.state == "at work":
        return Text.assemble((use.reported, "cyan"), (" …", "dim"))
    return Text.assemble((use.reported, "dim"), (" → ", "dim"), (use.outcome, STYLES[use.state]))
