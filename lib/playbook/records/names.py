"""Names and addresses from outside, checked at the door: one table of what each may be.

They reach paths, URLs, command lines, Dockerfiles, manifests, SQL and pages, so each may hold only what all of these
take literally. Whoever takes one asks `check`; nothing is cut or replaced in silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from playbook.errors import ParameterError

LONGEST = 200  # of a name; file systems take 255 bytes, and names get a number or an ending
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"


class NameRule(NamedTuple):
    """What a name must be: a pattern for the whole of it, the same in words, and an example."""

    pattern: str
    words: str
    example: str


_URL = NameRule(
    rf"https?://(?:[^\s/@'\"`\\<>]+@)?{_HOST}(?::\d{{1,5}})?(?:/[A-Za-z0-9._~%:/-]*)?",
    "an address of http or https: host, port and path, percent-encoded where need be",
    "http://127.0.0.1:8501",
)
RULES = {
    "model_name": NameRule(
        r"(?!\.)[A-Za-z0-9_.-]{1,100}", "letters, digits, _ . -, not a dot first, at most 100", "digits"
    ),
    "image": NameRule(
        r"[a-z0-9][\w./-]*(:\d+/[\w./-]+)?(:[\w.-]{1,128})?(@sha256:[0-9a-f]{64})?",
        "the name of a container image",
        "tensorflow/serving:2.20.0",
    ),
    "rest_url": _URL,
    "metrics_url": _URL,
    "grpc_url": NameRule(
        rf"(?:grpcs?://)?{_HOST}:\d{{1,5}}",
        "host:port without credentials, grpcs:// before it for TLS",
        "127.0.0.1:8500",
    ),
    "server_name": NameRule(_HOST, "the name of a host, as a certificate shows it", "model.example.com"),
    "tls_secret": NameRule(
        r"[a-z0-9](?:[a-z0-9.-]{0,51}[a-z0-9])?",
        "the name of a Kubernetes Secret: lower-case letters, digits, - and ., at most 53",
        "digits-grpc-tls",
    ),
    "run": NameRule(r"(?!\.)[A-Za-z0-9_.-]+", "letters, digits, _ . -, not a dot first", "20260101T000000Z-quick"),
    "params file": NameRule(r"(?!\.)[A-Za-z0-9_.-]+", "letters, digits, _ . -, not a dot first", "quick.yml"),
}
# Parameters that may be left empty.
OPTIONAL = ("image", "rest_url", "metrics_url", "grpc_url", "server_name", "tls_secret")


def check(name: str, value: Any) -> str:
    """The value, when it may be this name.

    Raises:
        ParameterError: it may not; says what was expected, with an example. Credentials in it are not shown.
    """
    rule = RULES[name]
    text = value if isinstance(value, str) else ""
    if len(text) <= LONGEST and re.fullmatch(rule.pattern, text, re.ASCII) and ".." not in text:
        return text
    shown = re.sub(r"(?<=://)\S*@|[^\s/@]+@", "***@", text) if isinstance(value, str) else value
    shown = f"{shown!r}" if len(text) <= LONGEST else f"{shown[:40]!r}… ({len(text)} characters)"
    raise ParameterError(f"{name} is {shown}; expected is {rule.words} (at most {LONGEST}), such as {rule.example}.")


def check_all(values: Mapping[str, Any]) -> None:
    """Check every parameter among these that the table knows; an optional one may be empty.

    Raises:
        ParameterError: as `check`.
    """
    for name in RULES.keys() & values.keys():
        if not (name in OPTIONAL and values[name] in ("", None)):
            check(name, values[name])


def check_place(folder: Path | str) -> None:
    """Return when a folder's whole path is text: it reaches records, notebooks and pages, which are UTF-8.

    Raises:
        ParameterError: it holds bytes that are none.
    """
    try:
        str(Path(folder).absolute()).encode()
    except UnicodeEncodeError:
        raise ParameterError(
            f"The path of --outputs holds bytes that are no UTF-8 ({str(folder)!a}). Nothing was started. Choose, or "
            "rename to, a path that is."
        ) from None
