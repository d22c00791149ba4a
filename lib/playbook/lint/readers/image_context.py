"""What `.dockerignore` keeps out of a build, although a COPY names it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from playbook.lint.checks.reading import Document
from playbook.lint.forms.dockerfile import Instruction
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.rules.findings import Finding, finding

_NAME = ".dockerignore"


def check_context(steps: Sequence[Instruction], document: Document) -> Iterator[Finding]:
    """Sources of COPY and ADD that are left out: the image is not built.

    Nothing is said of a source with an asterisk or `.`, of which the rest is copied.
    """
    folder, text = document.folder, document.text
    own = folder / f"{text.path.rpartition('/')[2]}{_NAME}" if folder is not None else None
    ignored = (own and document.around.sources.file(own)) or (
        document.around.sources.file(folder / _NAME) if folder is not None else None
    )
    for step in steps if ignored is not None else ():
        if step.word not in ("COPY", "ADD") or step.fed or "--from" in step.rest:
            continue
        words = [word for word in re.split(r"[\s\[\],\"]+", step.rest) if word and not word.startswith("--")]
        for source in words[:-1]:
            path = re.sub(r"^(?:\./|/)+", "", source).rstrip("/")
            if path in ("", ".") or re.search(r"[*?\[]|^\.\.|://", path) or is_unknown(path):
                continue
            if ignored is not None and (line := left_out(path, ignored)):
                yield finding("copy-ignored", text.path, text.line(step.line), word=step.word, source=source,
                              where=f"{ignored.path}:{line}")  # fmt: skip


def left_out(path: str, ignored: Text) -> int:
    """The line that leaves a path out, as Docker reads the file: the last pattern that matches it, or a folder above
    it, decides; 0 for none, or where a part of it is let in again (moby's patternmatcher)."""
    found = 0
    for number, line in enumerate(ignored.content.split("\n"), ignored.first_line):
        pattern = line.strip()
        again, pattern = pattern.startswith("!"), pattern.removeprefix("!").strip().strip("/").removeprefix("./")
        if not pattern or line.startswith("#"):
            continue
        if again and (pattern.startswith(f"{path}/") or "**" in pattern):
            found = 0
        elif any(_matches(pattern, part) for part in _and_above(path)):
            found = 0 if again else number
    return found


def _and_above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _matches(pattern: str, path: str) -> bool:
    """Go's filepath.Match with `**` for any number of folders; an asterisk stays within one."""
    parts = re.split(r"(\*\*/?|\*|\?)", pattern)
    some = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.fullmatch("".join(some.get(part) or re.escape(part) for part in parts), path) is not None
