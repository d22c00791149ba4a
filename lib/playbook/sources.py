"""Where a model comes from: a recipe, a .keras file, a SavedModel directory, or a function that builds one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from playbook.errors import ModelError

if TYPE_CHECKING:
    from playbook.recipes import Trained


def save(model: str, path: Path, seed: int) -> Trained | None:
    """Write the model as a SavedModel to `path`; a recipe also gives its held-out rows.

    Raises:
        ModelError: the model cannot be found, built or saved; says what was tried.
    """
    from playbook import recipes

    if model in recipes.RECIPES:
        return recipes.RECIPES[model](path, seed)
    raise ModelError(f"model {model!r} is no recipe ({', '.join(recipes.RECIPES)}).")
