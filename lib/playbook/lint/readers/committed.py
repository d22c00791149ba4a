"""Images that `docker commit` makes of a container: what was copied into it, and what the commit's changes set."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from playbook.lint.checks.command import Mount, is_official
from playbook.lint.checks.environment import instead_of, is_unread
from playbook.lint.checks.own_images import remember
from playbook.lint.checks.reading import Container, Document, Image
from playbook.lint.forms.letters import printed_quote, without_quotes
from playbook.lint.forms.text import ENGINES, Word, is_unknown, place_of
from playbook.lint.readers.docker_words import PROGRAMS, options_of, run_arguments
from playbook.lint.rules.findings import Finding, finding

_VALUED = ("-c", "--change", "-a", "--author", "-m", "--message", "-f", "--format")
_ENV = re.compile(r"\s*ENV\s+(\w+)(?:\s*=\s*|\s+)(.+)", re.IGNORECASE)
_CMD = re.compile(r"\s*CMD\s+(\[.*\])\s*", re.IGNORECASE)


def follow(words: list[Word], document: Document) -> list[Finding]:
    """Keep what a line of docker's tells of a container of the server's image, or of the image made of it.

    A container that somebody types in (`exec`, `attach`) holds what no text tells.
    """
    held, shown = document.around.containers, document.text.path
    behind = run_arguments(words)
    if behind is not None:
        options, rest = options_of(behind)
        given = next((value for option, value in options if option == "--name"), None)
        if given and rest and is_official(str(rest[0])):
            held[shown, str(given)] = Container(str(rest[0]))
        return []
    verb, rest = _verb(words)
    options, plain = _options(rest)
    if verb == "cp" and len(plain) == 2:
        name, _, target = plain[1].partition(":")
        if (container := held.get((shown, name))) is not None:
            container.mounts += _copied(plain[0], target)
            container.closed = container.closed and not is_unknown(target) and not plain[0].endswith("/.")
    elif verb in ("exec", "attach"):
        for word in plain:
            if (container := held.get((shown, str(word)))) is not None:
                container.closed = False
    elif verb == "commit" and len(plain) == 2 and (container := held.get((shown, str(plain[0])))) is not None:
        changes = [value for name, value in options if name in ("-c", "--change")]
        return list(_committed(container, plain[1], changes, document))
    return []


def copied_later(name: str, document: Document) -> tuple[list[Mount], bool]:
    """What the rest of a text copies into a container of this name, and whether somebody works in it, too.

    A server that waits for its model looks every second, and finds what is copied while it runs. One that is committed
    is there to be copied into, and is not asked for a model.
    """
    lines = _whole(document)
    given = re.escape(name)
    into = rf"cp\s+(?:-\S+\s+)*[\"']?([^\s\"']+)[\"']?\s+[\"']?{given}:([^\s\"']+)"
    if _is_committed(name, lines):
        return [], False
    copies = re.findall(rf"\b{ENGINES}\s+(?:container\s+)?{into}", lines)
    entered = re.search(rf"\b{ENGINES}\s+(?:container\s+)?(?:exec|attach)\s[^\n]*\b{given}\b", lines)
    return [mount for source, target in copies for mount in _copied(Word(source), target)], entered is not None


def is_a_step(name: str, document: Document) -> bool:
    """True for a container that is only there for an image to be made of it: committed, then ended."""
    ends = rf"\b{ENGINES}\s+(?:container\s+)?(?:kill|stop|rm)\s[^\n]*\b{re.escape(name)}\b"
    lines = _whole(document)
    return _is_committed(name, lines) and re.search(ends, lines) is not None


def _is_committed(name: str, lines: str) -> bool:
    return re.search(rf"\b{ENGINES}\s+(?:container\s+)?commit\s[^\n]*\b{re.escape(name)}\b", lines) is not None


def _whole(document: Document) -> str:
    """The file of a block, or the text itself, a command a line."""
    file, texts = document.text.file, document.around.sources.texts
    whole = texts.get(file, document.text) if file is not None else document.text
    return re.sub(r"\\[ \t]*\n", " ", whole.content)


def copied_by(words: list[Word]) -> list[Word]:
    """What stands behind `docker cp`; nothing for another command."""
    verb, rest = _verb(words)
    return rest if verb == "cp" else []


def torn_change(words: list[Word], shown: str) -> Iterator[Finding]:
    """Printed quotes around a change of `docker commit`, which a shell tears apart at its blanks."""
    verb, rest = _verb(words)
    for word in rest if verb == "commit" else ():
        if mark := printed_quote(word):
            yield finding("pasted-quote", shown, word.line, word=str(word), mark=mark, right=without_quotes(word))
            return


def goes_on(document: Document) -> bool:
    """True for a text that has started a container of the server's by name before this part of it."""
    return any(path == document.text.path for path, _ in document.around.containers)


def _verb(words: list[Word]) -> tuple[str, list[Word]]:
    place = next((nth for nth, word in enumerate(words[:3]) if word.rpartition("/")[2] in PROGRAMS), None)
    rest = words[place + 1 :] if place is not None else []
    rest = rest[1:] if rest[:1] == ["container"] else rest
    return (str(rest[0]), rest[1:]) if rest else ("", [])


def _options(words: list[Word]) -> tuple[list[tuple[str, Word]], list[Word]]:
    options: list[tuple[str, Word]] = []
    plain: list[Word] = []
    place = 0
    while place < len(words):
        word = words[place]
        name, equals, value = word.partition("=")
        place += 1
        if not word.startswith("-"):
            plain.append(word)
        elif equals or name not in _VALUED:
            options.append((name, word.with_text(value)))
        elif place < len(words):
            options.append((name, words[place]))
            place += 1
    return options, [word for word in plain if word.strip()]


def _copied(source: Word, target: str) -> Iterator[Mount]:
    """`docker cp` puts a folder into one that is there, as /models is, and otherwise makes the target of it."""
    path = ("" if target.startswith("/") else "/") + target.rstrip("/")
    name = source.rstrip("/").rpartition("/")[2]
    inside = path in ("/models", "") and name not in (".", "")
    yield Mount(f"{path}/{name}" if inside else path or "/", None, str(source), line=source.line)


def _committed(container: Container, name: Word, changes: list[Word], document: Document) -> Iterator[Finding]:
    environment: dict[str, str] = {}
    cmd: tuple[str, ...] = ()
    for change in changes:
        if found := _ENV.match(change):
            environment[found[1]] = change.with_text(found[2].strip(" \"'"))
        elif found := _CMD.match(change):
            try:
                cmd = tuple(change.with_text(str(word)) for word in json.loads(found[1]))
            except ValueError:
                return
        else:
            return  # another entrypoint, and the like
    closed = container.closed and bool(container.mounts)
    image = Image(container.image, None, cmd, environment, tuple(container.mounts), closed)
    remember(document.around, str(name), image, document.text.path)
    for variable, value in environment.items():
        if is_unread(variable, "", True):
            path, line = place_of(value, document.text.path, name.line or 1)
            why = "the image's script reads MODEL_NAME and MODEL_BASE_PATH alone"
            yield finding("env-nobody-reads", path, line, name=variable, why=why, hint=instead_of(variable, value))
