"""Prose without fences: the command lines and config files that stand between its sentences."""

from __future__ import annotations

import re

from playbook.lint.forms.text import ENGINES

STARTED = re.compile(rf"\s*(\$\s*)?(sudo |nohup )*({ENGINES}\s.*\brun\b|tensorflow_model_server\s+[-\\])")
_COMMAND = re.compile(
    r"\s*(?:[\w@~:/.-]*[$%]\s+|\$(?=sudo\s)|[A-Za-z]:\\[^>\n]*>\s*|\$?>\s*|[^\s`]+[:/][^\s`]*#\s+)?(?:sudo |nohup )*"
    rf"(?:{ENGINES}\s(?:.*\brun\s+-|cp\s+-[rR]\s)|(?:[^\s`]*/)?tensorflow_model_server\s+(?:--\w|\\$))"
)
BULLET = re.compile(r"(?m)^[ \t]*(?:[*+-]|\d+[.)])[ \t]+")
_BULLETED = re.compile(rf"[ \t]*[*+-][ \t]+(?={_COMMAND.pattern}.*\\\s*$)")  # each line of a command as an item
_ITEM = re.compile(rf"[ \t]*(?:[*+-]|\d+[.)])[ \t]+(?={_COMMAND.pattern})")  # a command that is an item by itself
_HARD_BREAK = re.compile(r".*tensorflow/serving[:\w.-]*\\[ \t]*$")  # Markdown's: what follows is a line of prose
_GOES_ON = re.compile(r"\s*(--\w|-[a-z]{1,3} \S|(\w+=\S*\s+)?tensorflow/serving[:\w.-]*\s*(&|--.*)?$)")
_CONFIG = re.compile(
    r"\s*(model_config_list|prometheus_config|platform_configs|max_batch_size|num_batch_threads|batch_timeout_micros|"
    r"max_enqueued_batches)\s*:?\s*\{"
)
_FLAGS = re.compile(r"\s*--[a-z]\w+(=\S+)?(\s+--[a-z]\w+(=\S+)?)+\s*")
_FIELD = re.compile(r"\s*(\w+\s*:?\s*\{|(allowed_batch_sizes|pad_variable_length_inputs)\s*:)")
_LONGEST = 200
# keys that begin an object, what stands near them, and those that may follow at their depth
_OBJECT = re.compile(r"([ \t]{0,3})(apiVersion|kind|version|services):(?:\s|$)")
_BESIDE = {
    "apiVersion": r"kind:\s",
    "kind": r"apiVersion:\s",
    "version": r"services:\s*$",
    "services": r"\s+[\w.-]+:\s*$",
}
_TOP_KEYS = ("apiVersion", "kind", "metadata", "spec", "data", "stringData", "binaryData", "type", "immutable", "items",
             "version", "services", "volumes", "networks", "configs", "secrets", "name")  # fmt: skip


def object_end(lines: list[str], place: int) -> int:
    """The line behind a whole object of YAML that begins here, glued to the sentences around it; `place` for none."""
    begun = _OBJECT.match(lines[place])
    near = lines[place + 1 : place + 4]
    if begun is None or not any(re.match(begun[1] + _BESIDE[begun[2]], line) for line in near):
        return place
    own, end = re.compile(begun[1] + r"(\s|- |#|---|(" + "|".join(_TOP_KEYS) + r"):(\s|$))"), place + 1
    last = end
    while end < len(lines) and (not lines[end].strip() or own.match(lines[end])):
        end += 1
        last = end if lines[end - 1].strip() else last
    return last


def plain_end(lines: list[str], place: int) -> int:
    """The line behind a command line or config file that begins here; `place` itself where none does."""
    end = place + 1
    if _BULLETED.match(lines[place]):
        while end < len(lines) and lines[end - 1].rstrip().endswith("\\"):
            end += 1
        return end
    if _ITEM.match(lines[place]):
        while (
            end < len(lines)
            and re.match(r"[ \t]+\S", lines[end])
            and not BULLET.match(lines[end])
            and (re.search(r"[=,:\\]\s*$", lines[end - 1]) or re.match(r"\s*(-\S|tensorflow/serving\b)", lines[end]))
        ):
            end += 1
        return end
    if _COMMAND.match(lines[place]) and (spaced := _spaced_end(lines, place)) > end:
        return spaced
    if _COMMAND.match(lines[place]):
        while (
            not _ends_in_prose(lines, end)
            and end < len(lines)
            and (lines[end - 1].rstrip().endswith(("\\", "^", "`")) or _GOES_ON.match(lines[end]))
        ):
            end += 1
        return end
    if _FLAGS.fullmatch(lines[place]):
        return end
    if not _CONFIG.match(lines[place]):
        return place
    depth = _depth(lines[place])
    while end < len(lines) and end < place + _LONGEST and (depth > 0 or _fields_go_on(lines, end)):
        depth += _depth(lines[end])
        end += 1
    return end if depth == 0 else place


def _spaced_end(lines: list[str], place: int) -> int:
    """The line behind a command between whose lines a blank one stands each, as a page shows paragraphs."""
    end = place
    while lines[end].rstrip().endswith("\\") and not "".join(lines[end + 1 : end + 2]).strip() and end + 2 < len(lines):
        end += 2
    return end + 1


def closed_up(command: str) -> str:
    """A command whose lines stand apart, with each blank one as a line that goes on."""
    return re.sub(r"\\[ \t]*\n[ \t]*(?=\n)", r"\\\n\\", command)


def _ends_in_prose(lines: list[str], end: int) -> bool:
    """True where a command ends at a hard break of Markdown's, behind which no option or flag stands."""
    following = lines[end] if end < len(lines) else ""
    return bool(_HARD_BREAK.match(lines[end - 1])) and not re.match(r"\s*[-&]", following)


def _fields_go_on(lines: list[str], place: int) -> bool:
    """True where a field stands, or a blank line between two of them."""
    following = lines[place + 1] if place + 1 < len(lines) and not lines[place].strip() else lines[place]
    return _FIELD.match(following) is not None


def _depth(line: str) -> int:
    bare = re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", line)
    return bare.count("{") - bare.count("}")
