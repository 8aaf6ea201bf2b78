"""What the commands that serve have in common."""

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
    """Raises SettingsError where the door would stand open."""
    from voicecli.server.access import Access, check_binding

    access = Access(api_key, frozenset(origins or ()))
    check_binding(host, access, insecure=insecure)
    return access


def check_wyoming(host: str, *, insecure: bool) -> None:
    """Raises SettingsError where the door would stand open."""
    from voicecli.server import access

    access.check_wyoming(host, insecure=insecure)


def bind_of(host: str, port: int, tls_cert: str, tls_key: str, drain_s: float) -> Bind:
    """Raises SettingsError where half of a certificate is missing, or the system cannot serve."""
    from voicecli.app.platform import require_unix
    from voicecli.errors import SettingsError
    from voicecli.server.serving import Bind

    require_unix("a server")
    if bool(tls_cert) != bool(tls_key):
        raise SettingsError("a certificate and its key belong together", "--tls-cert FILE --tls-key FILE")
    return Bind(host, port, tls_cert, tls_key, drain_s=drain_s)
