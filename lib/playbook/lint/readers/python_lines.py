"""Command lines and whole files among a Python text's lists and strings, those put together step by step too."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from playbook.lint.checks.command import BINARY, NAMED, OFFICIAL, Place, is_server_word
from playbook.lint.checks.config_kinds import is_config
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.misnamed import is_misnamed, module_named
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.python_prints import printed
from playbook.lint.forms.text import ENGINES, UNKNOWN, Text, Word
from playbook.lint.readers.committed import goes_on
from playbook.lint.readers.docker_cli import read_docker_run
from playbook.lint.readers.docker_words import run_arguments
from playbook.lint.readers.python_program import Program
from playbook.lint.readers.python_writes import as_line
from playbook.lint.readers.scripts import read_script
from playbook.lint.readers.written import is_file, read_written

_STARTS = re.compile(rf"{NAMED}\s+\\?\s*-|\b{ENGINES}\b.*\brun\b.*{OFFICIAL}", re.DOTALL)
_COMMITS = re.compile(rf"\s*(sudo\s+)?{ENGINES}\s+(container\s+)?commit\s")
_FILLED = re.compile(r"%[sdrf]|%\(\w+\)[sdrf]")


def read_grown(program: Program) -> Reading:
    """The lists and texts that are put together step by step, on each side of what an `if` adds to them."""
    reading, values = Reading(), program.values
    for side in ("orelse", "body"):
        values.choose(side)
        for words in values.whole_lists():
            reading.add(_read_pieces(words, program))
        for whole in values.whole_texts():
            if whole.content not in program.lines and (BINARY in whole.content or OFFICIAL in whole.content):
                program.lines.append(whole.content)
                reading.add(_read_line(whole, program))
            elif whole.content not in program.lines and is_config(whole.content):
                program.lines.append(whole.content)
                reading.add(read_written("", replace(whole, templated=True), program.document))
    for begun in (values.names[name] for name in values.grown if name in values.names):
        if values.script(begun) is not None:
            program.take(begun)
        elif isinstance(begun, ast.List):
            program.read.add(id(begun))
    return reading


def read_printed(program: Program) -> Reading:
    """Command lines that rows of `print` show one below the other."""
    reading = Reading()
    for row in printed(program.nodes):
        texts = [(node, program.values.script(node)) for node in row]
        held = [(node, re.sub(r"\\+$", r"\\", text.content.strip("\n"))) for node, text in texts if text is not None]
        while held:
            end = next((nth for nth, (_, line) in enumerate(held) if not line.endswith("\\")), len(held) - 1) + 1
            shown = "\n".join(line for _, line in held[:end])
            if end > 1 and _STARTS.search(shown):
                for node, _ in held[:end]:
                    program.take(node)
                reading.add(_read_line(Text(shown, program.path, program.values.line(held[0][0])), program))
            held = held[end:]
    return reading


def read_words(words: list[Word], program: Program, partial: bool = False) -> Reading:
    """A list of words that is a command; `partial`: more may be added to it."""
    joined, document = " ".join(words), program.document
    if joined in program.lines:
        return Reading()
    if words and run_arguments(words) is not None:
        program.lines.append(joined)
        return read_docker_run(words, document)
    place = next((nth for nth, word in enumerate(words) if is_server_word(word) or is_misnamed(words, nth)), None)
    behind = words[(place or 0) + 1 :]
    if place is None or (behind and not any(re.match(r"-{1,2}[A-Za-z]", word) for word in behind)):
        return Reading()
    program.lines.append(joined)
    start = Start(program.path, words[place].line, "", [words[place]], words[place + 1 :], {},
                  Place(folder=document.folder), document.around.cpus, partial=partial or "$@" in words)  # fmt: skip
    reading = launch(start)
    reading.findings += module_named(words, program.path, start.line)
    return reading


def read_text(node: ast.AST, program: Program) -> Reading:
    """A text that is a whole file, or holds a whole command line."""
    word = program.values.word(node)
    if word is None:
        return Reading()
    held = _file_in(word, node)
    if held is not None:
        program.take(node)
        script = program.values.script(node)
        flat = script is not None and script.coded
        text = Text(held, program.path, word.line or 1, templated=UNKNOWN in held or held != word, coded=flat)
        return read_written("", text, program.document)
    if not _STARTS.search(word) and not (_COMMITS.match(word) and goes_on(program.document)):
        return Reading()
    program.take(node)
    if any(line in word for line in program.lines):
        return Reading()  # a name that stands for a text read before
    program.lines.append(str(word))
    script = program.values.script(node)
    return _read_line(script, program) if script is not None else Reading()


def is_text(node: ast.AST) -> bool:
    """True for a text by itself that begins as a Dockerfile of the server or a compose file does."""
    begins = rf"\s*FROM\s+\S*{OFFICIAL}|\s*(#.*\s+)*(version|services):"
    return isinstance(node, ast.Constant) and bool(re.match(begins, str(node.value)))


def _read_pieces(words: list[Word], program: Program) -> Reading:
    """A list put together item by item: the words of a command, or pieces of one line."""
    if not any(" " in word for word in words) or not words[0].strip():
        return read_words(words, program)
    line = words[0].line or 1
    written = ""
    for word in words:
        written += "\\\n" * max((word.line or line) - line, 0) + f" {word}"
        line = max(line, word.line or line)
    if BINARY not in written and OFFICIAL not in written:
        return Reading()
    program.lines += [str(word) for word in words if BINARY in word or OFFICIAL in word]
    return _read_line(Text(written, program.path, words[0].line or 1, program.document.text.file), program)


def _read_line(text: Text, program: Program) -> Reading:
    whole = replace(text, content=as_line(text.content))
    return read_script(Document(whole, program.document.around), depth=1)


def _file_in(word: Word, node: ast.AST) -> str | None:
    """The file that a text is, what `%` and `format` fill in marked as unknown; None for one that is no file."""
    if isinstance(node, (ast.Constant, ast.JoinedStr)) and is_file(word):
        return _FILLED.sub(UNKNOWN, word)
    plain = _unescaped(word) if "{{" in word else ""
    return plain if is_config(plain) else None


def _unescaped(word: str) -> str:
    """A text that `format` is to fill in, with single brackets where it doubles them."""
    bare = re.sub(r"(?<!\{)\{\w*\}(?!\})", UNKNOWN, word)
    return bare.replace("{{", "{").replace("}}", "}")
