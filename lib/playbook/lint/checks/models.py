"""Lint of a model's base path: which versions the server would want there, and whether they would load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playbook.lint.checks.batching import limit_of, refused_at_load
from playbook.lint.checks.model_lists import ModelEntry
from playbook.lint.checks.warmups import WARMUP, check_warmup
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

_PER_MODEL_FILE = "batching_params.pbtxt"
_INNER = ("variables", "assets", "assets.extra")
_VERSION_LIKE = re.compile(
    r"(v|ver|version|model)?[-_.]?\d[\d._-]*|latest|prod(uction)?|current|stable|final", re.IGNORECASE
)
_MOST_BYTES = 64_000_000  # a larger graph is not read
_SCRIPTS = (".sh", ".bash", ".py", ".mk")
_FETCHES = re.compile(r"\b(wget|curl|gsutil|gdown|urlretrieve|snapshot_download)\b|\baws s3\b|\bdvc pull\b")


@dataclass(frozen=True)
class Serving:
    """How a base path is served: `limit` in rows, None while batching is off; `policy` None is the newest version."""

    per_model: bool = False
    limit: int | None = None
    tags: tuple[str, ...] = ("serve",)
    warmup: bool = True
    padding: bool = False
    policy: ModelEntry | None = None


def is_saved_model(folder: Path) -> bool:
    """True when the folder holds a SavedModel's graph."""
    return (folder / "saved_model.pb").is_file() or (folder / "saved_model.pbtxt").is_file()


def is_base_path(folder: Path) -> bool:
    """True for a folder that a model_base_path would name: SavedModels, or numbered folders, right below."""
    children = [child for child in folder.iterdir() if child.is_dir()] if folder.is_dir() else []
    return any(is_saved_model(child) or (version_of(child.name) is not None and (child / "variables").is_dir())
               for child in children)  # fmt: skip


def version_of(name: str) -> int | None:
    """The version a child of a base path is, as absl's SimpleAtoi reads its whole name; None when it is none."""
    if not re.fullmatch(r"\s*[+-]?[0-9]+\s*", name, re.ASCII):
        return None
    number = int(name)
    return number if -(2**63) <= number < 2**63 else None


def meant_as_base_path(base: Path) -> bool:
    """True for a folder that looks like a base path by itself: a version's number, or what is likely meant as one."""
    names = [child.name for child in base.iterdir() if child.is_dir()]
    return any(version_of(name) is not None or _VERSION_LIKE.fullmatch(name) for name in names)


def check_base_path(base: Path, shown: str, serving: Serving = Serving()) -> Iterator[Finding]:
    """Findings of one base path, as the server would list it."""
    children = sorted(base.iterdir())
    versions = {number: child for child in children if (number := version_of(child.name)) is not None}
    if versions:
        for child in children:
            if version_of(child.name) is None and child.is_dir() and is_saved_model(child) and child.name[0] != ".":
                yield finding("version-not-numeric", f"{shown}/{child.name}", name=child.name)
    else:
        yield finding("no-version", shown, path=shown, remedy=_remedy(base, shown, children))
        return
    wanted = _wanted(versions, serving.policy)
    yield from _policy(versions, serving.policy, shown)
    hits = {number: list(_check_version(path, f"{shown}/{path.name}", serving)) for number, path in versions.items()}
    broken = {number for number, each in hits.items() if any(hit.severity == "error" for hit in each)}
    for number in sorted(versions):
        if number in broken and (number not in wanted or wanted - broken):
            problem = next(hit.message for hit in hits[number] if hit.severity == "error")
            effect = "another version serves" if number in wanted else "the version policy does not ask for it"
            words = {"version": number, "problem": problem.rstrip("."), "effect": effect}
            yield finding("version-not-loadable", f"{shown}/{versions[number].name}", **words)
            hits[number] = [hit for hit in hits[number] if hit.severity != "error"]
        yield from hits[number]


def _wanted(versions: dict[int, Path], policy: ModelEntry | None) -> set[int]:
    if policy is not None and policy.versions is not None:
        return set(policy.versions) & versions.keys()
    if policy is not None and policy.every:
        return set(versions)
    return set(sorted(versions)[-(policy.latest if policy else 1) :])


def _policy(versions: dict[int, Path], policy: ModelEntry | None, shown: str) -> Iterator[Finding]:
    if policy is None or not policy.versions:
        return
    missing = [number for number in policy.versions if number not in versions]
    if missing:
        rule = "version-not-there" if len(missing) == len(policy.versions) else "version-some-missing"
        words = {"wanted": ", ".join(map(str, policy.versions)), "there": ", ".join(map(str, sorted(versions)))}
        yield finding(rule, shown, **words)


