"""The one right answer to a mistake in a config file: a field's name or form, a value's spelling, sizes, JSON."""

from __future__ import annotations

import re
from collections.abc import Callable

from playbook.lint.joining import GONE, Lines
from playbook.lint.json_as_text import as_text
from playbook.lint.mended_flags import first, meant, swap
from playbook.lint.rules.findings import Finding

_BEGIN = r"(?:\b|(?<=\\n))"  # of a name, also behind a line's end as JSON writes it
_TENSORFLOW = re.compile(r"(?i)tensor[-_ ]?flow([-_ ]?(serving|model|saved_?model|2))?|tf[12]?|saved[-_]?model|keras")


def _bare(lines: Lines, place: int, hit: Finding) -> None:
    name = first(hit.message, r"^(\w+):")
    value = r"(\"[^\"]*\"|'[^']*'|[^\s,;}#\\\"']+)"  # up to an escape or a quote of the text around it
    lines[place] = re.sub(rf"{_BEGIN}{name}\s*:\s*{value}", rf"{name} {{ value: \1 }}", lines[place], count=1)


def _wrapped(lines: Lines, place: int, hit: Finding) -> None:
    name = first(hit.message, r"^(\w+) (?:takes|\{ \.\.\. \} is)")
    pattern = rf"{_BEGIN}{name}\s*:?\s*\{{\s*value\s*:\s*([^\s}}\\]+)\s*\}}"
    lines[place] = re.sub(pattern, rf"{name}: \1", lines[place], count=1)


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
    path = first(hit.message, r"^Metrics path (\S+) ")
    lines[place] = re.sub(rf"(path\s*:\s*[\"']){re.escape(path)}", rf"\1/{path}", lines[place], count=1)


def _platform(lines: Lines, place: int, _: Finding) -> None:
    for number in range(place, min(place + 12, len(lines))):
        changed, count = re.subn(r"(base_path\s*:\s*(\"[^\"]*\"|'[^']*')),?", r'\1 model_platform: "tensorflow"',
                                 lines[number], count=1)  # fmt: skip
        if count:
            lines[number] = changed
            return


def _platform_name(lines: Lines, place: int, hit: Finding) -> None:
    """The stock server's one platform, where that is what a word means."""
    name = first(hit.message, r": platform (\S+) is not supported")
    if _TENSORFLOW.fullmatch(name):
        for number in range(place, min(place + 12, len(lines))):
            pattern = rf"(model_platform\s*:\s*)([\"']){re.escape(name)}\2"
            lines[number], count = re.subn(pattern, r"\1\2tensorflow\2", lines[number], count=1)
            if count:
                return


def _field(lines: Lines, place: int, hit: Finding) -> None:
    """A field's name as protobuf writes it."""
    wrong, right = first(hit.message, r"^([\w-]+) is no field"), first(hit.remedy, r"^Write (\w+)\.$")
    if right:
        swap(lines, place, wrong, right)


def _value(lines: Lines, place: int, hit: Finding) -> None:
    """Spellings of yes and no, numbers in quotes or with a point, an enum's name in other letters, a bare string."""
    match = re.match(r"(\w+): (.*?) is not (.*): parse error", hit.message, re.DOTALL)
    if match is None:
        return
    name, value, expected = match.groups()
    right = _spelt(value, expected)
    pattern = re.compile(rf"({_BEGIN}{name}\s*:\s*){re.escape(value)}(?![\w.])")
    if right and len(pattern.findall(lines[place])) == 1:
        lines[place] = pattern.sub(lambda found: found[1] + right, lines[place])


def _spelt(value: str, expected: str) -> str:
    bare = value.strip("\"'")
    if expected.startswith("one of "):
        return next((name for name in expected.removeprefix("one of ").split(", ") if name == bare.upper()), "")
    if expected.startswith("a quoted string"):
        return f'"{value}"' if re.fullmatch(r"[\w./:-]+", value) else ""
    return meant(value, "true or false" if expected.startswith("true") else "a whole number")


def _json(lines: Lines, _: int, hit: Finding) -> None:
    """A whole file of JSON in text format, where every name in it is a field's."""
    written = as_text("\n".join(lines), first(hit.message, r"and (\w+) is read in"))
    if written:
        lines[:] = [written, *[GONE] * (len(lines) - 2), *lines[-1:]] if len(lines) > 1 else [written]


FIXES: dict[str, Callable[[Lines, int, Finding], None]] = {
    "batching-bare-field": _bare,
    "batching-wrapped-field": _wrapped,
    "config-message-for-scalar": _wrapped,
    "batching-last-allowed": _sizes,
    "batching-allowed-order": _sizes,
    "batching-unknown-field": _field,
    "config-unknown-field": _field,
    "config-bad-value": _value,
    "config-json": _json,
    "monitoring-path": _slash,
    "model-platform-missing": _platform,
    "model-platform-unknown": _platform_name,
}
