"""The check that the system has what a conversation and a server need: signals and terminal input on the loop."""

from __future__ import annotations

import sys

from voicecli.errors import SettingsError


def require_unix(what: str, platform: str = sys.platform) -> None:
    """Raise SettingsError on Windows: asyncio has no signal handlers and no terminal readers there.

    https://docs.python.org/3/library/asyncio-platforms.html#windows
    """
    if platform == "win32":
        raise SettingsError(f"{what} does not run on Windows directly", "use WSL: docs/install.md")
