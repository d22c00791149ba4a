"""Folders that a text draws, the way the program `tree` prints them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_BRANCH = re.compile(r"^(?P<lead>[\s│┃|]*)(?:[├└┣┗][─━]*|\|-{1,4}|[`+\\]-{1,4})[ \t]*(?P<name>[^\s─━].*)$")
_ROOT = re.compile(r"^\s*(?:\S*[$%❯➜]\s+)?(?:tree\s+(?:-\S+\s+)*)?((?:[\w~.$-]+|/)[\w~./${}()-]*)\s*(?:[:#(←<].*)?$")
_NUMBER = re.compile(r"\d+")
_LEFT_OUT = re.compile(r"^(\.\.\.|…|\*)|[<{\[]|version|timestamp", re.IGNORECASE)


def drawn_folders(content: str) -> dict[str, frozenset[str]]:
    """The folders of every tree in a text by their paths, from the tree's own root, with the names that stand in each.

    A tree with no name above it has the root ".". Left out are folders below which the text names a version elsewhere.
    """
    folders: dict[str, set[str]] = {}
    above = ""
    ways: list[tuple[int, str]] = []  # of each branch that is open: the column of its fork, its path
    for line in content.split("\n"):
        branch = _BRANCH.match(line)
        if branch is None:
            if line.strip(" \t│|┃"):
                above, ways = line, []
            continue
        if not ways:
            root = _ROOT.match(above)
            ways = [(-1, root[1].rstrip("/") or "/" if root else ".")]
            above = ""
        column, name = len(branch["lead"].expandtabs(4)), branch["name"].split()[0].rstrip("/")
        while ways[-1][0] >= column:
            ways.pop()
        inside = ways[-1][1]
        folders.setdefault(inside, set()).add(name)
        ways.append((column, f"{inside.rstrip('/')}/{name}"))
    return {path: frozenset(names) for path, names in folders.items() if not gets_version(path, content)}


def gets_version(path: str, content: str) -> bool:
    """True where the text names a version below such a folder, as one that tells how to make it does."""
    return bool(re.search(rf"(?<![\w.-]){re.escape(path.rpartition('/')[2])}/\d+(?![\w.])", content))


def without_version(folders: Mapping[str, frozenset[str]], source: str) -> str:
    """The one drawn folder that this path must be, where a SavedModel lies right in it; "" where none is sure."""
    sought = known(source)
    found = [path for path in folders if sought and _agree(known(path), sought)]
    if len(found) != 1:
        return ""
    names = folders[found[0]]
    return found[0] if not numbered(names) and names & {"saved_model.pb", "saved_model.pbtxt"} else ""


def model_inside(folders: Mapping[str, frozenset[str]], source: str) -> str:
    """The name of the one drawn folder of versions right below this path, which holds none itself; "" where it does."""
    sought = known(source)
    found = [path for path in folders if sought and _agree(known(path), sought)]
    names = folders[found[0]] if len(found) == 1 else frozenset()
    inside = [name for name in names if any(map(_NUMBER.fullmatch, folders.get(f"{found[0]}/{name}", ())))]
    return inside[0] if len(inside) == 1 and not numbered(names) else ""


def numbered(names: Iterable[str]) -> bool:
    """True where a version is among these names, or one that is left out may be."""
    return any(_NUMBER.fullmatch(name) or _LEFT_OUT.search(name) for name in names)


def one_level_off(folders: Mapping[str, frozenset[str]], source: str) -> str:
    """The one drawn folder above this path, where it holds numbers alone: versions, and no folder of a model's own."""
    above, _, name = source.rstrip("/").rpartition("/")
    sought = known(above)
    found = [path for path in folders if sought and _agree(known(path), sought)]
    alone = len(found) == 1 and all(_NUMBER.fullmatch(each) for each in folders[found[0]])
    return found[0] if alone and not _NUMBER.fullmatch(name) else ""


def known(path: str) -> list[str]:
    """The names at a path's end that are certain: those behind the last variable, without what means "here"."""
    parts = [part for part in path.split("/") if part not in ("", ".", "~")]
    unsure = max((place for place, part in enumerate(parts) if re.search(r"[$`<{(%]", part)), default=-1)
    return parts[unsure + 1 :]


def _agree(drawn: list[str], sought: list[str]) -> bool:
    """True where one path ends as the other does: in two names, or in the one that is told."""
    length = min(len(drawn), len(sought), 2)
    return length > 0 and drawn[-length:] == sought[-length:]
