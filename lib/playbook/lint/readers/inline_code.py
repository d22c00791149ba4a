"""Code inside a document's sentences: spans between backticks, and command lines that stand in a sentence bare."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from playbook.lint.checks.command import NAMED, OFFICIAL
from playbook.lint.forms.text import ENGINES, Text
from playbook.tfserving.flags import FLAGS

_ROW = re.compile(r"\s*`(-|tensorflow/serving)")
_COMMAND_BEGUN = re.compile(rf"{NAMED}\s+\\?\s*[-–—]|{ENGINES}\s.*\brun\b\s")
_LANGUAGE = re.compile(rf"^(?:bash|sh|shell|console)\s+(?=(?:sudo\s+)?{ENGINES}\s)")  # of a fence on one line
_TO_FILL = re.compile(r"=<[^\W\d_][^<>\n]*[ &|;][^<>\n]*>(?=\s|$)")  # `=<the path & more>`: no redirection
_GOES_ON = re.compile(rf"-|{OFFICIAL}")
_SPAN = re.compile(r"(?<!`)(?P<ticks>`+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)", re.DOTALL)
MARKDOWN = (".md", ".markdown", ".mdx", ".ipynb")
_DOCKERS = {"port", "version"}  # or another program's
_PIECE = r"[^\s\"'`*，。；、（）)|<>\[\]]+"
_SENTENCE = re.compile(
    rf"(?:[\w./~-]*/)?(?<![\w\"'-]){NAMED}(?:\s+[-–—]{{1,2}}(?!-)\w+={_PIECE})+"
    rf"|\b{ENGINES} run\s+-[^`\n]*?\s{OFFICIAL}[\w:.-]*(?:\s+--\w+=(?:\"[^\"`\n]*\"|{_PIECE}))*"
    rf"|\b{ENGINES} run\s+(?:-[^`\n]*?\s)?--(?:{'|'.join(sorted(FLAGS.keys() - _DOCKERS))})={_PIECE}",
    re.ASCII,
)
_IN_SENTENCE = re.compile(rf"{NAMED}(?:\s+--\w+(?:=[^\s,;。，；)\[<{{]+| [\w/.:-]*[\w/])?)+(?![=\[<{{\w])")
_FILE_NAME = re.compile(r"(?<![\w:])[\w./-]*\w\.(?:config|conf|cfg|txt|pbtxt|json|ya?ml|proto)\b", re.ASCII)
_PATH_ALONE = re.compile(r"\W*`/[\w./-]*?([\w-]+)`\W*", re.ASCII)  # a path is all that the line says
FENCE = re.compile(r"^([ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)?)(`{3,}(?!.*`)|~{3,})\s*\{?\.?([\w+-]*)")  # in a list, too


@dataclass(frozen=True)
class Block:
    """A code block of a document, and which reader it is for."""

    kind: str
    text: Text
    excerpt: bool = False  # words in a sentence: what they leave out may stand elsewhere
    name: str = ""  # the file that the block is said to be: a flag may name it, whatever it looks like


def span_end(lines: list[str], place: int) -> int:
    """The line behind this one, or behind those that a code span, or a row of spans, goes on in."""
    end, open_span = place + 1, lines[place].count("`") % 2 == 1
    while not open_span and end < len(lines) and lines[end - 1].rstrip().endswith("`") and _ROW.match(lines[end]):
        end += 1
    while open_span and end < len(lines) and lines[end].strip() and not FENCE.match(lines[end]):
        open_span, end = lines[end].count("`") % 2 == 0, end + 1
    return place + 1 if open_span else end


def spans(line: str, text: Text, number: int) -> Iterator[Block]:
    """Command lines in a line's code spans, between backticks or HTML's marks."""
    if "<code" in line or "<kbd" in line or "<tt" in line:
        line = html.unescape(re.sub(r"</?(?:code|kbd|tt)\b[^>]*>", "`", line))
    for code, begin in _rows(line):
        content = re.sub(rf"^(?:\s*[$%>]\s+|[A-Za-z]:\\[^>\n]*>\s*|\w*\\{{1,2}}n(?={ENGINES}\s))", "", code)
        content = re.sub(r"\^[ \t]*(?=\n)", r"\\", re.sub(r"\\{1,2}n$", "", content))  # cmd.exe's; an escape's
        content = re.sub(r"(?<![\\\n])\n(?=[ \t]*--\w)", " \\\\\n", content)  # a span's line end is a blank
        content = _TO_FILL.sub("=<value>", content)
        content = _LANGUAGE.sub("", content)
        if re.search(rf"{NAMED}\s+[-–—]|{ENGINES}\s.*\brun\b.*({OFFICIAL}|\s--model_|\s-p\s)", content, re.DOTALL):
            first = number + line.count("\n", 0, begin)
            yield Block("shell", Text(content, text.path, text.line(first) or first, text.file), True)


def in_sentence(line: str, text: Text, number: int) -> Iterator[Block]:
    """Command lines that stand in a sentence as they are, up to what belongs to the sentence again."""
    if "run" not in line and "tensorflow" not in line.lower():
        return
    bare = _SPAN.sub(lambda span: "`" * len(span.group()), line)
    whole = text.path.lower().endswith((*MARKDOWN, ".txt", ".rst"))
    found = [match.group() for match in _SENTENCE.finditer(bare)] if whole else []
    if not found and "`" not in line and (alone := _IN_SENTENCE.search(line)):
        found = [alone.group()]
    for content in found:
        yield Block("shell", Text(content.rstrip(".,:"), text.path, text.line(number) or number, text.file), True)


def _rows(line: str) -> Iterator[tuple[str, int]]:
    """Code spans and where they begin; a command that goes on in the spans right behind it is one."""
    whole, begin, end = "", 0, 0
    for span in _SPAN.finditer(line):
        between = line[end : span.start()]
        if whole and not between.strip() and _COMMAND_BEGUN.search(whole) and _GOES_ON.match(span["code"]):
            whole += "\\\n" * between.count("\n") + f" {span['code']}"
        else:
            if whole:
                yield whole, begin
            whole, begin = span["code"], span.start("code")
        end = span.end()
    if whole:
        yield whole, begin


def name_before(lines: list[str], place: int) -> str:
    """The one file that the line above a block names; "" where it names none, or several."""
    near = [line for line in lines[max(place - 4, 0) : place] if line.strip() and not line.startswith(".. ")]
    above = near[-1] if near else ""
    if alone := _PATH_ALONE.fullmatch(above):
        return alone[1]
    names = {name.rpartition("/")[2] for name in _FILE_NAME.findall(above)}
    return names.pop() if len(names) == 1 else ""
