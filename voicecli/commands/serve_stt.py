"""`voicecli serve-stt`: speech-to-text for other programs."""

from __future__ import annotations

from typing import Annotated

import typer

from voicecli.commands.console import print_note
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.options import (
    ADDRESS,
    LIMITS,
    MODELS,
    ServerOptions,
    SettingsOptions,
    complete_whisper_models,
    grouped,
    option,
)
from voicecli.errors import SettingsError

DEFAULT_PORT = 8000


@grouped
def serve_stt(
    server: ServerOptions,
    source: SettingsOptions,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port.", rich_help_panel=ADDRESS)] = DEFAULT_PORT,
    wyoming: Annotated[
        int,
        typer.Option(min=0, max=65535, help="Port for Wyoming (Home Assistant); 0: none.", rich_help_panel=ADDRESS),
    ] = 0,
    model: Annotated[
        str | None,
        option(
            "--model",
            help="Whisper model: name or CTranslate2 folder.",
            panel=MODELS,
            autocompletion=complete_whisper_models,
        ),
    ] = None,
    language: Annotated[
        str | None, option(help="Language for clients that do not name one; auto detects it.", panel=MODELS)
    ] = None,
    max_sessions: Annotated[
        str,
        typer.Option(help="Sessions at the same time; auto measures this machine.", rich_help_panel=LIMITS),
    ] = "auto",
) -> None:
    """Serve speech-to-text to other programs, on this machine only unless you say otherwise.

    WebSockets: [bold]/ws[/] (samples in, text out) and [bold]/v1/listen[/] (partials, times, control). HTTP:
    [bold]/health[/], [bold]/ready[/], [bold]/metrics[/] and the API description at [bold]/docs[/]. The messages are
    described in docs/protocol.md. For programs that use OpenAI's API: [bold]/v1/audio/transcriptions[/] and
    [bold]/v1/realtime[/]; for Home Assistant: --wyoming (docs/compatibility.md). Neither audio nor text is stored or
    logged.

    Examples:

      voicecli serve-stt

      voicecli serve-stt --host 0.0.0.0 --api-key "$KEY" --tls-cert cert.pem --tls-key key.pem

      voicecli serve-stt --wyoming 10300

      voicecli transcribe --server http://127.0.0.1:8000 meeting.wav
    """
    access = server.access()
    if wyoming:
        from voicecli.server.access import check_wyoming

        check_wyoming(server.host, insecure=server.insecure)
    bind = server.bind(port)
    settings = source.load(stt__model=model, stt__language=language).settings
    most = sessions_of(max_sessions)
    from voicecli.models.store import endpoint_models

    fetch_missing(settings, [settings.stt.model, *endpoint_models(settings.listen)])
    from voicecli.app.serve import run_stt
    from voicecli.assemble.stt_server import ServerOptions
    from voicecli.server.sessions import Limits

    limits = Limits(session_s=server.max_session_s, idle_s=server.idle_s)
    run_stt(settings, ServerOptions(most, limits, wyoming), access, bind, print_note)


def sessions_of(text: str) -> int:
    """Return the number of sessions; 0 means auto. Raise SettingsError if it is not a number from 1."""
    if text == "auto":
        return 0
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise SettingsError(f"--max-sessions is {text!r}", "use a number from 1, or auto")
    return int(text)
