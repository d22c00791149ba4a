"""Credentials in addresses: taken out once, kept in a file only the owner may read, shown as *** everywhere else.

`http://name:password@host:8501` becomes `http://***@host:8501` in params, notebooks, records and messages. What was
taken lies in `<run_dir>/.credentials.json` (mode 0600) for later notebooks, and in the environment for processes that
this one starts; it is never on a command line. So it is with parameters whose values are secret (`SECRET`).
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from playbook.records import whole_file

FILE = ".credentials.json"
CHANNEL = "PLAYBOOK_CREDENTIALS"  # names and passwords by host and port, for a process that this one starts
MASK = "***"
SECRET = ("headers",)  # parameters whose values are secret: mappings, whose names are shown
_ASSIGNED = re.compile(rf"^((?:--set=)?\s*(?:{'|'.join(SECRET)})\s*)=.*", re.DOTALL)  # a word of the command line
_USER = re.compile(r"(?<=://)[^\s/]+(?=@)")  # up to the last @: a password may hold one
_known: dict[str, str] = json.loads(os.environ.get(CHANNEL, "{}"))


def take(url: str) -> str:
    """The address without credentials; they are remembered for `header`. Without any it is the same address."""
    user = _USER.search(url)
    if user is None:
        return url
    if user[0] != MASK:
        _known[origin(url)] = unquote(user[0])
    return url.replace(f"{user[0]}@", "", 1)


def taken(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with *** in place of credentials, which are remembered."""
    for name, value in values.items():
        if isinstance(value, str):
            take(value)
        if name in SECRET and isinstance(value, Mapping) and MASK not in value.values():
            remember(f"parameter {name}", json.dumps(dict(value)))
    return masked(dict(values))


def revealed(name: str, value: Mapping[str, str]) -> dict[str, str]:
    """A secret parameter as it was given, where *** stands in its place."""
    if MASK not in value.values():
        return dict(value)
    return json.loads(remembered(f"parameter {name}") or "{}")


def take_headers(url: str, headers: Mapping[str, str]) -> None:
    """Remember the headers of every request to this address, for `header`."""
    if headers and url:
        remember(f"headers {origin(url)}", json.dumps(dict(headers)))


def remember(key: str, value: str) -> None:
    """Keep something as secret as credentials are."""
    _known[key] = value


def forget(key: str) -> None:
    """Keep it no longer."""
    _known.pop(key, None)


def remembered(key: str) -> str | None:
    """What was kept under this key; None when nothing was."""
    return _known.get(key)


def masked(value: Any) -> Any:
    """The same text, list or mapping with *** for every `name:password` of an address and each value that is secret."""
    if isinstance(value, str):
        return _ASSIGNED.sub(rf"\1={MASK}", _USER.sub(MASK, value))
    if isinstance(value, Mapping):
        return {key: _hidden(item) if key in SECRET else masked(item) for key, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, (list, tuple)) else value


def _hidden(value: Any) -> Any:
    return dict.fromkeys(value, MASK) if isinstance(value, Mapping) else value


def header(url: str) -> dict[str, str]:
    """The HTTP headers that this server's requests carry: its credentials and its headers; empty where none were given.

    An `Authorization` that was given as a header goes before a name and password of the address.
    """
    user = _known.get(origin(url))
    basic = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"} if user else {}
    given = json.loads(remembered(f"headers {origin(url)}") or "{}")
    return given if "authorization" in {name.lower() for name in given} else {**basic, **given}


def keep(run_dir: Path) -> None:
    """Leave the credentials for later notebooks of this run; no file where there are none."""
    if _known:
        whole_file.write_text(Path(run_dir) / FILE, json.dumps(_known), whole_file.PRIVATE)


def recall(run_dir: Path) -> None:
    """Take up what an earlier notebook of this run left."""
    path = Path(run_dir) / FILE
    if path.exists():
        _known.update(json.loads(path.read_text()))


def environment() -> dict[str, str]:
    """This process's environment with the credentials, for a process that it starts."""
    return {**os.environ, CHANNEL: json.dumps(_known)} if _known else dict(os.environ)


def origin(url: str) -> str:
    """Host and port of an address, by which all this is found again."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()
