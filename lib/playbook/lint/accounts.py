"""Whether a text counts as read, was passed over, or names the server and yielded nothing."""

from __future__ import annotations

from playbook.lint.checks.other_servers import names_openvino
from playbook.lint.checks.reading import Reading
from playbook.lint.forms.python_comments import texts_of
from playbook.lint.forms.text import Text
from playbook.lint.gathering import NAMES_NONE, NOT_UNDERSTOOD, Gathered
from playbook.lint.readers.block_kinds import NAMES, names_server, uses_server
from playbook.lint.readers.diff_files import is_diff
from playbook.lint.readers.documents import prose_blocks
from playbook.lint.readers.file_kinds import PROSE
from playbook.lint.readers.notebooks import notebook_blocks
from playbook.lint.readers.set_aside import is_generated
from playbook.lint.rules.findings import finding


def account(text: Text, reading: Reading, gathered: Gathered, total: Reading) -> None:
    """Whether the text counts as read, was passed over, or names the server and yielded nothing."""
    if reading.understood:
        gathered.read.append(text.path)
        return
    name = uses_server(_code(text)) if names_server(text.content) and not is_generated(text) else ""
    name = "" if name == NAMES[-1] and names_openvino(text) else name
    if name and not any(hit.rule in ("unreadable", "line-not-continued") for hit in reading.findings):
        place = text.content.find(name)
        line = None if text.path.endswith(".ipynb") else text.content.count("\n", 0, max(place, 0)) + 1
        remedy = f"Read it yourself: {reading.passed}." if reading.passed else (
            "Give the flags to lint as they are started: playbook lint \"--port=8500 ...\".")  # fmt: skip
        total.findings.append(finding("not-understood", text.path, text.line(line), name=name, remedy=remedy))
    gathered.pass_over(text.path, reading.passed or (NOT_UNDERSTOOD if name else NAMES_NONE))


def _code(text: Text) -> str:
    """The text without its comments and docstrings, as far as they are easily told."""
    path, content = text.path.lower(), text.content
    if is_diff(path, content):
        return "\n".join(line[1:] for line in content.split("\n") if line.startswith("+"))
    if path.endswith(".lock"):
        return ""  # where a repository's name is a source
    if path.endswith(PROSE):
        return "\n".join(block.text.content for block in prose_blocks(text))
    if path.endswith(".ipynb"):
        return "\n".join(block.text.content for block in notebook_blocks(text))
    if path.endswith(".py"):
        return texts_of(content)
    return "\n".join(line for line in content.split("\n") if not line.lstrip().startswith(("#", "//")))
