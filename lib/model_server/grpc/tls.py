"""TLS of the gRPC port: PEM texts of --ssl_config_file as a context that speaks h2 and nothing else."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pem:
    """The texts of an SSLConfig. `authority`: whose client certificates are let in; None: none are asked for."""

    key: str
    certificate: str
    authority: str | None = None


def context(pem: Pem) -> ssl.SSLContext:
    """The server's side of TLS.

    Raises:
        OSError: a text is no PEM, or key and certificate are no pair (ssl.SSLError is one).
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 9113, 9.2
    server.set_alpn_protocols(["h2"])
    with tempfile.TemporaryDirectory(prefix="model_server_") as name:  # ssl reads keys from files alone; mode 700
        key, certificate = Path(name, "key.pem"), Path(name, "certificate.pem")
        key.write_text(pem.key)
        certificate.write_text(pem.certificate)
        server.load_cert_chain(certificate, key, password=lambda: b"")  # a locked key is an error, no question
    if pem.authority is not None:
        if pem.authority:
            server.load_verify_locations(cadata=pem.authority)
        server.verify_mode = ssl.CERT_REQUIRED
    return server
