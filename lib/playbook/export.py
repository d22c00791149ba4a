"""Export: a model becomes a version ready to serve, with the proof that it is right.

Everything is done and checked in a staging place; `publish` makes it a version by one rename.
TensorFlow is imported when the first function is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from playbook import curve, publish, signatures, sources, warmup
from playbook.errors import ModelError
from playbook.reference import Arrays, Reference
from playbook.signatures import Signature

if TYPE_CHECKING:
    from playbook.recipes import Trained

REFERENCE_ROWS = 512
MODELS = "models"


@dataclass(frozen=True)
class Staged:
    """A SavedModel that is not a version yet, with rows for each of its signatures and its own answers to them."""

    model: str
    path: Path
    base: Path
    signatures: list[Signature]
    rows: dict[str, Arrays]
    reference: Reference
    trained: Trained | None = None

    @property
    def signature(self) -> Signature:
        """The signature that is measured and checked later."""
        return signatures.pick(self.signatures, self.reference.signature)


def build(run_dir: Path, model_name: str, model: str, seed: int, signature: str = "serving_default") -> Staged:
    """Take a model from its source to a staged SavedModel and ask it for its reference answers.

    Raises:
        ModelError: the source, the signature or the rows are wrong; nothing is left behind.
    """
    from playbook.savedmodel import Loaded

    base = Path(run_dir).resolve() / MODELS / model_name
    place = publish.stage(base)
    path = place / "as_trained"
    with publish.writing(place):
        trained = sources.save(model, path, seed)
        found = signatures.read(path)
        chosen = signatures.pick(found, signature)
        rows = dict(trained.rows)
        with Loaded(path) as loaded:
            inputs = {alias: array[:REFERENCE_ROWS] for alias, array in rows[chosen.name].items()}
            reference = Reference(chosen.name, inputs, loaded.run(chosen, inputs))
    return Staged(model, path, base, found, rows, reference, trained)


def quality(staged: Staged, answers: Arrays | None = None) -> dict[str, Any] | None:
    """How good the answers are on held-out rows: accuracy, or R². None where there are no labels.

    Args:
        answers: Of the reference rows; the model's own by default.
    """
    trained = staged.trained
    if trained is None:
        return None
    seen = judged(answers or staged.reference.outputs)
    labels = trained.labels[: len(seen)]
    if trained.metric == "accuracy":
        value = float((seen.argmax(axis=1) == labels).mean())
    else:
        value = 1 - float(((seen.ravel() - labels) ** 2).sum() / ((labels - labels.mean()) ** 2).sum())
    return {"metric": trained.metric, "value": round(value, 5), "rows": len(labels)}


def judged(answers: Arrays) -> np.ndarray:
    """The output that holds scores or values: the first one of decimals."""
    return next(array for _, array in sorted(answers.items()) if array.dtype.kind == "f")


def add_warmup(staged: Staged, sizes: Sequence[int]) -> int:
    """Put warm-up requests for every signature and batch size inside, and replay them on a fresh load.

    Returns:
        The number of records.

    Raises:
        ModelError: too many records, or the model refuses one.
    """
    from playbook.savedmodel import Loaded, replay

    records = [log for s in staged.signatures for log in warmup.logs(s, staged.rows[s.name], sizes)]
    with publish.writing(staged.path.parent):
        count = warmup.write(staged.path, records)
        with Loaded(staged.path) as loaded:
            replayed = replay(loaded, warmup.read(staged.path))
    if replayed != count:
        raise ModelError(f"{count} warm-up records were written and {replayed} replayed. Export again.")
    return count


def batch_curve(staged: Staged, sizes: Sequence[int], budget_s: float) -> dict[str, Any]:
    """Milliseconds a batch against its rows, on one thread of this machine, with the fit `a + b·n`."""
    from playbook.savedmodel import Loaded

    with Loaded(staged.path) as loaded:
        measured = curve.measure(loaded.runner(staged.signature), staged.reference.inputs, sizes, budget_s)
    return {**measured, "threads": 1, "signature": staged.signature.name}


def publish_version(staged: Staged, run_dir: Path, version: int = 0) -> int:
    """Make the staged model a version and leave the reference rows in the run folder.

    Raises:
        PublishFailed: the version exists, or the disk refuses; nothing half-published.
    """
    with publish.writing(staged.path.parent):
        staged.reference.save(run_dir)
        return publish.publish(staged.path, staged.base, version)


def results(staged: Staged, run_dir: Path, version: int, measured: Mapping[str, Any]) -> dict[str, Any]:
    """What export.json keeps; `base_path` is relative to the run folder."""
    path = staged.base / str(version)
    return {
        "model_name": staged.base.name,
        "model": staged.model,
        "version": version,
        "base_path": str(staged.base.relative_to(Path(run_dir).resolve())),
        "fingerprint": publish.fingerprint(path),
        "size_bytes": publish.size_bytes(path),
        "signature": staged.signature.name,
        "signatures": [signature.described() for signature in staged.signatures],
        "reference_rows": len(staged.reference),
        "quality": quality(staged),
        **measured,
    }


def verdict(results: Mapping[str, Any]) -> str:
    """One sentence: what was published, how good it is, how fast on one core."""
    good = results["quality"]
    says = f", {good['metric']} {good['value']:.3f} on {good['rows']} held-out rows" if good else ""
    curve_ms = results["batch_curve"]["latency_ms"][0]
    return (
        f"{results['model_name']} version {results['version']} ({results['model']}) is published{says}; "
        f"one row takes {curve_ms:.2g} ms on one core; {results['warmup_records']} warm-up records inside, replayed."
    )
