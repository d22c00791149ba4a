"""Fixes of what has one right answer, shown as a diff before anything is written."""

from __future__ import annotations

import ast
import difflib
import json
import re
from collections.abc import Callable
from pathlib import Path

import yaml

from playbook.lint.joining import GONE, join
from playbook.lint.report import Report
from playbook.lint.rules.findings import Finding
from playbook.tfserving.flags import FLAGS

Lines = list[str]
Fix = Callable[[Lines, int, Finding], None]  # changes the lines, given the index of the finding's line


def fixed(report: Report) -> dict[Path, tuple[str, str]]:
    """The text before and after, by file, for files in which something with one right answer was found."""
    changes: dict[Path, tuple[str, str]] = {}
    for path, text in report.texts.items():
        hits = [hit for hit in report.findings if hit.path == path and hit.rule in FIXES and hit.line is not None]
        if text.file is None or not hits:
            continue
        before = _utf8(text.file)
        if before is None:
            continue
        lines = before.split("\n")
        for hit in sorted(hits, key=lambda each: -(each.line or 0)):
            place = (hit.line or 1) - 1
            if place < len(lines):
                FIXES[hit.rule](lines, place, hit)
        after = "\n".join(line for line in lines if line != GONE)
        if after != before and _reads_as_before(text.file, before, after):
            changes[text.file] = (before, after)
    return changes


def _utf8(path: Path) -> str | None:
    """A file's text, its line ends as Python's; None for another encoding than UTF-8, which is told, not mended."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return None


def _reads_as_before(path: Path, before: str, after: str) -> bool:
    """False where a change would break the file around it: a quote in a notebook's JSON, a bracket in a string."""
    reader = _FORMS.get(path.suffix.lower())
    return reader is None or not _reads(reader, before) or _reads(reader, after)


def _reads(reader: Callable[[str], object], text: str) -> bool:
    try:
        reader(text)
    except (ValueError, SyntaxError, yaml.YAMLError, RecursionError):
        return False
    return True


def _documents(text: str) -> object:
    return list(yaml.load_all(text, getattr(yaml, "CBaseLoader", yaml.BaseLoader)))


_FORMS: dict[str, Callable[[str], object]] = {".json": json.loads, ".ipynb": json.loads, ".py": ast.parse,
                                              ".yml": _documents, ".yaml": _documents}  # fmt: skip


def diff(changes: dict[Path, tuple[str, str]]) -> str:
    """The changes as a unified diff."""
    parts: list[str] = []
    for path, (before, after) in changes.items():
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
        shown = path.as_posix().lstrip("/")
        changed = difflib.unified_diff(old, new, f"a/{shown}", f"b/{shown}")
        parts += [line if line.endswith("\n") else line + "\n" for line in changed]
    return "".join(parts).rstrip("\n")


def write(changes: dict[Path, tuple[str, str]]) -> None:
    """Put the texts after the fixes in place."""
    for path, (_, after) in changes.items():
        newline = "\r\n" if b"\r\n" in path.read_bytes() else "\n"
        path.write_text(after, "utf-8", newline=newline)


def _first(message: str, pattern: str) -> str:
    match = re.search(pattern, message)
    return match[1] if match else ""


_BEGIN = r"(?:\b|(?<=\\n))"  # of a name, also behind a line's end as JSON writes it


def _bare(lines: Lines, place: int, hit: Finding) -> None:
    name = _first(hit.message, r"^(\w+):")
    value = r"(\"[^\"]*\"|'[^']*'|[^\s,;}#\\\"']+)"  # up to an escape or a quote of the text around it
    lines[place] = re.sub(rf"{_BEGIN}{name}\s*:\s*{value}", rf"{name} {{ value: \1 }}", lines[place], count=1)


def _wrapped(lines: Lines, place: int, hit: Finding) -> None:
    name = _first(hit.message, r"^(\w+) takes")
    pattern = rf"{_BEGIN}{name}\s*:?\s*\{{\s*value\s*:\s*([^\s}}\\]+)\s*\}}"
    lines[place] = re.sub(pattern, rf"{name}: \1", lines[place], count=1)


