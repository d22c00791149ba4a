"""Python that starts a server: subprocess, the docker SDK, shell strings, and TFX's InfraValidator."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from playbook.lint.command import BINARY, OFFICIAL, Mount, Place, is_official, is_server_word
from playbook.lint.containers import bind, check_image
from playbook.lint.docker_cli import read_docker_run, run_arguments
from playbook.lint.launch import Start, launch
from playbook.lint.reading import Document, Reading
from playbook.lint.scripts import check_rewriting, read_script
from playbook.lint.text import UNKNOWN, Text, Word

_RUNS = ("run", "create", "Popen", "call", "check_call", "check_output", "system", "popen", "getoutput")


def read_python(document: Document) -> Reading:
    """Servers that a Python text starts."""
    reading, text = Reading(), document.text
    reading.findings += check_rewriting(text)
    if BINARY not in text.content and OFFICIAL not in text.content and "TensorFlowServing" not in text.content:
        return reading
    try:
        tree = ast.parse(text.content)
    except (SyntaxError, ValueError) as error:
        line = text.line(getattr(error, "lineno", None))
        if BINARY in text.content or OFFICIAL in text.content:
            reading.report("unreadable", text.path, line, problem=f"it is no Python ({getattr(error, 'msg', error)})")
        return reading
    values = _Values(tree, text)
    read: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            reading.add(_call(node, values, document, read))
    for node in ast.walk(tree):
        if isinstance(node, (ast.List, ast.Tuple)) and id(node) not in read:
            reading.add(_list(values.words(node), document))
        elif isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)) and id(node) not in read | values.docstrings:
            reading.add(_string(node, values, document, read))
    return reading


class _Values:
    """What names stand for in a text, as far as they are set once to a constant."""

    def __init__(self, tree: ast.AST, text: Text):
        self.text = text
        self.names: dict[str, ast.expr] = {}
        self.docstrings: set[int] = set()
        self.lines: list[str] = []  # command lines that were read from texts
        twice: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                twice |= {name} & self.names.keys()
                self.names[name] = node.value
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                self.docstrings.add(id(node.value))
        for name in twice:
            del self.names[name]

    def word(self, node: ast.AST | None, depth: int = 0) -> Word | None:
        """A node as one word, unknown parts marked; None for what is no text at all."""
        line = self.text.line(getattr(node, "lineno", None))
        if isinstance(node, ast.Constant):
            return Word(node.value, line) if isinstance(node.value, (str, int, float)) else None
        if isinstance(node, ast.JoinedStr):
            parts = [self.word(each, depth) or UNKNOWN for each in node.values]
            return Word("".join(parts), line)
        if isinstance(node, ast.FormattedValue):
            return self.word(node.value, depth) or Word(UNKNOWN, line)
        if isinstance(node, ast.Name) and depth < 5 and node.id in self.names:
            known = self.word(self.names[node.id], depth + 1)
            return Word(known, line) if known is not None else None
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
            left = self.word(node.left, depth)
            if left is None or isinstance(node.op, ast.Mod):
                return Word(re.sub(r"%[sdr]", UNKNOWN, left), line) if left is not None else None
            return Word(left + (self.word(node.right, depth) or UNKNOWN), line)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            base = self.word(node.func.value, depth)
            return Word(re.sub(r"\{[^{}]*\}", UNKNOWN, base), line) if base is not None else None
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "str" and node.args:
            return self.word(node.args[0], depth) or Word(UNKNOWN, line)
        return None

    def words(self, node: ast.AST | None) -> list[Word]:
        """A list's words; a `*rest` or anything else unknown is left out."""
        if isinstance(node, ast.Name) and node.id in self.names:
            node = self.names[node.id]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return [*self.words(node.left), *self.words(node.right)]
        if not isinstance(node, (ast.List, ast.Tuple)):
            return []
        line = self.text.line(node.lineno)
        return [self.word(item) or Word(UNKNOWN, line) for item in node.elts if not isinstance(item, ast.Starred)]

    def pairs(self, node: ast.AST | None) -> Iterator[tuple[Word, ast.expr]]:
        """A dict's items with keys that are known."""
        if isinstance(node, ast.Name) and node.id in self.names:
            node = self.names[node.id]
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            word = self.word(key) if key is not None else None
            if word is not None:
                yield word, value


