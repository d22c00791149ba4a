"""TLS towards a server: whom its connections believe and who they say they are, by host and port.

As credentials are, it is noted once, where the address comes in, and found again by address in later notebooks and
in processes that this one starts: files are named, and nothing of them is kept.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import loadgen
from loadgen import tls
from playbook.errors import ParameterError
from playbook.records import secrets

SCHEMES = ("https", "grpcs")


@dataclass(frozen=True)
class Trust:
    """Files of PEM certificates, and the name that the server's certificate must be for; None is the usual."""

    ca: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    server_name: str | None = None


def chosen(ca_file: str, client_certificate: str, client_key: str, server_name: str) -> Trust:
    """The trust that these parameters ask for; "" leaves one out.

    Raises:
        ParameterError: a file that is not there, or a key without its certificate.
    """
    files = {"ca_file": ca_file, "client_certificate": client_certificate, "client_key": client_key}
    for name, file in files.items():
        if file and not Path(file).is_file():
            raise ParameterError(f"{name} is {file!r}; a file of PEM is expected there, and there is none.")
    if client_key and not client_certificate:
        raise ParameterError("client_key is given without client_certificate; a key shows nothing alone.")
    ca, certificate, key = (str(Path(file).resolve()) if file else None for file in files.values())
    return Trust(ca, certificate, key, server_name or None)


def note(url: str, trust: Trust) -> None:
    """Remember the trust for this address, where it wants TLS."""
    if urlsplit(url).scheme in SCHEMES:
        secrets.remember(f"trust {secrets.origin(url)}", json.dumps(asdict(trust)))


def forget(url: str) -> None:
    """What listens at this address now speaks plain text: ports are given out again."""
    secrets.forget(f"trust {secrets.origin(url)}")


def of(url: str) -> Trust | None:
    """The trust noted for this address; None where it is spoken to in plain text, as `http://` always is.

    A port is given out again: who was spoken to by TLS there says nothing of who answers plain HTTP now.
    """
    if urlsplit(url).scheme == "http":
        return None
    noted = secrets.remembered(f"trust {secrets.origin(url)}")
    if noted:
        return Trust(**json.loads(noted))
    return Trust() if urlsplit(url).scheme in SCHEMES else None


def context(url: str) -> ssl.SSLContext | None:
    """The TLS context of connections to this address; None where it is plain."""
    trust = of(url)
    if trust is None:
        return None
    made = _Context(ssl.PROTOCOL_TLS_CLIENT)
    made.name = trust.server_name
    if trust.ca:
        made.load_verify_locations(trust.ca)
    else:
        made.load_default_certs()
    if trust.client_certificate:
        made.load_cert_chain(trust.client_certificate, trust.client_key)
    return made


def problem(url: str) -> str:
    """Why no TLS connection to this address comes about, or why a plain one does not, in words; empty for no reason."""
    grpc = urlsplit(url).scheme in ("grpc", "grpcs")
    level: dict[str, Any] = {"url": url, "protocol": "grpc" if grpc else "rest", "bodies": Path(), "concurrency": 1}
    try:
        wanted = of(url) if urlsplit(url).scheme in SCHEMES else None
        asked = loadgen.Level(duration_s=1.0, **level, **asdict(wanted or Trust()))
        tls.check(asked)
    except loadgen.LoadgenError as error:
        return str(error)
    return tls.plain_at_tls(asked)


class _Context(ssl.SSLContext):
    """A context whose connections ask for one name, whatever address they go to."""

    name: str | None = None

    def wrap_socket(self, *args: Any, **settings: Any) -> ssl.SSLSocket:
        if self.name:
            settings["server_hostname"] = self.name
        return super().wrap_socket(*args, **settings)
