"""Variables that a Python text gives to the server's process or to docker, and that nobody reads there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from playbook.lint.checks.command import NAMED, OFFICIAL
from playbook.lint.checks.environment import instead_of, is_unread
from playbook.lint.forms.python_data import called
from playbook.lint.forms.python_names import name_of
from playbook.lint.forms.text import ENGINES, Word
from playbook.lint.readers.python_program import Program
from playbook.lint.rules.findings import Finding, finding

_STARTS = ("Popen", "run", "call", "check_call", "check_output", "create_subprocess_exec", "create_subprocess_shell")
_EXECS = ("execve", "execvpe", "execle", "execlpe", "spawnve", "spawnvpe")  # which take it as their last argument
_SERVER = re.compile(rf"(?:^|[\s/;&]){NAMED}(?:\s|$)")
_CONTAINER = re.compile(rf"\b{ENGINES}\s.*\b(?:run|create)\b.*{OFFICIAL}", re.DOTALL)
_READS = r"(?:getenv\(|environ\.get\(|environ\.setdefault\(|environ\[)\s*[\"']{name}[\"'](?!\s*\]\s*=[^=])"


def check_variables(program: Program) -> Iterator[Finding]:
    """Settings among the variables of calls that start the server, or docker with the server's image."""
    content = program.document.text.content
    for node in program.nodes:
        given = _given(node)
        text = _command(node, program) if given is not None else ""
        server, container = _SERVER.search(text), _CONTAINER.search(text)
        for name, value in _set(given, program) if given is not None and (server or container) else ():
            if not is_unread(str(name), content, False) or re.search(_READS.format(name=re.escape(name)), content):
                continue
            told = str(program.values.word(value) or "")
            if server and len(told) > 2 and told in text:
                continue  # a flag says the same
            if container and re.search(rf"(?:-e|--env)[= ]{re.escape(name)}\b", text):
                continue
            why = "the server's process reads flags alone"
            hint = instead_of(str(name), told)
            if container:
                why, hint = "docker hands a container none of its own variables", f"Give docker run -e {name}=..."
            yield finding("env-nobody-reads", program.path, name.line, name=name, why=why, hint=hint)


def _given(node: ast.AST) -> ast.expr | None:
    """What a call gives a process as its variables."""
    if not isinstance(node, ast.Call):
        return None
    if called(node) in _EXECS and node.args:
        return node.args[-1]
    return next((each.value for each in node.keywords if each.arg == "env"), None) if called(node) in _STARTS else None


def _command(node: ast.AST, program: Program) -> str:
    """The command that a call runs, as one line."""
    if not isinstance(node, ast.Call):
        return ""
    given = [*node.args, *(each.value for each in node.keywords if each.arg == "args")]
    found = [word for each in given for word in program.values.words(each) or [program.values.word(each) or Word("")]]
    return " ".join(word for word in found if word)


def _set(given: ast.expr, program: Program) -> Iterator[tuple[Word, ast.expr]]:
    """The names and values of a dict of variables: those it is made with, and those that are put into it later."""
    yield from program.values.pairs(given)
    name = name_of(given)
    for node in program.nodes if name else ():
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Subscript) and name_of(target.value) == name:
            key = program.values.word(target.slice)
            yield from [(key, node.value)] if key is not None else []
        owner = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
        if isinstance(node, ast.Call) and called(node) == "update" and name_of(owner) == name:
            made = ast.Call(ast.Name("dict"), node.args, node.keywords)
            yield from program.values.pairs(ast.copy_location(made, node))
