"""`voicecli serve-tts`: text-to-speech for other programs."""

from __future__ import annotations

from typing import Annotated

import typer

from voicecli.commands.console import print_note
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.options import (
    ADDRESS,
    LIMITS,
    MODELS,
    KokoroModelOption,
    ServerOptions,
    SettingsOptions,
    complete_voices,
    grouped,
    option,
)

DEFAULT_PORT = 8880


@grouped
def serve_tts(
    server: ServerOptions,
    source: SettingsOptions,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port.", rich_help_panel=ADDRESS)] = DEFAULT_PORT,
    voice: Annotated[
        list[str] | None,
        option(
            help="Voice or blend for clients that do not name one. Repeatable: further voices that stream.",
            panel=MODELS,
            autocompletion=complete_voices,
        ),
    ] = None,
    speed: Annotated[
        float | None, option(help="Speaking rate for clients that do not name one, 0.5 to 2.", panel=MODELS)
    ] = None,
    model: KokoroModelOption = None,
    max_sessions: Annotated[
        int, typer.Option(min=1, help="Requests and WebSockets at the same time.", rich_help_panel=LIMITS)
    ] = 32,
) -> None:
    """Serve text-to-speech to other programs, on this machine only unless you say otherwise.

    HTTP: [bold]POST /v1/audio/speech[/] as OpenAI's clients call it, [bold]/v1/voices[/], [bold]/health[/],
    [bold]/ready[/] and the API description at [bold]/docs[/]. WebSockets: [bold]/v1/speak[/] (text as a language model
    writes it, cancel) and [bold]/ws[/] (a text in, its audio out). The messages are described in docs/protocol-tts.md.
    Neither text nor audio is stored or logged.

    Clients may request any voice. Audio of the voices named here is sent while it is computed; that of others is sent
    one clause at a time.

    Examples:

      voicecli serve-tts

      voicecli serve-tts --voice af_heart --voice "af_heart:2+bm_george:1"

      curl 127.0.0.1:8880/v1/audio/speech --json '{"input": "Dinner is ready."}' -o dinner.mp3
    """
    from voicecli.models.store import voice_models

    access, bind = server.access(), server.bind(port)
    names = voice or []
    settings = source.load(tts__voice=names[0] if names else None, tts__speed=speed, tts__model=model).settings
    fetch_missing(settings, voice_models(settings))
    from voicecli.app.serve import run_tts
    from voicecli.assemble.stt_server import ServerOptions
    from voicecli.server.sessions import Limits

    wanted = ServerOptions(max_sessions, Limits(session_s=server.max_session_s, idle_s=server.idle_s))
    run_tts(settings, names[1:], wanted, access, bind, print_note)
