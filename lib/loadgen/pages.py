"""Pages of a server, read as load is sent to it: straight, whatever proxy the environment names."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener


def opened(page: Request | str, timeout_s: float, tls: ssl.SSLContext | None = None) -> Any:
    """The reply to a GET, as `urllib.request.urlopen` gives it.

    Raises:
        urllib.error.HTTPError: the server answered with another status.
        OSError: it did not answer; `urllib.error.URLError` is one.
        ValueError: no URL.
    """
    return build_opener(ProxyHandler({}), HTTPSHandler(context=tls)).open(page, timeout=timeout_s)
