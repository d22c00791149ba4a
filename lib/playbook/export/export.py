"""Export: a model becomes a version ready to serve, with the proof that it is right.

Everything is done and checked in a staging place; `publish_version` makes it a version by one rename.
TensorFlow is imported when the first function is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from playbook import markdown, progress
from playbook.export import (
    budget,
    curve,
    heldout,
    inputs,
    merging,
    publish,
    references,
    safety,
    servable,
    sources,
    trial,
)
from playbook.export.heldout import HeldOut
from playbook.records import names
from playbook.tfserving import ragged, signatures, warmup_file
from playbook.tfserving.mix import Mix
from playbook.tfserving.reference import Reference
from playbook.tfserving.signatures import Signature

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
    merged: merging.Merging | None = None  # of requests of different lengths; None where all are alike
    others: Mapping[str, Reference] = field(default_factory=dict)  # of further signatures of the request mix

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
            `open_size`, `ignore_outputs`, `request_mix`, `allow_unsafe_ops` and `server`.

    Raises:
        ModelError: the source, the signature or the rows are wrong; nothing is left behind.
        ParameterError: a model name that no path or URL takes, or a request mix that is none.
        PublishFailed: the run folder is not writable, or the disk full.
        UnsafeModel: the graph reaches outside itself, and that is not allowed.
    """
    names.check("model_name", settings["model_name"])
    allow, model, mix = settings.get("allow_unsafe_ops", False), settings["model"], Mix.of(settings)
    base = Path(settings["run_dir"]).resolve() / MODELS / settings["model_name"]
    place = publish.stage(base)
    path = place / "as_trained"
    with publish.writing(place), publish.speaking_of(path, model):
        progress.doing(f"making or loading {model}")
        trained = sources.save(model, path, settings["seed"], allow)
        unsafe = safety.check(path, allow)
        known = signatures.read(path)
        chosen = signatures.pick(known, settings.get("signature", "serving_default"))
        rows = trained or _collected(path, known, chosen, settings)
        remarks = servable.remarks(path, settings.get("server", "embedded"))
        progress.doing("asking the model for its own answers")
        reference, more = references.of(path, chosen, rows.rows[chosen.name], settings.get("ignore_outputs") or ())
        others = references.beside(path, known, chosen.name, mix, rows.rows)
        merged = references.merged(path, known, [reference, *others.values()], model)
    more += [merging.words(merged)] if merged else []
    rows = replace(rows, warnings=[*remarks, *rows.warnings, *more])
    return Staged(model, path, base, known, rows, reference, unsafe, merged, others)


def _collected(path: Path, known: Sequence[Signature], chosen: Signature, settings: Mapping[str, Any]) -> HeldOut:
    """Rows for a model that brings none; it is asked whether it takes them."""
    from playbook.export.savedmodel import Loaded

    with Loaded(path) as loaded:
        refuses = trial.of(loaded, str(settings["model"]))
        return heldout.collect(known, chosen, signatures.meta_graph(path), path, settings, refuses)


def plan(staged: Staged, settings: Mapping[str, Any], warmup_sizes: Sequence[int]) -> budget.ExportPlan:
    """Time one run, then plan batch sizes, forms and warm-up inside the seconds that the parameters give.

    Args:
        staged: The model.
        settings: The notebook's `curve_batch_sizes`, `curve_s`, `variants`, `variant_batch_sizes` and `variant_s`.
        warmup_sizes: Rows of the warm-up requests that are wished for.
    """
    from playbook.export.savedmodel import Loaded

    fixed = inputs.fixed_rows(staged.signature)
    with publish.speaking_of(staged.path, staged.model), Loaded(staged.path) as loaded:
        cost = budget.probe(loaded.runner(staged.signature), staged.reference.inputs, fixed)
        cost = replace(cost, nodes=loaded.nodes, load_s=loaded.load_s, stretch=loaded.stretch, lists=loaded.lists)
        cost = replace(cost, weights_mb=loaded.weights_mb(staged.signature))
    cost = replace(cost, mb=publish.size_bytes(staged.path) / 1e6)
    row_bytes = ragged.json_bytes(staged.reference.inputs) / 3
    sizes = [size for size in warmup_sizes if size * row_bytes <= budget.WARMUP_BYTES] or list(warmup_sizes)[:1]
    wishes = {**settings, "warmup_sizes": sizes}
    return budget.make(cost, wishes, fixed, len(staged.reference), len(staged.held_out.rows))


