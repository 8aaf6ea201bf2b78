"""The tools of one MCP server: a program to start, or a URL (https://modelcontextprotocol.io)."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from voicecli.errors import ToolError, VoiceCliError
from voicecli.network import host_and_port, is_loopback
from voicecli.tools.toolbox import Arguments, Tool
from voicecli.types import ToolSpec

if TYPE_CHECKING:
    from mcp import Client

    from voicecli.settings.model import ToolServer

MAX_NAME_CHARS = 64
"""Longest function name in OpenAI's protocol, which allows letters, digits, "_" and "-"."""


def wire_name(server: str, tool: str) -> str:
    """Return a tool name that every back end accepts."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"{server}_{tool}")[:MAX_NAME_CHARS]


def result_text(content: Iterable[Any], structured: Any) -> str:
    """Return the texts of a result, with a placeholder for other content; without content, the structured result."""
    parts = [_part(block) for block in content]
    if not parts and structured is not None:
        return json.dumps(structured, ensure_ascii=False)
    return "\n".join(parts) or "(nothing)"


def _part(block: Any) -> str:
    kind = str(getattr(block, "type", "something"))
    text = getattr(block, "text", None)
    if kind == "resource":
        text = getattr(getattr(block, "resource", None), "text", None)
    if isinstance(text, str):
        return text
    uri = getattr(block, "uri", "")
    return f"[{kind.replace('_', ' ')}{f' {uri}' if uri else ''}]"


def last_line(text: str) -> str:
    """Return the last non-empty line, where programs usually print why they exit."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


TAIL_BYTES = 4000


class StderrTail:
    """A pipe for a server's stderr that keeps the end of the text. A context manager on the running loop.

    `file` is the writing end.
    """

    def __init__(self) -> None:
        self._kept = b""

    def __enter__(self) -> Self:
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        self.file: TextIO = os.fdopen(writer, "w")
        asyncio.get_running_loop().add_reader(self._reader, self._read)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._read()
        self._remove_reader()
        os.close(self._reader)
        self.file.close()

    @property
    def text(self) -> str:
        """Return the last TAIL_BYTES as text."""
        self._read()
        return self._kept.decode(errors="replace")

    def _read(self) -> None:
        try:
            while raw := os.read(self._reader, TAIL_BYTES):
                self._kept = (self._kept + raw)[-TAIL_BYTES:]
        except OSError:  # no more data for now, or closed
            return
        self._remove_reader()

    def _remove_reader(self) -> None:
        asyncio.get_running_loop().remove_reader(self._reader)


START_S = 30.0
"""Timeout for a server to start and list its tools; `uvx` and `npx` download it first."""

MAX_PAGES = 20
"""Most pages of a list of tools."""

INSTALL = "pip install 'voicecli[mcp]'"


