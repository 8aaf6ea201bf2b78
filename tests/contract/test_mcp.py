"""MCP servers: a real one from PyPI over stdio, one of the SDK's own over HTTP, and all that can be wrong with them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from mcp.server.mcpserver import MCPServer

from voicecli.errors import ToolError
from voicecli.settings.model import ToolServer
from voicecli.tools.mcp_server import McpServer
from voicecli.tools.toolbox import Tool

TIME = ToolServer(command=sys.executable, args=("-m", "mcp_server_time", "--local-timezone", "UTC"))

SLOW = """
import asyncio, pathlib, sys
from mcp.server.mcpserver import MCPServer
server = MCPServer("slow")

@server.tool()
async def sleep(log: str) -> str:
    "Sleeps for a minute."
    try:
        pathlib.Path(log).write_text("began")
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        pathlib.Path(log).write_text("cancelled")
        raise
    return "slept"

@server.tool()
def pid() -> str:
    "Its process."
    import os
    return str(os.getpid())

server.run()
"""

Act = Callable[[McpServer], Awaitable[None]]


def hold(settings: ToolServer, act: Act, name: str = "clock") -> None:
    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            server = McpServer(name, settings, tasks)
            try:
                await act(server)
            finally:
                server.close()

    asyncio.run(run())


async def tools_of(server: McpServer) -> dict[str, Tool]:
    found = await server.tools()
    assert not isinstance(found, ToolError), found
    return {tool.name: tool for tool in found}


def is_connected(server: McpServer) -> bool:
    """Whether its client has not yet seen the end: the library tells nobody."""
    assert server._client is not None
    return not getattr(server._client.session._dispatcher, "_closed")  # noqa: B009 - of one of its kinds


def trouble(settings: ToolServer) -> ToolError:
    caught: list[ToolError] = []

    async def act(server: McpServer) -> None:
        found = await server.tools()
        assert isinstance(found, ToolError)
        caught.append(found)

    hold(settings, act)
    return caught[0]


class TestTheTimeServer:
    def test_its_tools_are_found_and_used(self) -> None:
        async def act(server: McpServer) -> None:
            tools = await tools_of(server)
            assert set(tools) == {"get_current_time", "convert_time"}
            now = tools["get_current_time"]
            assert (now.title, now.spec.name) == ("clock.get_current_time", "clock_get_current_time")
            assert "timezone" in json.dumps(dict(now.spec.parameters))
            reported = json.loads(await now.run({"timezone": "Asia/Tokyo"}))
            assert reported["timezone"] == "Asia/Tokyo"
            with pytest.raises(ToolError, match="Invalid timezone"):
                await now.run({"timezone": "Moon/Base"})

        hold(TIME, act)

    def test_only_some_of_them_may_be_taken(self) -> None:
        async def act(server: McpServer) -> None:
            assert set(await tools_of(server)) == {"convert_time"}

        hold(TIME.model_copy(update={"only": ("convert_time",)}), act)
        reported = trouble(TIME.model_copy(update={"only": ("tell",)}))
        assert reported.message == "clock has no tool tell"
        assert "get_current_time" in reported.hint


@pytest.fixture
def slow(tmp_path: Path) -> ToolServer:
    (tmp_path / "slow.py").write_text(SLOW)
    return ToolServer(command=sys.executable, args=(str(tmp_path / "slow.py"),))


def test_a_cancelled_call_is_cancelled_at_the_server(slow: ToolServer, tmp_path: Path) -> None:
    log = tmp_path / "log"

    async def act(server: McpServer) -> None:
        sleep = (await tools_of(server))["sleep"]
        call = asyncio.ensure_future(sleep.run({"log": str(log)}))
        async with asyncio.timeout(20):
            while not log.exists() or log.read_text() != "began":  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
            call.cancel()
            while log.read_text() != "cancelled":  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    hold(slow, act)


def test_a_server_that_has_gone_is_reported_of_and_started_again(slow: ToolServer, tmp_path: Path) -> None:
    async def act(server: McpServer) -> None:
        tools = await tools_of(server)
        first = int(await tools["pid"].run({}))
        call = asyncio.ensure_future(tools["sleep"].run({"log": str(tmp_path / "log")}))
        async with asyncio.timeout(20):
            while not (tmp_path / "log").exists():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(ToolError, match="connection to clock is lost"):
            await call
        assert int(await tools["pid"].run({})) != first

    hold(slow, act)


def test_one_that_went_between_two_calls_is_started_again_unnoticed(slow: ToolServer) -> None:
    async def act(server: McpServer) -> None:
        tools = await tools_of(server)
        first = int(await tools["pid"].run({}))
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(20):
            while is_connected(server):  # noqa: ASYNC110 - another process ends
                await asyncio.sleep(0.02)
        assert int(await tools["pid"].run({})) != first

    hold(slow, act)


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        (
            ToolServer(command="no-such-program"),
            ("clock: the program no-such-program was not found", "tools.servers.clock"),
        ),
        (
            ToolServer(command=sys.executable, args=("-c", "raise SystemExit('no database')")),
            ("exited before it answered: no database", "tools.servers.clock.command"),
        ),
        (ToolServer(url="http://127.0.0.1:9/mcp"), ("no MCP server answers at 127.0.0.1:9", "tools.servers.clock.url")),
    ],
    ids=["no program", "it ends", "no address"],
)
def test_a_server_that_is_not_there_is_reported_of(settings: ToolServer, parts: tuple[str, str]) -> None:
    reported = trouble(settings)
    assert parts[0] in reported.message
    assert parts[1] in reported.hint


def test_one_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicecli.tools.mcp_server.START_S", 1.0)
    reported = trouble(ToolServer(command=sys.executable, args=("-c", "import time; time.sleep(60)")))
    assert "did not start within 1 s" in reported.message


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    reported = trouble(TIME)
    assert "the package mcp" in reported.message
    assert "voicecli[mcp]" in reported.hint


def test_a_secret_reaches_the_server_and_no_error() -> None:
    script = "import os, sys; sys.exit('token ' + str(len(os.environ['TOKEN'])))"
    reported = trouble(ToolServer(command=sys.executable, args=("-c", script), env={"TOKEN": "s3cret"}))  # type: ignore[dict-item]
    assert reported.message.endswith("token 6")
    assert "s3cret" not in str(reported)


@asynccontextmanager
async def http_server() -> AsyncIterator[str]:
    """One of the SDK's own, on streamable HTTP: its address."""
    mcp = MCPServer("adder")

    @mcp.tool()
    def add(a: int, b: int) -> int:
        """Adds two numbers."""
        return a + b

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(mcp.streamable_http_app(), log_level="warning"))
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        finally:
            server.should_exit = True
            await serving


def test_a_server_at_an_address() -> None:
    async def run() -> None:
        async with http_server() as url, asyncio.TaskGroup() as tasks:
            server = McpServer("adder", ToolServer(url=url), tasks)
            tools = await tools_of(server)
            assert tools["add"].spec.description == "Adds two numbers."
            assert await tools["add"].run({"a": 2, "b": 40}) == "42"
            server.close()

    asyncio.run(run())