def _remedy(base: Path, shown: str, children: list[Path]) -> str:
    """What to do where no version is right below: it depends on whether the path is too deep or too shallow."""
    inside = base.name in _INNER and is_saved_model(base.parent)
    model = base.parent if inside else base
    if inside or is_saved_model(base):
        above = shown.rstrip("/").rpartition("/")[0] if inside else shown
        if version_of(model.name) is not None:
            return f"Name the folder above the version: {above.rstrip('/').rpartition('/')[0] or '/'}."
        return f"Move the SavedModel to {above}/1/."
    models = [child.name for child in children if child.is_dir() and is_base_path(child)]
    if models:
        return f"It is one level too high: name {shown}/{models[0]}, or list the models in a model_config_file."
    named = [child.name for child in children if child.is_dir() and is_saved_model(child)]
    if named:
        return f"Rename {named[0]} to a number, such as {shown}/1/."
    return f"Put the SavedModel into {shown}/1/."


def _is_fetched(folder: Path) -> bool:
    """True for a version folder in which a script lies that fetches the model into it."""
    scripts = (each for each in folder.iterdir() if each.suffix in _SCRIPTS and each.is_file())
    return any(_FETCHES.search(each.read_text(errors="replace")) for each in scripts)


def _check_version(folder: Path, shown: str, serving: Serving) -> Iterator[Finding]:
    problem = _missing(folder)
    if problem and folder.is_dir() and _is_fetched(folder):
        return
    if problem:
        yield finding("version-half-copied", shown, version=folder.name, problem=problem)
        return
    variables = folder / "variables"
    if variables.is_dir() and any(variables.iterdir()) and not (variables / "variables.index").is_file():
        yield finding("variables-without-index", shown, version=folder.name)
    yield from _graph(folder, shown, serving)
    own = folder / _PER_MODEL_FILE
    if serving.per_model and not own.is_file():
        yield finding("per-model-file-missing", shown, version=folder.name)
    if serving.per_model and own.is_file() and refused_at_load(Text(own.read_text(errors="replace"), str(own))):
        yield finding("per-model-file-broken", shown, version=folder.name)
    for path in folder.rglob(_PER_MODEL_FILE):
        if path.parent != folder:
            yield finding("per-model-misplaced", f"{shown}/{path.relative_to(folder)}", path=path.name)
    for path in folder.rglob(f"{WARMUP}*"):
        if path.name != WARMUP or path.parent != folder / "assets.extra":
            place = str(path.relative_to(folder))
            yield finding("warmup-misplaced", f"{shown}/{place}", path=place)
    if serving.warmup and (folder / "assets.extra" / WARMUP).is_file():
        limit = serving.limit
        if serving.per_model:
            limit = limit_of(Text(own.read_text(errors="replace"), str(own))) if own.is_file() else None
        yield from check_warmup(folder, f"{shown}/assets.extra/{WARMUP}", limit)


def _missing(folder: Path) -> str:
    if not folder.is_dir():
        return "it is a file, not a folder"
    if not is_saved_model(folder):
        return "saved_model.pb is missing"
    variables = folder / "variables"
    shards = sorted(variables.glob("variables.data-*-of-*")) if variables.is_dir() else []
    if variables.is_dir() and any(variables.iterdir()):
        expected = int(shards[0].name.rpartition("-")[2]) if shards else 1
        if len(shards) < expected:
            return f"{len(shards)} of {expected} variables.data files are there"
    return ""


def _graph(folder: Path, shown: str, serving: Serving) -> Iterator[Finding]:
    """Whether saved_model.pb is one, holds the tags, and has a dimension that padding could pad."""
    path = folder / "saved_model.pb"
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        return
    graphs = _graphs(path)
    if graphs is None or not graphs:
        problem = "saved_model.pb is empty" if graphs is not None else "saved_model.pb is cut or no SavedModel"
        yield finding("version-broken", shown, version=folder.name, problem=problem, effect="its load fails")
        return
    tags = [set(graph.meta_info_def.tags) for graph in graphs]
    if set(serving.tags) not in tags:
        there = "; ".join(", ".join(sorted(each)) or "none" for each in tags)
        yield finding("tags-not-there", shown, version=folder.name, tags=", ".join(serving.tags), there=there)
    if serving.padding and not any(_varies(graph) for graph in graphs):
        yield finding("batching-padding-useless", shown, model=f"version {folder.name}")


def _graphs(path: Path) -> list | None:
    from google.protobuf.message import DecodeError

    from playbook.tfserving.messages import MESSAGES

    try:
        return list(MESSAGES["SavedModel"].FromString(path.read_bytes()).meta_graphs)
    except (OSError, DecodeError):
        return None


def _varies(graph) -> bool:
    """True when a signature's input has a dimension of unknown length besides the batch, or an unknown rank."""
    for signature in graph.signature_def.values():
        for tensor in signature.inputs.values():
            if tensor.tensor_shape.unknown_rank or any(dim.size < 0 for dim in list(tensor.tensor_shape.dim)[1:]):
                return True
    return False
