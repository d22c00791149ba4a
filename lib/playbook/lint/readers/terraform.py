"""Terraform and Nomad: containers of the server, Kubernetes' objects, task definitions, and scripts in texts."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.command import is_official
from playbook.lint.checks.containers import check_image
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.hcl import LABELS, parse
from playbook.lint.forms.terraform_templates import is_beside
from playbook.lint.forms.text import Word
from playbook.lint.forms.walking import words_in
from playbook.lint.forms.yaml_lines import Items, Table, load_documents
from playbook.lint.readers.compose import read_service
from playbook.lint.readers.kubernetes import read_object
from playbook.lint.readers.loose import read_flags, read_loose, read_values
from playbook.lint.readers.platforms import read_platform
from playbook.lint.readers.pods import Pod
from playbook.lint.readers.terraform_services import CLOUD_RUN, DOCKER, as_knative, as_service, blocks
from playbook.lint.readers.texts_within import read_text_within
from playbook.lint.readers.workloads import config_maps
from playbook.lint.readers.yaml_values import files_in

_KINDS = {"deployment": "Deployment", "stateful_set": "StatefulSet", "daemonset": "DaemonSet", "pod": "Pod",
          "daemon_set": "DaemonSet", "service": "Service", "config_map": "ConfigMap", "job": "Job", "secret": "Secret",
          "cron_job": "CronJob", "horizontal_pod_autoscaler": "HorizontalPodAutoscaler"}  # fmt: skip
_FLAGS_IN_YAML = re.compile(r"(?m)^[ \t]*-[ \t]+[\"']?--[a-z]\w+")
_SEVERAL = {"container": "containers", "init_container": "initContainers", "env": "env", "port": "ports",
            "volume": "volumes", "volume_mount": "volumeMounts", "env_from": "envFrom", "metric": "metrics",
            "toleration": "tolerations", "items": "items", "containers": "containers", "volumes": "volumes",
            "ports": "ports", "volume_mounts": "volumeMounts"}  # fmt: skip


def read_hcl(document: Document, pods: list[Pod], objects: list[tuple[Any, str]]) -> Reading:
    """What a text of Terraform's or Nomad's language starts; Kubernetes' pods and objects are kept for one another."""
    reading, tree = Reading(), parse(document.text.content, document.text.first_line, _beside(document))
    kubernetes = list(_kubernetes(tree))
    for data in kubernetes:
        document.around.config_maps.update(config_maps(data, document.text))
    for data in kubernetes:
        objects.append((data, document.text.path))
        reading.add(read_platform(data, document))
        reading.add(read_object(data, document, pods))
    if not any(data.get("kind") in ("Deployment", "StatefulSet", "Pod", "DaemonSet", "Job") for data in kubernetes):
        reading.add(_services(tree, document))
    for name, text in files_in(tree, document.text):
        document.around.sources.extra += [(name.rpartition("/")[2], text)] if name else []
    for word in words_in(tree):
        if "\n" in word.strip() and re.match(r"\s*[\[{]", word):
            for data in load_documents(re.sub(r"(?<!\")\$\{[^}]*\}(?!\")", "0", word), word.line or 1)[0]:
                reading.add(read_loose(data, document))
        elif re.search(r"(?m)^\s*kind:", word) and re.search(r"(?m)^\s*apiVersion:", word):
            for data in load_documents(textwrap.dedent(word), word.line or 1)[0]:
                if isinstance(data, Table):
                    reading.add(read_object(data, document, pods))
        elif _FLAGS_IN_YAML.search(word):  # the values of a helm_release
            for data in load_documents(textwrap.dedent(word), word.line or 1)[0]:
                reading.add(read_values(data, document))
        else:
            reading.add(read_text_within(word, document))
    for release in (each for each in blocks(tree, "resource") if (each.get(LABELS) or [""])[0] == "helm_release"):
        values = [each["value"] for each in blocks(release, "set") if isinstance(each.get("value"), Word)]
        reading.add(read_flags([word for word in values if word.startswith("--")], document))
    if not reading.understood:  # images for others' resources
        named = [word for word in words_in(tree) if is_official(word) and re.fullmatch(r"[\w./@:-]+", word)]
        reading.counts["images"] += len({*named})
        for word in named:
            reading.findings += check_image(str(word), document.text.path, word.line)
    return reading


def _services(tree: Table, document: Document) -> Reading:
    """Docker's containers, which say all that is mounted, and those of tools whose blocks may leave that out."""
    reading, rest = Reading(), Table(tree)
    ours = [each for each in blocks(tree, "resource") if (each.get(LABELS) or [""])[0] in (DOCKER, *CLOUD_RUN)]
    for block in ours:
        if block[LABELS][0] == DOCKER:
            reading.add(read_service(as_service(block), Table(), document))
    rest["resource"] = Items(each for each in blocks(tree, "resource") if not any(each is block for block in ours))
    reading.add(read_loose(rest, document))
    return reading


def _beside(document: Document) -> list[str]:
    """The other texts of the same module that declare variables or local values, or give them."""
    texts = document.around.sources.texts.items()
    return [text.content for path, text in texts if is_beside(path, document.folder) and path != document.text.file
            and (path.suffix != ".tf" or re.search(r"(?m)^(variable|locals)\b", text.content))]  # fmt: skip


def _kubernetes(tree: Table) -> Iterator[Table]:
    """Terraform's kubernetes_* resources as the objects they make."""
    for block in tree.get("resource") or []:
        kind = re.sub(r"^kubernetes_|_v\d(beta\d)?$", "", block[LABELS][0]) if block.get(LABELS) else ""
        manifest = block.get("manifest")
        if kind == "manifest" and isinstance(manifest, Table):
            yield manifest
        elif kind in CLOUD_RUN:
            templates = blocks(block, "template")
            yield as_knative(_object(templates[0]) if templates else None, block[LABELS][1])
        elif block.get(LABELS) and block[LABELS][0].startswith("kubernetes_") and kind in _KINDS:
            data = _object(block)
            data["apiVersion"], data["kind"] = "v1", _KINDS[kind]
            yield data


def _object(block: Table) -> Table:
    """A block in Kubernetes' own spelling: camelCase, lists where blocks repeat."""
    result = Table()
    result.line = block.line
    for name, value in block.items():
        if name == LABELS:
            continue
        key = Word(re.sub(r"_(\w)", lambda match: match[1].upper(), name), getattr(name, "line", None))
        if isinstance(value, Items) and value and all(isinstance(each, Table) and LABELS in each for each in value):
            bodies = Items(_object(each) for each in value)
            bodies.line = value[0].line
            several = _SEVERAL.get(str(name))
            many = Word(several, key.line) if several and not ({*bodies[0]} <= {"number"}) else key
            result[many] = bodies if several and many is not key else bodies[0]
        else:
            result[key] = value
    return result
