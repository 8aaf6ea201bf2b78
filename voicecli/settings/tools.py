"""The settings of tools and of the servers that have some."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from voicecli.settings.section import Positive, Section


def _split(value: object) -> object:
    """A list may come from the environment, with commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class ToolServer(Section):
    """An MCP server: a program that is started, or an address."""

    command: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, SecretStr] = Field(default_factory=dict)
    """Beside HOME, PATH and a few like them, which every server gets."""
    url: str = ""
    """Of a server that speaks streamable HTTP."""
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    """Sent to `url` with each request: tokens."""
    only: tuple[str, ...] = ()
    """Names of the tools that are taken; empty: all."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("a server has either a command or a url")
        return self


class ToolSettings(Section):
    """What the language model may use."""

    enabled: bool
    """Whether it is told of tools."""
    allow: Annotated[tuple[str, ...], BeforeValidator(_split)]
    """Used without asking: "builtin", names of servers, and of their tools as "server.tool"; * stands for anything."""
    timeout_s: Positive
    """Longest wait for a tool."""
    servers: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")], ToolServer]
    """MCP servers by the names that you give them."""

    @model_validator(mode="after")
    def _not_ours(self) -> Self:
        if "builtin" in self.servers:
            raise ValueError("builtin are our own tools: give the server servers.builtin another name")
        return self
