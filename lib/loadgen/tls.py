"""TLS towards the server: the context of a level's connections, and in words why a handshake fails.

Wrong authority, expired, another name, plain text and a client certificate that is missing all look alike to a load
that only counts refused connections: one handshake before the level tells them apart.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import Any

from loadgen.errors import LevelError, ServerUnreachable
from loadgen.level import Level

WITHIN_S = 5.0
REFUSAL_WITHIN_S = 0.2  # TLS 1.3: the server's word on our certificate comes after the handshake
NOT_YET_VALID, EXPIRED, OTHER_NAME = 9, 10, (62, 64)  # X509_V_ERR_... of OpenSSL's x509_vfy.h
UNHEARD = {"protocol", "reset", "short_reply"}  # what comes of plain text where TLS is spoken
# Over gRPC nothing is sent before the server has greeted: a client has no row, what is due waits and is given up
UNSENT = {"never sent", "unsent", "timeout"}
PLAIN = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")


def context(level: Level, pages: bool = False) -> ssl.SSLContext | None:
    """The TLS context of a level's connections, or for `pages` of its server; None where its url is plain.

    Raises:
        LevelError: A certificate file cannot be read, or the key does not fit it.
    """
    if not level.tls:
        return None
    try:
        tls = ssl.create_default_context(cafile=level.ca)
    except (OSError, ssl.SSLError) as wrong:
        raise LevelError(f"ca is {level.ca!r}: {_reason(wrong)}; a file of PEM certificates is expected") from wrong
    if level.client_certificate:
        try:
            tls.load_cert_chain(level.client_certificate, level.client_key)
        except (OSError, ssl.SSLError) as wrong:
            raise LevelError(
                f"client_certificate is {level.client_certificate!r} with client_key {level.client_key!r}: "
                f"{_reason(wrong)}; a PEM certificate and its own key are expected"
            ) from wrong
    tls.set_alpn_protocols(["h2"] if level.protocol == "grpc" and not pages else ["http/1.1"])
    return tls


def check(level: Level) -> None:
    """One handshake before the load, where the level wants TLS; a port that does not answer is left to the load.

    Raises:
        ServerUnreachable: The two do not come to terms; the message says why and what to do.
        LevelError: As `context`.
    """
    with_tls = context(level)
    if with_tls is None:
        return
    host, port, _ = level.address()
    name = level.server_name or host
    try:
        plain = socket.create_connection((host, port), WITHIN_S)
    except OSError:
        return
    with plain:
        try:
            with with_tls.wrap_socket(plain, server_hostname=name) as wrapped:
                wrapped.settimeout(REFUSAL_WITHIN_S)
                with contextlib.suppress(TimeoutError):
                    if not wrapped.recv(1):
                        raise ConnectionResetError
        except OSError as wrong:
            raise ServerUnreachable(f"No TLS with {host}:{port}: {_why(wrong, level, name)}") from wrong


def _why(wrong: OSError, level: Level, name: str) -> str:
    """What a failed handshake means, and what to do."""
    if isinstance(wrong, ssl.SSLCertVerificationError):
        return _unverified(wrong, level, name)
    reason = str(getattr(wrong, "reason", None) or wrong).upper().replace(" ", "_")
    if any(word in reason for word in PLAIN):
        return "the server speaks plain text there; use http:// (gRPC: grpc://) or the port that has TLS"
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason or "HANDSHAKE_FAILURE" in reason):
        given = "does not accept client_certificate" if level.client_certificate else "asks for a client certificate"
        return f"the server {given} ({reason}); give one that its authority signed"
    if isinstance(wrong, (ssl.SSLEOFError, ConnectionResetError, TimeoutError)):
        return "the server hung up in the handshake; it may speak plain text, or want a client certificate"
    return f"{_reason(wrong)}; look at the server's log"


def _unverified(wrong: ssl.SSLCertVerificationError, level: Level, name: str) -> str:
    """Why the server's certificate is not believed."""
    if wrong.verify_code == EXPIRED:
        return "its certificate has expired; renew it (or set this machine's clock)"
    if wrong.verify_code == NOT_YET_VALID:
        return "its certificate is not valid yet; compare the clocks of the two machines"
    if wrong.verify_code in OTHER_NAME:
        return f"its certificate is not for {name!r}; set server_name to a name that it is for"
    known = f"the authorities in {level.ca}" if level.ca else "the authorities that this machine knows"
    return f"its certificate is not signed by any of {known} ({wrong.verify_message}); set ca to the right file"


def _reason(wrong: Exception) -> str:
    return str(getattr(wrong, "strerror", None) or wrong)


def hint(level: Level, summary: dict[str, Any]) -> str:
    """A sentence where a plain load that got no answer at all was sent to a port that speaks TLS; else empty."""
    failed = set(summary["errors_by_kind"]) or {"never sent"}
    unheard = UNHEARD if summary["lateness_us"]["max"] is not None else UNHEARD | UNSENT
    return "" if summary["answered_inside"] or not failed & unheard else plain_at_tls(level)


def plain_at_tls(level: Level) -> str:
    """A sentence where this level would speak plain text to a port that speaks TLS; else empty."""
    host, port, _ = level.address()
    if level.tls or not _spoken_at(host, port):
        return ""
    return f"{host}:{port} speaks TLS and the load was plain text; use https:// (gRPC: grpcs://)"


def _spoken_at(host: str, port: int) -> bool:
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(OSError), socket.create_connection((host, port), WITHIN_S) as plain:
        plain.settimeout(WITHIN_S)
        with anyone.wrap_socket(plain):
            return True
    return False
