"""The servers on Ray Serve: many replicas on many machines behind one address (docs/scaling.md).

    serve run voicecli.app.serve_ray:stt sessions=4 max_replicas=8
    serve run voicecli.app.serve_ray:tts sessions=4 max_replicas=8

Each replica is a process with engines of its own. A WebSocket stays with the replica that took it: a session's state
is in that process alone, and Ray moves a connection for as long as it lasts no more than a kernel does.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from voicecli.errors import SettingsError

if TYPE_CHECKING:
    from ray.serve import Application
    from starlette.applications import Starlette
    from starlette.types import ASGIApp

    from voicecli.server.access import Access
    from voicecli.settings.model import Settings

Open = Callable[[], AbstractAsyncContextManager["ASGIApp"]]
"""Opens an app with its engines, in the process and on the loop that serve it."""

FALLBACK = 16
"""Requests that a replica takes beyond its sessions: to answer /health while it is full, and to refuse a session itself
with 1013 and a reason. Ray's own refusal reaches a WebSocket as a bare 500, and before that it lets clients wait."""

BUSY = 0.7
"""Share of its sessions from which on a replica wants another one beside it."""


class Options(BaseModel):
    """What `serve run` takes as key=value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sessions: Annotated[int, Field(ge=1)]
    """Of one replica at once; `voicecli serve-stt` measures how many a machine can serve, and tells."""
    min_replicas: Annotated[int, Field(ge=1)] = 1
    max_replicas: Annotated[int, Field(ge=1)] = 1
    upscale_s: Annotated[float, Field(ge=0)] = 10.0
    """How long replicas are busy before there is another one."""
    downscale_s: Annotated[float, Field(ge=0)] = 300.0
    """How long they are idle before there is one less."""
    drain_s: Annotated[float, Field(ge=0)] = 600.0
    """For the sessions of a replica that is to go; those that last longer are cut off."""
    cpus: Annotated[float, Field(gt=0)] = 1.0
    """That Ray sets aside for a replica; an engine on the processor uses as many threads."""
    gpus: Annotated[float, Field(ge=0)] = 0.0
    """As `cpus`; a part of one lets replicas share a card."""
    profile: Literal["", "cpu", "gpu"] = ""
    insecure: bool = False
    """Without VOICECLI_API_KEY in the environment of a replica it does not start, unless this is set."""


def stt(arguments: Mapping[str, object]) -> Application:
    """Speech-to-text, for `serve run`."""
    options = Options.model_validate(arguments)
    return deployment("stt", partial(open_stt_app, options), options)


@asynccontextmanager
async def open_stt_app(options: Options) -> AsyncIterator[ASGIApp]:
    """Settings are those of the machine that the replica is on. Raises ModelMissing, EngineError or SettingsError."""
    from voicecli.assemble.stt_server import Wanted, open_stt
    from voicecli.server.access import Guard
    from voicecli.server.stt.app import create_app

    access = access_of(options)
    async with open_stt(settings_of(options, "stt"), Wanted(options.sessions)) as service:
        app = create_app(service)
        async with app.router.lifespan_context(app):
            yield Guard(app, access)


def tts(arguments: Mapping[str, object]) -> Application:
    """Text-to-speech, for `serve run`."""
    options = Options.model_validate(arguments)
    return deployment("tts", partial(open_tts_app, options), options)


@asynccontextmanager
async def open_tts_app(options: Options) -> AsyncIterator[ASGIApp]:
    """As `open_stt_app`."""
    from voicecli.assemble.tts_server import open_tts
    from voicecli.server.access import Guard
    from voicecli.server.metrics import Metrics
    from voicecli.server.sessions import Limits, Sessions
    from voicecli.server.tts.app import create_app

    access = access_of(options)
    async with open_tts(settings_of(options, "tts"), (), logging.getLogger(__name__).info) as speech:
        yield Guard(create_app(speech, Sessions(options.sessions, Metrics()), Limits()), access)


def settings_of(options: Options, engine: Literal["stt", "tts"]) -> Settings:
    """Of this machine, with as many threads as Ray set aside. Raises SettingsError."""
    from voicecli.settings.load import load_settings

    threads = max(1, round(options.cpus))
    return load_settings({f"{engine}.threads": threads}, profile=options.profile).settings


def access_of(options: Options) -> Access:
    """Raises SettingsError as `key_of`."""
    from voicecli.server.access import Access

    return Access(key_of(os.environ, insecure=options.insecure))


def key_of(environ: Mapping[str, str], *, insecure: bool) -> str:
    """The key that clients have to send. Raises SettingsError where there is none: a cluster is there for others."""
    key = environ.get("VOICECLI_API_KEY", "")
    if not key and not insecure:
        raise SettingsError(
            "a replica serves other machines, and there is no key",
            "VOICECLI_API_KEY where `ray start` runs, or insecure=true where the network itself keeps others out",
        )
    return key


def deployment(name: str, open_app: Open, options: Options) -> Application:
    """The app on as many replicas as its sessions need. Raises SettingsError where Ray is missing."""
    try:
        from ray import serve
    except ImportError as error:
        raise SettingsError("Ray Serve is not installed", "pip install 'voicecli[ray]'") from error

    def build() -> Starlette:
        return opened_when_it_starts(open_app)

    deploy = serve.deployment(
        serve.ingress(build)(Replica),
        name=name,
        max_ongoing_requests=options.sessions + FALLBACK,
        autoscaling_config={
            "min_replicas": options.min_replicas,
            "max_replicas": options.max_replicas,
            "target_ongoing_requests": options.sessions * BUSY,
            "upscale_delay_s": options.upscale_s,
            "downscale_delay_s": options.downscale_s,
        },
        graceful_shutdown_timeout_s=options.drain_s,
        ray_actor_options={"num_cpus": options.cpus, "num_gpus": options.gpus},
    )
    application: Application = deploy.bind()
    return application


class Replica:
    """What Ray asks of a replica, beside serving."""

    app: ASGIApp  # Ray's ingress sets it

    async def check_health(self) -> None:
        """Ray replaces a replica where this raises: the app has to answer as it would answer a client."""
        from httpx import ASGITransport, AsyncClient

        async with AsyncClient(transport=ASGITransport(self.app), base_url="http://replica") as client:
            (await client.get("/health")).raise_for_status()


def opened_when_it_starts(open_app: Open) -> Starlette:
    """An app that opens another one in its lifespan, and passes everything on to it."""
    from starlette.applications import Starlette

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_app() as opened:
            app.mount("/", opened)
            yield

    return Starlette(lifespan=lifespan)
