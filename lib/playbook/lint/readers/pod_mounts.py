"""What a pod's container mounts: claims, folders of the node, and the files of ConfigMaps and Secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from playbook.lint.checks.command import Mount
from playbook.lint.checks.reading import Document, Surroundings
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.forms.walking import tables_in
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.filled_volumes import filled_in_pod
from playbook.lint.readers.seldon import given_models

# volumes that are folders: a hostPath may be a file
_FOLDERS = ("configMap", "secret", "projected", "persistentVolumeClaim", "emptyDir", "nfs", "csi", "azureFile")

_WEBHOOKS = re.compile(r"dataset\.\d+\.id$|vault\.hashicorp\.com/agent-inject|sidecar\.fluid\.io/|gke-gcsfuse/volumes$")


def mounts_of(
    container: Any, spec: Any, data: Any, document: Document, unfilled: bool = False
) -> tuple[list[Mount], bool]:
    """A container's mounts, and whether some may hide (a template left them out); `unfilled`: empty volumes stay so."""
    volumes = {str(each.get("name")): each for each in spec.get("volumes") or [] if isinstance(each, Table)}
    mounts, hidden = given_models(data, container), document.text.templated or _more_by_services(data, document)
    hidden = hidden or any(_asks_webhook(each) for each in tables_in(data))
    for each in container.get("volumeMounts") or []:
        if not isinstance(each, Table):
            hidden = True
            continue
        target = str(each.get("mountPath", ""))
        volume: Any = volumes.get(str(each.get("name")), {})
        files, name = _files(volume, each, document.around) if not (unfilled and "emptyDir" in volume) else ({}, "")
        whole = not {"subPath", "subPathExpr"} & {*each} and any(kind in volume for kind in _FOLDERS)
        node = str((volume.get("hostPath") or {}).get("path", ""))
        named = "/".join(part.strip("/") if place else part.rstrip("/") for place, part in
                         enumerate(part for part in (node, str(each.get("subPath", ""))) if part))  # fmt: skip
        claim = str((volume.get("persistentVolumeClaim") or {}).get("claimName") or "")
        source = "" if name else named
        filled = filled_in_pod(str(each.get("name")), container, spec) if whole else frozenset()
        mounts.append(Mount(target.rstrip("/") or "/", None, source, files, name, each.line, claim, whole,
                            "subPath" in each, _is_flat(volume), filled))  # fmt: skip
    return mounts, hidden


def _asks_webhook(table: Table) -> bool:
    """True for labels or annotations by which a webhook is to mount more: Datashim's, Vault's, those of sidecars."""
    return any(_WEBHOOKS.match(str(key)) for key in table)


def _more_by_services(data: Any, document: Document) -> bool:
    """True for a runtime of KServe's beside InferenceServices that mount something: it is added to the runtime's."""
    if not str(data.get("kind", "")).endswith("ServingRuntime"):
        return False
    mounting = [text for text in document.around.sources.texts.values()
                if "InferenceService" in text.content and "volumeMounts" in text.content]  # fmt: skip
    own = str(data).count("volumeMounts")
    return any(text.path != document.text.path or text.content.count("volumeMounts") > own for text in mounting)


def _files(volume: Any, mount: Any, around: Surroundings) -> tuple[dict[str, Text] | None, str]:
    """The files of a volume made of ConfigMaps and Secrets, None where they are not all known here; and their name."""
    sources = (volume.get("projected") or {}).get("sources") or [volume]
    files: dict[str, Text] = {}
    names: list[str] = []
    known = True
    for each in sources:
        source = each.get("configMap") or each.get("secret") or {}
        names.append(str(source.get("name") or source.get("secretName") or ""))
        data = around.config_maps.get(names[-1])
        known = known and data is not None
        files |= _items(source, data or {})
    name = " and ".join(filter(None, names))
    if not known:
        return None, name
    if mount.get("subPath"):
        text = files.get(str(mount["subPath"]))
        return ({"": text} if text is not None else {}), name
    return files, name


def _is_flat(volume: Any) -> bool:
    """True for a volume of ConfigMaps and Secrets alone that puts each key right into it, as a file."""
    sources = (volume.get("projected") or {}).get("sources") or [volume]
    each_kind = [each.get("configMap") or each.get("secret") for each in sources if isinstance(each, Table)]
    kinds = [kind for kind in each_kind if isinstance(kind, Table)]
    if not kinds or len(kinds) != len(sources):
        return False
    paths = [str(item.get("path")) for kind in kinds for item in kind.get("items") or [] if isinstance(item, Table)]
    return not any("/" in path or is_unknown(path) for path in paths)


def _items(source: Any, data: Mapping[str, Text]) -> dict[str, Text]:
    """A ConfigMap's files under the paths that its volume gives them."""
    if not source.get("items"):
        return dict(data)
    return {str(item.get("path")): data[str(item.get("key"))] for item in source["items"]
            if str(item.get("key")) in data}  # fmt: skip