def _blank(lines: Lines, place: int, hit: Finding) -> None:
    """`--flag value`, `"--flag", "value"`, two items of a list, or two lines, become `--flag=value`."""
    value = _first(hit.message, r"^--\w+ (.+): a value after a blank")
    join(lines, place, _first(hit.message, r"^(--\w+) "), value)


def _spelling(lines: Lines, place: int, hit: Finding) -> None:
    """Dashes for underscores, one dash for two, and --noflag: the other spellings are guesses."""
    flag = _first(hit.message, r"^(\S+) is no flag")
    name = flag.lstrip("-").replace("-", "_")
    if name in FLAGS:
        lines[place] = re.sub(rf"(?<![\w-]){re.escape(flag)}(?=[=\s\"',\]\\]|$)", f"--{name}", lines[place], count=1)
    elif FLAGS.get(name.removeprefix("no").lstrip("_")) == "true or false":
        right = f"--{name.removeprefix('no').lstrip('_')}=false"
        lines[place] = re.sub(rf"(?<![\w-]){re.escape(flag)}(?=[\s\"',\]\\]|$)", right, lines[place], count=1)


def _sizes(lines: Lines, place: int, _: Finding) -> None:
    """The allowed sizes in order, ending in max_batch_size."""
    pattern = re.compile(r"allowed_batch_sizes\s*:\s*(\[[^\]]*\]|\d+)")
    window = range(max(0, place - 12), min(len(lines), place + 13))
    near = [number for number in window if pattern.search(lines[number].partition("#")[0])]
    near_by = "\n".join(line.partition("#")[0] for line in lines[max(0, place - 20) : place + 21])
    limits = re.findall(r"max_batch_size\s*:?\s*\{?\s*(?:value\s*:)?\s*(\d+)", near_by)
    if len(limits) > 1:  # of two files: which list is whose is not known
        return
    limit = int(limits[0]) if limits else 1000
    lists = [each for number in near for each in pattern.findall(lines[number].partition("#")[0])]
    sizes = sorted({int(size) for each in lists for size in re.findall(r"\d+", each)})
    right = [size for size in sizes if size < limit] + [limit]
    if len(near) == 1 and len(pattern.findall(lines[near[0]])) == 1:
        number = near[0]
        lines[number] = pattern.sub("allowed_batch_sizes: [" + ", ".join(map(str, right)) + "]", lines[number])
        return
    alone = [number for number in near if re.fullmatch(r"\s*allowed_batch_sizes\s*:\s*\d+[,;]?\s*", lines[number])]
    if alone != near or not near:
        return
    indent = re.match(r"\s*", lines[near[0]])
    written = [f"{indent.group() if indent else ''}allowed_batch_sizes: {size}" for size in right]
    for number in near:
        lines[number] = GONE
    lines[near[0]] = "\n".join(written)


def _slash(lines: Lines, place: int, hit: Finding) -> None:
    path = _first(hit.message, r"^Metrics path (\S+) ")
    lines[place] = re.sub(rf"(path\s*:\s*[\"']){re.escape(path)}", rf"\1/{path}", lines[place], count=1)


def _platform(lines: Lines, place: int, _: Finding) -> None:
    for number in range(place, min(place + 12, len(lines))):
        changed, count = re.subn(r"(base_path\s*:\s*(\"[^\"]*\"|'[^']*')),?", r'\1 model_platform: "tensorflow"',
                                 lines[number], count=1)  # fmt: skip
        if count:
            lines[number] = changed
            return


FIXES: dict[str, Fix] = {
    "batching-bare-field": _bare,
    "batching-wrapped-field": _wrapped,
    "flag-value-after-blank": _blank,
    "unknown-flag": _spelling,
    "batching-last-allowed": _sizes,
    "batching-allowed-order": _sizes,
    "monitoring-path": _slash,
    "model-platform-missing": _platform,
}
