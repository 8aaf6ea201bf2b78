"""Save what a terminal shows as an SVG file for the documents.

tmux capture-pane -ep | python scripts/terminal_picture.py --width 80 docs/palette-80x24.svg
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.terminal_theme import DEFAULT_TERMINAL_THEME

from voicecli.ui.picture import THEME, terminal_picture


def main() -> None:
    """Render standard input as SVG."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("svg", type=Path)
    parser.add_argument("--width", type=int, default=80, help="of the terminal, in cells")
    parser.add_argument("--title", default="voicecli talk")
    parser.add_argument("--light", action="store_true", help="its background is")
    chosen = parser.parse_args()
    theme = DEFAULT_TERMINAL_THEME if chosen.light else THEME
    chosen.svg.write_text(terminal_picture(sys.stdin.read().splitlines(), chosen.width, chosen.title, theme))


if __name__ == "__main__":
    main()
