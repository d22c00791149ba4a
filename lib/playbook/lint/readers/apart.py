"""Texts that are read once more, apart from what else is here: a chart with other values, what kustomize builds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from playbook.lint.checks.reading import Document, Reading, Surroundings
from playbook.lint.forms.text import Text
from playbook.lint.readers.concerned import name_of
from playbook.lint.readers.joined import joined
from playbook.lint.readers.kustomize_builds import Build
from playbook.lint.readers.kustomize_text import text_of
from playbook.lint.readers.pods import Pod
from playbook.lint.readers.yaml_files import check_together, collect, read_page, served_by_maps
from playbook.lint.readers.yaml_pages import Page, load


def read_rendered(texts: Iterable[Text], around: Surroundings) -> Reading:
    """A chart's templates with a second file of values."""
    apart = _apart(around)
    return _read([load(Document(text, apart)) for text in texts], apart, [])


def read_builds(made: Iterable[Build], pages: Mapping[Path, Page], around: Surroundings) -> Reading:
    """What kustomizations build with their patches, where a server is in it."""
    total = Reading()
    for build in (each for each in made if each.changed or each.findings):
        text, objects, around.origins[f"{build.shown} (built)"] = text_of(build, pages)
        apart = _apart(around)
        apart.config_maps.update(build.maps)
        pods = list[Pod]()
        reading = _read([Page(Document(text, apart), objects)], apart, pods)
        if reading.commands:
            around.sources.asked |= _used(build, pods)
            reading.findings += build.findings
            total.add(reading)
    return total


def _used(build: Build, pods: list[Pod]) -> set[str]:
    """The files of what a build takes in for its servers."""
    taken = [(each.data, each.shown) for each in build.taken]
    named = {(pod.kind, pod.name) for pod in pods}
    own = [shown for data, shown in taken if (str(data.get("kind", "")), name_of(data)) in named]
    return joined(taken, pods, own)


def _apart(around: Surroundings) -> Surroundings:
    return replace(around, config_maps=dict(around.config_maps))


def _read(pages: list[Page], around: Surroundings, pods: list[Pod]) -> Reading:
    """What pages hold for themselves; their texts are counted already, their pods put to those given."""
    reading, objects = Reading(), list[tuple[Any, str]]()
    for page in pages:
        collect(page)
    for page in pages:
        reading.add(read_page(page, pods, objects))
    reading.findings += check_together(objects, pods, served_by_maps(around) or around.served)
    reading.counts.clear()
    return reading
