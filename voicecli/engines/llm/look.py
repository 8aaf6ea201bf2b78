"""Look for servers with language models: Ollama where it is configured, and the usual ports of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from voicecli.engines.llm.offers import Server, lm_studio_offers, ollama_offers, openai_offers, program_of
from voicecli.errors import BackendUnavailable
from voicecli.network import host_and_port, is_loopback

if TYPE_CHECKING:
    import httpx

LM_STUDIO = "LM Studio"

USUAL_PORTS: Mapping[int, str] = {1234: LM_STUDIO, 8080: "llama.cpp", 8000: "vLLM", 30000: "SGLang", 1337: "Jan"}
"""Ports of programs that serve language models with OpenAI's protocol, in order of preference."""

CONNECT_S, ANSWER_S = 0.1, 0.4
"""Longest waits for a connection on this machine and for a server's lists: together the longest look. A port without a
server refuses at once."""

AWAY_CONNECT_S = 0.4
"""Longest wait for the connection to an Ollama on another machine."""

TICK_S = 0.05
"""Waits are counted in these. While the engines load, the loop may stand still for longer than a server may take; that
time is not the server's."""

T = TypeVar("T")


async def look_around(ollama_url: str, ports: Mapping[int, str] | None = None) -> list[Server]:
    """Return the servers that have language models, Ollama first. What answers with anything else is passed over.

    `ports`: of this machine, with the programs that usually have them; default: `USUAL_PORTS`.
    """
    usual = USUAL_PORTS if ports is None else ports
    places = {ollama_url: "", **{f"http://127.0.0.1:{port}": name for port, name in usual.items()}}
    listening = await asyncio.gather(*(_listens(url) for url in places))
    open_places = [place for place, is_open in zip(places.items(), listening, strict=True) if is_open]
    if not open_places:
        return []
    import httpx  # noqa: F401  # before time counts: the first import takes as long as the look

    found = await asyncio.gather(*(_server_at(url, name) for url, name in open_places))
    return [server for server in found if server]


async def ask_ollama(url: str) -> Server:
    """Return what Ollama offers. Raise BackendUnavailable if it does not answer or is something else."""
    import httpx

    where = host_and_port(url)
    try:
        async with _client(url) as client:
            tags = await _page(client, "/api/tags")
            running = await _page(client, "/api/ps") if ollama_offers(tags, None) is not None else None
    except (httpx.TransportError, httpx.InvalidURL) as error:
        hint = "Start it with `ollama serve`, or choose another language model with --llm."
        raise BackendUnavailable(f"Ollama does not answer on {where}", hint=hint) from error
    offers = ollama_offers(tags, running)
    if offers is None:
        hint = "Set llm.ollama_url to the address of Ollama."
        raise BackendUnavailable(f"The server on {where} is not Ollama", hint=hint)
    return Server("Ollama", url, "ollama", offers)


async def ask_openai(url: str, usual: str) -> Server | None:
    """Return what the server at a root URL offers; None if it is no server of language models.

    `usual`: the program whose port it is. Raise TransportError if it does not answer.
    """
    async with _client(url) as client:
        listed = await _page(client, "/v1/models")
        offers = openai_offers(listed)
        if offers is None:
            return None
        program = program_of(listed, usual)
        if program == LM_STUDIO:
            offers = lm_studio_offers(await _page(client, "/api/v0/models")) or offers
        return Server(program, f"{url}/v1", "openai", offers)


async def loaded_in_lm_studio(url: str) -> str:
    """Return the model that LM Studio has in memory; empty if it has none, or another program is at this base URL.

    It also lists models that it would have to load first.
    """
    root = url.rstrip("/").removesuffix("/v1")
    try:
        port = urlsplit(root).port
    except ValueError:
        return ""
    if not is_loopback(root) or USUAL_PORTS.get(port or 0) != LM_STUDIO:
        return ""
    server = await _server_at(root, LM_STUDIO)
    return next((offer.name for offer in server.offers if offer.is_loaded), "") if server else ""


async def _server_at(url: str, usual: str) -> Server | None:
    import httpx

    with suppress(BackendUnavailable, TimeoutError, httpx.TransportError):
        return await _within(ANSWER_S, ask_openai(url, usual) if usual else ask_ollama(url))
    return None


async def _within(wait_s: float, work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns. Raise TimeoutError if the loop has waited so long for it, in ticks."""
    task = asyncio.create_task(work)
    try:
        for _ in range(round(wait_s / TICK_S)):
            await asyncio.wait({task}, timeout=TICK_S)
            if task.done():
                return task.result()
        raise TimeoutError
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _listens(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
        wait_s = CONNECT_S if is_loopback(url) else AWAY_CONNECT_S
        _, writer = await _within(wait_s, asyncio.open_connection(parts.hostname, port))
    except (OSError, ValueError):  # ValueError: a port that is none; TimeoutError is an OSError
        return False
    writer.close()
    return True


def _client(url: str) -> httpx.AsyncClient:
    import httpx

    is_here = is_loopback(url)
    return httpx.AsyncClient(base_url=url, trust_env=not is_here, verify=not is_here)


async def _page(client: httpx.AsyncClient, path: str) -> object:
    """Return the JSON of a page; None if it is another kind of page. Raise TransportError."""
    import httpx

    try:
        page: object = (await client.get(path)).raise_for_status().json()
    except (
        httpx.HTTPStatusError,
        httpx.DecodingError,
        ValueError,
        RecursionError,
    ):  # RecursionError: nested too deeply
        return None
    return page
