"""Settings -> the tools of a conversation: built-in ones, and those of MCP servers, which start while models load."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from voicecli.conversation.history import History, text_tokens
from voicecli.engines.base import LanguageModel
from voicecli.engines.llm.text_tools import description
from voicecli.engines.llm.tool_calls import as_function, offer_to
from voicecli.errors import ToolError
from voicecli.settings.model import ToolSettings
from voicecli.tools.builtin import builtin_tools
from voicecli.tools.clock import Timers, local_now
from voicecli.tools.mcp_server import McpServer
from voicecli.tools.toolbox import Tool, Toolbox
from voicecli.types import ToolSpec

MOST_SHARE = 0.5
"""Share of the context that tool descriptions may take. The rest is for the conversation."""


class Tools:
    """MCP servers that are starting, and their tools once they have started."""

    def __init__(self, settings: ToolSettings, timers: Timers, tasks: asyncio.TaskGroup) -> None:
        self._settings = settings
        self._timers = timers
        self._servers = [McpServer(name, server, tasks) for name, server in settings.servers.items()]
        self._looking = [tasks.create_task(server.tools(), name=f"tools of {server.name}") for server in self._servers]

    async def found(self) -> tuple[list[Tool], list[ToolError]]:
        """Return all tools, built-in ones first, and the errors of servers that failed."""
        tools = builtin_tools(local_now, self._timers)
        troubles: list[ToolError] = []
        for looked in await asyncio.gather(*self._looking):
            if isinstance(looked, ToolError):
                troubles.append(looked)
            else:
                tools += looked
        return tools, troubles

    async def offered_to(
        self, model: LanguageModel, history: History, context_tokens: int, report: Callable[[str], None]
    ) -> Toolbox:
        """Describe as many tools to `model` as fit. `report` is given what is missing, and why."""
        tools, troubles = await self.found()
        for trouble in troubles:
            report(f"{trouble.message}. {trouble.hint}".rstrip())
        fitting, left_out = fitted(tools, context_tokens * MOST_SHARE)
        if left_out:
            names = ", ".join(tool.title for tool in left_out)
            report(
                f"Left out, as tools may take half of the context (llm.context_tokens): {names}. "
                "tools.servers.NAME.only chooses among them."
            )
        toolbox = Toolbox(fitting, self._settings.allow, self._settings.timeout_s)
        refused = False

        def refuse(reason: str) -> None:
            nonlocal refused
            refused = True
            report(f"Without tools: {reason}")

        offer_to(model, toolbox.specs, refuse)
        if not refused:
            history.reserve_tokens(sum(map(spec_tokens, toolbox.specs)))
        return toolbox

    def close(self) -> None:
        """Stop timers and servers."""
        self._timers.close()
        for looking in self._looking:
            looking.cancel()
        for server in self._servers:
            server.close()


@asynccontextmanager
async def open_tools(settings: ToolSettings, ring: Callable[[str], None]) -> AsyncIterator[Tools]:
    """Start the servers, which end with the block. `ring` is given what a timer says."""
    async with asyncio.TaskGroup() as tasks:
        tools = Tools(settings, Timers(local_now, ring, tasks), tasks)
        try:
            yield tools
        finally:
            tools.close()


def fitted(tools: Sequence[Tool], room_tokens: float) -> tuple[list[Tool], list[Tool]]:
    """Return as many of the first tools as there is room for, and the rest."""
    for count, tool in enumerate(tools):
        room_tokens -= spec_tokens(tool.spec)
        if room_tokens < 0:
            return list(tools[:count]), list(tools[count:])
    return list(tools), []


def spec_tokens(spec: ToolSpec) -> float:
    """Return about how many tokens of each prompt a tool takes, in whichever way the model gets it; an overestimate."""
    return max(text_tokens(json.dumps(as_function(spec))), text_tokens(description([spec])))
