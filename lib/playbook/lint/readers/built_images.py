"""Which Dockerfile here stands behind the name of an image that a text builds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from playbook.lint.checks.command import BINARY, OFFICIAL, PACKAGE
from playbook.lint.checks.own_images import built_as, remember
from playbook.lint.checks.reading import Document, Image, Reading, Surroundings
from playbook.lint.checks.start import is_called_so
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.text import ENGINES, Text, is_unknown
from playbook.lint.readers.block_kinds import CALLED
from playbook.lint.readers.docker_words import options_of, run_arguments
from playbook.lint.readers.image import read_dockerfile
from playbook.lint.readers.told_builds import Build, in_bake, in_calls, in_commands, in_page
from playbook.lint.readers.yaml_pages import Page

_BELOW = r"[^\n]*\n(?:[ \t]*(?:(?:```|~~~|\.\. |\[source)[^\n]*)?\n){0,4}[ \t]*FROM[ \t]+\S*serving"  # between
_OTHERS = re.compile(  # who publish such images, and programs that run beside a server
    r"(docker\.io/)?((bitnami|emacski|intel|linaro|ibmcom)\w*/|(library/)?(adminer|caddy|envoyproxy/|grafana/|haproxy|"
    r"httpd|jaegertracing/|mariadb|memcached|minio/|mongo|mysql|nginx|postgres|prom/|python|rabbitmq|redis|traefik))"
)
_BUILT = re.compile(r"(?m)^[ \t]+build:")  # a service of compose that is the Dockerfile's image, whatever its name
_SERVED = re.compile(r"/v1/models/|\bcontainerPort: 850[01]\b")
_RUN = re.compile(rf"\b{ENGINES}[ \t]+run\b(?:\\[ \t]*\n|[^`\n])*")
_OWN = re.compile(r"(?!hello-world|eclipse-)\w[\w.]*[-_][\w.-]*(?::[\w.-]+)?")  # no name of Docker's own library
_STAGE = re.compile(r"(?m)^[ \t]*FROM\s+\S+")
_BUILDS = ("build", "bud", "tag", "submit", "artifacts", "destination")  # one of them stands in a text that builds


def gather_builds(texts: Mapping[Path, Text], kinds: Mapping[Path, str], pages: Mapping[Path, Page],
                  around: Surroundings) -> Reading:  # fmt: skip
    """Let `around` know the names under which the Dockerfiles here are built; they have been read.

    What is read is what stages that a build names hold: whoever reads a Dockerfile takes its last one.
    """
    reading, stages = Reading(), dict[tuple[str, str], Image | None]()
    images = [texts[path].content for path, kind in kinds.items() if kind == "dockerfile"]
    if not any("serving" in content or BINARY in content or PACKAGE in content for content in images):
        return reading
    tags: list[tuple[str, str, str]] = []
    for path, text in texts.items():
        if not any(word in text.content for word in _BUILDS):
            continue
        document = Document(text, around)
        for build in (*in_commands(text, kinds.get(path, ""), tags), *in_page(pages.get(path), document),
                      *in_calls(text), *in_bake(text)):  # fmt: skip
            image = _image(build, document, stages, reading)
            if image is not None:
                for name in build.names:
                    remember(around, name, image, text.path)
    for old, new, shown in tags:
        if (image := built_as(around, old, shown)) is not None:
            remember(around, new, image, shown)
    _only_one(texts, kinds, around)
    return reading


def _only_one(texts: Mapping[Path, Text], kinds: Mapping[Path, str], around: Surroundings) -> None:
    """Let `around` know what the one Dockerfile of the server here makes: the one image that objects here call by the
    server's name, or the only image they name, where they ask it for models or list the server's ports."""
    images = {image.path: image for image in around.images.values()}
    if around.builds or len(images) != 1:
        return
    named = {(name, text) for path, text in texts.items() if kinds.get(path) == "yaml"
             for name in CALLED.findall(text.content) if not (is_unknown(name) or _OTHERS.match(name))}  # fmt: skip
    alone = len({name for name, _ in named}) == 1 and not any(_BUILT.search(text.content) for _, text in named)
    called = {(name, text.path) for name, text in named
              if is_called_so(name) or (alone and OFFICIAL not in name and _SERVED.search(text.content))}  # fmt: skip
    called = called or _run_alone(texts, kinds)
    if len({name for name, _ in called}) == 1:
        for name, shown in called:
            remember(around, name, next(iter(images.values())), shown)


def _run_alone(texts: Mapping[Path, Text], kinds: Mapping[Path, str]) -> set[tuple[str, str]]:
    """The names without a registry that documents and scripts run, beside the one Dockerfile that there is."""
    if sum(kind == "dockerfile" for kind in kinds.values()) != 1:
        return set()
    ran = {(str(name), text.path) for path, text in texts.items() if kinds.get(path) in ("prose", "shell")
           for line in _RUN.findall(text.content) for command in simple_commands(line, {})
           for name in options_of(run_arguments(command.words) or [])[1][:1]}  # fmt: skip
    return ran if all(_OWN.fullmatch(name) for name, _ in ran) else set()


def remember_within(text: Text, shown: Text, around: Surroundings) -> None:
    """Let `around` know the names under which a document builds the Dockerfile of the server (`shown`), which was read.

    Where it builds several images, or shows another's Dockerfile, only what the builds call by its file's name is it.
    """
    image = around.images.get(str(text.file.resolve())) if text.file is not None else None
    if image is None:
        return
    told = [*in_commands(text, "", [])]
    several = len({(build.folder, build.context, build.file) for build in told}) > 1
    several |= len(_STAGE.findall(shown.content)) != len(_STAGE.findall(text.content))
    for build in told:
        for name in build.names if not several or _is_shown(build.file, text) else ():
            remember(around, name, image, text.path)


def _is_shown(file: str, text: Text) -> bool:
    """True where a document's Dockerfile of the server stands right below this file's name."""
    name = re.escape(file.rpartition("/")[2])
    return bool(file) and re.search(rf"{name}\b{_BELOW}", text.content) is not None


def _image(
    build: Build, document: Document, stages: dict[tuple[str, str], Image | None], reading: Reading
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
