"""What a kustomization builds: the objects it takes in with its patches in them, as one text of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playbook.lint.forms.overlays import DoesNotApplyError, merged, operated, placed
from playbook.lint.forms.text import Text
from playbook.lint.forms.walking import tables_in
from playbook.lint.forms.yaml_lines import Items, Table
from playbook.lint.readers.kustomize import OPERATIONS, generated
from playbook.lint.readers.kustomize_images import TAKEN_IN, Kustomizations, kustomizations_of
from playbook.lint.readers.kustomize_losses import check_losses
from playbook.lint.readers.kustomize_patches import Patch, patches_of
from playbook.lint.readers.yaml_pages import Page
from playbook.lint.rules.findings import Finding, finding


@dataclass
class Taken:
    """An object that a kustomization takes in: the names it may be asked for by, and where it stands."""

    data: Any
    names: set[str]
    shown: str
    line: int | None
    patched: bool = False


@dataclass
class Build:
    """What a kustomization makes. `whole`: all that it takes in is here; `changed`: a patch of its own changed some."""

    shown: str
    taken: list[Taken] = field(default_factory=list)
    maps: dict[str, dict[str, Text]] = field(default_factory=dict)
    whole: bool = True
    changed: bool = False
    last: bool = True  # no other kustomization here takes it in
    findings: list[Finding] = field(default_factory=list)


def builds(pages: Mapping[Path, Page]) -> list[Build]:
    """What each kustomization makes, and what patches make that lie beside their object without one."""
    known = kustomizations_of({path: (page.document.text.path, page.data) for path, page in pages.items()})
    files = {path.resolve(): page for path, page in pages.items()}
    result, taken_in = [], set[Path]()
    for folder, (_, data) in known.items():
        taken_in |= {(folder / str(named)).resolve() for named in _listed(data)}
        if str(data.get("kind", "")) != "Component":  # which patches what others take in
            result.append((folder, _build(folder, known, files, frozenset())))
    for folder, build in result:
        build.last = folder not in taken_in
    named = {patch.shown for folder, (shown, data) in known.items() for patch in patches_of(data, folder, shown, files)}
    return [*(build for _, build in result), *_beside(files.values(), named)]


def always_patched(made: Iterable[Build]) -> set[tuple[str, int | None]]:
    """Objects that no kustomization leaves as they are written, by file and line: what they say alone is not meant."""
    patched: dict[tuple[str, int | None], bool] = {}
    for build in made:
        for each in build.taken if build.last else ():
            place = (each.shown, each.line)
            patched[place] = patched.get(place, True) and each.patched
    return {place for place, always in patched.items() if always}


def _beside(pages: Iterable[Page], named: set[str]) -> Iterator[Build]:
    """Patches that no kustomization names: objects of another's kind and name, in whose containers no image stands."""
    holders = [(each, page) for page in pages for each in page.data if isinstance(each, Table) and "kind" in each
               and any(isinstance(table.get("containers"), list) for table in tables_in(each))]  # fmt: skip
    whole = {(each["kind"], *_taken(each, page).names): (each, page) for each, page in holders if _has_image(each)}
    for each, page in holders:
        shown = page.document.text.path
        base = whole.get((each["kind"], *_taken(each, page).names))
        if base is not None and shown not in named and not _has_image(each) and base[1] is not page:
            taken = _taken(*base)
            taken.data = merged(taken.data, placed(each, shown))
            lost = list(check_losses(base[0], taken.data, shown))
            yield Build(shown, [taken], changed=True, last=False, findings=lost)


def _has_image(data: Any) -> bool:
    return any("image" in table for table in tables_in(data))


def _build(folder: Path, known: Kustomizations, files: Mapping[Path, Page], seen: frozenset[Path]) -> Build:
    shown, data = known[folder]
    build = Build(shown)
    page = next((page for page in files.values() if page.document.text.path == shown), None)
    for section in TAKEN_IN:
        for named in _listed(data, section):
            path = (folder / named).resolve()
            if path in known and path not in seen:
                _take(build, _build(path, known, files, seen | {folder}), section)
                if section == "components":
                    _patch(build, known[path][1], path, known[path][0], files)
            elif path in files and section != "components":
                build.taken += [_taken(each, files[path]) for each in files[path].data
                                if isinstance(each, Table) and "kind" in each]  # fmt: skip
            else:
                build.whole = False
    if page is not None:
        _generate(build, data, page)
    if str(data.get("kind", "")) != "Component":
        _patch(build, data, folder, shown, files)
    before, behind = str(data.get("namePrefix") or ""), str(data.get("nameSuffix") or "")
    for each in build.taken if before or behind else ():
        each.names |= {f"{before}{name}{behind}" for name in each.names}
    return build


