"""Containers that Python starts: the docker SDK's `containers.run`, and testcontainers' chains of `with_...` calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from playbook.lint.checks.command import OFFICIAL, Mount, Place, is_official
from playbook.lint.checks.containers import bind, check_image
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.own_images import as_built, built_as
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.python_data import called
from playbook.lint.forms.python_values import Values
from playbook.lint.forms.text import UNKNOWN, Word


def read_container(
    image: Word, node: ast.Call, keywords: dict[str, ast.expr], values: Values, document: Document
) -> Reading:
    """What `containers.run(image, command, ...)` starts, and python-on-whales' `docker.run(..., envs=, publish=)`."""
    keywords = {_SPELT.get(name, name): value for name, value in keywords.items()}
    command = node.args[1] if len(node.args) > 1 else keywords.get("command")
    args = values.split(command)
    unknown = command is not None and not args and not isinstance(command, ast.Constant)
    objects = _objects(keywords.get("mounts"), values, document)
    mounts = (*_mounts(keywords.get("volumes"), values, document), *(objects or ()))
    environment = {str(name): values.word(value) or Word("$") for name, value in
                   values.pairs(keywords.get("environment"))}  # fmt: skip
    for pair in values.words(keywords.get("environment")):
        name, _, value = pair.partition("=")
        environment[name] = pair.with_text(value)
    hidden = "host_config" in keywords or ("mounts" in keywords and objects is None)
    hidden = hidden or ("volumes" in keywords and not mounts)
    hidden = hidden or any(key.arg is None for key in node.keywords)
    place = Place(True, is_official(str(image)), mounts, document.folder, str(image), hidden)
    ports = tuple(_published(word, values.word(host)) for word, host in values.pairs(keywords.get("ports")))
    pairs = getattr(keywords.get("publish"), "elts", ())  # of host and container
    ports += tuple(_published(words[1], words[0]) for pair in pairs if len(words := values.words(pair)) > 1)
    entry = values.words(keywords.get("entrypoint")) or None
    if entry is None and (word := values.word(keywords.get("entrypoint"))):
        entry = [word]
    start = Start(document.text.path, image.line, str(image), entry, args, environment, place, document.around.cpus)
    start.published = () if unknown else ports
    start.open_environment = "environment" in keywords and not environment
    built = built_as(document.around, image, document.text.path)
    return launch(as_built(start, built) if built is not None else start)


def read_spec(image: Word, keywords: dict[str, ast.expr], values: Values, document: Document) -> Reading:
    """A container as the clients of Kubeflow and the operators of Airflow describe it, with a manifest's meaning."""
    entry = values.words(keywords.get("command", keywords.get("cmds"))) or None
    args = values.words(keywords.get("args", keywords.get("arguments")))
    place = Place(True, image=str(image), hidden_mounts=True)
    start = Start(document.text.path, image.line, str(image), entry, args, place=place)
    start.environment = {str(name): values.word(value) or Word("$") for name, value in
                         values.pairs(keywords.get("env_vars"))}  # fmt: skip
    start.open_environment = start.kubernetes = True
    return launch(start)


_SPELT = {"envs": "environment"}
_IMAGES = ("image", "serving_container_image_uri", "container_image_uri", "image_uri")
_DEPLOYS = re.compile(r"\.deploy\(|DeployOp\b")  # a model that is registered alone may be served elsewhere
_PREFIXES = ("serving_container_", "container_", "")


def read_keywords(name: str, keywords: dict[str, ast.expr], values: Values, document: Document) -> Reading | None:
    """A container that a cloud's client describes by keywords, its image perhaps inside a call; None for another."""
    given = next((keywords[each] for each in _IMAGES if each in keywords), None)
    calls = [each for each in ast.walk(given) if isinstance(each, ast.Constant)] if given is not None else []
    official = [word for each in calls if (word := values.word(each)) is not None and OFFICIAL in word]
    if given is None or not official or (isinstance(given, ast.Constant) and "image" in keywords):
        return None
    reading, image = Reading(), official[0]
    reading.counts["images"] += 1
    reading.findings += check_image(str(image), document.text.path, image.line)
    prefix = next(each for each in _PREFIXES if any(key.startswith(each) for key in keywords))
    entry = values.words(keywords.get(f"{prefix}entry_point")) or None
    args = values.words(keywords.get(f"{prefix}args"))
    command = values.words(keywords.get(f"{prefix}command"))
    if prefix:
        entry = command or entry
    else:
        args = [*command, *args]
    named = next((keywords[each] for each in (f"{prefix}environment_variables", "env") if each in keywords), None)
    variables = {str(key): values.word(value) or Word("$") for key, value in values.pairs(named)}
    start = Start(document.text.path, image.line, str(image), entry, args, variables,
                  Place(True, image=str(image), hidden_mounts=True))  # fmt: skip
    start.open_environment = named is not None and not variables
    start.published = tuple(values.words(keywords.get(f"{prefix}ports")))
    start.managed = bool(prefix)
    alone = {key for key in keywords if key.startswith("serving_container_")} == {"serving_container_image_uri"}
    if alone and _DEPLOYS.search(document.text.content):
        reading.report("vertex-stock-image", document.text.path, image.line, image=image)
    reading.add(launch(start))
    return reading


