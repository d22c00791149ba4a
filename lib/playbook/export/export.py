"""Export: a model becomes a version ready to serve, with the proof that it is right.

Everything is done and checked in a staging place; `publish_version` makes it a version by one rename.
TensorFlow is imported when the first function is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playbook.errors import ModelError
from playbook.export import curve, heldout, inputs, publish, safety, sources
from playbook.export.heldout import HeldOut
from playbook.tfserving import signatures, warmup_file
from playbook.tfserving.reference import Arrays, Reference
from playbook.tfserving.signatures import Signature

REFERENCE_ROWS = 512
MODELS = "models"


@dataclass(frozen=True)
class Staged:
    """A SavedModel that is not a version yet, with rows for each of its signatures and its own answers to them."""

    model: str
    path: Path
    base: Path
    signatures: list[Signature]
    held_out: HeldOut
    reference: Reference
    unsafe_ops: Sequence[str] = ()

    @property
    def signature(self) -> Signature:
        """The signature that is measured and checked later."""
        return signatures.pick(self.signatures, self.reference.signature)

    def batch_sizes(self, wanted: Sequence[int]) -> list[int]:
        """The sizes asked for, or the only one that a model with a fixed first dimension takes."""
        fixed = inputs.fixed_rows(self.signature)
        return [fixed] if fixed else sorted(set(wanted))


def build(settings: Mapping[str, Any]) -> Staged:
    """Take a model from its source to a staged SavedModel, check it is safe to run, and ask for its own answers.

    Args:
        settings: The notebook's `run_dir`, `model_name`, `model`, `seed`, `signature`, `rows_file`, `input_shapes`,
            `open_size` and `allow_unsafe_ops`.

    Raises:
        ModelError: the source, the signature or the rows are wrong; nothing is left behind.
        UnsafeModel: the graph reaches outside itself, and that is not allowed.
    """
    allow, model = settings.get("allow_unsafe_ops", False), settings["model"]
    base = Path(settings["run_dir"]).resolve() / MODELS / settings["model_name"]
    place = publish.stage(base)
    path = place / "as_trained"
    with publish.writing(place):
        trained = sources.save(model, path, settings["seed"], allow)
        unsafe = safety.check(path, allow)
        found = signatures.read(path)
        chosen = signatures.pick(found, settings.get("signature", "serving_default"))
        rows = trained or _asked(path, found, chosen, settings)
        reference = _answers(path, chosen, rows.rows[chosen.name])
    return Staged(model, path, base, found, rows, reference, unsafe)


def _asked(path: Path, found: Sequence[Signature], chosen: Signature, settings: Mapping[str, Any]) -> HeldOut:
    """Rows for a model that brings none, without those that the model refuses for a signature beside the chosen one."""
    from playbook.export.savedmodel import Loaded

    rows = heldout.collect(found, chosen, signatures.meta_graph(path), settings)
    others = [one for one in found if one.name in rows.rows and one.name != chosen.name]
    kept, warnings = dict(rows.rows), list(rows.warnings)
    with Loaded(path) as loaded:
        for signature in others:
            try:
                loaded.run(signature, kept[signature.name])
            except ModelError as error:
                del kept[signature.name]
                warnings.append(f"No warm-up requests for signature {signature.name!r}: {error}")
    return replace(rows, rows=kept, warnings=warnings)


def _answers(path: Path, signature: Signature, rows: Arrays) -> Reference:
    from playbook.export.savedmodel import Loaded

    fed = {alias: array[:REFERENCE_ROWS] for alias, array in rows.items()}
    with Loaded(path) as loaded:
        outputs = loaded.run(signature, fed)
    count = len(next(iter(fed.values())))
    if strays := [f"{alias} {array.shape}" for alias, array in outputs.items() if array.shape[:1] != (count,)]:
        raise ModelError(
            f"Signature {signature.name!r} answers {count} rows with {', '.join(strays)}: the first dimension is not "
            "the row, so requests cannot be batched. Export a signature with one answer a row."
        )
    return Reference(signature.name, fed, outputs)


def quality(staged: Staged) -> dict[str, Any] | None:
    """How good the model is on rows it never saw; None where there are no labels."""
    return staged.held_out.quality(staged.reference.outputs)


def add_warmup(staged: Staged, sizes: Sequence[int]) -> int:
    """Put warm-up requests for every signature and batch size inside, and replay them on a fresh load.

    Returns:
        The number of records.

    Raises:
        ModelError: too many records, or the model refuses one.
    """
    from playbook.export.savedmodel import Loaded, replay

    rows, records = staged.held_out.rows, []
    for signature in staged.signatures:
        if signature.name in rows:
            fixed = inputs.fixed_rows(signature)
            records += warmup_file.logs(signature, rows[signature.name], [fixed] if fixed else sorted(set(sizes)))
    with publish.writing(staged.path.parent):
        count = warmup_file.write(staged.path, records)
        with Loaded(staged.path) as loaded:
            replay(loaded, warmup_file.read(staged.path) if count else [])
    return count


def batch_curve(staged: Staged, sizes: Sequence[int], budget_s: float) -> dict[str, Any]:
    """Milliseconds a batch against its rows, on one thread of this machine, with the fit `a + b·n`."""
    from playbook.export.savedmodel import Loaded

    with Loaded(staged.path) as loaded:
        run = loaded.runner(staged.signature)
        measured = curve.measure(run, staged.reference.inputs, staged.batch_sizes(sizes), budget_s)
    return {**measured, "threads": 1, "signature": staged.signature.name, "machine": curve.machine()}


def with_model(staged: Staged, path: Path) -> Staged:
    """The same model in another form, to be published instead; its own answers become the reference."""
    found = signatures.read(path)
    chosen = signatures.pick(found, staged.reference.signature)
    reference = _answers(path, chosen, staged.held_out.rows[chosen.name])
    return replace(staged, path=path, signatures=found, reference=reference)


def publish_version(staged: Staged, run_dir: str | Path, version: int = 0) -> int:
    """Make the staged model a version and leave the reference rows in the run folder.

    Raises:
        PublishFailed: the version exists, or the disk refuses; nothing half-published.
    """
    with publish.writing(staged.path.parent):
        staged.reference.save(Path(run_dir))
        return publish.publish(staged.path, staged.base, version)


def results(staged: Staged, run_dir: str | Path, version: int, measured: Mapping[str, Any]) -> dict[str, Any]:
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
        "unsafe_ops": list(staged.unsafe_ops),
        "reference_rows": len(staged.reference),
        "quality": quality(staged),
        "doubts": list(staged.held_out.warnings),
        **measured,
    }


def verdict(results: Mapping[str, Any]) -> str:
    """One sentence: what was published, how good it is, how fast on one core."""
    good, curve_ = results["quality"], results["batch_curve"]
    says = f", {good['metric']} {good['value']:.3f} on {good['rows']} held-out rows" if good else ""
    rows = "one row takes" if curve_["batch_sizes"][0] == 1 else f"{curve_['batch_sizes'][0]} rows take"
    form = results.get("published_variant", "as_trained")
    other = results.get("recommended_variant")
    advice = f" Recommended form: {other}." if other not in (None, form) else ""
    return (
        f"{results['model_name']} version {results['version']} ({results['model']}, {form.replace('_', ' ')}) is "
        f"published{says}; {rows} {curve_['latency_ms'][0]:.2g} ms on one core; "
        f"{results['warmup_records']} warm-up requests inside, all replayed.{advice}"
    )


def warnings(results: Mapping[str, Any]) -> list[str]:
    """What makes the quality or the batch curve less sure."""
    return [*results["doubts"], *curve.doubts(results["batch_curve"])]