def _listed(data: Any, *sections: str) -> Iterator[str]:
    """The files and folders that a kustomization takes in."""
    for section in sections or TAKEN_IN:
        listed = data.get(section)
        yield from (str(each) for each in (listed if isinstance(listed, list) else ()))


def _taken(data: Any, page: Page) -> Taken:
    metadata = data.get("metadata")
    name = str(metadata.get("name", "")) if isinstance(metadata, Table) else ""
    return Taken(placed(data, page.document.text.path), {name}, page.document.text.path, data.line)


def _take(build: Build, other: Build, section: str) -> None:
    build.taken += other.taken
    build.maps |= other.maps
    build.whole = build.whole and (other.whole or section == "components")


def _generate(build: Build, data: Any, page: Page) -> None:
    behaviors = {str(each.get("name")): str(each.get("behavior", "create"))
                 for section in ("configMapGenerator", "secretGenerator")
                 for each in data.get(section) or [] if isinstance(each, Table)}  # fmt: skip
    for name, files in generated(data, page.document):
        before = build.maps.get(name, {}) if behaviors.get(name) == "merge" else {}
        build.maps[name] = {**before, **files}


def _patch(build: Build, data: Any, folder: Path, shown: str, files: Mapping[Path, Page]) -> None:
    """Put the patches of a kustomization into what a build has taken in."""
    for patch in patches_of(data, folder, shown, files):
        met = [each for each in build.taken if _is_meant(patch, each)]
        for each in met:
            build.changed = each.patched = True
            before = each.data
            try:
                each.data = _patched(each.data, patch.content)
                build.findings += check_losses(before, each.data, patch.shown)
            except DoesNotApplyError as error:
                operation = error.operation
                line = getattr(operation.get("path"), "line", None) or patch.line
                what = f"the patch's {operation.get('op')} finds no {error.missing} in {_called(each)}"
                right = "Correct the path, or add what it is to stand in."
                build.findings.append(finding("kustomize-refuses", patch.shown, line, what=what, right=right))
        if not met and build.whole and not patch.open:
            words = {"what": patch.asked, "here": ", ".join(map(_called, build.taken)) or "nothing"}
            rule = "kustomize-refuses" if patch.strict else "patch-finds-nothing"
            if patch.strict:
                words = {"what": f"no object is called {patch.asked}, which a patch is for",
                         "right": f"Name one of those taken in: {words['here']}."}  # fmt: skip
            build.findings.append(finding(rule, patch.shown, patch.line, **words))


def _patched(data: Any, content: Any) -> Any:
    if isinstance(content, Table) and OPERATIONS in content:
        return operated(data, content[OPERATIONS])
    if isinstance(content, Items):
        return operated(data, content)
    return merged(data, content)


def _called(taken: Taken) -> str:
    return f"{taken.data.get('kind')} {min(taken.names, key=len)}"


def _is_meant(patch: Patch, taken: Taken) -> bool:
    kind, target = str(taken.data.get("kind", "")), patch.target
    if target is None:
        return (kind, True) == (patch.kind, patch.name in taken.names)
    if patch.open:
        return False
    name = str(target.get("name") or "")
    labels = (taken.data.get("metadata") or {}).get("labels") or {}
    wanted = [part.partition("=") for part in str(target.get("labelSelector") or "").split(",") if part]
    by_name = not name or any(_matches(name, each) for each in taken.names)
    by_labels = all(str(labels.get(key.strip())) == value.strip("= ") for key, _, value in wanted)
    return str(target.get("kind") or kind) == kind and by_name and by_labels


def _matches(pattern: str, name: str) -> bool:
    try:
        return bool(re.fullmatch(pattern, name))
    except re.error:
        return pattern == name
