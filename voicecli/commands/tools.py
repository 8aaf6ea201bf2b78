"""`voicecli tools`: what the language model may use, and whether the servers answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.narration import tell_error
from voicecli.commands.options import option

if TYPE_CHECKING:
    from voicecli.errors import ToolError
    from voicecli.settings.tools import ToolSettings
    from voicecli.tools.toolbox import Tool


def tools(
    config: Annotated[
        Path | None, option("--config", help="Settings file in place of your own.", panel="Settings")
    ] = None,
) -> None:
    """List the tools that the language model may use, and try the MCP servers.

    Ends with 5 when a server does not answer.

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
        tell_error(trouble)
    if troubles:
        raise typer.Exit(troubles[0].exit_code)


async def find(settings: ToolSettings) -> tuple[list[Tool], list[ToolError]]:
    """All tools, and what kept servers from having any."""
    from voicecli.assemble.tools import open_tools

    async with open_tools(settings, lambda text: None) as opening:
        return await opening.found()


def print_tools(found: list[Tool], settings: ToolSettings) -> None:
    """One row a tool: name, whether it asks, what it does."""
    from rich.console import Console
    from rich.table import Table

    from voicecli.tools.toolbox import is_allowed
    from voicecli.ui.tool_uses import shorten

    console = Console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("tool", no_wrap=True)
    table.add_column("leave", no_wrap=True)
    table.add_column("what it does", overflow="fold")
    for tool in found:
        leave = "allowed" if is_allowed(tool, settings.allow) else "asks"
        table.add_row(tool.title, leave, shorten(tool.spec.description))
    console.print(table)
    if not settings.enabled:
        console.print("\nSwitched off: tools.enabled is false.")
