"""`voicecli tools`: the tools of the language model, and whether their servers answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from voicecli.commands.console import print_error
from voicecli.commands.options import ConfigOption

if TYPE_CHECKING:
    from voicecli.errors import ToolError
    from voicecli.settings.model import ToolSettings
    from voicecli.tools.toolbox import Tool


def tools(config: ConfigOption = None) -> None:
    """List the tools of the language model, and connect to the MCP servers.

    The exit code is 5 if a server does not answer.

    Examples:

      voicecli tools

      voicecli tools --config tools.toml
    """
    import asyncio

    from voicecli.app.platform import require_unix
    from voicecli.settings.load import load_settings

    require_unix("voicecli tools")
    settings = load_settings(file=config).settings.tools
    found, troubles = asyncio.run(find(settings))
    print_tools(found, settings)
    for trouble in troubles:
        print_error(trouble)
    if troubles:
        raise typer.Exit(troubles[0].exit_code)


async def find(settings: ToolSettings) -> tuple[list[Tool], list[ToolError]]:
    """Return all tools, and the errors of the servers that do not answer."""
    from voicecli.assemble.tools import open_tools

    async with open_tools(settings, lambda text: None) as opening:
        return await opening.found()


def print_tools(found: list[Tool], settings: ToolSettings) -> None:
    """Print one row per tool: name, whether it needs approval, what it does."""
    from rich.console import Console
    from rich.table import Table

    from voicecli.tools.toolbox import is_allowed
    from voicecli.ui.tool_uses import shorten

    console = Console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("tool", no_wrap=True)
    table.add_column("access", no_wrap=True)
    table.add_column("what it does", overflow="fold")
    for tool in found:
        access = "allowed" if is_allowed(tool, settings.allow) else "asks"
        table.add_row(tool.title, access, shorten(tool.spec.description))
    console.print(table)
    if not settings.enabled:
        console.print("\nTools are off: tools.enabled is false.")
