"""Tools of one MCP server: a program that is started, or an address (https://modelcontextprotocol.io)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from voicecli.engines.llm.select import is_loopback, place
from voicecli.errors import ToolError, VoiceCliError
from voicecli.tools.mcp_results import last_line, result_text, wire_name
from voicecli.tools.tail import Tail
from voicecli.tools.tool import Arguments, Tool
from voicecli.types import ToolSpec

if TYPE_CHECKING:
    from mcp import Client

    from voicecli.settings.model import ToolServer

START_S = 30.0
"""For a server to start and to list its tools; `uvx` and `npx` fetch it first."""

MOST_PAGES = 20
"""Of a list of tools."""

INSTALL = "pip install 'voicecli[mcp]'"


class McpServer:
    """Opened by the first that asks; once it has gone it is opened anew by the next call. Belongs to the loop."""

    def __init__(self, name: str, settings: ToolServer, tasks: asyncio.TaskGroup) -> None:
        self.name = name
        self._settings = settings
        self._tasks = tasks
        self._opening = asyncio.Lock()
        self._client: Client | None = None
        self._living: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def tools(self) -> list[Tool] | ToolError:
        """Those that the settings want, or why there are none."""
        try:
            async with asyncio.timeout(START_S):
                listed = await self._listed()
        except TimeoutError:
            self.close()
            return ToolError(f"{self.name} did not start within {START_S:g} s", self._hint())
        except ToolError as error:
            return error
        wanted = self._settings.only
        names = [tool.name for tool in listed]
        if missing := [name for name in wanted if name not in names]:
            hint = f"tools.servers.{self.name}.only may name: {', '.join(names)}"
            return ToolError(f"{self.name} has no tool {missing[0]}", hint)
        return [self._tool(tool) for tool in listed if not wanted or tool.name in wanted]

    def close(self) -> None:
        """Let go of it; its task ends soon."""
        self._over.set()
        if self._client is None and self._living is not None:
            self._living.cancel()

    async def _listed(self) -> list[Any]:
        client = await self._opened()
        listed: list[Any] = []
        cursor: str | None = None
        try:
            for _ in range(MOST_PAGES):
                page = await client.list_tools(cursor=cursor)
                listed += page.tools
                cursor = page.next_cursor
                if not cursor:
                    break
        except Exception as error:
            raise self._explained(error, "") from error
        return listed

    def _tool(self, tool: Any) -> Tool:
        async def run(arguments: Arguments) -> str:
            return await self._call(tool.name, arguments)

        description = (tool.description or tool.title or tool.name).strip()
        spec = ToolSpec(wire_name(self.name, tool.name), description, tool.input_schema)
        return Tool(spec, self.name, tool.name, run)

    async def _call(self, name: str, arguments: Arguments, *, again: bool = True) -> str:
        """Cancelling it tells the server, too. Raises ToolError.

        A call that fails before the loop goes round was never sent: the server had gone before. Only then it is made
        again, since nobody knows what one that was sent has done.
        """
        client = await self._opened()
        went_round = asyncio.Event()
        asyncio.get_running_loop().call_soon(went_round.set)
        try:
            result = await client.call_tool(name, dict(arguments))
        except Exception as error:
            trouble = self._explained(error, name)
            if again and self._client is None and not went_round.is_set():
                return await self._call(name, arguments, again=False)
            raise trouble from error
        text = result_text(result.content, result.structured_content)
        if result.is_error:
            raise ToolError(text)
        return text

    async def _opened(self) -> Client:
        async with self._opening:
            if self._client is None:
                opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
                self._over = asyncio.Event()
                self._living = self._tasks.create_task(self._live(opened, self._over), name=f"MCP server {self.name}")
                self._client = await opened
            return self._client

    async def _live(self, opened: asyncio.Future[Client], over: asyncio.Event) -> None:
        """The client is entered and left in this task: its library allows no other way."""
        error: Exception | None = None
        with Tail() as tail:
            try:
                async with connected(self._settings, tail) as client:
                    opened.set_result(client)
                    await over.wait()
            except Exception as caught:
                error = caught
            if self._over is over:  # else another client has taken its place
                self._client = None
            if not opened.done() and error is not None:
                opened.set_exception(self._unopened(error, tail.text))
            elif not opened.done():
                opened.cancel()

    def _explained(self, error: Exception, tool: str) -> ToolError:
        """A server that has gone is opened anew next time; any other refusal is its answer."""
        from mcp import MCPError
        from mcp_types import CONNECTION_CLOSED

        if isinstance(error, MCPError) and error.code != CONNECTION_CLOSED:
            return ToolError(f"{self.name} refuses {tool or 'to list its tools'}: {error.message}")
        self._over.set()
        self._client = None
        return ToolError(f"{self.name} has gone ({_reason(error)}); the next call starts it again", self._hint())

    def _unopened(self, error: Exception, stderr: str) -> ToolError:
        if isinstance(error, VoiceCliError):
            return ToolError(error.message, error.hint)
        settings, first = self._settings, _first(error)
        if settings.url:
            return ToolError(
                f"{self.name}: no MCP server answers on {place(settings.url)} ({_reason(error)})", self._hint()
            )
        if isinstance(first, FileNotFoundError):
            return ToolError(f"{self.name}: there is no program {settings.command}", self._hint())
        said = last_line(stderr) or _reason(error)
        return ToolError(f"{self.name}: {settings.command} ended before it answered: {said}", self._hint())

    def _hint(self) -> str:
        key = "url" if self._settings.url else "command"
        return f"check tools.servers.{self.name}.{key}; voicecli tools tries it"


@asynccontextmanager
async def connected(settings: ToolServer, tail: Tail) -> AsyncIterator[Client]:
    """A client of the server, which lives inside the block. Raises ToolError when the package is not there."""
    try:
        from mcp import Client, StdioServerParameters
        from mcp.client.stdio import stdio_client
        from mcp.client.streamable_http import streamable_http_client
    except ImportError as error:
        raise ToolError("MCP servers need the package mcp, which is not installed", INSTALL) from error
    async with AsyncExitStack() as stack:
        if settings.url:
            http = await stack.enter_async_context(_http_client(settings))
            transport = streamable_http_client(settings.url, http_client=http)
        else:
            environ = {name: value.get_secret_value() for name, value in settings.env.items()}
            program = StdioServerParameters(command=settings.command, args=list(settings.args), env=environ)
            transport = stdio_client(program, tail.file)
        yield await stack.enter_async_context(Client(transport, cache=None))


def _http_client(settings: ToolServer) -> Any:
    import httpx2

    headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
    timeout = httpx2.Timeout(START_S, read=None)  # a call takes its time; tools.timeout_s bounds it
    return httpx2.AsyncClient(headers=headers, timeout=timeout, trust_env=not is_loopback(settings.url))


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _reason(error: Exception) -> str:
    first = _first(error)
    return str(first) or type(first).__name__
