"""Python that starts a server: what of a text is read, and in which order."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from dataclasses import replace

from playbook.lint.checks.command import BINARY, NAMED, OFFICIAL
from playbook.lint.checks.config_kinds import is_config, kind_of, names_no_model
from playbook.lint.checks.dollars import check_dollars
from playbook.lint.checks.listed_names import check_listed
from playbook.lint.checks.own_images import names_own
from playbook.lint.checks.reading import Document, Reading, with_exported
from playbook.lint.checks.rewriting import check_rewriting
from playbook.lint.checks.sagemaker import PREFIX
from playbook.lint.forms.python_cells import begun
from playbook.lint.forms.python_comments import commented_lines
from playbook.lint.forms.python_exports import set_by
from playbook.lint.forms.python_messages import Messages
from playbook.lint.forms.python_two import as_python_three
from playbook.lint.forms.python_values import Values
from playbook.lint.forms.saved_models import saved_bare
from playbook.lint.forms.text import Text
from playbook.lint.readers.cloud_images import read_cloud_images
from playbook.lint.readers.cluster_changes import remember_map
from playbook.lint.readers.program_maps import gather_maps
from playbook.lint.readers.python_calls import read_call
from playbook.lint.readers.python_lines import is_text, read_grown, read_printed, read_text, read_words
from playbook.lint.readers.python_objects import read_objects
from playbook.lint.readers.python_program import Program
from playbook.lint.readers.python_variables import check_variables
from playbook.lint.readers.python_writes import written_files
from playbook.lint.readers.sagemaker import read_environments
from playbook.lint.readers.scripts import read_script
from playbook.lint.readers.written import read_written

_DOCKERFILE = re.compile(r"\s*FROM\s+\S*tensorflow/serving")
_LITERALS = (ast.Constant, ast.JoinedStr)  # which are read as texts
_MAP = "ConfigMap"
_IMAGE = re.compile(rf"{OFFICIAL}(?!/)")  # what goes on is a signature's method
_NAMES = (
    BINARY,
    OFFICIAL,
    "TensorFlowServing",
    "TFServingSpec",
    "V1beta1ModelFormat",
    "model_config_list",
    "max_batch_size {",
    "prometheus_config {",
    "model_server_config_pb2",
    PREFIX,
    "ModelServerConfig",
    "ReloadConfigRequest",
)


def read_python(document: Document) -> Reading:
    """Servers that a Python text starts."""
    reading, text = Reading(), document.text
    reading.findings += check_rewriting(text)
    named = any(name in text.content for name in _NAMES) or bool(re.search(NAMED, text.content))
    known = named or names_own(document.around, text.content)
    if not known and kind_of(text.content) is None:
        return reading
    try:
        tree = _parsed(begun(text.content))
    except (SyntaxError, ValueError) as error:
        if re.search(r"(?m)^[ \t]*(?:%%|!)\w", text.content):
            return reading  # a notebook's cells as a text: what stands behind their marks is the shell's
        line = text.line(getattr(error, "lineno", None))
        if BINARY in text.content or _IMAGE.search(text.content):
            reading.report("unreadable", text.path, line, problem=f"it is no Python ({getattr(error, 'msg', error)})")
        return reading
    nodes = [_as_text(node) for node in ast.walk(tree)]
    values = Values(tree, text)
    program = Program(with_exported(document, set_by(nodes, values)), values, nodes)
    document.around.sources.saved.setdefault(text.path, saved_bare(nodes, values, text.content))
    _gather_maps(program)
    reading.add(read_objects(program))
    for node in nodes:
        if isinstance(node, ast.Call) and not program.is_read(node):
            reading.add(read_call(node, program))
    reading.add(read_environments(program))
    reading.add(read_cloud_images(program))
    reading.findings += [*check_dollars(program.nodes, text), *check_variables(program)]
    reading.findings += check_listed(program.nodes, text)
    reading.add(_read_files(program))
    reading.add(read_grown(program))
    reading.add(read_printed(program))
    reading.add(_read_rest(program))
    for told in commented_lines(text):
        reading.add(read_script(Document(told, program.document.around), depth=1))
    return reading


def _gather_maps(program: Program) -> None:
    """ConfigMaps in the program's texts, and those that a list of words has kubectl make."""
    texts = (
        [node for node in program.nodes if isinstance(node, _LITERALS)] if _MAP in program.document.text.content else []
    )
    gather_maps([word for node in texts if (word := program.values.word(node)) is not None], program.document)
    lists = [node for node in program.nodes if isinstance(node, ast.List)]
    for words in map(program.values.words, lists) if "kubectl" in program.document.text.content else ():
        remember_map(words, program.document)


def _as_text(node: ast.AST) -> ast.AST:
    """A node of the tree; bytes, as programs send them to a shell, become the text that they are."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bytes) and OFFICIAL.encode() in node.value:
        node.value = node.value.decode("utf-8", "replace")
    return node


def _parsed(content: str) -> ast.Module:
    try:
        return ast.parse(content)
    except SyntaxError:
        with suppress(SyntaxError, ValueError):
            return ast.parse(as_python_three(content))
        raise


def _read_files(program: Program) -> Reading:
    """The files that the program writes; parts of them mean nothing alone."""
    reading = Reading()
    messages = Messages(program.nodes, program.values)
    for name, written, pieces in written_files(program.nodes, program.values, messages):
        if is_config(written.content):
            for piece in pieces:
                program.take(piece)
            program.lines.append(written.content)
            reading.add(read_written(name, _filled_later(written), program.document))
        elif _DOCKERFILE.match(written.content) and not any(isinstance(each, _LITERALS) for each in pieces):
            for piece in pieces:
                program.take(piece)
            reading.add(read_written(name, written, program.document))
        elif name:
            program.document.around.sources.extra.append((name, written))
    for text in messages.rest():
        reading.add(read_written("", _filled_later(text), program.document))
    return reading


def _filled_later(config: Text) -> Text:
    """A config without a model, as a program makes one to fill it later."""
    return replace(config, templated=config.templated or names_no_model(config.content))


def _read_rest(program: Program) -> Reading:
    """Lists and texts that no call explains."""
    reading, values, nodes = Reading(), program.values, program.nodes
    added = {id(side) for node in nodes if isinstance(node, ast.BinOp) for side in (node.left, node.right)}
    for node in (node for node in nodes if not program.is_read(node)):
        if isinstance(node, (ast.List, ast.Tuple)):
            reading.add(read_words(values.words(node), program, id(node) in added))
        elif isinstance(node, ast.BinOp) and (words := values.words(node)):
            program.read |= {id(each) for each in ast.walk(node) if isinstance(each, (ast.List, ast.BinOp))}
            reading.add(read_words(words, program, not values.all_known(node)))
        elif isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Call)) and (
            id(node) not in values.docstrings or is_text(node)
        ):
            reading.add(read_text(node, program))
    return reading
