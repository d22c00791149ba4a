"""Compose files: each service that serves, with its mounts, configs, variables and ports."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from playbook.lint.checks.bitnami import check_bitnami
from playbook.lint.checks.command import Place, is_official, is_server_word
from playbook.lint.checks.compose_keys import check_keys, check_known, check_ring, check_shapes, is_composes
from playbook.lint.checks.containers import check_health, check_image, check_other_image, cores, count_cpus
from playbook.lint.checks.host_paths import check_host_paths
from playbook.lint.checks.image_tags import is_servers
from playbook.lint.checks.launch import Start, is_server, launch
from playbook.lint.checks.own_images import built_as, serves
from playbook.lint.checks.ports_twice import check_compose
from playbook.lint.checks.reading import Document, Image, Reading
from playbook.lint.checks.service_copies import check_copies
from playbook.lint.checks.start import is_anothers
from playbook.lint.forms.text import Text, Word, expand, is_unknown, line_of, place_of
from playbook.lint.forms.variables import interpolated
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.compose_extends import extended, joined, overridden
from playbook.lint.readers.compose_gpus import check_gpus
from playbook.lint.readers.compose_values import (
    configs_of,
    environment_of,
    environment_of_files,
    filled,
    for_shell,
    mounts_of,
    published_of,
    quota_of,
    variables_here,
    words_of,
)
from playbook.lint.readers.filled_volumes import with_filled
from playbook.lint.readers.image import read_dockerfile


def read_compose(data: Any, document: Document) -> Reading:
    """The services of a compose file that serve."""
    reading, serving = Reading(), set[str]()
    data, under = filled(data, variables_here(document)), overridden(document)
    for name, service in (data.get("services") or {}).items():
        if isinstance(service, Table):
            base = (under.get("services") or {}).get(name)
            whole = joined(base, service) if isinstance(base, Table) else service
            each = read_service(extended(whole, data, document), data, document)
            each.findings += check_keys(service, document.text.path) if each.understood and is_composes(data) else ()
            called = tuple(dict.fromkeys(str(whole.get(key) or name) for key in ("", "container_name", "hostname")))
            each.commands = [
                replace(command, called=called) if command.path == document.text.path else command
                for command in each.commands
            ]
            serving |= {str(name)} if each.commands else set()
            reading.add(each)
    if reading.understood and is_composes(data):
        reading.findings += check_ring(data["services"], document.text.path)
        alone = _whole(data, document)
        reading.findings += check_compose(data, serving, document.text.path)
        reading.findings += check_copies(data, serving, document)
        reading.findings += check_known(data["services"], document.text.path, alone)
        reading.findings += check_shapes(data, document.text.path, alone)
    return reading


def _whole(data: Any, document: Document) -> bool:
    """True for the one compose file of its folder, which takes in no other."""
    file = document.text.file
    usual = document.text.path.rpartition("/")[2] in ("docker-compose.yml", "docker-compose.yaml", "compose.yml",
                                                      "compose.yaml")  # fmt: skip
    if not usual or file is None or "include" in data or document.text.templated:
        return False
    return sum(1 for path in file.parent.iterdir() if re.match(r"(docker-)?compose\b.*\.ya?ml$", path.name)) == 1


def read_service(
    service: Any, data: Any, document: Document, loose: bool = False, named: bool = True, mounts_told: bool = False
) -> Reading:
    """What a service runs, where it serves; `data` is its compose file.

    Args:
        service: image, command, environment and the like, under compose's names.
        data: the whole file, empty where there is none.
        document: the text it stands in.
        loose: another tool starts it: what it mounts may not be told.
        mounts_told: it is told all the same.
        named: its image is the server's; False for one that is known by its flags alone.
    """
    reading = Reading()
    image, built = _image(service, document)
    reading.add(built.reading if built is not None and built.reading is not None else Reading())
    entry, args = words_of(service.get("entrypoint")), words_of(service.get("command"))
    shown, words = document.text.path, [*(entry or ()), *(args or ())]
    base = built.base if built is not None else str(image)
    told = {*environment_of(service.get("environment")), *map(str, published_of(service))}
    other = list(check_other_image(image, words, told, shown)) if built is None and "build" not in service else []
    reading.findings += other
    reading.counts["images"] += len(other)
    if other or (not serves(base, built, words) and (named or not is_server("", words))):
        reading.counts["images"] += built is None and is_anothers(base)
        reading.findings += check_bitnami(base, environment_of(service.get("environment")), shown, service.line)
        return reading
    reading.counts["services"] += 1
    if "image" in service and is_servers(str(image)):
        reading.counts["images"] += 1
        reading.findings += check_image(str(image), *place_of(image, shown, service.line))
    health = service.get("healthcheck") or {}
    test = health.get("test") if isinstance(health, Table) else health
    text = test if isinstance(test, str) else " ".join(str(word) for word in test or [])
    if text:
        line = line_of(test) or service.at("healthcheck")
        reading.findings += check_health(text, base, set(), shown, line)
    if service.get("sysctls") and service.get("network_mode") == "host":
        reading.report("sysctl-host-network", shown, service.at("sysctls"))
    reading.findings += check_gpus(service, image, base, shown, loose)
    start = _start(service, data, document, base, built)
    if loose and not mounts_told:
        start.place = replace(start.place, hidden_mounts=True, whole=False)
    start.health = Word(text, line_of(test) or service.at("healthcheck")) if text else None
    says = named or any(is_server_word(word.partition(" ")[0]) for word in words)
    start.partial = not (says if loose else {"image", "build"} & {*service})
    reading.findings += check_host_paths(start.args, start.place.mounts, shown)
    reading.add(launch(start))
    return reading


def _image(service: Any, document: Document) -> tuple[Word, Image | None]:
    """The image's name, and what its Dockerfile makes of it where that lies here."""
    raw = service.get("image", "")
    image = Word(expand(str(raw), {}), line_of(raw) or service.line)
    build = service.get("build")
    context = build.get("context", ".") if isinstance(build, Table) else build
    if context is None and image:
        return image, built_as(document.around, image, document.text.path)
    if context is None or document.folder is None:
        return image, None
    if is_unknown(str(context)):
        named = str(build.get("dockerfile", "")) if isinstance(build, Table) else ""
        return image, _only_one(str(context), named, document)
    folder, images = (document.folder / str(context)).resolve(), document.around.images
    inline = build.get("dockerfile_inline") if isinstance(build, Table) else None
    target = str(build.get("target", "")) if isinstance(build, Table) else ""
    if isinstance(inline, Word):
        path, templated = document.text.path, document.text.templated
        text = Text(str(inline), path, inline.line or 1, folder / "Dockerfile", templated)
        return image, _built(text, target, document)
    named = str(build.get("dockerfile", "")) if isinstance(build, Table) else ""
    file = (folder / (named or "Dockerfile")).resolve()
    whole = document.around.sources.file(file) if target else None
    if whole is not None:
        return image, _built(whole, target, document)
    return image, images.get(str(file)) if named or file.is_file() else images.get(str(folder))


