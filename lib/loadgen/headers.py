"""Request headers of a level, checked: what may be said, and what of it must not reach a record."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit, urlunsplit

NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2
VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
OURS = ("connection", "content-length", "te", "transfer-encoding")  # what the protocol itself needs
SHOWN = ("host", "content-type", "accept", "user-agent")  # whose values are no secret
HIDDEN = "***"


def problem(headers: Mapping[str, str]) -> str:
    """Why these headers cannot be sent; empty where they can. A value is never told: it may be a secret."""
    for name, value in headers.items():
        if not NAME.fullmatch(name):
            return f"headers has the name {name!r}; letters, digits and - are expected"
        if name.lower() in OURS:
            return f"headers sets {name!r}, which follows from the request itself; leave it out"
        if not VALUE.fullmatch(value):
            return f"headers has a value for {name!r} with line breaks or other characters that no header may have"
    return ""


def credentials(url: str) -> dict[str, str]:
    """The Authorization header that a user and a password in `url` ask for."""
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def hidden(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers as a record may show them."""
    return {name: value if name.lower() in SHOWN else HIDDEN for name, value in headers.items()}


def without_credentials(url: str) -> str:
    """`url` as a record may show it."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=f"{HIDDEN}@{parts.netloc.rpartition('@')[2]}"))
