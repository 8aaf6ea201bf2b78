"""Facts about network addresses."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from urllib.parse import urlsplit


def is_loopback(address: str) -> bool:
    """Return whether a host name, an IP address or the host of a URL is reachable from this machine only."""
    with suppress(ValueError):
        return ipaddress.ip_address(address).is_loopback
    host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def host_and_port(url: str) -> str:
    """Return host and port of a URL, for the screen: no path, and no password that may be in it."""
    return urlsplit(url if "//" in url else f"//{url}").netloc.rpartition("@")[2]
