"""Markdown and its like: the code blocks of a text, and which reader each is for."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterator
from dataclasses import replace

from playbook.lint.checks.command import NAMED, OFFICIAL
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.forms.diffs import after
from playbook.lint.forms.plain_prose import BULLET, STARTED, closed_up, object_end, plain_end
from playbook.lint.forms.prompts import without_prompts
from playbook.lint.forms.python_cells import shell_and_code
from playbook.lint.forms.text import ENGINES, Text
from playbook.lint.forms.transcripts import commands_of, printed_files
from playbook.lint.readers.block_kinds import KINDS, PROGRAMS, concerns, kind_of_block, names_server
from playbook.lint.readers.inline_code import FENCE, MARKDOWN, Block, in_sentence, name_before, span_end, spans

_FENCED_COMMAND = re.compile(rf"^[ \t]*```[ \t]*(?=(?:sudo )?(?:{ENGINES}\s[^`]*\brun\s|\S*{NAMED}\s+-)[^`]*$)")
_CONFIG_BEHIND = re.compile(
    r"(?m)(?<=\n\n)(?:(?:#[ \t]*)?(?P<name>[\w./-]+\.\w+)[ \t]*\n)?"
    r"(?=(?:model_config_list|prometheus_config|max_batch_size|num_batch_threads)\s*:?\s*\{)"
)
_SHELL_BEHIND = re.compile(rf"(?m)(?<=\n\n)(?:#.*\n)*(?=(?:sudo )?(?:{ENGINES} run\s|{NAMED} --))")
_RULED = re.compile(r"^(\s*)(-{4,})\s*()$")
_SOURCE = re.compile(r"\[source,\s*(\w+)")
_BEGINS = re.compile(r"\s*(#.*\n\s*)*(model_config_list|max_batch_size|num_batch_threads|prometheus_config)\b")
_HEALTH = re.compile(r"(?m)^\s*healthcheck:[^\n]*$(.*\n)*?.*(/v1/models/|:8500\b)")  # its service stands elsewhere
_LONE_CHECK = re.compile(r"(?is)(?!.*^\s*FROM\s)\s*HEALTHCHECK\s.*(/v1/models/|:8500\b)")
_AROUND = re.compile(
    r"(?m)^kind:\s*[\"']?(HorizontalPodAutoscaler|Service|ConfigMap|ServiceMonitor|PodMonitor|Ingress|VirtualService|"
    r"HTTPRoute|PersistentVolumeClaim|ScaledObject)[\"']?\s*(#.*)?$"
)
_SCRAPES = re.compile(r"(?m)^\s*scrape_configs:")
_PRE = re.compile(r"<pre\b[^>]*>", re.IGNORECASE), re.compile(r"</pre>", re.IGNORECASE)
_OTHERS_IMAGE = re.compile(rf"(?s)\b{ENGINES}\s.*\brun\b.*[\s/][\w-]*tensorflow-serving")  # built by somebody else
_RUNS = re.compile(
    rf"(?m)^\s*(?:[$>#]\s*)?(?:sudo\s+)?(?:{ENGINES}\s(?:.*\brun\b|(?:container )?(?:cp|commit)\s)"
    r"|gcloud\s.*\brun\s+deploy\s|kn\s+service\s)"
)
_CUT_BUILD = re.compile(
    rf"(?m)^\s*(?:[$>#]\s*)?(?:sudo\s+)?{ENGINES}\s+(?:.*\s)?build\s.*tensorflow.*serving.*\\[ \t]+$"
)
_SOFT = re.compile(r"(?<=[^\s\\]) \n(?=-)")  # a line that an editor broke: Markdown shows it as one
# a command between whose lines a blank one stands each
_SPACED = re.compile(r"(?s)(?:(?!\\[ \t]*\n).)*(?:\\[ \t]*\n[ \t]*\n(?:(?!\\[ \t]*\n).)*){2,}")
_CONSOLES = ("console", "shell-session", "shellsession", "terminal", "sh-session", "bash-session")
_PLATFORMS = re.compile(r"\bTensorFlowServing\(|TFServingSpec\(")  # TFX's validator, KServe's client
_LANGUAGE = re.compile(r"^([ \t]*)(?:(dockerfile)|ya?ml)[ \t]*$", re.IGNORECASE)
_INSTRUCTIONS = r"#(?!#)|(?:FROM|ARG|RUN|COPY|ADD|ENV|CMD|ENTRYPOINT|EXPOSE|LABEL|WORKDIR|USER|HEALTHCHECK|VOLUME)\s"
_KEYS = r"#(?!#)|---|(?:- )?[\w.-]+:(?:\s|$)"
_STACK = re.compile(r"(?m)^\s*(- )?(apiVersion|kind|services|image|command|args|volumes|ports|env)\s*:")
_BREAK = re.compile(r"[ \t]*<br\s*/?>[ \t]*$", re.IGNORECASE | re.MULTILINE)  # HTML's, at a line's end
_TOLD = re.compile(r"\s*(?:[-*+]|\d+[.)])\s[^`]*[^`\s][^`]*`[^`]+`")  # an item of a list, with a code span in its words
_LONGEST_LINE = 20_000  # longer ones are pictures, or made by programs
_ALL_COMMENTS = re.compile(r"(?:#(?!!)[^\n]*\n|[ \t]*\n)*#(?!!)[^\n]*\s*")
_CELL = re.compile(r"%%writefile\s+(\S+)[^\n]*")


def prose_blocks(text: Text) -> Iterator[Block]:
    """The code of a Markdown, reStructuredText or AsciiDoc text that names the server or holds a config.

    Fenced blocks (AsciiDoc's are fenced by `----`, which draws a line elsewhere), indented ones, and command lines
    inside a sentence's backticks.
    """
    lines, ruled = _BREAK.sub("", text.content).split("\n"), text.path.lower().endswith((".adoc", ".asciidoc", ".asc"))
    lines = [line if len(line) < _LONGEST_LINE else "" for line in lines]
    place = 0
    while place < len(lines):
        if (command := _FENCED_COMMAND.match(lines[place])) is not None:
            begin, place = place, _ticks_end(lines, place)
            content = "\n".join([lines[begin][command.end() :], *lines[begin + 1 : place]])
            yield from _block("sh", content.partition("```")[0], text, begin + 1)
            continue
        fence = FENCE.match(lines[place]) or (_RULED.match(lines[place]) if ruled else None)
        begin = place
        if not fence and _PRE[0].search(lines[place]):
            place = _preformatted(lines, place)
            content = re.sub(r"<[^>]*>", "", _PRE[0].sub("\n", "\n".join(lines[begin:place]), count=1))
            yield from _block("", html.unescape(content), text, begin)
            continue
        if not fence and (end := _lost_fence(lines, place)) > place:
            place = end
            content = textwrap.dedent("\n".join(lines[begin + 1 : place]))
            yield from _block(lines[begin].strip(), content, text, begin + 2)
            continue
        if not fence:
            place = _indented(lines, place)
            if place > begin:
                content = textwrap.dedent("\n".join(lines[begin:place]))
                held = []
                if kind_of_block("", content) != "config" or _BEGINS.match(content):
                    held = list(_block("", content, text, begin + 1))
                if not held and (named := name_before(lines, begin)):
                    held = [
                        Block("", Text(content, text.path, text.line(begin + 1) or begin + 1, text.file), name=named)
                    ]
                yield from held
                continue
            for cell in re.split(r"(?<!\\)\|", lines[begin]) if lines[begin].lstrip().startswith("|") else ():
                if STARTED.match(cell):
                    yield from _block("", cell.strip(), text, begin + 1)
            place = object_end(lines, begin)
            if place > begin:
                yield from _block("yaml", textwrap.dedent("\n".join(lines[begin:place])), text, begin + 1)
                continue
            place = plain_end(lines, begin)
            if place > begin:
                joined = closed_up("\n".join(lines[begin:place]))
                if BULLET.match(joined):
                    whole = not joined.split("\n")[0].rstrip().endswith("\\")
                    joined = BULLET.sub("", joined)
                    joined = re.sub(r"(?<!\\)\n[ \t]*", r" \\\n", joined) if whole else joined  # one paragraph
                joined = re.sub(r"\\[ \t]*$", "", joined)
                if text.path.lower().endswith(MARKDOWN):
                    joined = _SOFT.sub(r" \\\n", joined)
                yield from _block("", textwrap.dedent(joined), text, begin + 1)
                continue
            place = span_end(lines, begin)
            yield from spans("\n".join(lines[begin:place]), text, begin + 1)
            yield from in_sentence(lines[begin], text, begin + 1) if place == begin + 1 else ()
            continue
        named = name_before(lines, place)
        language = fence[3] or (_SOURCE.match(lines[place - 1] if place else "") or ["", ""])[1]
        place += 1
        begin, indent = place, fence[1]
        while place < len(lines) and not lines[place].strip().startswith(fence[2]):
            place += 1
        shown = ("" if line.strip() == "..." else line.removeprefix(indent) for line in lines[begin:place])  # left out
        content = textwrap.dedent("\n".join(shown))
        cut = any(line.strip() == "..." for line in lines[begin:place])
        place += 1
        held = list(_block(language, content, text, begin + 1))
        if named and not held and not cut:
            yield Block("", Text(content, text.path, text.line(begin + 1) or begin + 1, text.file), name=named)
        alone = [block.kind for block in held] in (["yaml"], ["config"])
        if named and not cut and alone and not _STACK.search(content):
            held = [replace(held[0], name=named)]
        for block in held:
            yield replace(block, text=replace(block.text, templated=True)) if cut and block.kind == "yaml" else block


def _preformatted(lines: list[str], place: int) -> int:
    """The line behind the end of HTML's `<pre>` that begins here."""
    while place < len(lines) and not _PRE[1].search(lines[place]):
        place += 1
    return place + 1


def _ticks_end(lines: list[str], place: int) -> int:
    """The line behind the end of three backticks that a command follows on their own line."""
    near = range(place + 1, min(place + 20, len(lines)))
    return next((nth for nth in near if "```" in lines[nth]), place) + 1


def _indented(lines: list[str], place: int) -> int:
    """The end of an indented block that begins here, behind a blank line; `place` itself where none does."""
    if not re.match(r"( {2,}|\t)\S", lines[place]) or (place and lines[place - 1].strip()):
        return place
    if _TOLD.match(lines[place]):
        return place
    indent = re.match(r"\s*", lines[place])
    depth = len(indent.group()) if indent else 0
    end = place
    while (
        end < len(lines)
        and (not lines[end].strip() or lines[end][:depth].isspace() or lines[end - 1].endswith("\\"))
        and not FENCE.match(lines[end])
    ):
        end += 1
    return end


def _lost_fence(lines: list[str], place: int) -> int:
    """The end of a block whose fence was lost: its language stands on a line by itself; `place` where none begins."""
    begun = _LANGUAGE.match(lines[place])
    following = lines[place + 1] if begun and place + 1 < len(lines) else ""
    if not begun or not re.match(rf"{begun[1]}\s*({_INSTRUCTIONS if begun[2] else _KEYS})", following):
        return place
    if (whole := object_end(lines, place + 1)) > place + 1:
        return whole
    goes_on = re.compile(rf"{begun[1]}(\s|{_INSTRUCTIONS if begun[2] else _KEYS})")
    end = place + 1
    while end < len(lines):
        ahead = next((line for line in lines[end:] if line.strip()), "")
        if not ahead or not (goes_on.match(ahead) or lines[end - 1].rstrip().endswith("\\")):
            break
        end += 1
    return end


def _block(language: str, content: str, text: Text, line: int) -> Iterator[Block]:
    if printed := printed_files(content):
        for name, shown, first in printed:
            yield from (replace(each, name=name) for each in _block("", shown, text, line + first - 1))
        yield from _block("sh", commands_of(content), text, line)
        return
    content = closed_up(content) if _SPACED.fullmatch(content) else content
    if cell := _CELL.match(content):
        language, content = cell[1].rpartition("/")[2].rpartition(".")[2], content[cell.end() :]
        if not kind_of_block(language, content):
            written = Text(content.lstrip("\n"), text.path, (text.line(line) or line) + 1, text.file)
            yield Block("", written, name=cell[1].rpartition("/")[2])
    if KINDS.get(language.lower()) == "python" and re.search(r"(?m)^\s*!", content):  # a notebook's cell
        shell, content = shell_and_code(content)
        yield from _block("sh", shell, text, line)
    if _ALL_COMMENTS.fullmatch(content) and concerns(content):  # a page's way of showing commands in code
        content = re.sub(r"(?m)^#[ \t]?", "", content)
    if _LONE_CHECK.match(content) and names_server(text.content):
        yield Block("health", Text(content, text.path, text.line(line) or line, text.file))
        return
    if language.lower() in ("diff", "patch"):
        language, content = "", after(content)
    kind = kind_of_block(language, content) or ("shell" if _CUT_BUILD.search(content) else "")
    if kind in ("yaml", "config") and (after_it := _SHELL_BEHIND.search(content)):
        yield from _block(language, content[: after_it.start()], text, line)
        yield from _block("sh", content[after_it.start() :], text, line + content.count("\n", 0, after_it.start()))
        return
    splits = kind == "yaml" or (kind == "shell" and "<<" not in content)
    if splits and (behind := list(_CONFIG_BEHIND.finditer(content))):
        yield from _block(language, content[: behind[0].start()], text, line)
        for part, end in zip(behind, [*(each.start() for each in behind[1:]), len(content)], strict=True):
            first = line + content.count("\n", 0, part.end())
            whole = Text(content[part.end() : end], text.path, text.line(first) or first, text.file)
            yield Block("config", whole, name=(part["name"] or "").rpartition("/")[2])
        return
    relevant = concerns(content) or kind in ("config", "flags") or OFFICIAL in content or kind_of(content)
    flagged = bool(_OTHERS_IMAGE.search(content)) or bool(re.search(rf"{NAMED}\s+--\w", content))
    flagged = flagged or (kind == "python" and bool(_PLATFORMS.search(content)))
    flagged = flagged or (kind == "shell" and bool(_RUNS.search(content)))  # perhaps an image that is built here
    flagged = flagged or bool(_CUT_BUILD.search(content))
    around = kind == "yaml" and (_AROUND.search(content) or _HEALTH.search(content)
                                 or (_SCRAPES.search(content) and names_server(text.content)))  # fmt: skip
    if not kind or not (relevant or flagged or around):
        return
    if kind == "shell":
        magic = re.search(rf"(?m)^\s*!(?:{ENGINES}|{NAMED})", content)
        plain = language.lower() in ("", "text", *_CONSOLES)
        if plain or not _ALL_COMMENTS.fullmatch(content):
            content = without_prompts(content, NAMED, language.lower() in _CONSOLES)
        content = re.sub(rf"(?m)^(\s*)!(?=(?:sudo |nohup )*(?:{ENGINES}|{NAMED})\b)", r"\1", content)
        content = re.sub(r"(?m)^\w+ = .*$", "", content) if magic else content  # Python's
        content = re.sub(r"(?m)(?<=[^\s^])\^[ \t]*$", r"\\", content)
        content = re.sub(r"(?m)[ \t]+[\^`][ \t]*$", r" \\", content)  # how cmd.exe and PowerShell continue a line
    written_as = PROGRAMS[language.lower()] if kind == "program" else ""
    yield Block(kind, Text(content, text.path, text.line(line) or line, text.file, written_as=written_as))
