"""Scripts that rewrite a batching file in place while the server runs, which changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.checks.command import BINARY, OFFICIAL
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

_BATCHING_FILE = re.compile(r"[\w/.${}-]*batch[\w-]*\.(?:config|conf|pbtxt|txt|cfg|proto)\b")
_REWRITES = re.compile(
    r"open\([^)]*[\"'][wra]\+?[\"']|write_text|writelines|sed\s+-i|\btee\b|(?<![<>&\d=-])>\s*[\w/$\"']"
)
_FIELDS = re.compile(r"max_batch_size|batch_timeout_micros|num_batch_threads|max_enqueued_batches")
_STARTS = re.compile(
    rf"{BINARY}|{OFFICIAL}|docker[ -]compose.*\b(up|run|start|restart)\b|\brestart\b|systemctl|kubectl|helm |"
    r"\bdocker start\b"
)
_AGAIN = re.compile(r"\bwhile\b|\bfor\b|sleep|schedule|adjust|adapt|dynamic|reload|sed\s+-i|\bupdate", re.IGNORECASE)


def check_rewriting(text: Text) -> Iterator[Finding]:
    """A text that names a batching file, writes it and speaks of its fields, with no start of the server after it."""
    content = text.content
    if "batching_params.pbtxt" in content or not (_BATCHING_FILE.search(content) and _FIELDS.search(content)):
        return
    lines = ["" if line.lstrip().startswith("#") else line for line in content.splitlines()]
    starts = max((number for number, line in enumerate(lines) if _STARTS.search(line)), default=-1)
    writes = [number for number, line in enumerate(lines) if _REWRITES.search(line)
              and (number > starts or (number == starts and not _starts_behind(line)))]  # fmt: skip
    if not writes or not _AGAIN.search(content):
        return
    plain = [number for number in writes if _FIELDS.search(lines[number]) or _BATCHING_FILE.search(lines[number])]
    what = text.path.rpartition("/")[2]
    yield finding("batching-rewritten-in-place", text.path, text.line((plain or writes)[0] + 1), what=what)


def _starts_behind(line: str) -> bool:
    """True for a line that writes first and starts the server then."""
    return max(found.start() for found in _REWRITES.finditer(line)) < max(
        found.start() for found in _STARTS.finditer(line)
    )
