"""A run folder with the default model published in it."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from pathlib import Path

from playbook.export import export


def published(run: Path) -> Path:
    """Export the model with warm-up records of up to eight rows and publish it; returns its base path."""
    shutil.copytree(_made().name, run, dirs_exist_ok=True)
    return (run / "models" / "digits").resolve()


@functools.cache
def _made() -> tempfile.TemporaryDirectory[str]:
    """What each such folder holds, exported once a process, with which it goes."""
    made = tempfile.TemporaryDirectory(prefix="published-run-")
    staged = export.build({"run_dir": made.name, "model_name": "digits", "model": "digits_mlp", "seed": 7})
    export.add_warmup(staged, [1, 8])
    export.publish_version(staged, Path(made.name), 0)
    os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)  # set for export: servers that are started next would log nothing
    return made
