"""Credentials in addresses: taken out once, kept in a file only the owner may read, shown as *** everywhere else.

`http://name:password@host:8501` becomes `http://***@host:8501` in params, notebooks, records and messages. What was
taken lies in `<run_dir>/.credentials.json` (mode 0600) for later notebooks, and in the environment for processes that
this one starts; it is never on a command line.
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
_USER = re.compile(r"(?<=://)[^\s/@]+(?=@)")
_known: dict[str, str] = json.loads(os.environ.get(CHANNEL, "{}"))


def take(url: str) -> str:
    """The address without credentials; they are remembered for `header`. Without any it is the same address."""
    user = _USER.search(url)
    if user is None:
        return url
    if user[0] != MASK:
        _known[_origin(url)] = unquote(user[0])
    return url.replace(f"{user[0]}@", "", 1)


def taken(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with *** in place of credentials, which are remembered."""
    for value in values.values():
        if isinstance(value, str):
            take(value)
    return masked(dict(values))


def masked(value: Any) -> Any:
    """The same text, list or mapping with *** in place of every `name:password` of an address."""
    if isinstance(value, str):
        return _USER.sub(MASK, value)
    if isinstance(value, Mapping):
        return {key: masked(item) for key, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, (list, tuple)) else value


def header(url: str) -> dict[str, str]:
    """The HTTP header that shows this server's credentials; empty where none were given."""
    user = _known.get(_origin(url))
    return {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"} if user else {}


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


def _origin(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].lower()
