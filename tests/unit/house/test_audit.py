"""The audit of dependencies never calls nothing known the same as nothing wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import audit
import pytest

PACKAGES = {"one": ("1.0", "MIT"), "two": ("2.0", "BSD-3-Clause")}
WEAK = {"vulnerabilities": [{"id": "CVE-1", "fixed_in": ["2.1"]}]}


class Index(BaseHTTPRequestHandler):
    """An index that has advisories of the releases in `weak`."""

    weak: tuple[str, ...] = ()

    def do_GET(self) -> None:
        body = json.dumps(WEAK if self.path.removesuffix("/json").endswith(self.weak or "-") else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def index() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/simple"
    server.shutdown()
    server.server_close()


CANARY = "/".join(audit.CANARY)


@pytest.mark.parametrize(
    ("weak", "code", "said"),
    [((), 3, "NOT AUDITED"), ((CANARY,), 0, "0 known"), ((CANARY, "two/2.0"), 1, "two 2.0: CVE-1 (mended in 2.1)")],
)
def test_an_index_without_advisories_is_not_audited_and_one_with_them_is(
    index: str, weak: tuple[str, ...], code: int, said: str, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(Index, "weak", weak)
    assert audit.main(audit.fetcher(index), PACKAGES) == code
    assert said in capsys.readouterr().out


def test_an_index_that_does_not_answer_is_not_audited() -> None:
    assert audit.main(audit.fetcher("http://127.0.0.1:9/simple"), PACKAGES) == audit.NOT_AUDITED


def test_copyleft_and_unnamed_licences_are_named() -> None:
    told = {"a": "MIT OR Apache-2.0", "b": "GPL-3.0-or-later", "c": "", "d": "Mozilla Public License 2.0 (MPL 2.0)"}
    assert audit.doubtful({**told, "e": "Own licence of Acme"}) == {
        "b": "GPL-3.0-or-later",
        "c": "none named",
        "e": "Own licence of Acme",
    }
    assert audit.main(audit.fetcher("http://127.0.0.1:9"), {"b": ("1", "GPL-3.0-or-later")}) == audit.FAULT


def test_every_installed_package_is_permissive_and_listed() -> None:
    have = audit.installed()
    assert audit.doubtful({name: told for name, (_, told) in have.items()}) == {}
    listed = audit.LICENCES.read_text()
    assert [
        name for name in ("tensorflow", "numpy", "papermill", "duckdb", "grpcio") if f"| {name} |" not in listed
    ] == []
