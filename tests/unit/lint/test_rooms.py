"""The rooms of lint: none imports one that stands above it in its README."""

import re
from pathlib import Path

import rooms

LINT = Path(__file__).parents[3] / "lib" / "playbook" / "lint"


def test_no_room_of_lint_imports_one_that_stands_above_it():
    order = re.findall(r"^\| `(\w+)/` \|", (LINT / "README.md").read_text(), re.MULTILINE)
    assert sorted(order) == sorted(path.parent.name for path in LINT.glob("*/__init__.py"))
    known = rooms.modules("playbook")
    height = {name: order.index(name.split(".")[2]) for name in known
              if name.startswith("playbook.lint.") and name.split(".")[2] in order}  # fmt: skip
    upward = [(name, other) for name, path in known.items() if name in height
              for other in rooms.imported(path, known)
              if other.startswith("playbook.lint") and height.get(other, len(order)) > height[name]]  # fmt: skip
    assert len(height) > 60
    assert upward == []
