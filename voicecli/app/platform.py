"""What a conversation and a server need of the system: signals and terminal input on the event loop."""

from __future__ import annotations

import sys

from voicecli.errors import SettingsError


def require_unix(what: str, platform: str = sys.platform) -> None:
    """Raises SettingsError on Windows: asyncio has neither signal handlers nor readers of a terminal there.

    https://docs.python.org/3/library/asyncio-platforms.html#windows
    """
    if platform == "win32":
        raise SettingsError(f"{what} does not run on Windows itself", "it does in WSL: docs/install.md")
