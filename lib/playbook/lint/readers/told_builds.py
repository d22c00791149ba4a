"""Where a text builds an image, and how: by commands, in YAML, by calls of programs, in bake files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from playbook.lint.checks.reading import Document
from playbook.lint.forms.hcl import LABELS, parse
from playbook.lint.forms.makefiles import makefile_as_shell
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.simple import Simple
from playbook.lint.forms.text import Text, Word
from playbook.lint.forms.walking import lists_in, tables_in
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.compose_values import filled, variables_here
from playbook.lint.readers.yaml_pages import Page

_LINES = [  # by what each begins with, which is searched for fastest
    re.compile(
        rf"{program}(?<!\w{program}){more}\s+(?:buildx\s+|image\s+|builder\s+)?(?:build|bud|tag|submit)\b(?:[^\n\\]|\\\n|\\.)*"
    )
    for program, more in (("docker", ""), ("podman", ""), ("nerdctl", ""), ("buildah", ""), ("img", ""),
                          ("az", r"\s+acr"), ("gcloud", r"\s+builds"))
]  # fmt: skip
_GIVEN = re.compile(r"(?m)^\s*(?:[-$>]\s+)?(?:export\s+)?([A-Za-z_]\w*)=[\"']?([^\s\"'#;]+)")
_PROGRAMS = ("docker", "podman", "nerdctl", "buildah", "img")
# how programs build: Tilt, Jenkins, the docker SDK
_CALL = re.compile(r"\b(docker_build|docker\.build|images\.build)\s*\((.*?)\)", re.DOTALL)
_CALLS = ("docker_build", "docker.build", "images.build")
_VALUE = re.compile(r"(?:(\w+)\s*=\s*)?[fr]?[\"']([^\"'\n]*)[\"']")
_WORDS = re.compile(r"[\"'](?:docker|podman)[\"'],\s*[\"']build[\"']((?:,\s*[fr]?[\"'][^\"'\n]*[\"'])+)")
_ALONE = {"--no-cache", "--pull", "--push", "--load", "--rm", "--force-rm", "--squash", "-q", "--quiet", "--compress",
          "--layers", "--no-logs"}  # fmt: skip


_GIVEN_TO_ACTION = (("context", "."), ("file", ""), ("target", ""))


@dataclass
class Build:
    """One build: the names it gives, where its Dockerfile lies, which stage, and from where that is meant."""

    names: list[str]
    context: str = "."
    file: str = ""
    target: str = ""
    folder: str = ""  # that a script changed into


def in_commands(text: Text, kind: str, tags: list[tuple[str, str, str]]) -> Iterator[Build]:
    """The builds of shell's commands; `docker tag` is kept for later."""
    folder = ""
    for command in _commands(text, kind):
        words = command.words
        if words[:1] == ["cd"] and len(words) > 1:
            folder = f"{folder}/{words[1]}".strip("/") if not words[1].startswith(("/", "$", "-")) else ""
        verb = _verb(words)
        if verb is None:
            continue
        at, name = verb
        if name == "tag":
            rest = [word for word in words[at:] if not word.startswith("-")]
            tags += [(rest[0], rest[1], text.path)] if len(rest) == 2 else []
        else:
            yield _build(words[at:], folder)


def _verb(words: list[Word]) -> tuple[int, str] | None:
    """Where the arguments of a build's or tag's command begin, and which it is; None for another command."""
    words = [Word(word.rpartition("/")[2]) for word in words]
    begin = next((place for place, word in enumerate(words[:4]) if word in (*_PROGRAMS, "az", "gcloud")), None)
    if begin is None:
        return None
    place = begin + 1
    while place < len(words) and words[place] in ("buildx", "image", "builder", "acr", "builds"):
        place += 1
    verb = words[place] if place < len(words) else ""
    return (place + 1, str(verb)) if verb in ("build", "bud", "tag", "submit") else None


def _build(words: list[Word], folder: str) -> Build:
    build, place = Build([], folder=folder), 0
    behind: list[str] = []
    while place < len(words):
        name, equals, value = words[place].partition("=")
        place += 1
        if not name.startswith("-"):
            behind.append(name + equals + value)
            continue
        if name in _ALONE:
            continue
        if not equals and place < len(words):
            value, place = str(words[place]), place + 1
        if name in ("-t", "--tag", "--image"):
            build.names.append(value)
        elif name in ("-f", "--file"):
            build.file = value
        elif name == "--target":
            build.target = value
    build.context = next((word for word in reversed(behind) if word != "-"), ".")
    return build


