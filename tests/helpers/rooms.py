"""Who imports whom in lib/, read from the code: rooms (a folder, or a module that lies beside the folders), arrows
between them, arrows that run up, pairs that import each other. Late and type-only imports count.

`python tests/helpers/rooms.py [LIB]` prints the counts."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

LIB = Path(__file__).parents[2] / "lib"
PACKAGES = ("loadgen", "model_server", "playbook")


def name_of(path: Path, lib: Path = LIB) -> str:
    """The dotted name of a module; a package's own for its `__init__`."""
    parts = path.relative_to(lib).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules(package: str, lib: Path = LIB) -> dict[str, Path]:
    """Every module of a package by its dotted name."""
    return {name_of(path, lib): path for path in sorted((lib / package).rglob("*.py"))}


@cache
def parsed(path: Path) -> ast.Module:
    """A module's syntax tree: every wall looks at it."""
    return ast.parse(path.read_text())


def imported(path: Path, known: Mapping[str, Path], late: bool = True) -> set[str]:
    """The modules of `known` that a module imports: at its top, and, when `late`, inside functions or for types alone.

    `from room import part` needs the part, not the room's own `__init__`, where the part is a module.
    """
    tree = parsed(path)
    nodes = ast.walk(tree) if late else (node for top in tree.body if not _later(top) for node in ast.walk(top))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= parts & known.keys() | (set() if parts <= known.keys() else {node.module})
    return names & known.keys()


def _later(node: ast.stmt) -> bool:
    types_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    return types_only or isinstance(node, (ast.FunctionDef, ast.ClassDef))


def room_of(module: str) -> str:
    """The folder a module lies in; a module beside the folders is a room of its own."""
    return module.split(".")[1] if "." in module else ""


def arrows(package: str, lib: Path = LIB) -> dict[str, set[str]]:
    """For each room, the rooms that it imports. The package's own `__init__` is its entrance and counts for none."""
    known = modules(package, lib)
    rooms: dict[str, set[str]] = {room_of(name): set() for name in known if name != package}
    for name, path in known.items():
        if name != package:
            targets = {room_of(other) for other in imported(path, known) if other != package}
            rooms[room_of(name)] |= targets - {room_of(name)}
    return rooms


def told_order(package: str, lib: Path = LIB) -> list[str]:
    """The rooms of a package from low to high, as the table in its README tells them (`room/` or `module.py`)."""
    text = (lib / package / "README.md").read_text()
    return [name.removesuffix(".py").rstrip("/") for name in re.findall(r"^\| `([a-z0-9_]+(?:/|\.py))` \|", text, re.M)]


def mutual(rooms: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Pairs of rooms that import each other."""
    return sorted((one, two) for one in rooms for two in rooms[one] if one < two and one in rooms.get(two, ()))


def circular(rooms: dict[str, set[str]]) -> set[str]:
    """Rooms of which no order lets every import run down; empty where there is one."""
    left = {room: set(needs) for room, needs in rooms.items()}
    while ready := {room for room, needs in left.items() if not needs & left.keys()}:
        left = {room: needs for room, needs in left.items() if room not in ready}
    return set(left)


def upward(rooms: dict[str, set[str]], order: Iterable[str]) -> list[tuple[str, str]]:
    """Imports of a room that stands above, in an order told low to high."""
    height = {room: number for number, room in enumerate(order)}
    return sorted((room, other) for room, needs in rooms.items() for other in needs if height[other] > height[room])


def fewest_upward(rooms: dict[str, set[str]]) -> int:
    """Arrows that run up in a good order of rooms: each time the room that needs fewest of those not yet placed."""
    left, up = dict(rooms), 0
    while left:
        room = min(left, key=lambda name: (len(left[name] & left.keys() - {name}), name))
        up += len(left[room] & left.keys() - {room})
        del left[room]
    return up


def main(lib: Path = LIB) -> None:
    """Print the counts of each package."""
    for package in PACKAGES:
        rooms = arrows(package, lib)
        lines = sum(len(path.read_text().splitlines()) for path in modules(package, lib).values())
        print(
            f"{package}: {len(rooms)} rooms, {sum(map(len, rooms.values()))} arrows, {fewest_upward(rooms)} upward, "
            f"{len(mutual(rooms))} pairs that import each other, {len(circular(rooms))} rooms in circles, "
            f"{len(modules(package, lib))} modules, {lines} lines"
        )
        for one, two in mutual(rooms):
            print(f"    {one} <-> {two}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
