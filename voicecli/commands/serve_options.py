"""Options that `serve-stt` and `serve-tts` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.options import option

if TYPE_CHECKING:
    from voicecli.server.access import Access
    from voicecli.server.serving import Bind

WHERE, WHO = "Where it listens", "Who may connect"

Host = Annotated[str, typer.Option(help="Address; 127.0.0.1 is this machine alone.", rich_help_panel=WHERE)]
TlsCert = Annotated[str, option("--tls-cert", help="Certificate (PEM): serve https and wss.", panel=WHERE)]
TlsKey = Annotated[str, option("--tls-key", help="Its private key (PEM).", panel=WHERE)]
Drain = Annotated[
    float, typer.Option("--drain", min=0, help="Seconds for sessions to finish at SIGTERM.", rich_help_panel=WHERE)
]
ApiKey = Annotated[
    str,
    typer.Option(
        envvar="VOICECLI_API_KEY", help="Key that clients must send.", rich_help_panel=WHO, show_default=False
    ),
]
Insecure = Annotated[bool, option("--insecure", help="Let other machines connect without a key.", panel=WHO)]
Origins = Annotated[
    list[str] | None, option("--allow-origin", help="Web page origin that may connect; * for all.", panel=WHO)
]


def access_of(host: str, api_key: str, origins: list[str] | None, *, insecure: bool) -> Access:
    """Return who may connect. Raise SettingsError if other machines could connect without a key."""
    from voicecli.server.access import Access, check_binding

    access = Access(api_key, frozenset(origins or ()))
    check_binding(host, access, insecure=insecure)
    return access


def check_wyoming(host: str, *, insecure: bool) -> None:
    """Raise SettingsError if other machines could connect to Wyoming, which has no keys."""
    from voicecli.server import access

    access.check_wyoming(host, insecure=insecure)


def bind_of(host: str, port: int, tls_cert: str, tls_key: str, drain_s: float) -> Bind:
    """Return where to serve. Raise SettingsError if half of a certificate is missing or on an unsupported system."""
    from voicecli.app.platform import require_unix
    from voicecli.errors import SettingsError
    from voicecli.server.serving import Bind

    require_unix("a server")
    if bool(tls_cert) != bool(tls_key):
        raise SettingsError("a certificate needs its key and vice versa", "set both --tls-cert FILE and --tls-key FILE")
    return Bind(host, port, tls_cert, tls_key, drain_s=drain_s)
