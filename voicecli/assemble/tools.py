"""Settings -> the tools of a conversation: our own, and those of MCP servers, which start beside the models."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from voicecli.conversation.history import History, text_tokens
from voicecli.engines.base import LanguageModel
from voicecli.engines.llm.tool_calls import as_function, offer_to
from voicecli.errors import ToolError
from voicecli.settings.model import ToolSettings
from voicecli.tools.builtin import builtin_tools
from voicecli.tools.clock import local_now
from voicecli.tools.mcp_server import McpServer
from voicecli.tools.timers import Timers
from voicecli.tools.tool import Tool
from voicecli.tools.toolbox import Toolbox
from voicecli.types import ToolSpec

MOST_SHARE = 0.5
"""Of the context that tools may take: the rest is for what is said."""


class Tools:
    """Servers that are starting, and what they have once they are there."""

    def __init__(self, settings: ToolSettings, timers: Timers, tasks: asyncio.TaskGroup) -> None:
        self._settings = settings
        self._timers = timers
        self._servers = [McpServer(name, server, tasks) for name, server in settings.servers.items()]
        self._looking = [tasks.create_task(server.tools(), name=f"tools of {server.name}") for server in self._servers]

    async def found(self) -> tuple[list[Tool], list[ToolError]]:
        """All tools, ours first, and what kept servers from having any."""
        tools = builtin_tools(local_now, self._timers)
        troubles: list[ToolError] = []
        for looked in await asyncio.gather(*self._looking):
            if isinstance(looked, ToolError):
                troubles.append(looked)
            else:
                tools += looked
        return tools, troubles

    async def offered_to(
        self, model: LanguageModel, history: History, context_tokens: int, tell: Callable[[str], None]
    ) -> Toolbox:
        """Tell `model` of as many as it can hold; `tell` hears of those that are missing, and why."""
        tools, troubles = await self.found()
        for trouble in troubles:
            tell(f"{trouble.message}. {trouble.hint}".rstrip())
        fitting, left_out = fitted(tools, context_tokens * MOST_SHARE)
        if left_out:
            names = ", ".join(tool.title for tool in left_out)
            tell(
                f"Left out, as tools may take half of the context (llm.context_tokens): {names}. "
                "tools.servers.NAME.only chooses among them."
            )
        toolbox = Toolbox(fitting, self._settings.allow, self._settings.timeout_s)
        refused = False

        def refuse(reason: str) -> None:
            nonlocal refused
            refused = True
            tell(f"Without tools: {reason}")

        offer_to(model, toolbox.specs, refuse)
        if not refused:
            history.reserve_tokens(sum(map(spec_tokens, toolbox.specs)))
        return toolbox

    def close(self) -> None:
        """Nothing rings any more, and servers end."""
        self._timers.close()
        for looking in self._looking:
            looking.cancel()
        for server in self._servers:
            server.close()


@asynccontextmanager
async def open_tools(settings: ToolSettings, ring: Callable[[str], None]) -> AsyncIterator[Tools]:
    """Start the servers; they end with the block. `ring` is given what a timer says."""
    async with asyncio.TaskGroup() as tasks:
        tools = Tools(settings, Timers(local_now, ring, tasks), tasks)
        try:
            yield tools
        finally:
            tools.close()


def fitted(tools: Sequence[Tool], room_tokens: float) -> tuple[list[Tool], list[Tool]]:
    """As many of the first as there is room for, and the rest."""
    for count, tool in enumerate(tools):
        room_tokens -= spec_tokens(tool.spec)
        if room_tokens < 0:
            return list(tools[:count]), list(tools[count:])
    return list(tools), []


def spec_tokens(spec: ToolSpec) -> float:
    """What a tool takes of each prompt, rather too much than too little."""
    return text_tokens(json.dumps(as_function(spec)))
