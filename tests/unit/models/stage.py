"""Tiny models, packages and hubs on this machine, so that real clients can be run without a network."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

from voicecli.models.manifest import Manifest


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def pinned(name: str, content: bytes, *parts: str) -> str:
    """A manifest's line for a file, with its size and digest."""
    listed = f", parts = {json.dumps(parts)}" if parts else ""
    return f'{{ name = "{name}", size = {len(content)}, sha256 = "{sha256(content)}"{listed} }}'


def source(kind: str, origin: str, *files: str) -> str:
    return f'[[model.source]]\nkind = "{kind}"\norigin = "{origin}"\nfiles = [{", ".join(files)}]\n'


def model(name: str, *sources: str, default: bool = False) -> str:
    flag = "default = true\n" if default else ""
    return f'[[model]]\nname = "{name}"\nkind = "turn"\nlicense = "MIT"\nabout = "tiny"\n{flag}' + "".join(sources)


def manifest(*models: str) -> Manifest:
    return Manifest.parse("\n".join(models))


def build_wheel(folder: Path, name: str, version: str, files: Mapping[str, bytes]) -> Path:
    """A wheel that pip accepts, holding `files`."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    reported = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content = {**files, **reported, f"{info}/RECORD": b""}
    path = folder / f"{module}-{version}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        for member, data in content.items():
            wheel.writestr(member, data)
    return path


def build_tarball(name: str, version: str, files: Mapping[str, bytes]) -> bytes:
    """An npm package, gzipped, holding `files` under `package/`."""
    described = json.dumps({"name": name, "version": version}).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for member, content in {"package.json": described, **files}.items():
            entry = tarfile.TarInfo(f"package/{member}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@dataclass
class Web:
    """A web server: hubs redirect to `/store/...`, which serves ranges and may cut an answer short."""

    files: dict[str, bytes] = field(default_factory=dict)
    """Path -> content, served directly."""
    redirects: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    """Path -> where to, and headers of the redirecting answer."""
    cuts: list[int] = field(default_factory=list)
    """How many bytes each of the next answers gets to send before the line breaks."""
    hold_at: int | None = None
    """How many bytes of an answer are sent before the rest waits for `go_on`."""
    go_on: Event = field(default_factory=Event)
    honours_range: bool = True
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """(method, path, Range header) of every request."""
    base: str = ""

    def release(self, repo: str, tag: str, name: str, content: bytes) -> None:
        """Offer a file as a GitHub release does."""
        self.files[f"/store/{name}"] = content
        self.redirects[f"/{repo}/releases/download/{tag}/{name}"] = (f"/store/{name}", {})

    def hub_file(self, repo: str, revision: str, name: str, content: bytes, headers: dict[str, str]) -> None:
        """Offer a file as the Hugging Face hub does: the digest comes with the redirect."""
        self.files[f"/store/{name}"] = content
        self.redirects[f"/{repo}/resolve/{revision}/{name}"] = (f"/store/{name}", headers)

    def npm_package(self, name: str, version: str, files: Mapping[str, bytes]) -> None:
        """Offer a package as an npm registry does."""
        tarball = build_tarball(name, version, files)
        address = f"/{name}/-/{name}-{version}.tgz"
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
        dist = {"tarball": self.base + address, "integrity": integrity}
        described = {"name": name, "version": version, "dist": dist}
        packument = {"name": name, "dist-tags": {"latest": version}, "versions": {version: described}}
        self.files |= {address: tarball, f"/{name}": json.dumps(packument).encode()}

    def ranges(self, path: str) -> list[str]:
        """Range headers with which `path` was asked for, in order."""
        return [asked for method, found, asked in self.requests if method == "GET" and found == path]


class _Answer(BaseHTTPRequestHandler):
    def __init__(self, web: Web, *connection: Any) -> None:
        self.web = web
        super().__init__(*connection)

    def do_HEAD(self) -> None:
        self.web.requests.append(("HEAD", self.path, ""))
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.web.requests.append(("GET", self.path, asked))
        if self.path in self.web.redirects:
            where, headers = self.web.redirects[self.path]
            self._begin(302, {"Location": where, "Content-Length": "0", **headers})
        elif self.path in self.web.files:
            self._send(self.web.files[self.path], asked)
        else:
            self._begin(404, {"Content-Length": "0"})

    def _send(self, content: bytes, asked: str) -> None:
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.web.honours_range else 0
        if start and start >= len(content):
            self._begin(416, {"Content-Length": "0"})
            return
        rest = content[start:]
        self._begin(206 if start else 200, {"Content-Length": str(len(rest))})
        if self.web.cuts:
            self.wfile.write(rest[: self.web.cuts.pop(0)])
            self.close_connection = True
        else:
            self._send_slowly(rest)

    def _send_slowly(self, rest: bytes) -> None:
        held = len(rest) if self.web.hold_at is None else self.web.hold_at
        with suppress(ConnectionError):  # who asked has gone away
            self.wfile.write(rest[:held])
            if held < len(rest):
                self.web.go_on.wait()
            self.wfile.write(rest[held:])

    def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def serving() -> Iterator[Web]:
    """A `Web` on a free local port, for the length of a `with`."""
    web = Web()

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answer, web)) as server:
        web.base = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield web
        finally:
            web.go_on.set()
            server.shutdown()
            thread.join()
