"""Paths as the server takes them: what is relative, and which file systems of others it can read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.checks.command import Command, is_official
from playbook.lint.rules.findings import Finding, finding

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_POLL = "file_system_poll_wait_seconds"
_LINKED = ("file", "gs", "ram")
_UNTIL_2_7 = ("s3", "hdfs", "viewfs")  # left the binary's BUILD in September 2021
_MEANT = {"gcs": "Write gs://...", "http": "", "https": "", "s3a": ""}
_COPY = "Copy the model to a local folder (an init container, a sync job) and serve that."


def check_remote(command: Command, base: str, path: str, line: int | None) -> Iterator[Finding]:
    """Other file systems: those that the binary does not know, and object stores listed every second."""
    scheme = base.partition("://")[0].lower() if _URI.match(base) else ""
    image = command.place.image
    release = re.search(r"serving:(\d+)\.(\d+)", image)
    old = release is not None and (int(release[1]), int(release[2])) < (2, 7)
    theirs = bool(image) and not is_official(image)  # another build may know more
    known = scheme in ("", *_LINKED) or theirs or (old and scheme in _UNTIL_2_7)
    if not known:
        if scheme == "s3":
            yield finding("s3-not-supported", path, line, path=base)
        else:
            words = {"scheme": scheme, "path": base, "remedy": _MEANT.get(scheme) or _COPY}
            yield finding("file-system-unknown", path, line, **words)
        return
    poll_s = command.number(_POLL, 1) if command.knows(_POLL) else 0
    if scheme not in ("", "file", "ram") and 0 < poll_s < 60:
        yield finding("poll-object-store", path, line, path=base, poll_s=poll_s)


def is_relative(base: str) -> bool:
    """True for a base path the server refuses; one that begins with an unknown value cannot be judged.

    Nor one that is a placeholder: MODEL_PATH, YOUR_MODEL_DIR/name.
    """
    if re.match(r"[A-Z]+(_[A-Z]+)+(/|$)", base):
        return False
    if re.match(r"~\w*/", base):
        return True  # a shell leaves the ~ behind a flag's = as it is, and no other program fills it in
    return not (base.startswith(("/", "$", "{{", "<", "%")) or _URI.match(base))
