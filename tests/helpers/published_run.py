"""A run folder with the default model published in it."""

from __future__ import annotations

from pathlib import Path

from playbook.export import export


def published(run: Path) -> Path:
    """Export the model with warm-up records of up to eight rows and publish it; returns its base path."""
    staged = export.build({"run_dir": str(run), "model_name": "digits", "model": "digits_mlp", "seed": 7})
    export.add_warmup(staged, [1, 8])
    export.publish_version(staged, run, 0)
    return (run / "models" / "digits").resolve()
