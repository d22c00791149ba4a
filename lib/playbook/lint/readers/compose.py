"""Compose files: each service that serves, with its mounts, configs, variables and ports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from playbook.lint.checks.command import OFFICIAL, Mount, Place, is_official, is_server_word
from playbook.lint.checks.containers import bind, check_health, check_image, cores, count_cpus, for_cpus, host_path
from playbook.lint.checks.launch import Start, is_server, launch
from playbook.lint.checks.reading import Document, Image, Reading
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.text import Text, Word, expand, is_unknown, line_of
from playbook.lint.forms.yaml_lines import Items, Table

_OTHER_NAMES = {"image": ("image", "Image"), "command": ("command", "args", "Command"),
                "entrypoint": ("entrypoint", "entryPoint", "EntryPoint"),
                "environment": ("environment", "env", "Environment"),
                "ports": ("ports", "published_ports", "portMappings", "PortMappings"),
                "volumes": ("volumes",), "cpus": ("cpus",), "healthcheck": ("healthcheck",)}  # fmt: skip


def read_compose(data: Any, document: Document) -> Reading:
    """The services of a compose file that serve."""
    reading = Reading()
    for service in (data.get("services") or {}).values():
        if isinstance(service, Table):
            reading.add(_read_service(_extended(service, data), data, document))
    return reading


def _extended(service: Table, data: Any) -> Table:
    """A service with what it takes from another of the same file (`extends`): its own keys win, lists are joined."""
    extends = service.get("extends")
    name = extends.get("service") if isinstance(extends, Table) and "file" not in extends else extends
    base = (data.get("services") or {}).get(name) if isinstance(name, str) else None
    if not isinstance(base, Table) or base is service:
        return service
    whole = Table({**base, **service})
    whole.line = service.line
    for key in ("environment", "volumes", "ports", "configs"):
        pair = base.get(key), service.get(key)
        if isinstance(pair[0], list) and isinstance(pair[1], list):
            whole[key] = Items([*pair[0], *pair[1]])
        elif isinstance(pair[0], Table) and isinstance(pair[1], Table):
            whole[key] = Table({**pair[0], **pair[1]})
    return whole


def read_loose(data: Any, document: Document) -> Reading:
    """Containers of the server's image that other tools start: Ansible's tasks, services of pipelines, ECS's tasks."""
    reading = Reading()
    for table in _tables(data):
        named = _names_image(table)
        service = Table({Word(name, table.at(other)): table[other] for name, others in _OTHER_NAMES.items()
                         for other in others if other in table})  # fmt: skip
        service.line = table.line
        for name in ("ports", "volumes"):  # notes write a list of one so
            if isinstance(service.get(name), str):
                service[name] = Items([service[name]])
        if named and "image" not in service:  # a service of GitLab's jobs
            service[Word("image", table.at("name"))] = table["name"]
        if {"command", "args"} <= {*table} and isinstance(table["args"], list):  # Nomad's program and its arguments
            service[Word("command", table.at("args"))] = Items([*(_words(table["command"]) or []), *table["args"]])
        reading.add(_read_service(service, Table(), document, loose=True, named=named))
    return reading


def _names_image(table: Table) -> bool:
    """True for a mapping that describes a container of the server; GitLab's services hold the image as their name."""
    image = table.get("image", table.get("Image"))
    if image is None and {"command", "alias", "variables"} & {*table}:
        image = table.get("name")
    return isinstance(image, str) and OFFICIAL in image


def _gives_flags(table: Table) -> bool:
    """True for a mapping whose command or arguments are the server's, whatever image it names, if any."""
    lists = [table[name] for name in ("command", "args", "entrypoint") if isinstance(table.get(name), (str, list))]
    words = [str(word) for each in lists for word in _words(each) or ()]
    return bool(words) and is_server("", words)


def _tables(node: Any) -> Iterator[Table]:
    if isinstance(node, Table) and (_names_image(node) or _gives_flags(node)):
        yield node
        return
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _tables(value)


def _read_service(service: Any, data: Any, document: Document, loose: bool = False, named: bool = True) -> Reading:
    reading = Reading()
    image, built = _image(service, document)
    entry, args = _words(service.get("entrypoint")), _words(service.get("command"))
    shown, words = document.text.path, [*(entry or ()), *(args or ())]
    base = built.base if built is not None else str(image)
    if not is_server(base, words) and (named or not is_server("", words)):
        return reading
    reading.counts["services"] += 1
    if "image" in service and OFFICIAL in image:
        reading.counts["images"] += 1
        reading.findings += check_image(str(image), shown, image.line)
    health = service.get("healthcheck") or {}
    test = health.get("test") if isinstance(health, Table) else health
    text = test if isinstance(test, str) else " ".join(str(word) for word in test or [])
    if text:
        line = line_of(test) or service.at("healthcheck")
        reading.findings += check_health(text, base, set(), shown, line)
    if service.get("sysctls") and service.get("network_mode") == "host":
        reading.report("sysctl-host-network", shown, service.at("sysctls"))
    if _wants_gpu(service) and for_cpus(base):
        reading.report("gpu-image-missing", shown, image.line, image=base)
    start = _start(service, data, document, base, built)
    if loose:
        start.place = replace(start.place, hidden_mounts=True)
    whole = {"image", "build"} & {*service} if not loose else named or any(is_server_word(word) for word in words)
    start.partial = not whole
    reading.add(launch(start))
    return reading


def _wants_gpu(service: Any) -> bool:
    """True where a service reserves a GPU or runs under NVIDIA's runtime."""
    resources = (service.get("deploy") or {}).get("resources") or {}
    devices = (resources.get("reservations") or {}).get("devices") or []
    named = any("gpu" in (device.get("capabilities") or []) for device in devices if isinstance(device, Table))
    return named or bool(service.get("gpus")) or service.get("runtime") == "nvidia"


