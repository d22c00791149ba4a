"""What the code says of itself is there: the exceptions its docstrings name, the files that it cites."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CITED = re.compile(r"(?<![\w/.-])(?:lib|tests|notebooks|params|docker|docs|shared)/[\w./*-]*\w")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    """Every module of ours, parsed."""
    return {path: ast.parse(path.read_text()) for path in sorted((ROOT / "lib").rglob("*.py"))}


def docstrings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED):
            yield getattr(node, "name", "the module"), ast.get_docstring(node) or ""


def raised(text: str) -> list[str]:
    section = re.search(r"^Raises:\n((?:^(?: +.*)?\n?)*)", text, re.M)
    return re.findall(r"^ {4}([A-Za-z_]+):", section[1], re.M) if section else []


def imported(tree: ast.Module) -> set[str]:
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def test_an_exception_that_a_docstring_names_exists(trees) -> None:
    ours = {node.name for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    unknown = [
        f"{path.relative_to(ROOT)}: {name} raises {error}"
        for path, tree in trees.items()
        for name, text in docstrings(tree)
        for error in raised(text)
        if error not in ours | set(dir(builtins)) | imported(tree)
    ]
    assert unknown == []


def test_a_file_that_the_code_cites_is_in_the_repository(trees) -> None:
    missing = []
    for path, tree in trees.items():
        said = [text for _, text in docstrings(tree)]
        said += [line.split("#")[-1] for line in path.read_text().splitlines() if "#" in line]
        cited = {name for text in said for name in CITED.findall(text)}
        missing += [f"{path.relative_to(ROOT)}: {name}" for name in sorted(cited) if not list(ROOT.glob(name))]
    assert missing == []


def test_what_these_two_look_for_is_found() -> None:
    said = '"""Do.\n\nRaises:\n    NoSuch: never.\n    ValueError: often.\n\nSee lib/nowhere.py."""'
    assert raised(next(docstrings(ast.parse(said)))[1]) == ["NoSuch", "ValueError"]
    assert CITED.findall(said) == ["lib/nowhere.py"]
