"""The servers on Ray Serve: many replicas on many machines behind one address (docs/scaling.md).

    serve run voicecli.app.serve_ray:stt sessions=4 max_replicas=8
    serve run voicecli.app.serve_ray:tts sessions=4 max_replicas=8

Each replica is a process with its own engines. A WebSocket stays with the replica that accepted it, because a
session's state lives in that process.
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
"""Opens an app with its engines, in the process and on the event loop that serve it."""

EXTRA_REQUESTS = 16
"""Requests that a replica accepts beyond its sessions: to answer /health while it is full, and to refuse a session
itself with 1013 and a reason. Ray lets clients wait, then refuses a WebSocket with a bare 500."""

TARGET_LOAD = 0.7
"""Share of a replica's sessions above which Ray adds another replica."""


class Options(BaseModel):
    """Arguments of `serve run`, as key=value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sessions: Annotated[int, Field(ge=1)]
    """Concurrent sessions of one replica; `voicecli serve-stt` measures and prints how many a machine can serve."""
    min_replicas: Annotated[int, Field(ge=1)] = 1
    max_replicas: Annotated[int, Field(ge=1)] = 1
    upscale_s: Annotated[float, Field(ge=0)] = 10.0
    """How long replicas are busy before another one is added."""
    downscale_s: Annotated[float, Field(ge=0)] = 300.0
    """How long they are idle before one is removed."""
    drain_s: Annotated[float, Field(ge=0)] = 600.0
    """Time for the sessions of a replica that is removed; longer ones are cut off."""
    cpus: Annotated[float, Field(gt=0)] = 1.0
    """CPUs that Ray reserves for a replica; an engine on the CPU uses as many threads."""
    gpus: Annotated[float, Field(ge=0)] = 0.0
    """GPUs that Ray reserves for a replica; a fraction lets replicas share a card."""
    profile: Literal["", "cpu", "gpu"] = ""
    insecure: bool = False
    """Start without VOICECLI_API_KEY in the environment of the replica."""


def stt(arguments: Mapping[str, object]) -> Application:
    """Return the speech-to-text application for `serve run`."""
    options = Options.model_validate(arguments)
    return deployment("stt", partial(open_stt_app, options), options)


@asynccontextmanager
async def open_stt_app(options: Options) -> AsyncIterator[ASGIApp]:
    """Open the app with the settings of the replica's machine. Raise ModelMissing, EngineError or SettingsError."""
    from voicecli.assemble.stt_server import ServerOptions, open_stt
    from voicecli.server.access import AccessMiddleware
    from voicecli.server.stt.app import create_app

    access = access_of(options)
    async with open_stt(settings_of(options, "stt"), ServerOptions(options.sessions)) as service:
        app = create_app(service)
        async with app.router.lifespan_context(app):
            yield AccessMiddleware(app, access)


def tts(arguments: Mapping[str, object]) -> Application:
    """Return the text-to-speech application for `serve run`."""
    options = Options.model_validate(arguments)
    return deployment("tts", partial(open_tts_app, options), options)


@asynccontextmanager
async def open_tts_app(options: Options) -> AsyncIterator[ASGIApp]:
    """Open the app with the settings of the replica's machine. Raise ModelMissing, EngineError or SettingsError."""
    from voicecli.assemble.tts_server import open_tts
    from voicecli.server.access import AccessMiddleware
    from voicecli.server.sessions import Limits, Metrics, Sessions
    from voicecli.server.tts.app import create_app

    access = access_of(options)
    async with open_tts(settings_of(options, "tts"), (), logging.getLogger(__name__).info) as speech:
        yield AccessMiddleware(create_app(speech, Sessions(options.sessions, Metrics()), Limits()), access)


def settings_of(options: Options, engine: Literal["stt", "tts"]) -> Settings:
    """Load the settings of this machine, with as many threads as Ray reserved. Raise SettingsError."""
    from voicecli.settings.load import load_settings

    threads = max(1, round(options.cpus))
    return load_settings({f"{engine}.threads": threads}, profile=options.profile).settings


def access_of(options: Options) -> Access:
    """Return who may connect. Raise SettingsError if a key is needed and there is none."""
    from voicecli.server.access import Access

    return Access(key_of(os.environ, insecure=options.insecure))


def key_of(environ: Mapping[str, str], *, insecure: bool) -> str:
    """Return the key that clients must send. Raise SettingsError if there is none: a cluster serves other machines."""
    key = environ.get("VOICECLI_API_KEY", "")
    if not key and not insecure:
        raise SettingsError(
            "a replica serves other machines, and no key is set",
            "set VOICECLI_API_KEY where `ray start` runs, or insecure=true if the network itself keeps others out",
        )
    return key


def deployment(name: str, open_app: Open, options: Options) -> Application:
    """Return the app on as many replicas as its sessions need. Raise SettingsError if Ray is not installed."""
    try:
        from ray import serve
    except ImportError as error:
        raise SettingsError("Ray Serve is not installed", "pip install 'voicecli[ray]'") from error

    def build() -> Starlette:
        return opened_at_start(open_app)

    deploy = serve.deployment(
        serve.ingress(build)(Replica),
        name=name,
        max_ongoing_requests=options.sessions + EXTRA_REQUESTS,
        autoscaling_config={
            "min_replicas": options.min_replicas,
            "max_replicas": options.max_replicas,
            "target_ongoing_requests": options.sessions * TARGET_LOAD,
            "upscale_delay_s": options.upscale_s,
            "downscale_delay_s": options.downscale_s,
        },
        graceful_shutdown_timeout_s=options.drain_s,
        ray_actor_options={"num_cpus": options.cpus, "num_gpus": options.gpus},
    )
    application: Application = deploy.bind()
    return application


class Replica:
    """The health check that Ray calls on a replica."""

    app: ASGIApp  # Ray's ingress sets it

    async def check_health(self) -> None:
        """Raise if the app does not answer /health as a client would see it; Ray then replaces the replica."""
        from httpx import ASGITransport, AsyncClient

        async with AsyncClient(transport=ASGITransport(self.app), base_url="http://replica") as client:
            (await client.get("/health")).raise_for_status()


def opened_at_start(open_app: Open) -> Starlette:
    """Return an app that opens another one in its lifespan and passes all requests to it."""
    from starlette.applications import Starlette

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_app() as opened:
            app.mount("/", opened)
            yield

    return Starlette(lifespan=lifespan)