def _image(service: Any, document: Document) -> tuple[Word, Image | None]:
    """The image's name, and what its Dockerfile makes of it where that lies here."""
    raw = service.get("image", "")
    image = Word(expand(str(raw), {}), line_of(raw) or service.line)
    build = service.get("build")
    context = build.get("context", ".") if isinstance(build, Table) else build
    if context is None or document.folder is None or is_unknown(str(context)):
        return image, None
    folder = (document.folder / str(context)).resolve()
    return image, document.around.images.get(str(folder))


def _start(service: Any, data: Any, document: Document, base: str, built: Image | None) -> Start:
    entry, args = _words(service.get("entrypoint")), _words(service.get("command"))
    environment, inherited = _environment(service.get("environment")), frozenset[str]()
    mounts = [*_mounts(service, document), *_configs(service, data, document)]
    if built is not None:
        inherited = frozenset(built.environment.keys() - environment.keys())
        environment = {**{name: Word(value) for name, value in built.environment.items()}, **environment}
        mounts += built.mounts
        if entry is None and built.entry is not None:
            entry = [Word(word) for word in built.entry]
        if args is None and not service.get("entrypoint"):
            args = [Word(word) for word in built.cmd]
    closed = built.closed if built is not None else is_official(base)
    hidden = any(is_unknown(mount.target) for mount in mounts) or bool(service.get("volumes_from"))
    place = Place(True, closed, tuple(mounts), document.folder, base, hidden)
    limits = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    limit = service.get("cpus") or limits.get("cpus") or _quota(service)
    cpus = count_cpus(str(service.get("cpuset") or ""))
    line = service.at("command") if "command" in service else service.at("image")
    entry = entry if entry or service.get("entrypoint") in ([], "") else None  # an empty one is none, not the image's
    start = Start(document.text.path, line, base, entry, args or [], environment, place,
                  cpus or document.around.cpus, cores(limit) if limit is not None and not cpus else None,
                  tuple(_published(service)), inherited=inherited)  # fmt: skip
    start.open_environment = bool(service.get("env_file"))
    return start


def _quota(service: Any) -> float | None:
    """The cores that cpu_quota gives, in microseconds of a period of 100,000."""
    quota, period = str(service.get("cpu_quota", "")), str(service.get("cpu_period", "100000"))
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _words(value: Any) -> list[Word] | None:
    """A command as a list, or as one string that compose splits like a shell; `$$` is a dollar."""
    if value is None:
        return None
    if isinstance(value, str):
        words = [word for each in simple_commands(str(value), {}, line_of(value) or 1) for word in each.words]
        return [word.with_text(word.replace("$$", "$")) for word in words]
    line = line_of(value)
    return [Word(str(item).replace("$$", "$"), getattr(item, "line", line)) for item in value]


def _environment(value: Any) -> dict[str, Word]:
    if isinstance(value, Table):
        return {str(name): Word("" if text is None else text, line_of(text) or line_of(name))
                for name, text in value.items()}  # fmt: skip
    if value and isinstance(value[0], Table):
        return {
            str(item.get("name", item.get("Name"))): Word(item.get("value", item.get("Value", "$")), item.line)
            for item in value
            if isinstance(item, Table)
        }
    pairs = [(str(item).partition("="), line_of(item)) for item in value or []]
    return {name: Word(text if equals else "$" + name, line) for (name, equals, text), line in pairs}


def _mounts(service: Any, document: Document) -> Iterator[Mount]:
    folder, sources = document.folder, document.around.sources
    for item in service.get("volumes") or []:
        if isinstance(item, Table):
            target = str(item.get("target", item.get("container_path", "")))
            source = str(item.get("source", item.get("host_path", "")))
            if item.get("type", "volume") == "bind":
                yield bind(source, target, folder, sources, item.line)
            else:
                yield Mount(target.rstrip("/") or "/", None, source, line=item.line)
            continue
        parts = expand(str(item), {}).split(":")
        target = parts[1] if len(parts) > 1 else parts[0]
        named = parts[0] if len(parts) > 1 else ""
        if named.startswith((".", "/", "~", "$")):
            yield bind(named, target, folder, sources, line_of(item))
        else:
            yield Mount(target.rstrip("/") or "/", None, named, line=line_of(item))


def _configs(service: Any, data: Any, document: Document) -> Iterator[Mount]:
    """`configs:` and `secrets:` of a service: files of the top-level tables of the same names."""
    for section, folder in (("configs", ""), ("secrets", "/run/secrets")):
        for item in service.get(section) or []:
            name = str(item.get("source", "")) if isinstance(item, Table) else str(item)
            target = str(item.get("target", "")) if isinstance(item, Table) else ""
            target = target or f"{folder}/{name}"
            table = (data.get(section) or {}).get(name) or {}
            source: Path | None = None
            if table.get("file"):
                source = host_path(str(table["file"]), document.folder, document.around.sources)
            content, target = table.get("content"), target if target.startswith("/") else f"{folder}/{target}"
            files = None
            if isinstance(content, Word):
                files = {"": Text(str(content), document.text.path, content.line or 1, templated="$" in content)}
            yield Mount(target, source, name, files, line=line_of(item))


def _published(service: Any) -> Iterator[Word]:
    for item in service.get("ports") or []:
        if isinstance(item, Table):
            names = ("target", "internal", "containerPort", "ContainerPort")
            yield Word(next((item[name] for name in names if name in item), ""), item.line)
            continue
        text = str(item)
        if not is_unknown(text) and "-" not in text:
            yield Word(text.rpartition(":")[2], line_of(item) or service.at("ports"))
