"""A door with TLS before a plain HTTP server, as an ingress is: it may ask for a client's certificate and a token."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behind = ""
    token = ""

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.token and self.headers.get("Authorization") != f"Bearer {self.token}":
            return self._answer(401, b'{"error": "no token"}')
        address = urlsplit(self.behind)
        line = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        line.request(self.command, self.path, body or None)
        reply = line.getresponse()
        self._answer(reply.status, reply.read())
        line.close()
        return None

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _pass

    def log_message(self, *_: object) -> None:
        """Nothing: requests are asserted on, not read."""


@contextmanager
def front(behind: str, certificate: Path, client_ca: Path | None = None, token: str = "") -> Iterator[int]:
    """The port of a TLS door before `behind`, for the length of a block."""
    made = type("Door", (_Door,), {"behind": behind, "token": token})
    server = ThreadingHTTPServer(("127.0.0.1", 0), made)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
