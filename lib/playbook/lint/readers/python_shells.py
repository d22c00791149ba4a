"""Lists that Python hands to a shell, or to none: what of them is a program's name and what its arguments."""

from __future__ import annotations

import ast

from playbook.lint.checks.command import Place, is_server_word
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.python_values import Values
from playbook.lint.forms.text import Word


def read_list(node: ast.Call, keywords: dict[str, ast.expr], values: Values, document: Document) -> Reading | None:
    """A server's list whose words are lost: several beside shell=True, or a whole line as one without a shell.

    None for any other call.
    """
    given = node.args[0] if node.args else keywords.get("args")
    words = values.words(given) if isinstance(given, ast.List) else []
    if not words or not words[0].strip() or not is_server_word(words[0].split()[0]):
        return None
    if _by_shell(keywords):
        return _split(words, document) if len(words) > 1 else None
    whole = "shell" not in keywords and len(words) == 1 and " --" in words[0]
    return launch(Start(document.text.path, words[0].line, "", words)) if whole else None


def _by_shell(keywords: dict[str, ast.expr]) -> bool:
    shell = keywords.get("shell")
    return isinstance(shell, ast.Constant) and shell.value is True


def _split(words: list[Word], document: Document) -> Reading:
    """Several words beside shell=True, of which the shell runs the first alone; all are judged as they are meant."""
    first, path = words[0], document.text.path
    meant = [word.with_text(part) for word in words for part in word.split()]  # one line, as the shell would part it
    reading = launch(Start(path, first.line, "", meant[:1], meant[1:], {}, Place(folder=document.folder)))
    reading.report("shell-args-split", path, first.line, count=len(words) - 1, word=repr(first.strip()))
    return reading
