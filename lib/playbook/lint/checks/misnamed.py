"""Other names in the place of the server's program: its package's, near ones, and modules that Python is to run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from playbook.lint.checks.command import BINARY, BUILT, PACKAGE, is_server_word
from playbook.lint.forms.text import Word
from playbook.lint.rules.findings import Finding, finding
from playbook.tfserving.flags import FLAGS

_MODULE = re.compile(r"tensorflow_(?:model_)?serv\w*(?:\.(?!(?:py|sh|exe|bin|example)\b)\w+)+")
_AS_MODULE = re.compile(r"tensorflow_(?:model_)?serv\w*(?:\.(?!example\b)\w+)*")  # behind `-m`, whatever its end
_SCRIPT = re.compile(r"(?:.*/)?tensorflow_serving/(?!example/)[\w/]*\w\.py")  # files that no package brings
_PROSE = (".md", ".rst", ".ipynb", ".markdown", ".mdx", ".adoc", ".txt", ".py")
_NEAR = re.compile("tensorflow[_-]model[_-]serv(?:er|ing)(?:-universal)?")
# the program as it was built: for a chip, by a release
_RENAMED = re.compile(rf"{BINARY}{BUILT}")
_WIDE = re.compile("(?:tensorflow|tf)[_-]?(?:model[_-]?)?serv(?:ing|er)(?:[_-]server)?")  # names of much else, too
_MADE = r"(?m)\b(?:alias|function)\s+{name}\b|^\s*{name}\s*\(\)|\b(?:ln|cp|mv)\s.*\b{name}\b"
_RUNNERS = ("sudo", "nohup", "exec")


def is_misnamed(words: Sequence[str], place: int) -> bool:
    """True for another name in the program's place: flags of the server follow it."""
    name = words[place].rpartition("/")[2]
    if name == BINARY or "serv" not in words[place]:
        return False
    behind = {word.removeprefix("--").partition("=")[0] for word in words[place + 1 :] if word.startswith("--")}
    if not behind & FLAGS.keys():
        return False
    if _NEAR.fullmatch(name) or _RENAMED.fullmatch(name) or _MODULE.fullmatch(name) or _is_module(words, place):
        return True
    if _SCRIPT.fullmatch(words[place]) and "model_base_path" in behind:
        return True
    alone = words[place] == name and all(word in _RUNNERS for word in words[:place])
    return alone and bool(_WIDE.fullmatch(name)) and bool(behind & {"model_base_path", "model_config_file"})


def _is_module(words: Sequence[str], place: int) -> bool:
    return place > 0 and words[place - 1] == "-m" and bool(_AS_MODULE.fullmatch(words[place]))


def named_rightly(
    words: Sequence[Word], path: str, line: int | None, script: str = ""
) -> tuple[list[Word], list[Finding]]:
    """The words with the program's own name where another stands for it, which is said.

    Nothing is said of a name that `script` makes.
    """
    meant = [*words]
    place = next((nth for nth in range(len(words)) if is_misnamed(words, nth)), None)
    if place is None:
        return meant, []
    word = words[place]
    folder, slash, name = word.rpartition("/")
    if re.search(_MADE.format(name=re.escape(name)), script):
        return meant, []
    meant[place] = word.with_text(f"{folder}{slash}{BINARY}")
    if _is_module(words, place):
        return meant, [finding("no-module", path, word.line or line, word=name)]
    if _RENAMED.fullmatch(name):
        return meant, []
    return meant, [_said(name if _SCRIPT.fullmatch(word) is None else str(word), path, word.line or line)]


def module_named(words: Sequence[Word], path: str, line: int | None) -> list[Finding]:
    """What is said of `-m tensorflow_model_server`: Python has no such module."""
    named = (word for before, word in pairwise(words) if before == "-m" and is_server_word(word))
    return [finding("no-module", path, word.line or line, word=str(word)) for word in named]


def whole_line(words: Sequence[Word], path: str) -> tuple[Finding, list[Word]] | None:
    """What is said of a line in quotes, which is looked up as one program's name, and its words; None for any other.

    A document may quote a line for its readers' eyes.
    """
    whole = next((word for word in words if word not in _RUNNERS), words[0])
    binary, _, rest = whole.strip().partition(" ")
    if not is_server_word(binary) or not rest.startswith("--") or path.lower().endswith(_PROSE):
        return None
    hit = finding("flags-in-one-word", path, whole.line, flag=binary, other=rest.partition("=")[0])
    return hit, [Word(part, whole.line, written=str(whole)) for part in whole.split()]


def _said(name: str, path: str, line: int | None) -> Finding:
    if _MODULE.fullmatch(name) or _SCRIPT.fullmatch(name):
        return finding("no-module", path, line, word=name)
    package = " (its package is called so)" if name.startswith(PACKAGE) else ""
    return finding("binary-misspelt", path, line, word=name, package=package)
