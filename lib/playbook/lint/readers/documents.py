"""Markdown and its like: the code blocks of a text, and which reader each is for."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace

from playbook.lint.checks.command import BINARY, OFFICIAL
from playbook.lint.checks.launch import is_server
from playbook.lint.checks.schema import is_config, kind_of
from playbook.lint.forms.plain_prose import STARTED, plain_end
from playbook.lint.forms.python_cells import is_python, shell_and_code
from playbook.lint.forms.text import Text

_FENCE = re.compile(r"^([ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)?)(`{3,}|~{3,})\s*\{?\.?([\w+-]*)")  # in a list, too
_RULED = re.compile(r"^(\s*)(-{4,})\s*()$")
_SOURCE = re.compile(r"\[source,\s*(\w+)")
_BEGINS = re.compile(r"\s*(#.*\n\s*)*(model_config_list|max_batch_size|num_batch_threads|prometheus_config)\b")
_WRITTEN = re.compile(r"(?m)^\s*(?:[$#>]\s+)?(?:sudo\s+)?(?:cat|tee)\b[^\n]*<<-?\s*\\?['\"]?\w")
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_COMMENTS = r"\s*(?:#[^\n]*\n\s*|---\s*\n\s*)*(?:- )?"
_ANY_KEY = re.compile(_COMMENTS + r"[A-Za-z][\w.-]*:(\s|$)")
_YAML_KEY = re.compile(_COMMENTS + r"(apiVersion|kind|version|services|metadata|spec|containers|image|x-[\w-]+):(\s|$)")
_HOLDS = re.compile(r"(?m)^\s*(?:- )?(containers|services|image|args|command):")
_SHELL = ("sh", "bash", "shell", "console", "zsh", "terminal", "shell-session", "bat", "powershell", "cmd")
_KINDS = {"dockerfile": "dockerfile", "docker": "dockerfile", "yaml": "yaml", "yml": "yaml", "helm": "yaml",
          "python": "python", "py": "python", "python3": "python", "makefile": "makefile", "make": "makefile",
          "ini": "unit", "systemd": "unit"}  # fmt: skip
_AROUND = re.compile(r"(?m)^kind:\s*(HorizontalPodAutoscaler|Service|ConfigMap|ServiceMonitor|PodMonitor)\s*$")
NAMES = (BINARY, OFFICIAL, "model_config_list")
_DOCKERFILE = re.compile(r"(?m)^\s*FROM\s+\S+"), re.compile(r"(?m)^\s*(RUN|COPY|CMD|ENTRYPOINT|ENV|ADD)\s")
_PRE = re.compile(r"<pre\b[^>]*>", re.IGNORECASE), re.compile(r"</pre>", re.IGNORECASE)
_OTHERS_IMAGE = re.compile(r"(?s)\bdocker\s.*\brun\b.*/[\w-]*tensorflow-serving")  # built by somebody else
_PACKAGE = BINARY.replace("_", "-")
_CELL = re.compile(r"%%writefile\s+(\S+)[^\n]*")
_FLAG_LINE = re.compile(r"\s*(?:-\s+)?[\"']?--\w[^\n]*|\s*#.*|\s*")
_URLS = re.compile(
    r"(https?://|github\.com/|www\.)\S+|tensorflow/serving/(?:apis|predict|classify|regress|tree|blob|"
    r"issues|docs|g3doc|tensorflow_serving)\b|tensorflow/serving#\d+|tensorflow/serving (?:repo|source)"
)


@dataclass(frozen=True)
class Block:
    """A code block of a document, and which reader it is for."""

    kind: str
    text: Text


def names_server(content: str) -> str:
    """Which of the server's names a text holds, links and prose about the repository apart; "" for none."""
    bare = _URLS.sub("", content)
    return next((name for name in NAMES if re.search(rf"(?<!\w){name}(?!\w)", bare)), "")


def concerns(content: str) -> bool:
    """True for a text that names the server, or gives flags that no other program has."""
    return bool(names_server(content)) or any(flag in content for flag in ("--model_base_path", "--model_config_file"))


def kind_of_block(language: str, content: str) -> str:
    """The reader a block is for, by its language or by its look; "" for one that nobody reads."""
    known, image = _KINDS.get(language.lower()), all(look.search(content) for look in _DOCKERFILE)
    begins = _YAML_KEY if known else _ANY_KEY  # whatever it is called
    if not image and begins.match(content) and _HOLDS.search(content):
        return "yaml"
    if (
        (known == "yaml" and image)
        or (known in ("yaml", "python") and STARTED.match(content))
        or (known == "python" and re.search(rf"(?m)^{STARTED.pattern}", content) and not is_python(content))
    ):
        known = None  # what it holds tells more than what it is called
    if is_config(content):
        return "config"
    if known:
        return known
    if flags_of(content):
        return "flags"
    if kind_of(content) is not None and "docker run" not in content and not _WRITTEN.search(content):
        return "config"
    if image:
        return "shell" if re.search(r"cat\s*<<|cat\s*>|<<", content) else "dockerfile"
    if re.search(r"^(apiVersion|services|scrape_configs|version):|^\s*containers:$", content, re.MULTILINE):
        return "shell" if "<<" in content else "yaml"
    if (
        language.lower() in _SHELL
        or BINARY in content
        or f"{_PACKAGE} --" in content
        or re.search(r"\bdocker\s.*\brun\b", content)
    ):
        return "shell"
    return ""


