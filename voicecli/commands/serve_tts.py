"""`voicecli serve-tts`: text-to-speech for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from voicecli.commands import serve_options as serve
from voicecli.commands.missing_models import fetch_missing, voice_models
from voicecli.commands.narration import tell
from voicecli.commands.options import Profile, option

VOICE, LIMITS, SETTINGS = "Voice", "Limits", "Settings"
DEFAULT_PORT = 8880


def serve_tts(
    host: serve.Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port.", rich_help_panel=serve.WHERE)] = DEFAULT_PORT,
    tls_cert: serve.TlsCert = "",
    tls_key: serve.TlsKey = "",
    drain_s: serve.Drain = 10.0,
    api_key: serve.ApiKey = "",
    insecure: serve.Insecure = False,
    allow_origin: serve.Origins = None,
    voice: Annotated[
        list[str] | None,
        option(help="Voice or blend of clients that name none; more than once: others that shall stream.", panel=VOICE),
    ] = None,
    speed: Annotated[
        float | None, option(help="Speaking rate of clients that name none, 0.5 to 2.", panel=VOICE)
    ] = None,
    model: Annotated[str | None, option("--model", help="Kokoro model: name or ONNX file.", panel=VOICE)] = None,
    profile: Annotated[Profile | None, option(help="cpu, or gpu for one NVIDIA card.", panel=VOICE)] = None,
    max_sessions: Annotated[
        int, typer.Option(min=1, help="Requests and WebSockets at once.", rich_help_panel=LIMITS)
    ] = 32,
    max_session_s: Annotated[
        float, typer.Option(min=1, help="Longest session in seconds.", rich_help_panel=LIMITS)
    ] = 3600.0,
    idle_s: Annotated[
        float,
        typer.Option(min=1, help="Longest time without a message or speech in seconds.", rich_help_panel=LIMITS),
    ] = 60.0,
    offline: Annotated[bool | None, option("--offline", help="Never download a model.", panel=SETTINGS)] = None,
    config: Annotated[
        Path | None, option("--config", help="Settings file in place of your own.", panel=SETTINGS)
    ] = None,
) -> None:
    """Serve text-to-speech to other programs, on this machine unless you say otherwise.

    HTTP: [bold]POST /v1/audio/speech[/] as OpenAI's clients call it, [bold]/v1/voices[/], [bold]/health[/],
    [bold]/ready[/] and the API description at [bold]/docs[/]. WebSockets: [bold]/v1/speak[/] (text as a language model
    writes it, cancel) and [bold]/ws[/] (a text in, its sound out). The messages are in docs/protocol-tts.md. Neither
    text nor sound is kept or logged.

    Every voice may be asked for. Those named here give sound while it is computed; others a clause at a time.

    Examples:

      voicecli serve-tts

      voicecli serve-tts --voice af_heart --voice "af_heart:2+bm_george:1"

      curl 127.0.0.1:8880/v1/audio/speech --json '{"input": "Dinner is ready."}' -o dinner.mp3
    """
    from voicecli.settings.load import load_settings

    access = serve.access_of(host, api_key, allow_origin, insecure=insecure)
    bind = serve.bind_of(host, port, tls_cert, tls_key, drain_s)
    names = voice or []
    settings = load_settings(
        {"tts.voice": names[0] if names else None, "tts.speed": speed, "tts.model": model, "models.offline": offline},
        profile=profile or "",
        file=config,
    ).settings
    fetch_missing(settings, voice_models(settings))
    from voicecli.app.serve import run_tts
    from voicecli.assemble.stt_server import ServerOptions
    from voicecli.server.sessions import Limits

    options = ServerOptions(max_sessions, Limits(session_s=max_session_s, idle_s=idle_s))
    run_tts(settings, names[1:], options, access, bind, tell)