def _only_one(context: str, named: str, document: Document) -> Image | None:
    """The image of a context that is filled in elsewhere: of the one Dockerfile here that can be meant, if any."""
    whole = named if is_unknown(named) else f"{context}/{named or 'Dockerfile'}"
    tail = re.sub(r"^.*\}/?|^\$\w+/?", "", whole)
    held = {image.path: image for image in document.around.images.values()}
    meant = [image for path, image in held.items() if f"/{path}".endswith(f"/{tail}")]
    files = [path for path in document.around.sources.texts if re.match(r"(?i)dockerfile|containerfile", path.name)]
    return meant[0] if len(meant) == 1 and not is_unknown(tail) and ("/" in tail or len(files) == 1) else None


def _built(text: Text, target: str, document: Document) -> Image | None:
    """The image of a Dockerfile that stands in the compose file, or of one stage; with what is said of it."""
    around = replace(document.around, images={})
    reading = read_dockerfile(Document(text, around), target)
    image = next(iter(around.images.values()), None)
    if image is None:
        return None
    document.around.sources.known.add(text.path)
    inline = text.path == document.text.path  # then the service's command is the same
    return replace(image, reading=replace(reading, commands=[] if inline else reading.commands), inline=inline)


def _line(service: Any, name: str) -> int | None:
    """The line of a key; the service's own where what it leads to stands in another file."""
    value = service.get(name)
    words = value if isinstance(value, list) else [value]
    return service.line if any(getattr(word, "path", "") for word in words) else service.at(name)


def _words_here(words: tuple[str, ...], built: Image) -> list[Word]:
    """Words of an image: with the lines of a Dockerfile that stands in this file, without those of another."""
    return [word if built.inline and isinstance(word, Word) else Word(word) for word in words]


def _start(service: Any, data: Any, document: Document, base: str, built: Image | None) -> Start:
    entry, args = words_of(service.get("entrypoint")), words_of(service.get("command"))
    of_files, known = environment_of_files(service.get("env_file"), document)
    given, here = environment_of(service.get("environment")), variables_here(document)
    given = {
        name: word.with_text(interpolated(word, here)) if word == f"${name}" else word for name, word in given.items()
    }  # a name alone takes its value from where compose runs; fmt: skip
    environment, inherited = {**of_files, **given}, frozenset[str]()
    mounts = [*with_filled(mounts_of(service, document), service, data), *configs_of(service, data, document)]
    if built is not None:
        inherited = frozenset(built.environment.keys() - environment.keys())
        environment = {**{name: Word(value) for name, value in built.environment.items()}, **environment}
        mounts += built.mounts
        if entry is None and built.entry is not None:
            entry = _words_here(built.entry, built)
        if args is None and not service.get("entrypoint"):
            args = _words_here(built.cmd, built)
    closed = built.closed if built is not None else is_official(base)
    hidden = any(is_unknown(mount.target) for mount in mounts) or bool(service.get("volumes_from"))
    whole = {"image", "ports"} <= {*service} and built is None and not (document.text.templated or "extends" in service)
    workdir = str(service.get("working_dir") or (built.workdir if built is not None else "")).rstrip("/")
    place = Place(True, closed, tuple(mounts), document.folder, base, hidden, whole=whole,
                  dockerfile=built.path if built is not None else "", workdir=workdir)  # fmt: skip
    limits = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    limit = service.get("cpus") or limits.get("cpus") or quota_of(service)
    cpus = count_cpus(str(service.get("cpuset") or ""))
    line = _line(service, "command" if "command" in service else "image")
    entry = entry if entry or service.get("entrypoint") in ([], "") else None  # an empty one is none, not the image's
    image = Word(base, line_of(service.get("image")))
    if built is not None:
        image = Word(base, line_of(built.base), path=built.path)
    start = Start(document.text.path, line, image, entry, args or [], environment, place,
                  cpus or document.around.cpus, cores(limit) if limit is not None and not cpus else None,
                  tuple(published_of(service)), inherited=inherited)  # fmt: skip
    start.open_environment = not known
    start.for_shell = for_shell(service.get("entrypoint"), service.get("command"))
    start.scripts = built.scripts if built is not None else {}
    start.build_arguments = built.arguments if built is not None else frozenset()
    return start
