"""Containers of the server's image that other tools start: Ansible's tasks, pipelines, ECS, Azure, values of charts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.command import BINARY, OFFICIAL
from playbook.lint.checks.launch import Start, is_server, launch
from playbook.lint.checks.probes import check_lone_health
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.text import Word, line_of
from playbook.lint.forms.walking import held_by, lists_in, tables_in
from playbook.lint.forms.yaml_lines import Items, Table, load_documents
from playbook.lint.readers.compose import read_service
from playbook.lint.readers.compose_values import words_of
from playbook.lint.readers.docker_words import run_arguments
from playbook.lint.readers.option_values import values_of

RELEASES = ("HelmRelease", "Application", "ApplicationSet", "HelmChart", "HelmChartConfig")  # they hold values
_OTHER_NAMES = {"image": ("image", "Image"), "command": ("command", "args", "Command"),
                "entrypoint": ("entrypoint", "entryPoint", "EntryPoint"),
                "environment": ("environment", "env", "Environment", "environmentVariables", "variables",
                                "envVars"),
                "ports": ("ports", "published_ports", "portMappings", "PortMappings"),
                "volumes": ("volumes",), "cpus": ("cpus",), "healthcheck": ("healthcheck",),
                "deploy": ("deploy",), "env_file": ("env_file",), "runtime": ("runtime",)}  # fmt: skip
_MAY_BE = {"image": (str, Table), "command": (str, list), "entrypoint": (str, list), "environment": (list, Table),
           "ports": (str, list), "volumes": (str, list), "healthcheck": (str, Table), "deploy": (Table,),
           "env_file": (str, list), "runtime": (str,)}  # fmt: skip
_ECS_HEALTH = (("healthCheck", "command"), ("HealthCheck", "Command"))
_ECS_MOUNTS = (("mountPoints", "sourceVolume", "containerPath"), ("MountPoints", "SourceVolume", "ContainerPath"))
_WHOLE_TASK = (("family", "containerDefinitions"), ("Family", "ContainerDefinitions"))
_GOES_IN = re.compile(r"\bdocker\s+(?:container\s+)?(?:cp|exec)\b|job\.services")
_MOUNTS = re.compile(r"(?:^|\s)(?:-v|--volume|--mount)\b")
_AS_TEXT = ("values", "valuesContent")  # values that stand there as one text


def read_loose(data: Any, document: Document) -> Reading:
    """Containers of the server's image, or of the server's flags, at any depth of a text of another tool."""
    reading = Reading()
    told = isinstance(data, Table) and any({*names} <= {*data} for names in _WHOLE_TASK) and not document.text.templated
    of_jobs = _of_jobs(data, document.text.content)
    for table in _tables(data):
        if {*table} == {"healthcheck"}:
            test = table["healthcheck"].get("test") if isinstance(table["healthcheck"], Table) else None
            whole = document.around.sources.file(document.text.file) if document.text.file is not None else None
            reading.findings += check_lone_health(words_of(test) or [], whole, document.text.path)
            continue
        reading.add(_read_table(table, document, told or id(table) in of_jobs))
    return reading


def read_release(data: Any, document: Document) -> Reading:
    """The values that a Helm release or an Argo CD Application gives a chart: as mappings, as text, as parameters."""
    reading = read_values(data, document)
    for table in tables_in(data):
        for name in _AS_TEXT:
            text = table.get(name)
            if isinstance(text, Word) and ":" in text:
                for each in load_documents(str(text), text.line or 1)[0]:
                    reading.add(read_values(each, document))
        given = table.get("parameters")
        pairs = [each for each in given if isinstance(each, Table)] if isinstance(given, list) else []
        words = [each["value"] for each in pairs if isinstance(each.get("value"), Word)]
        reading.add(read_flags([word for word in words if word.startswith("--")], document))
    return reading


def read_values(data: Any, document: Document) -> Reading:
    """Values of a chart by themselves: containers among them, and lists of the server's flags under any name."""
    reading = read_loose(data, document)
    met = {line_of(word) for command in reading.commands for word in command.words}
    for words in lists_in(data):
        if not met & {line_of(word) for word in words}:
            reading.add(read_flags(words, document))
    return reading


def read_flags(words: list[Word], document: Document) -> Reading:
    """A list of the server's flags, of which the rest may stand elsewhere."""
    if not words or not is_server("", words):
        return Reading()
    entry = [Word(BINARY)]
    return launch(Start(document.text.path, words[0].line, "", entry, words, partial=True))


def _of_jobs(data: Any, content: str) -> set[int]:
    """Services of GitHub's jobs, which hold what their image and volumes bring, unless a step goes into one."""
    jobs = data.get("jobs") if isinstance(data, Table) else None
    if not isinstance(jobs, Table) or _GOES_IN.search(content):
        return set()
    services = (job.get("services") for job in jobs.values() if isinstance(job, Table))
    return {id(each) for held in services if isinstance(held, Table) for each in held.values()
            if isinstance(each, Table) and not _MOUNTS.search(str(each.get("options", "")))}  # fmt: skip


