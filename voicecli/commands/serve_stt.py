"""`voicecli serve-stt`: speech-to-text for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from voicecli.commands import serve_options as serve
from voicecli.commands.missing_models import fetch_missing
from voicecli.commands.narration import tell
from voicecli.commands.options import Profile, option
from voicecli.errors import SettingsError

STT, LIMITS, SETTINGS = "Speech-to-text", "Limits", "Settings"
DEFAULT_PORT = 8000


def serve_stt(
    host: serve.Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port.", rich_help_panel=serve.WHERE)] = DEFAULT_PORT,
    wyoming: Annotated[
        int,
        typer.Option(min=0, max=65535, help="Port for Wyoming (Home Assistant); 0: none.", rich_help_panel=serve.WHERE),
    ] = 0,
    tls_cert: serve.TlsCert = "",
    tls_key: serve.TlsKey = "",
    drain_s: serve.Drain = 10.0,
    api_key: serve.ApiKey = "",
    insecure: serve.Insecure = False,
    allow_origin: serve.Origins = None,
    model: Annotated[
        str | None, option("--model", help="Whisper model: name or CTranslate2 folder.", panel=STT)
    ] = None,
    language: Annotated[
        str | None, option(help="Language of clients that name none; auto hears it.", panel=STT)
    ] = None,
    profile: Annotated[Profile | None, option(help="cpu, or gpu for one NVIDIA card.", panel=STT)] = None,
    max_sessions: Annotated[
        str, typer.Option(help="Sessions at once; auto measures this machine.", rich_help_panel=LIMITS)
    ] = "auto",
    max_session_s: Annotated[
        float, typer.Option(min=1, help="Longest session in seconds.", rich_help_panel=LIMITS)
    ] = 3600.0,
    idle_s: Annotated[
        float, typer.Option(min=1, help="Longest silence on the wire in seconds.", rich_help_panel=LIMITS)
    ] = 60.0,
    offline: Annotated[bool | None, option("--offline", help="Never download a model.", panel=SETTINGS)] = None,
    config: Annotated[
        Path | None, option("--config", help="Settings file in place of your own.", panel=SETTINGS)
    ] = None,
) -> None:
    """Serve speech-to-text to other programs, on this machine unless you say otherwise.

    WebSockets: [bold]/ws[/] (samples in, text out) and [bold]/v1/listen[/] (partials, times, control). HTTP:
    [bold]/health[/], [bold]/ready[/], [bold]/metrics[/] and the API description at [bold]/docs[/]. The messages are in
    docs/protocol.md. For programs that know OpenAI's API: [bold]/v1/audio/transcriptions[/] and
    [bold]/v1/realtime[/]; for Home Assistant: --wyoming (docs/compatibility.md). Neither sound nor words are kept or
    logged.

    Examples:

      voicecli serve-stt

      voicecli serve-stt --host 0.0.0.0 --api-key "$KEY" --tls-cert cert.pem --tls-key key.pem

      voicecli serve-stt --wyoming 10300

      voicecli transcribe --server http://127.0.0.1:8000 meeting.wav
    """
    from voicecli.settings.load import load_settings

    access = serve.access_of(host, api_key, allow_origin, insecure=insecure)
    if wyoming:
        serve.check_wyoming(host, insecure=insecure)
    bind = serve.bind_of(host, port, tls_cert, tls_key, drain_s)
    settings = load_settings(
        {"stt.model": model, "stt.language": language, "models.offline": offline}, profile=profile or "", file=config
    ).settings
    limit = sessions_of(max_sessions)
    fetch_missing(settings, [settings.stt.model, settings.listen.endpoint_model])
    from voicecli.app.serve import run_stt
    from voicecli.assemble.stt_server import ServerOptions
    from voicecli.server.sessions import Limits

    limits = Limits(session_s=max_session_s, idle_s=idle_s)
    run_stt(settings, ServerOptions(limit, limits, wyoming), access, bind, tell)


def sessions_of(text: str) -> int:
    """Return the number of sessions, 0 for auto. Raise SettingsError if it is neither."""
    if text == "auto":
        return 0
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise SettingsError(f"--max-sessions is {text!r}", "use a number of at least 1, or auto")
    return int(text)
