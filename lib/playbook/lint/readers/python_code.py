"""Python that starts a server: subprocess, the docker SDK, shell strings, and TFX's InfraValidator."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from playbook.lint.checks.command import BINARY, NAMED, OFFICIAL, Place, is_path, is_server_word
from playbook.lint.checks.config_kinds import is_config, kind_of
from playbook.lint.checks.containers import check_image
from playbook.lint.checks.infra_validator import check_spec
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.misnamed import is_misnamed, module_named
from playbook.lint.checks.own_images import built_as, names_own
from playbook.lint.checks.reading import Document, Reading, with_exported
from playbook.lint.checks.rewriting import check_rewriting
from playbook.lint.forms.python_cells import begun
from playbook.lint.forms.python_comments import commented_lines
from playbook.lint.forms.python_exports import set_by
from playbook.lint.forms.python_values import Values
from playbook.lint.forms.saved_models import saved_bare
from playbook.lint.forms.text import ENGINES, UNKNOWN, Text, Word
from playbook.lint.readers.docker_cli import read_docker_run, run_arguments
from playbook.lint.readers.python_client import read_client
from playbook.lint.readers.python_containers import read_chain, read_container, read_keywords, read_spec
from playbook.lint.readers.python_manifests import read_objects
from playbook.lint.readers.python_objects import read_made
from playbook.lint.readers.python_shells import read_list
from playbook.lint.readers.python_writes import as_line, written_files
from playbook.lint.readers.scripts import read_script
from playbook.lint.readers.written import is_file, read_written

_NAMES = (
    BINARY,
    OFFICIAL,
    "TensorFlowServing",
    "model_config_list",
    "max_batch_size {",
    "prometheus_config {",
)
_RUNS = ("run", "create", "create_container", "Popen", "call", "check_call", "check_output", "system", "popen",
         "getoutput", "DockerOperator")  # fmt: skip


def read_python(document: Document) -> Reading:
    """Servers that a Python text starts."""
    reading, text = Reading(), document.text
    reading.findings += check_rewriting(text)
    named = any(name in text.content for name in _NAMES) or bool(re.search(NAMED, text.content))
    known = named or names_own(document.around, text.content)
    if not known and kind_of(text.content) is None:
        return reading
    try:
        tree = ast.parse(begun(text.content))
    except (SyntaxError, ValueError) as error:
        if re.search(r"(?m)^[ \t]*(?:%%|!)\w", text.content):
            return reading  # a notebook's cells as a text: what stands behind their marks is the shell's
        line = text.line(getattr(error, "lineno", None))
        if BINARY in text.content or OFFICIAL in text.content:
            reading.report("unreadable", text.path, line, problem=f"it is no Python ({getattr(error, 'msg', error)})")
        return reading
    values = Values(tree, text)
    read: set[int] = set()
    nodes = list(ast.walk(tree))
    document = with_exported(document, set_by(nodes, values))
    document.around.sources.saved.setdefault(text.path, saved_bare(nodes, values, text.content))
    added = {id(side) for node in nodes if isinstance(node, ast.BinOp) for side in (node.left, node.right)}
    reading.add(read_objects(nodes, values, document, read))
    for node in nodes:
        if isinstance(node, ast.Call) and id(node) not in read:
            reading.add(_call(node, values, document, read))
    for name, written, pieces in written_files(nodes, values):
        if is_config(written.content):
            read |= {id(each) for piece in pieces for each in ast.walk(piece)}  # parts of it mean nothing alone
            reading.add(read_written(name, written, document))
        elif name:
            document.around.sources.extra.append((name, written))
    for side in ("orelse", "body"):
        values.choose(side)
        reading.add(_put_together(values, document))
    grown = [values.names[name] for name in values.grown if name in values.names]
    read |= {id(each) for each in grown if isinstance(each, ast.List)}
    read |= {id(each) for whole in grown if values.script(whole) is not None for each in ast.walk(whole)}
    for node in nodes:
        if isinstance(node, (ast.List, ast.Tuple)) and id(node) not in read:
            reading.add(_list(values.words(node), values, document, id(node) in added))
        elif isinstance(node, ast.BinOp) and id(node) not in read and (words := values.words(node)):
            read |= {id(each) for each in ast.walk(node) if isinstance(each, (ast.List, ast.BinOp))}
            reading.add(_list(words, values, document, not values.all_known(node)))
        elif isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Call)) and (
            id(node) not in read and (id(node) not in values.docstrings or _is_text(node))
        ):
            reading.add(_string(node, values, document, read))
    for told in commented_lines(text):
        reading.add(read_script(Document(told, document.around), depth=1))
    return reading


def _call(node: ast.Call, values: Values, document: Document, read: set[int]) -> Reading:
    reading = Reading()
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    chain, start = _chain(node)
    if start is not None and (image := values.word(start)) is not None and OFFICIAL in image and len(chain) > 1:
        read |= {id(each) for each in ast.walk(node)}
        reading.counts["images"] += 1
        reading.findings += check_image(str(image), document.text.path, image.line)
        reading.add(read_chain(chain, image, values, document))
        return reading
    keywords = values.keywords(node)
    reading.findings += check_spec(node, document.text.path, document.text.line(node.lineno))
    if name == "TensorFlowServing":
        for tag in values.words(keywords.get("tags")):
            reading.counts["images"] += 1
            reading.findings += check_image(f"tensorflow/serving:{tag}", document.text.path, tag.line)
        return reading
    if (made := read_made(name, node, values, document)).commands:
        read |= {id(each) for each in ast.walk(node)}
        return made
    if (spec := read_keywords(name, keywords, values, document)) is not None:
        read |= {id(each) for each in ast.walk(node)}
        return spec
    if name in _RUNS and (lost := read_list(node, keywords, values, document)) is not None:
        read |= {id(each) for each in ast.walk(node)}
        return lost
    words = [values.word(each) for each in node.args if not isinstance(each, ast.Starred)]
    if len(words) > 1 and words[0] is not None and is_server_word(words[0]):
        read |= {id(each) for each in ast.walk(node)}
        return _list([word or Word(UNKNOWN, words[0].line) for word in words], values, document)
    first = node.args[0] if node.args else keywords.get("image")
    image = values.word(first) if first is not None and not isinstance(first, (ast.List, ast.Tuple)) else None
    own = built_as(document.around, image, document.text.path) if image is not None and name in _RUNS else None
    if image is None or (OFFICIAL not in image and own is None) or " " in image or is_path(image):
        return reading
    reading.counts["images"] += 1
    reading.findings += check_image(str(image), document.text.path, image.line) if own is None else ()
    if name == "V1Container" and (spec := read_client(node, values, document)).commands:
        read |= {id(each) for each in ast.walk(node)}
        return spec
    if "Container" in name or {"arguments", "cmds"} & keywords.keys():
        read |= {id(each) for each in ast.walk(node)}
        reading.add(read_spec(image, keywords, values, document))
    elif name in _RUNS:
        read |= {id(each) for each in ast.walk(node)}
        reading.add(read_container(image, node, keywords, values, document))
    return reading


def _chain(node: ast.AST) -> tuple[dict[str, list[ast.Call]], ast.AST | None]:
    """The calls of `Maker(FIRST).with_x(...).with_y(...)` by name, and FIRST; nothing where it is no such chain."""
    calls: dict[str, list[ast.Call]] = {}
    while isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        calls.setdefault(name, []).append(node)
        if name.endswith("Container"):
            return calls, node.args[0] if node.args else None
        if not (name.startswith("with_") and isinstance(node.func, ast.Attribute)):
            break
        node = node.func.value
    return {}, None


def _grown(words: list[Word], values: Values, document: Document) -> Reading:
    """A list put together item by item: the words of a command, or pieces of one line."""
    if not any(" " in word for word in words) or not words[0].strip():
        return _list(words, values, document)
    line = words[0].line or 1
    written = ""
    for word in words:
        written += "\\\n" * max((word.line or line) - line, 0) + f" {word}"
        line = max(line, word.line or line)
    text = Text(as_line(written), document.text.path, words[0].line or 1, document.text.file)
    if BINARY not in written and OFFICIAL not in written:
        return Reading()
    values.lines += [str(word) for word in words if BINARY in word or OFFICIAL in word]
    return read_script(Document(text, document.around), depth=1)


def _put_together(values: Values, document: Document) -> Reading:
    """The lists and texts that are put together step by step."""
    reading = Reading()
    for words in values.whole_lists():
        reading.add(_grown(words, values, document))
    for whole in values.whole_texts():
        if whole.content not in values.lines and (BINARY in whole.content or OFFICIAL in whole.content):
            values.lines.append(whole.content)
            reading.add(read_script(Document(replace(whole, content=as_line(whole.content)), document.around), depth=1))
    return reading


def _list(words: list[Word], values: Values, document: Document, partial: bool = False) -> Reading:
    joined = " ".join(words)
    if joined in values.lines:
        return Reading()
    if words and run_arguments(words) is not None:
        values.lines.append(joined)
        return read_docker_run(words, document)
    place = next((nth for nth, word in enumerate(words) if is_server_word(word) or is_misnamed(words, nth)), None)
    behind = words[(place or 0) + 1 :]
    if place is None or (behind and not any(re.match(r"-{1,2}[A-Za-z]", word) for word in behind)):
        return Reading()
    values.lines.append(joined)
    start = Start(document.text.path, words[place].line, "", [words[place]], words[place + 1 :], {},
                  Place(folder=document.folder), document.around.cpus, partial=partial or "$@" in words)  # fmt: skip
    reading = launch(start)
    reading.findings += module_named(words, document.text.path, start.line)
    return reading


def _is_text(node: ast.AST) -> bool:
    """True for a text by itself that begins as a Dockerfile of the server or a compose file does."""
    begins = rf"\s*FROM\s+\S*{OFFICIAL}|\s*(#.*\s+)*(version|services):"
    return isinstance(node, ast.Constant) and bool(re.match(begins, str(node.value)))


def _string(node: ast.AST, values: Values, document: Document, read: set[int]) -> Reading:
    """A text that holds a whole command line."""
    word = values.word(node)
    if word is not None and isinstance(node, (ast.Constant, ast.JoinedStr)) and is_file(word):
        read |= {id(each) for each in ast.walk(node)}
        filled = re.sub(r"%[sdrf]|%\(\w+\)[sdrf]", UNKNOWN, word)
        text = Text(filled, document.text.path, word.line or 1, templated=UNKNOWN in filled)
        return read_written("", text, document)
    plain = _unescaped(word) if word is not None and "{{" in word else ""
    if is_config(plain):  # what `format` fills in
        read |= {id(each) for each in ast.walk(node)}
        text = Text(plain, document.text.path, getattr(word, "line", None) or 1, templated=True)
        return read_written("", text, document)
    if word is None or not re.search(rf"{NAMED}\s+\\?\s*-|\b{ENGINES}\b.*\brun\b.*{OFFICIAL}", word, re.DOTALL):
        return Reading()
    read |= {id(each) for each in ast.walk(node)}
    if any(line in word for line in values.lines):
        return Reading()  # a name that stands for a text read before
    values.lines.append(str(word))
    script = values.script(node)
    if script is None:
        return Reading()
    whole = replace(script, content=as_line(script.content))
    return read_script(Document(whole, document.around), depth=1)


def _unescaped(word: str) -> str:
    """A text that `format` is to fill in, with single brackets where it doubles them."""
    bare = re.sub(r"(?<!\{)\{\w*\}(?!\})", UNKNOWN, word)
    return bare.replace("{{", "{").replace("}}", "}")