def flags_of(content: str) -> list[tuple[str, int]]:
    """The flags of a block of nothing but the server's flags, each with its line in the block; none for another."""
    lines = content.split("\n")
    if not all(_FLAG_LINE.fullmatch(line) for line in lines):
        return []
    stripped = [re.sub(r"^\s*(-\s+)?|[\s,;\\^`]+$", "", line) for line in lines]
    words = [(word.strip("\"'"), number) for number, line in enumerate(stripped, 1) for word in line.split()
             if not line.startswith("#")]  # fmt: skip
    return words if is_server("", [word for word, _ in words]) else []


def prose_blocks(text: Text) -> Iterator[Block]:
    """The code of a Markdown, reStructuredText or AsciiDoc text that names the server or holds a config.

    Fenced blocks (AsciiDoc's are fenced by `----`), indented ones, and command lines inside a sentence's backticks.
    """
    lines = text.content.split("\n")
    place = 0
    while place < len(lines):
        fence = _FENCE.match(lines[place]) or _RULED.match(lines[place])
        begin = place
        if not fence and _PRE[0].search(lines[place]):
            place = _preformatted(lines, place)
            content = re.sub(r"<[^>]*>", "", _PRE[0].sub("\n", "\n".join(lines[begin:place]), count=1))
            yield from _block("", html.unescape(content), text, begin)
            continue
        if not fence:
            place = _indented(lines, place)
            if place > begin:
                content = textwrap.dedent("\n".join(lines[begin:place]))
                if kind_of_block("", content) != "config" or _BEGINS.match(content):
                    yield from _block("", content, text, begin + 1)
                continue
            place = plain_end(lines, begin)
            if place > begin:
                yield from _block("", textwrap.dedent("\n".join(lines[begin:place])), text, begin + 1)
                continue
            place = _span_end(lines, begin)
            yield from _spans("\n".join(lines[begin:place]), text, begin + 1)
            continue
        language = fence[3] or (_SOURCE.match(lines[place - 1] if place else "") or ["", ""])[1]
        place += 1
        begin, indent = place, fence[1]
        while place < len(lines) and not lines[place].strip().startswith(fence[2]):
            place += 1
        shown = ("" if line.strip() == "..." else line.removeprefix(indent) for line in lines[begin:place])  # left out
        content = textwrap.dedent("\n".join(shown))
        cut = any(line.strip() == "..." for line in lines[begin:place])
        place += 1
        for block in _block(language, content, text, begin + 1):
            yield replace(block, text=replace(block.text, templated=True)) if cut and block.kind == "yaml" else block


def _preformatted(lines: list[str], place: int) -> int:
    """The line behind the end of HTML's `<pre>` that begins here."""
    while place < len(lines) and not _PRE[1].search(lines[place]):
        place += 1
    return place + 1


def _indented(lines: list[str], place: int) -> int:
    """The end of an indented block that begins here, behind a blank line; `place` itself where none does."""
    if not re.match(r"( {2,}|\t)\S", lines[place]) or (place and lines[place - 1].strip()):
        return place
    indent = re.match(r"\s*", lines[place])
    depth = len(indent.group()) if indent else 0
    end = place
    while (
        end < len(lines)
        and (not lines[end].strip() or lines[end][:depth].isspace() or lines[end - 1].endswith("\\"))
        and not _FENCE.match(lines[end])
    ):
        end += 1
    return end


def _span_end(lines: list[str], place: int) -> int:
    """The line behind this one, or behind those that a code span goes on in."""
    end, open_span = place + 1, lines[place].count("`") % 2 == 1
    while open_span and end < len(lines) and lines[end].strip() and not _FENCE.match(lines[end]):
        open_span, end = lines[end].count("`") % 2 == 0, end + 1
    return place + 1 if open_span else end


def _spans(line: str, text: Text, number: int) -> Iterator[Block]:
    if "<code" in line or "<kbd" in line or "<tt" in line:
        line = html.unescape(re.sub(r"</?(?:code|kbd|tt)\b[^>]*>", "`", line))
    for span in _SPAN.finditer(line):
        if re.search(rf"{BINARY}\s+-|docker\s.*\brun\b.*({OFFICIAL}|\s--model_)", span[1], re.DOTALL):
            first = number + line.count("\n", 0, span.start(1))
            yield Block("shell", Text(span[1], text.path, text.line(first) or first, text.file))


def _block(language: str, content: str, text: Text, line: int) -> Iterator[Block]:
    if cell := _CELL.match(content):
        language, content = cell[1].rpartition("/")[2].rpartition(".")[2], content[cell.end() :]
    if _KINDS.get(language.lower()) == "python" and re.search(r"(?m)^\s*!", content):  # a notebook's cell
        shell, content = shell_and_code(content)
        yield from _block("sh", shell, text, line)
    kind = kind_of_block(language, content)
    relevant = concerns(content) or kind in ("config", "flags") or OFFICIAL in content or kind_of(content)
    flagged = bool(_OTHERS_IMAGE.search(content)) or f"{_PACKAGE} --" in content
    if not kind or not (relevant or flagged or (kind == "yaml" and _AROUND.search(content))):
        return
    if kind == "shell":
        content = re.sub(
            r"(?m)^(\s*)(?:(?:\$>[ \t]*|(?:[\w@~:/.-]*[$%]|>)[ \t]+)(?=\S)|!(?=(?:sudo )?docker))", r"\1", content
        )
        content = re.sub(r"(?m)[ \t]+[\^`][ \t]*$", r" \\", content)  # how cmd.exe and PowerShell continue a line
    yield Block(kind, Text(content, text.path, text.line(line) or line, text.file))