def _read_table(table: Table, document: Document, whole: bool) -> Reading:
    """What a container runs; `whole`: all that it mounts is told there."""
    named = _names_image(table)
    service = Table({Word(name, table.at(other)): table[other] for name, others in _OTHER_NAMES.items()
                     for other in others if other in table})  # fmt: skip
    service.line = table.line
    for name in [name for name, value in service.items() if not isinstance(value, _MAY_BE.get(str(name), object))]:
        del service[name]  # a value of a chart that is called alike
    for name in ("ports", "volumes"):  # notes write a list of one so
        if isinstance(service.get(name), str):
            service[name] = Items([service[name]])
    if isinstance(table.get("options"), Word) and (test := values_of(words_of(table["options"]) or [], "--health-cmd")):
        service[Word("healthcheck", table.at("options"))] = Table({Word("test", test[0].line): test[0]})  # GitHub's
    for name, key in _ECS_HEALTH:
        if isinstance(table.get(name), Table) and isinstance(table[name].get(key), (list, str)):
            service[Word("healthcheck", table.at(name))] = Table({Word("test", table[name].at(key)): table[name][key]})
    health = service.get("healthcheck", table.get("healthcheck"))
    if isinstance(health, list) and len(health) == 1 and isinstance(health[0], Table):  # a block of Terraform's
        service[Word("healthcheck", table.at("healthcheck"))] = health[0]
    if isinstance(service.get("image"), Table):
        service["image"] = _put_together(service["image"])
    if named and "image" not in service:  # a service of GitLab's jobs
        service[Word("image", table.at("name"))] = table["name"]
    if isinstance(table.get("args"), list) and isinstance(table.get("command"), list):  # as Kubernetes takes them
        service[Word("entrypoint", table.at("command"))] = table["command"]
        service[Word("command", table.at("args"))] = table["args"]
    elif {"command", "args"} <= {*table} and isinstance(table["args"], list):  # Nomad's program and its arguments
        service[Word("command", table.at("args"))] = Items([*(words_of(table["command"]) or []), *table["args"]])
    if isinstance(table, _Azures) and "command" in service:  # there it stands in the entrypoint's place
        service[Word("entrypoint", service.at("command"))] = service.pop("command")
    for name, source, target in _ECS_MOUNTS:
        points = [each for each in table.get(name) or [] if isinstance(each, Table) and target in each]
        if points:
            volumes = [Word(f"{each.get(source)}:{each[target]}", each.at(target)) for each in points]
            service[Word("volumes", table.at(name))] = Items(volumes)
    return read_service(service, Table(), document, loose=True, named=named, mounts_told=whole)


class _Azures(Table):
    """The properties of a container of Azure's container groups."""


def _names_image(table: Table) -> bool:
    """True for a mapping that describes a container of the server; GitLab's services hold the image as their name."""
    image = table.get("image", table.get("Image"))
    if isinstance(image, Table):
        image = str(image.get("repository", image.get("url", "")))  # Render names it by its address
    if image is None and {"command", "alias", "variables"} & {*table}:
        image = table.get("name")
    return isinstance(image, str) and OFFICIAL in image


def _put_together(image: Table) -> Word:
    """An image whose parts stand apart, as charts' values hold them."""
    if "url" in image:
        return Word(image["url"], image.at("url"))
    tag, digest = str(image.get("tag", "") or ""), str(image.get("digest", "") or "")
    registry = str(image.get("registry", "") or "")
    name = f"{registry}/{image.get('repository')}" if registry else str(image.get("repository", ""))
    whole = f"{name}@{digest}" if digest else f"{name}:{tag}" if tag else name
    return Word(whole, image.at("tag" if tag else "repository"))


def _gives_flags(table: Table) -> bool:
    """True for a mapping whose command or arguments are the server's, whatever image it names, if any."""
    names = ("command", "args", "entrypoint", "entryPoint", "Command", "EntryPoint")
    lists = [table[name] for name in names if isinstance(table.get(name), (str, list))]
    words = [word for each in lists for word in words_of(each) or ()]
    return bool(words) and run_arguments(words) is None and is_server("", words)


def _tables(node: Any) -> Iterator[Table]:
    if isinstance(node, Table) and (_names_image(node) or _gives_flags(node) or {*node} == {"healthcheck"}):
        yield node
        return
    if isinstance(node, Table) and isinstance(node.get("environment"), Table) and _names_image(node["environment"]):
        yield _of_endpoint(node)
        return
    config = node.get("config") if isinstance(node, Table) else None
    if isinstance(node, Table) and isinstance(config, list) and config and isinstance(config[0], Table) and (
        _names_image(config[0]) and isinstance(node.get("env"), list)):  # fmt: skip
        yield _of_task(node, config[0])
        return
    if isinstance(node, Table) and "name" in node and isinstance(node.get("properties"), Table):
        properties = _Azures(node["properties"])
        properties.line = node["properties"].line
        if _names_image(properties):
            yield properties
            return
    for value in held_by(node):
        yield from _tables(value)


def _of_task(node: Table, config: Table) -> Table:
    """A task of Nomad's: its variables stand beside the driver's block, which holds the rest."""
    table = Table({**config, Word("environment", node.at("env")): node["env"][0]})
    table.line = config.line
    return table


def _of_endpoint(node: Table) -> Table:
    """A deployment of Azure ML's: its image stands in `environment`, its variables beside it, its ports in routes."""
    held = node["environment"]
    table = Table({Word("image", held.at("image")): held["image"]})
    table.line = held.line
    if "environment_variables" in node:
        table[Word("environment", node.at("environment_variables"))] = node["environment_variables"]
    config = held.get("inference_config")
    routes = [each for each in config.values() if isinstance(each, Table)] if isinstance(config, Table) else []
    table["ports"] = Items([Word(each["port"], each.at("port")) for each in routes if "port" in each])
    return table
