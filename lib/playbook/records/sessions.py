"""HTTP to one address, straight, with what it asks for: its credentials, its headers, its certificates.

One home for it: control calls, the sensor and the questions of verify all open their connections here.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from playbook.records import secrets, trust


def session_to(url: str) -> requests.Session:
    """A session for requests to this address and no other; whoever takes it closes it."""
    session = _Direct()
    session.headers.update(secrets.header(url))
    if context := trust.context(url):
        noted = trust.of(url)
        session.mount("https://", _Adapter(context))
        session.verify = (noted and noted.ca) or True
    return session


@contextmanager
def connection(url: str) -> Iterator[requests.Session]:
    """Such a session for the length of a `with` block."""
    with session_to(url) as session:
        yield session


class _Direct(requests.Session):
    """Never through a proxy of the environment: load goes straight to the server, and so does what is asked beside."""

    def merge_environment_settings(self, *args: Any, **settings: Any) -> Any:
        return super().merge_environment_settings(*args, **settings) | {"proxies": {}}


class _Adapter(HTTPAdapter):
    """Connections of one TLS context."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **settings: Any) -> Any:
        return super().init_poolmanager(*args, **settings, ssl_context=self._context)