def _mounts(node: ast.expr | None, values: Values, document: Document) -> Iterator[Mount]:
    given = values.names.get(node.id) if isinstance(node, ast.Name) else node
    for key, value in zip(given.keys, given.values, strict=True) if isinstance(given, ast.Dict) else ():
        source = values.word(key) or Word(UNKNOWN, values.line(value))  # where it lies on the host may be unknown
        inside = next((values.word(each) for name, each in values.pairs(value) if name == "bind"), None)
        yield bind(str(source), str(inside or UNKNOWN), document.folder, document.around.sources, source.line)
    pairs = [each for each in getattr(node, "elts", ()) if isinstance(each, ast.Tuple)]
    for source, inside in (values.words(pair)[:2] for pair in pairs if len(pair.elts) > 1):
        yield bind(str(source), str(inside), document.folder, document.around.sources, source.line)
    for word in values.words(node) if not pairs else ():
        named, _, target = word.partition(":")
        yield bind(named, target.partition(":")[0], document.folder, document.around.sources, word.line)


def _objects(node: ast.expr | None, values: Values, document: Document) -> list[Mount] | None:
    """The mounts of a list of `docker.types.Mount(target, source, type=)`; None where one of them is not known."""
    node = values.names.get(node.id) if isinstance(node, ast.Name) else node
    found: list[Mount] = []
    for each in getattr(node, "elts", [None]):
        made = values.names.get(each.id) if isinstance(each, ast.Name) else each
        if not (isinstance(made, ast.Call) and called(made) == "Mount"):
            return None
        given = {**dict(zip(("target", "source"), made.args, strict=False)), **values.keywords(made)}
        target, named = values.word(given.get("target")), str(values.word(given.get("source")) or UNKNOWN)
        if target is None:
            return None
        bound = values.word(given.get("type")) == "bind"
        found.append(bind(named, str(target), document.folder, document.around.sources, values.line(made)) if bound
                     else Mount(target.rstrip("/") or "/", None, named, line=values.line(made)))  # fmt: skip
    return found


def read_chain(calls: dict[str, list[ast.Call]], image: Word, values: Values, document: Document) -> Reading:
    """A testcontainers chain: its calls by name, with the image that it begins with."""
    commands = [call.args[0] for call in calls.get("with_command", ()) if call.args]
    args = [word for each in commands for word in values.split(each)]
    pairs = [call.args for call in calls.get("with_env", ()) if len(call.args) == 2]
    environment = {str(values.word(name) or ""): values.word(value) or Word("$") for name, value in pairs}
    mounts = tuple(bind(str(values.word(call.args[0]) or UNKNOWN), str(values.word(call.args[1]) or UNKNOWN),
                        document.folder, document.around.sources, image.line)
                   for call in calls.get("with_volume_mapping", ()) if len(call.args) > 1)  # fmt: skip
    ports = [word for name in ("with_exposed_ports", "with_bind_ports") for call in calls.get(name, ())
             for word in ([values.word(each) for each in call.args] if "exposed" in name else
                          [values.word(call.args[0])] if call.args else [])]  # fmt: skip
    place = Place(True, False, mounts, document.folder, str(image), True)
    start = Start(document.text.path, image.line, str(image), None, args, environment, place, document.around.cpus)
    start.published = tuple(word for word in ports if word is not None)
    start.open_environment = True
    return launch(start)


def _published(inside: Word, host: Word | None) -> Word:
    """A port inside as it is published: with the host's, where that is a known number."""
    port = inside.partition("/")[0]
    known = host is not None and host.isdigit()
    return Word(port, inside.line, inside.raw, f"{host}:{port}" if known else port, inside.path)
