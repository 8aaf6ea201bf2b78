"""Files from the Hugging Face hub and from GitHub releases over HTTP; a later run resumes an interrupted download.

`huggingface_hub.hf_hub_download` is not used: release 2.4 deletes the partial file of an interrupted download, and the
transfer is needed for GitHub anyway.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from voicecli.models.manifest import SourceFile, SourceKind
from voicecli.models.part_file import Expected, PartFile, SourceFailed, WrongBytes

PROBE_TIMEOUT_S = 4.0
"""Longest wait for a first answer: short, since some networks reach only package registries."""
ATTEMPTS = 4
"""Consecutive transfers of a file that may end without a new byte."""
_DIGEST = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")
_HOSTS: tuple[SourceKind, ...] = ("hub", "github")
OnBytes = Callable[[int, int | None], None]
"""Called with the bytes received so far and the expected total, if known."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Base URLs of the hosts; an empty `hub` means the endpoint of huggingface_hub (HF_ENDPOINT)."""

    hub: str = ""
    github: str = "https://github.com"

    def base(self, kind: SourceKind) -> str:
        """Return the base URL of a host."""
        if kind == "github":
            return self.github
        from huggingface_hub import constants

        return self.hub or constants.ENDPOINT

    def url(self, kind: SourceKind, origin: str, path: str) -> str:
        """Return the URL of a file; `origin` is owner/repo@revision or owner/repo@tag."""
        repo, _, version = origin.rpartition("@")
        if kind == "github":
            return f"{self.github}/{repo}/releases/download/{version}/{path}"
        from huggingface_hub import hf_hub_url

        return hf_hub_url(repo, path, revision=version, endpoint=self.base("hub"))


@dataclass(slots=True)
class HttpSources:
    """Both hosts through one client. A host that does not answer is tried once per run."""

    client: httpx.AsyncClient
    hosts: Hosts
    _failures: dict[SourceKind, str] = field(default_factory=dict)
    _probing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def require_host(self, kind: SourceKind) -> None:
        """Raise SourceFailed within seconds if the host cannot be reached."""
        async with self._probing:
            if kind not in self._failures:
                self._failures[kind] = await self._probe(self.hosts.base(kind))
        if failure := self._failures[kind]:
            raise SourceFailed(failure)

    async def _probe(self, base: str) -> str:
        host = httpx.URL(base).host
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                await self.client.head(base)
        except TimeoutError:
            return f"{host} does not answer"
        except httpx.TransportError as error:
            return f"{host} cannot be reached ({_reason(error)})"
        return ""

    async def fetch(
        self, kind: SourceKind, origin: str, path: str, file: SourceFile, part: PartFile, on_bytes: OnBytes
    ) -> str:
        """Download one file. Return its SHA-256. Raise SourceFailed if that fails or the bytes are wrong."""
        url = self.hosts.url(kind, origin, path)
        await part.resume()
        resumed = part.size_bytes > 0
        digest = await self._transfer(kind, url, file, part, on_bytes)
        try:
            return part.accept(Expected.of(file, digest))
        except WrongBytes:
            if not resumed:
                raise
        with PartFile(part.target) as fresh:
            digest = await self._transfer(kind, url, file, fresh, on_bytes)
            return fresh.accept(Expected.of(file, digest))

    async def _transfer(self, kind: SourceKind, url: str, file: SourceFile, part: PartFile, on_bytes: OnBytes) -> str:
        """Append until the file is complete. Return the digest that the hub names; "" if the manifest pins one."""
        if file.size is not None and part.size_bytes > file.size:
            part.restart()
        if file.sha256 and part.size_bytes == file.size:
            return ""
        attempts_left = ATTEMPTS
        while True:
            before = part.size_bytes
            try:
                return await self._append(kind, url, file, part, on_bytes)
            except httpx.HTTPStatusError as error:
                raise SourceFailed(f"{file.name}: HTTP {error.response.status_code}") from error
            except httpx.TransportError as error:
                attempts_left = ATTEMPTS if part.size_bytes > before else attempts_left - 1
                if not attempts_left:
                    raise SourceFailed(f"{file.name}: the connection keeps breaking ({_reason(error)})") from error

    async def _append(self, kind: SourceKind, url: str, file: SourceFile, part: PartFile, on_bytes: OnBytes) -> str:
        async with self.client.stream("GET", url, headers=_headers(kind, part.size_bytes)) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and part.size_bytes:
                part.restart()
            else:
                return await self._read(response, file, part, on_bytes)
        return await self._append(kind, url, file, part, on_bytes)

    async def _read(self, response: httpx.Response, file: SourceFile, part: PartFile, on_bytes: OnBytes) -> str:
        response.raise_for_status()
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            part.restart()
        digest = "" if file.sha256 else _hub_digest(response, file)
        length = response.headers.get("content-length")
        total = file.size or (part.size_bytes + int(length) if length else None)
        async for chunk in response.aiter_bytes():
            part.write(chunk)
            on_bytes(part.size_bytes, total)
        return digest


def reachable_hosts(hosts: Hosts | None = None) -> frozenset[SourceKind]:
    """Return the hosts that answer, and the package registries, whose clients are not asked. Blocks for seconds.

    Do not call this on an event loop.
    """

    async def probe() -> frozenset[SourceKind]:
        found: set[SourceKind] = {"pypi", "npm"}
        async with httpx.AsyncClient(follow_redirects=True) as client:
            sources = HttpSources(client, hosts or Hosts())
            for kind in _HOSTS:
                try:
                    await sources.require_host(kind)
                except SourceFailed:
                    continue
                found.add(kind)
        return frozenset(found)

    return asyncio.run(probe())


def _headers(kind: SourceKind, start: int) -> dict[str, str]:
    # A compressed response cannot be resumed by its length.
    headers = {"accept-encoding": "identity"}
    if start:
        headers["range"] = f"bytes={start}-"
    return headers | (hub_headers() if kind == "hub" else {})


def hub_headers() -> dict[str, str]:
    """Return the headers that identify the user to the hub; none without a token."""
    from huggingface_hub import get_token

    token = get_token()
    return {"authorization": f"Bearer {token}"} if token else {}


def _reason(error: httpx.TransportError) -> str:
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__


def _hub_digest(response: httpx.Response, file: SourceFile) -> str:
    """Return the digest that the hub names when it redirects to its storage.

    `X-Linked-Etag` is the SHA-256 of a large file, `ETag` the git blob ID of a small one: as in huggingface_hub's
    `get_hf_file_metadata`, without its extra request. Raise SourceFailed if both are missing.
    """
    hops = (*response.history, response)
    for header in ("x-linked-etag", "etag"):
        for hop in hops:
            etag = hop.headers.get(header, "").removeprefix("W/").strip('"')
            if _DIGEST.fullmatch(etag):
                return str(etag)
    raise SourceFailed(f"{file.name}: the hub names no digest to verify it with")
