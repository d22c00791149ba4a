"""Config files that a command line names by nearly the name of one that lies here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from playbook.lint.checks.command import Command
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.schema import KINDS
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.rules.findings import Finding, finding

_ALIKE = 0.9
_ENDINGS = (".md", ".rst", ".py", ".ipynb", ".sh", ".yaml", ".yml")  # of texts that hold more than a config


def check_near_names(
    judged: Sequence[tuple[Command, Mapping[str, Text]]], texts: Iterable[Text], said: Iterable[Finding]
) -> Iterator[Finding]:
    """One finding of each such name, where nothing here is called so, and the file of nearly that name by nobody.

    Silent where the file's place is known: what is missing there is said of it.
    """
    held = [text for text in texts if text.file is not None and not text.path.lower().endswith(_ENDINGS)]
    here = {name_of(text.path) for text in held}
    called = {name_of(command.text(flag)) for command, _ in judged for flag in KINDS}
    messages = " ".join(hit.message for hit in said)
    told: set[tuple[str, str]] = set()
    for command, files in judged:
        for flag in KINDS:
            path = command.text(flag)
            name = name_of(path)
            if flag in files or not name or is_unknown(path) or name in here or path in messages or "$" in path:
                continue
            near = {text.path for text in held if name_of(text.path) not in called and kind_of(text.content) == flag
                    and SequenceMatcher(None, name, name_of(text.path)).ratio() >= _ALIKE}  # fmt: skip
            if len(near) == 1 and (command.path, path) not in told:
                told.add((command.path, path))
                yield _said(command, flag, path, near.pop())


def _said(command: Command, flag: str, path: str, near: str) -> Finding:
    """What is said of such a name: an error where the very folder is shown, and lacks it."""
    words = {"flag": f"--{flag}", "path": path}
    if not _is_shown(command, path, near):
        return finding("config-name-near", command.path, command.at(flag), **words, near=near)
    where = f"in the folder that is mounted, which is shown here ({near} is)"
    remedy = "Write the name of the file that is there."
    return finding("config-file-missing", command.path, command.at(flag), **words, effect=KINDS[flag][1], where=where,
                   remedy=remedy)  # fmt: skip


def _is_shown(command: Command, path: str, near: str) -> bool:
    """True where a container mounts the folder that the text stands in, as the file of nearly that name tells."""
    begin = command.path.rpartition("/")[0]
    inside = near.removeprefix(f"{begin}/") if begin else near
    rest = next((rest for _, rest in command.place.over(command.place.absolute(path))), "")
    return bool(rest) and rest.rpartition("/")[0] == inside.rpartition("/")[0]


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rstrip("/").rpartition("/")[2]
