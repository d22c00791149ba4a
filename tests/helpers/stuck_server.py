"""An HTTP server that takes requests and answers none of them until it is let go."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Stuck(NamedTuple):
    """Where it is, a semaphore that counts the requests it has taken, and what lets it answer."""

    url: str
    taken: threading.Semaphore
    let_go: threading.Event


@contextlib.contextmanager
def stuck() -> Iterator[Stuck]:
    """Such a server for the length of a `with` block."""
    taken, let_go = threading.Semaphore(0), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            taken.release()
            let_go.wait()
            with contextlib.suppress(OSError):
                self.send_response(200)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Stuck(f"http://127.0.0.1:{server.server_port}", taken, let_go)
        finally:
            let_go.set()
            server.shutdown()