def _call(node: ast.Call, values: _Values, document: Document, read: set[int]) -> Reading:
    reading = Reading()
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    keywords = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    if name == "TensorFlowServing":
        for tag in values.words(keywords.get("tags")):
            reading.counts["images"] += 1
            reading.findings += check_image(f"tensorflow/serving:{tag}", document.text.path, tag.line)
        return reading
    first = node.args[0] if node.args else keywords.get("image")
    image = values.word(first) if first is not None and not isinstance(first, (ast.List, ast.Tuple)) else None
    if image is None or OFFICIAL not in image or " " in image:
        return reading
    reading.counts["images"] += 1
    reading.findings += check_image(str(image), document.text.path, image.line)
    if name in _RUNS:
        read |= {id(each) for each in ast.walk(node)}
        reading.add(_container(image, node, keywords, values, document))
    return reading


def _container(
    image: Word, node: ast.Call, keywords: dict[str, ast.expr], values: _Values, document: Document
) -> Reading:
    command = node.args[1] if len(node.args) > 1 else keywords.get("command")
    args = values.words(command)
    text = values.word(command) if command is not None and not args else None
    if text is not None:
        args = [text.with_text(part) for part in text.split()]
    unknown = command is not None and not args and not isinstance(command, ast.Constant)
    mounts = tuple(_mounts(keywords.get("volumes"), values, document))
    environment = {str(name): values.word(value) or Word("$") for name, value in
                   values.pairs(keywords.get("environment"))}  # fmt: skip
    for pair in values.words(keywords.get("environment")):
        name, _, value = pair.partition("=")
        environment[name] = pair.with_text(value)
    hidden = (
        "mounts" in keywords or ("volumes" in keywords and not mounts) or any(key.arg is None for key in node.keywords)
    )
    place = Place(True, is_official(str(image)), mounts, document.folder, str(image), hidden)
    ports = tuple(word.with_text(word.partition("/")[0]) for word, _ in values.pairs(keywords.get("ports")))
    entry = values.words(keywords.get("entrypoint")) or None
    if entry is None and (word := values.word(keywords.get("entrypoint"))):
        entry = [word]
    start = Start(document.text.path, image.line, str(image), entry, args, environment, place, document.around.cpus)
    start.published = () if unknown else ports
    start.open_environment = "environment" in keywords and not environment
    return launch(start)


def _mounts(node: ast.expr | None, values: _Values, document: Document) -> Iterator[Mount]:
    for source, value in values.pairs(node):
        inside = next((values.word(each) for key, each in values.pairs(value) if key == "bind"), None)
        yield bind(str(source), str(inside or UNKNOWN), document.folder, document.around.sources, source.line)
    for word in values.words(node):
        named, _, target = word.partition(":")
        yield bind(named, target.partition(":")[0], document.folder, document.around.sources, word.line)


def _list(words: list[Word], document: Document) -> Reading:
    if words and run_arguments(words) is not None:
        return read_docker_run(words, document)
    place = next((index for index, word in enumerate(words) if is_server_word(word)), None)
    if place is None or (len(words) > place + 1 and not any(word.startswith("-") for word in words[place + 1 :])):
        return Reading()
    start = Start(document.text.path, words[place].line, "", [words[place]], words[place + 1 :], {},
                  Place(folder=document.folder), document.around.cpus)  # fmt: skip
    return launch(start)


def _string(node: ast.AST, values: _Values, document: Document, read: set[int]) -> Reading:
    """A text that holds a whole command line."""
    word = values.word(node)
    if word is None or not re.search(rf"{BINARY}\s+-|\bdocker\b.*\brun\b.*{OFFICIAL}", word, re.DOTALL):
        return Reading()
    read |= {id(each) for each in ast.walk(node)}
    if any(line in word for line in values.lines):
        return Reading()  # a name that stands for a text read before
    values.lines.append(str(word))
    text = Text(str(word), document.text.path, word.line or 1, document.text.file)
    return read_script(Document(text, document.around), depth=1)