class McpServer:
    """A connection to an MCP server. The first call opens it, and the next call after a failure reopens it.

    All methods belong to the loop.
    """

    def __init__(self, name: str, settings: ToolServer, tasks: asyncio.TaskGroup) -> None:
        self.name = name
        self._settings = settings
        self._tasks = tasks
        self._opening = asyncio.Lock()
        self._client: Client | None = None
        self._client_task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def tools(self) -> list[Tool] | ToolError:
        """Return the tools that the settings allow, or why there are none."""
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
        """Start closing the connection; its task ends soon."""
        self._over.set()
        if self._client is None and self._client_task is not None:
            self._client_task.cancel()

    async def _listed(self) -> list[Any]:
        client = await self._open_client()
        listed: list[Any] = []
        cursor: str | None = None
        try:
            for _ in range(MAX_PAGES):
                page = await client.list_tools(cursor=cursor)
                listed += page.tools
                cursor = page.next_cursor
                if not cursor:
                    break
        except Exception as error:
            raise self._tool_error(error, "") from error
        return listed

    def _tool(self, tool: Any) -> Tool:
        async def run(arguments: Arguments) -> str:
            return await self._call(tool.name, arguments)

        description = (tool.description or tool.title or tool.name).strip()
        spec = ToolSpec(wire_name(self.name, tool.name), description, tool.input_schema)
        return Tool(spec, self.name, tool.name, run)

    async def _call(self, name: str, arguments: Arguments, *, again: bool = True) -> str:
        """Call a tool and return its result. Cancelling also cancels it on the server. Raise ToolError.

        A call that fails before the next iteration of the loop was never sent: the connection was already lost. Only
        then is it repeated, because a call that was sent may have had effects.
        """
        client = await self._open_client()
        was_iterated = asyncio.Event()
        asyncio.get_running_loop().call_soon(was_iterated.set)
        try:
            result = await client.call_tool(name, dict(arguments))
        except Exception as error:
            trouble = self._tool_error(error, name)
            if again and self._client is None and not was_iterated.is_set():
                return await self._call(name, arguments, again=False)
            raise trouble from error
        text = result_text(result.content, result.structured_content)
        if result.is_error:
            raise ToolError(text)
        return text

    async def _open_client(self) -> Client:
        async with self._opening:
            if self._client is None:
                opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
                self._over = asyncio.Event()
                self._client_task = self._tasks.create_task(
                    self._run_client(opened, self._over), name=f"MCP server {self.name}"
                )
                self._client = await opened
            return self._client

    async def _run_client(self, opened: asyncio.Future[Client], over: asyncio.Event) -> None:
        """Enter and exit the client in this task, as its library requires."""
        error: Exception | None = None
        with StderrTail() as tail:
            try:
                async with connected(self._settings, tail) as client:
                    opened.set_result(client)
                    await over.wait()
            except Exception as caught:
                error = caught
            if self._over is over:  # otherwise another client has replaced it
                self._client = None
            if not opened.done() and error is not None:
                opened.set_exception(self._open_error(error, tail.text))
            elif not opened.done():
                opened.cancel()

    def _tool_error(self, error: Exception, tool: str) -> ToolError:
        """Return the error for the language model. After a lost connection the next call reopens the server."""
        from mcp import MCPError
        from mcp_types import CONNECTION_CLOSED

        if isinstance(error, MCPError) and error.code != CONNECTION_CLOSED:
            return ToolError(f"{self.name} refuses {tool or 'to list its tools'}: {error.message}")
        self._over.set()
        self._client = None
        return ToolError(
            f"the connection to {self.name} is lost ({_reason(error)}); the next call restarts it", self._hint()
        )

    def _open_error(self, error: Exception, stderr: str) -> ToolError:
        if isinstance(error, VoiceCliError):
            return ToolError(error.message, error.hint)
        settings, first = self._settings, _first(error)
        if settings.url:
            return ToolError(
                f"{self.name}: no MCP server answers at {host_and_port(settings.url)} ({_reason(error)})", self._hint()
            )
        if isinstance(first, FileNotFoundError):
            return ToolError(f"{self.name}: the program {settings.command} was not found", self._hint())
        said = last_line(stderr) or _reason(error)
        return ToolError(f"{self.name}: {settings.command} exited before it answered: {said}", self._hint())

    def _hint(self) -> str:
        key = "url" if self._settings.url else "command"
        return f"check tools.servers.{self.name}.{key}; test it with voicecli tools"


@asynccontextmanager
async def connected(settings: ToolServer, tail: StderrTail) -> AsyncIterator[Client]:
    """Connect a client to the server inside the block. Raise ToolError if the package mcp is not installed."""
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
    timeout = httpx2.Timeout(START_S, read=None)  # tools.timeout_s limits a call
    return httpx2.AsyncClient(headers=headers, timeout=timeout, trust_env=not is_loopback(settings.url))


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _reason(error: Exception) -> str:
    first = _first(error)
    return str(first) or type(first).__name__