def _commands(text: Text, kind: str) -> Iterator[Simple]:
    if kind in ("shell", "makefile"):
        content = makefile_as_shell(text.content) if kind == "makefile" else text.content
        yield from simple_commands(content, {}, text.first_line)
        return
    matches = sorted((match for each in _LINES for match in each.finditer(text.content)), key=re.Match.start)
    found = [match.group() for match in matches]
    values = dict(_GIVEN.findall(text.content)) if any("$" in line for line in found) else {}
    for line in found:
        yield from simple_commands(line, {})  # as it is written, which is how it is run elsewhere in the text
        yield from simple_commands(line, dict(values)) if "$" in line else ()


def in_page(page: Page | None, document: Document) -> Iterator[Build]:
    """The builds that YAML tells of: compose's, skaffold's, a workflow's, and a builder's list of words."""
    for data in page.data if page is not None else ():
        services = data.get("services")
        for service in filled(services, variables_here(document)).values() if isinstance(services, Table) else ():
            if isinstance(service, Table) and isinstance(service.get("image"), str) and service.get("build"):
                yield _of_service(service)
        for table in tables_in(data):
            if isinstance(table.get("artifacts"), list):
                yield from _of_skaffold(table["artifacts"])
            given = table.get("with")
            if "build-push-action" in str(table.get("uses", "")) and isinstance(given, Table):
                names = re.split(r"[\s,]+", str(given.get("tags", "")).strip())
                yield Build(names, *(str(given.get(name, usual)) for name, usual in _GIVEN_TO_ACTION))
        for words in lists_in(data):
            if words[0] == "build" and any(word.startswith(("-t", "--tag")) for word in words):
                yield _build(words[1:], "")
            elif any(word.startswith("--destination=") for word in words):
                yield _of_kaniko(words)


def _of_service(service: Table) -> Build:
    build = service["build"]
    if not isinstance(build, Table):
        return Build([str(service["image"])], str(build))
    named = [str(service["image"]), *(map(str, build.get("tags") or []))]
    return Build(named, str(build.get("context", ".")), str(build.get("dockerfile", "")), str(build.get("target", "")))


def _of_skaffold(artifacts: list[Any]) -> Iterator[Build]:
    for each in artifacts:
        if isinstance(each, Table) and "image" in each:
            docker = each.get("docker") or each.get("kaniko") or {}
            docker = docker if isinstance(docker, Table) else {}
            yield Build([str(each["image"])], str(each.get("context", ".")), str(docker.get("dockerfile", "")),
                         str(docker.get("target", "")))  # fmt: skip


def _of_kaniko(words: list[Word]) -> Build:
    values: dict[str, list[str]] = {}
    for name, _, value in (word.partition("=") for word in words):
        values.setdefault(name, []).append(value)
    context = values.get("--context", ["."])[0].rpartition("://")[2]
    context = "." if context.startswith(("/", "$")) else context
    file = values.get("--dockerfile", [""])[0]
    return Build(values["--destination"], context, re.sub(r"^(\$\{?\w+\}?|/workspace)/", "", file))


def in_calls(text: Text) -> Iterator[Build]:
    """What programs build: Tilt's and Jenkins' calls, the docker SDK's `images.build(...)`, and lists of words."""
    content = text.content
    for match in _WORDS.finditer(content) if "docker" in content or "podman" in content else ():
        yield _build([Word(word) for _, word in _VALUE.findall(match[1])], "")
    for match in _CALL.finditer(content) if any(name in content for name in _CALLS) else ():
        pairs = [(name, value) for name, value in _VALUE.findall(match[2])]
        named, bare = {name: value for name, value in pairs if name}, [value for name, value in pairs if not name]
        if match[1] == "docker.build" and bare:
            build = _build([Word(word) for word in " ".join(bare[1:]).split()], "")
            yield replace(build, names=[bare[0]])
        elif match[1] == "docker_build" and (name := named.get("ref") or next(iter(bare), "")):
            context = named.get("context") or next(iter(bare[1:]), ".")
            yield Build([name], context, named.get("dockerfile", ""), named.get("target", ""))
        elif named.get("tag"):
            yield Build([named["tag"]], named.get("path", "."), named.get("dockerfile", ""), named.get("target", ""))


def in_bake(text: Text) -> Iterator[Build]:
    """The targets of a bake file."""
    if not text.path.endswith(".hcl") or "target" not in text.content:
        return
    for block in parse(text.content, text.first_line).get("target") or ():
        if isinstance(block, Table) and isinstance(block.get("tags"), list) and LABELS in block:
            yield Build([str(each) for each in block["tags"]], str(block.get("context", ".")),
                         str(block.get("dockerfile", "")), str(block.get("target", "")))  # fmt: skip
