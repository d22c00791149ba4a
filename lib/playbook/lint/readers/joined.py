"""Files whose objects belong to a server that is read elsewhere: what its pods mount, what acts on them, leads to them.

The report counts them as read, as what was said rests on them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from playbook.lint.checks.reading import SHAPES
from playbook.lint.forms.text import Word
from playbook.lint.forms.walking import tables_in, words_in
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.concerned import acts_on, leads_to, name_of
from playbook.lint.readers.kustomize import is_kustomization
from playbook.lint.readers.pods import Pod, selects

# the key under which an object is asked for -> its kind, and the keys of its name there ("" for the value itself)
_ASKED = {
    **dict.fromkeys(("configMap", "configMapRef", "configMapKeyRef"), ("ConfigMap", ("name",))),
    **dict.fromkeys(("secret", "secretRef", "secretKeyRef"), ("Secret", ("secretName", "name"))),
    "persistentVolumeClaim": ("PersistentVolumeClaim", ("claimName",)),
    "volumeName": ("PersistentVolume", ("",)),
    "storageClassName": ("StorageClass", ("",)),
    **dict.fromkeys(("serviceAccountName", "serviceAccount"), ("ServiceAccount", ("",))),
}
_CLAIM = re.compile(r"pvc://([\w.-]+)")
_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_DEEPEST = 4
_TAKEN_IN = ("resources", "bases", "components", "patches", "patchesStrategicMerge", "patchesJson6902")
_CHANGING = ("patches", "patchesStrategicMerge", "patchesJson6902", "configMapGenerator", "secretGenerator")


def joined(objects: list[tuple[Any, str]], pods: list[Pod], read: list[str]) -> set[str]:
    """The files, besides those that were `read`, whose objects are joined to a server's."""
    found = {*read}
    served = {name_of(data) for data, _ in objects if _is_sent_to(data, pods)}
    for data, shown in objects:
        with suppress(*SHAPES):
            if _is_sent_to(data, pods) or leads_to(data, served) or any(acts_on(data, pod) for pod in pods):
                found.add(shown)
    asked = {place: {*_asked_of(data)} for place, (data, _) in enumerate(objects)}
    for _ in range(3):  # a claim of a pod's names a volume, which names a class
        wanted = {each for place, (_, shown) in enumerate(objects) if shown in found for each in asked[place]}
        found |= {shown for data, shown in objects if (str(data.get("kind", "")), name_of(data)) in wanted}
    held = [(data, shown) for data, shown in objects if is_kustomization(data) or os.path.basename(shown) in _FILES]
    for _ in held[:_DEEPEST]:  # one may take in the folder of another
        for data, shown in held:
            folders = {os.path.dirname(path) for path in found if os.path.basename(path) in _FILES}
            if (found | folders) & {*_listed(data, _TAKEN_IN, shown)}:
                found |= {shown, *_listed(data, _CHANGING, shown)}
    return found - {*read}


def _is_sent_to(data: Any, pods: list[Pod]) -> bool:
    return data.get("kind") == "Service" and any(selects(data, pod) for pod in pods)


def _asked_of(data: Any) -> Iterator[tuple[str, str]]:
    """The kinds and names of the objects that one asks for."""
    for table in tables_in(data):
        for key, value in table.items():
            kind, names = _ASKED.get(str(key), ("", ()))
            held = [value.get(name) if isinstance(value, Table) else value if not name else None for name in names]
            yield from ((kind, str(name)) for name in held if isinstance(name, str))
    for word in words_in(data):
        yield from (("PersistentVolumeClaim", name) for name in _CLAIM.findall(word))


def _listed(data: Any, sections: tuple[str, ...], shown: str) -> Iterator[str]:
    """The paths that a kustomization names, as they are shown."""
    for section in sections:
        for word in words_in(data.get(section)):
            if isinstance(word, Word) and "\n" not in word:
                yield os.path.normpath(os.path.join(os.path.dirname(shown), word.rpartition("=")[2]))