def quality(staged: Staged) -> dict[str, Any] | None:
    """How good the model is on rows it never saw; None where there are no labels."""
    return staged.held_out.quality(staged.reference.outputs)


def add_warmup(staged: Staged, sizes: Sequence[int]) -> int:
    """Put warm-up requests inside, for every signature that there are rows for and every batch size, and replay them.

    Returns:
        The number of records.

    Raises:
        ModelError: too many records, or the model refuses one.
        PublishFailed: they cannot be written.
    """
    from playbook.export.savedmodel import Loaded, replay

    rows, records = staged.held_out.rows, list[bytes]()
    for signature in staged.signatures:
        if signature.name in rows:
            fixed = inputs.fixed_rows(signature)
            records += warmup_file.logs(signature, rows[signature.name], [fixed] if fixed else sorted(set(sizes)))
    with publish.writing(staged.path.parent), publish.speaking_of(staged.path, staged.model):
        count = warmup_file.write(staged.path, records)
        with Loaded(staged.path) as loaded:
            replay(loaded, warmup_file.read(staged.path) if count else [])
    return count


def batch_curve(staged: Staged, sizes: Sequence[int], budget_s: float) -> dict[str, Any]:
    """Milliseconds a batch against its rows, on one thread of this machine, with the fit `a + b·n`."""
    from playbook.export.savedmodel import Loaded

    with publish.speaking_of(staged.path, staged.model), Loaded(staged.path) as loaded:
        run = loaded.runner(staged.signature)
        measured = curve.measure(run, staged.reference.inputs, staged.batch_sizes(sizes), budget_s)
        asked = [
            (one.signature, loaded.runner(signatures.pick(loaded.signatures, one.signature)), one.inputs)
            for one in (staged.reference, *staged.others.values())
        ]
        several = len(asked) > 1 or len(ragged.alike(staged.reference.inputs)) > 1
        shapes = curve.by_shape(asked) if several and not staged.reference.fixed_rows else []
    measured["shapes"] = shapes
    return {**measured, "threads": 1, "signature": staged.signature.name, "machine": curve.machine()}


def with_model(staged: Staged, path: Path) -> Staged:
    """The same model in another form, to be published instead; its own answers become the reference."""
    known = signatures.read(path)
    chosen = signatures.pick(known, staged.reference.signature)
    reference, _ = references.of(path, chosen, staged.reference.inputs, staged.reference.ignored)
    others = {
        name: references.of(path, signatures.pick(known, name), other.inputs)[0]
        for name, other in staged.others.items()
    }
    return replace(staged, path=path, signatures=known, reference=reference, others=others)


def publish_version(staged: Staged, run_dir: str | Path, version: int = 0) -> int:
    """Make the staged model a version and leave the reference rows in the run folder.

    Raises:
        PublishFailed: the version exists, or the disk refuses; nothing half-published.
    """
    with publish.writing(staged.path.parent):
        staged.reference.save(Path(run_dir))
        for other in staged.others.values():
            other.save(Path(run_dir), beside=True)
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
        "row_bytes": round(ragged.json_bytes(staged.reference.inputs)),
        "max_rows_per_request": staged.reference.fixed_rows,
        "ignored_outputs": list(staged.reference.ignored),
        "merging": staged.merged,
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
        f"published{says}; {rows} {markdown.number(curve_['latency_ms'][0])} ms on one core; "
        f"{_warmups(results['warmup_records'])} inside, all replayed.{advice}"
    )


def _warmups(count: int) -> str:
    return f"{count} warm-up request{'s' * (count != 1)}"


def warnings(results: Mapping[str, Any]) -> list[str]:
    """What was left out, and what makes the quality or the batch curve less sure."""
    left_out = [f"Left out: {one}." for one in (results.get("plan") or {}).get("left_out", ())]
    return [*results["doubts"], *left_out, *curve.doubts(results["batch_curve"])]
