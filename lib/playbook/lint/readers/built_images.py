"""Who builds an image under which name: docker build and tag, compose, skaffold, workflows, bake files, Python."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playbook.lint.checks.own_images import built_as, remember
from playbook.lint.checks.reading import Document, Image, Reading, Surroundings
from playbook.lint.forms.hcl import LABELS, parse
from playbook.lint.forms.makefiles import makefile_as_shell
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.simple import Simple
from playbook.lint.forms.text import Text, Word
from playbook.lint.forms.walking import lists_in, tables_in
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.compose_values import filled, variables_here
from playbook.lint.readers.image import read_dockerfile
from playbook.lint.readers.yaml_pages import Page

_PROGRAM = r"(?:sudo\s+)?(?:docker|podman|nerdctl|buildah|img|az\s+acr|gcloud\s+builds)"
_LINE = re.compile(rf"\b{_PROGRAM}\s+(?:buildx\s+|image\s+|builder\s+)?(?:build|bud|tag|submit)\b(?:[^\n\\]|\\\n|\\.)*")
_GIVEN = re.compile(r"(?m)^\s*(?:[-$>]\s+)?(?:export\s+)?([A-Za-z_]\w*)=[\"']?([^\s\"'#;]+)")
_PROGRAMS = ("docker", "podman", "nerdctl", "buildah", "img")
_BUILDS = re.compile(r"\b(build|bud|tag|tags|submit|docker_build|artifacts|destination)\b")
# how programs build: Tilt, Jenkins, the docker SDK
_CALL = re.compile(r"\b(docker_build|docker\.build|images\.build)\s*\((.*?)\)", re.DOTALL)
_VALUE = re.compile(r"(?:(\w+)\s*=\s*)?[fr]?[\"']([^\"'\n]*)[\"']")
_WORDS = re.compile(r"[\"'](?:docker|podman)[\"'],\s*[\"']build[\"']((?:,\s*[fr]?[\"'][^\"'\n]*[\"'])+)")
_ALONE = {"--no-cache", "--pull", "--push", "--load", "--rm", "--force-rm", "--squash", "-q", "--quiet", "--compress",
          "--layers", "--no-logs"}  # fmt: skip


_GIVEN_TO_ACTION = (("context", "."), ("file", ""), ("target", ""))


@dataclass
class _Build:
    """One build: the names it gives, where its Dockerfile lies, which stage, and from where that is meant."""

    names: list[str]
    context: str = "."
    file: str = ""
    target: str = ""
    folder: str = ""  # that a script changed into


def gather_builds(texts: Mapping[Path, Text], kinds: Mapping[Path, str], pages: Mapping[Path, Page],
                  around: Surroundings) -> Reading:  # fmt: skip
    """Let `around` know the names under which the Dockerfiles here are built; they have been read.

    What is read is what stages that a build names hold: whoever reads a Dockerfile takes its last one.
    """
    reading, stages = Reading(), dict[tuple[str, str], Image | None]()
    if "dockerfile" not in kinds.values():
        return reading
    tags: list[tuple[str, str, str]] = []
    for path, text in texts.items():
        if not _BUILDS.search(text.content):
            continue
        document = Document(text, around)
        for build in (*_in_commands(text, kinds.get(path, ""), tags), *_in_page(pages.get(path), document),
                      *_in_calls(text), *_in_bake(text)):  # fmt: skip
            image = _image(build, document, stages, reading)
            if image is not None:
                for name in build.names:
                    remember(around, name, image, text.path)
    for old, new, shown in tags:
        if (image := built_as(around, old, shown)) is not None:
            remember(around, new, image, shown)
    return reading


def remember_within(text: Text, around: Surroundings) -> None:
    """Let `around` know the names under which a document builds the one Dockerfile that it shows, which was read."""
    image = around.images.get(str(text.file.resolve())) if text.file is not None else None
    if image is None:
        return
    for build in _in_commands(text, "", []):
        for name in build.names:
            remember(around, name, image, text.path)


def _image(
    build: _Build, document: Document, stages: dict[tuple[str, str], Image | None], reading: Reading
) -> Image | None:
    """What the Dockerfile of a build makes, where it lies here and serves."""
    around = document.around
    for base in (document.folder, around.sources.root):
        if base is None:
            continue
        here = base / build.folder
        context = here / build.context
        usual = [context / "Dockerfile", context / "Containerfile"]
        for path in (each.resolve() for each in ([here / build.file, context / build.file] if build.file else usual)):
            whole = around.sources.file(path) if build.target else None
            if whole is not None:
                key = (str(path), build.target)
                if key not in stages:
                    stages[key] = _stage(whole, build.target, around, reading)
                return stages[key]
            if str(path) in around.images:
                return around.images[str(path)]
    return None


def _stage(text: Text, target: str, around: Surroundings, reading: Reading) -> Image | None:
    apart = replace(around, images={})
    held = read_dockerfile(Document(text, apart), target)
    image = next(iter(apart.images.values()), None)
    if image is not None and all(image != other for other in around.images.values()):
        around.sources.known.add(text.path)
        reading.add(replace(held, passed=""))
    return image


def _in_commands(text: Text, kind: str, tags: list[tuple[str, str, str]]) -> Iterator[_Build]:
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


def _build(words: list[Word], folder: str) -> _Build:
    build, place = _Build([], folder=folder), 0
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
    values = dict(_GIVEN.findall(text.content))
    for line in (match.group() for match in _LINE.finditer(text.content)):
        yield from simple_commands(line, {})  # as it is written, which is how it is run elsewhere in the text
        yield from simple_commands(line, dict(values)) if "$" in line else ()


def _in_page(page: Page | None, document: Document) -> Iterator[_Build]:
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
                yield _Build(names, *(str(given.get(name, usual)) for name, usual in _GIVEN_TO_ACTION))
        for words in lists_in(data):
            if words[0] == "build" and any(word.startswith(("-t", "--tag")) for word in words):
                yield _build(words[1:], "")
            elif any(word.startswith("--destination=") for word in words):
                yield _of_kaniko(words)


def _of_service(service: Table) -> _Build:
    build = service["build"]
    if not isinstance(build, Table):
        return _Build([str(service["image"])], str(build))
    named = [str(service["image"]), *(map(str, build.get("tags") or []))]
    return _Build(named, str(build.get("context", ".")), str(build.get("dockerfile", "")), str(build.get("target", "")))


def _of_skaffold(artifacts: list[Any]) -> Iterator[_Build]:
    for each in artifacts:
        if isinstance(each, Table) and "image" in each:
            docker = each.get("docker") or each.get("kaniko") or {}
            docker = docker if isinstance(docker, Table) else {}
            yield _Build([str(each["image"])], str(each.get("context", ".")), str(docker.get("dockerfile", "")),
                         str(docker.get("target", "")))  # fmt: skip


def _of_kaniko(words: list[Word]) -> _Build:
    values: dict[str, list[str]] = {}
    for name, _, value in (word.partition("=") for word in words):
        values.setdefault(name, []).append(value)
    context = values.get("--context", ["."])[0].rpartition("://")[2]
    context = "." if context.startswith(("/", "$")) else context
    file = values.get("--dockerfile", [""])[0]
    return _Build(values["--destination"], context, re.sub(r"^(\$\{?\w+\}?|/workspace)/", "", file))


def _in_calls(text: Text) -> Iterator[_Build]:
    """What programs build: Tilt's and Jenkins' calls, the docker SDK's `images.build(...)`, and lists of words."""
    for match in _WORDS.finditer(text.content):
        yield _build([Word(word) for _, word in _VALUE.findall(match[1])], "")
    for match in _CALL.finditer(text.content):
        pairs = [(name, value) for name, value in _VALUE.findall(match[2])]
        named, bare = {name: value for name, value in pairs if name}, [value for name, value in pairs if not name]
        if match[1] == "docker.build" and bare:
            build = _build([Word(word) for word in " ".join(bare[1:]).split()], "")
            yield replace(build, names=[bare[0]])
        elif match[1] == "docker_build" and (name := named.get("ref") or next(iter(bare), "")):
            context = named.get("context") or next(iter(bare[1:]), ".")
            yield _Build([name], context, named.get("dockerfile", ""), named.get("target", ""))
        elif named.get("tag"):
            yield _Build([named["tag"]], named.get("path", "."), named.get("dockerfile", ""), named.get("target", ""))


def _in_bake(text: Text) -> Iterator[_Build]:
    """The targets of a bake file."""
    if not text.path.endswith(".hcl") or "target" not in text.content:
        return
    for block in parse(text.content, text.first_line).get("target") or ():
        if isinstance(block, Table) and isinstance(block.get("tags"), list) and LABELS in block:
            yield _Build([str(each) for each in block["tags"]], str(block.get("context", ".")),
                         str(block.get("dockerfile", "")), str(block.get("target", "")))  # fmt: skip
