"""Calls of a Python text that start a server: the docker SDK's, testcontainers', clouds' clients, subprocess."""

from __future__ import annotations

import ast

from playbook.lint.checks.command import OFFICIAL, is_path, is_server_word
from playbook.lint.checks.containers import check_image
from playbook.lint.checks.infra_validator import check_pusher, check_spec
from playbook.lint.checks.own_images import built_as
from playbook.lint.checks.reading import Reading
from playbook.lint.forms.python_data import called
from playbook.lint.forms.text import UNKNOWN, Word
from playbook.lint.readers.python_containers import read_chain, read_container, read_keywords, read_spec
from playbook.lint.readers.python_lines import read_words
from playbook.lint.readers.python_program import Program
from playbook.lint.readers.python_shells import read_list

_RUNS = ("run", "create", "create_container", "Popen", "call", "check_call", "check_output", "system", "popen",
         "getoutput", "DockerOperator")  # fmt: skip


def read_call(node: ast.Call, program: Program) -> Reading:
    """What a call starts; the nodes of one that was understood are taken."""
    reading, values, document, name = Reading(), program.values, program.document, called(node)
    keywords = values.keywords(node)
    chain, start = _chain(node)
    if start is not None and (image := values.word(start)) is not None and OFFICIAL in image and len(chain) > 1:
        program.take(node)
        reading.add(_image(image, program))
        reading.add(read_chain(chain, image, values, document))
        return reading
    line = document.text.line(node.lineno)
    reading.findings += check_spec(node, program.path, line)
    reading.findings += check_pusher(node, program.nodes, program.path, line)
    if name == "TensorFlowServing":
        reading.counts["infra validators"] += 1
        for tag in values.words(keywords.get("tags")):
            reading.add(_image(tag.with_text(f"tensorflow/serving:{tag}"), program))
        return reading
    for read in (_by_keywords, _by_list, _by_words):
        if (started := read(node, keywords, program)) is not None:
            program.take(node)
            return started
    reading.add(_by_image(node, keywords, program))
    return reading


def _image(image: Word, program: Program) -> Reading:
    reading = Reading(findings=list(check_image(str(image), program.path, image.line)))
    reading.counts["images"] += 1
    return reading


def _by_keywords(node: ast.Call, keywords: dict[str, ast.expr], program: Program) -> Reading | None:
    return read_keywords(called(node), keywords, program.values, program.document)


def _by_list(node: ast.Call, keywords: dict[str, ast.expr], program: Program) -> Reading | None:
    return read_list(node, keywords, program.values, program.document) if called(node) in _RUNS else None


def _by_words(node: ast.Call, keywords: dict[str, ast.expr], program: Program) -> Reading | None:
    """A call that takes the program and its words one by one, as `os.execlp` does."""
    words = [program.values.word(each) for each in node.args if not isinstance(each, ast.Starred)]
    first = words[0] if words else None
    if len(words) < 2 or first is None or not is_server_word(first):
        return None
    return read_words([word or Word(UNKNOWN, first.line) for word in words], program)


def _by_image(node: ast.Call, keywords: dict[str, ast.expr], program: Program) -> Reading:
    """A call whose first argument or `image` is the server's image, or one that is built here."""
    values, document, name = program.values, program.document, called(node)
    first = node.args[0] if node.args else keywords.get("image")
    image = values.word(first) if first is not None and not isinstance(first, (ast.List, ast.Tuple)) else None
    own = built_as(document.around, image, program.path) if image is not None and name in _RUNS else None
    if image is None or (OFFICIAL not in image and own is None) or " " in image or is_path(image):
        return Reading()
    reading = _image(image, program) if own is None else Reading()
    if own is not None:
        reading.counts["images"] += 1
    if "Container" in name or {"arguments", "cmds"} & keywords.keys():
        program.take(node)
        reading.add(read_spec(image, keywords, values, document))
    elif name in _RUNS:
        program.take(node)
        reading.add(read_container(image, node, keywords, values, document))
    return reading


def _chain(node: ast.AST) -> tuple[dict[str, list[ast.Call]], ast.AST | None]:
    """The calls of `Maker(FIRST).with_x(...).with_y(...)` by name, and FIRST; nothing where it is no such chain."""
    calls: dict[str, list[ast.Call]] = {}
    while isinstance(node, ast.Call):
        name = called(node)
        calls.setdefault(name, []).append(node)
        if name.endswith("Container"):
            return calls, node.args[0] if node.args else None
        if not (name.startswith("with_") and isinstance(node.func, ast.Attribute)):
            break
        node = node.func.value
    return {}, None
