"""Reference rows with the model's own answers: of the measured signature, and of others that a request mix names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from playbook.errors import ModelError
from playbook.export import asked, inputs, merging
from playbook.tfserving import messages, ragged, signatures
from playbook.tfserving.mix import Mix
from playbook.tfserving.reference import Arrays, Reference
from playbook.tfserving.signatures import Signature

_READ = {"string", *(dtype.name for dtype in messages.DTYPES.values())}
BESIDE_S = 3.0  # seconds for the rows of each further signature


def of(
    path: Path, signature: Signature, rows: Arrays, ignored: Sequence[str] = (), budget_s: float = asked.BUDGET_S
) -> tuple[Reference, list[str]]:
    """The model's answers to as many rows as there is time for, and what is remarkable about them.

    Raises:
        ModelError: the model refuses, an output that is to be ignored is not there, or one has a type that this
            playbook does not read.
    """
    from playbook.export.savedmodel import Loaded

    names = [tensor.alias for tensor in signature.outputs]
    if unknown := [name for name in ignored if name not in names]:
        raise ModelError(f"ignore_outputs names {', '.join(unknown)}; signature {signature.name!r} answers {names}.")
    if set(ignored) >= set(names):
        raise ModelError(f"ignore_outputs names every output of {signature.name!r}: nothing would be checked at all.")
    for tensor in signature.outputs:
        if tensor.dtype not in _READ:
            raise ModelError(
                f"Output {tensor.alias!r} has type {tensor.dtype}, which this playbook does not read. Cast it inside "
                "the model, or export a signature without it."
            )
    fixed = inputs.fixed_rows(signature)
    with Loaded(path) as loaded:
        answers = asked.ask(lambda part: loaded.run(signature, part), rows, fixed, budget_s)
    remarks, count = [], ragged.count(answers.inputs)
    if count < min(asked.MOST_ROWS, ragged.count(rows)):
        remarks.append(f"{count} reference rows, not {ragged.count(rows)}: one takes {answers.row_s:.2g} s.")
    if moody := [name for name in answers.unstable if name not in ignored]:
        remarks.append(
            f"The same row asked twice gets different {', '.join(moody)}: a random or stateful output cannot be "
            f"checked while it is served. Leave it out: ignore_outputs: [{', '.join([*ignored, *moody])}]."
        )
    if mixed := [name for name in answers.by_company if name not in ignored]:
        left = [*ignored, *mixed]
        leave = f" Leave it out of the checks: ignore_outputs: [{', '.join(left)}]." if set(left) < set(names) else ""
        remarks.append(
            f"The same row gets a different {', '.join(mixed)} when it is asked alone than among others: the answer to "
            f"one user depends on who asks beside them as soon as requests share a batch, or have several rows.{leave}"
        )
    return Reference(signature.name, answers.inputs, answers.outputs, fixed, tuple(ignored)), remarks


def beside(
    path: Path, known: Sequence[Signature], chosen: str, mix: Mix, rows: Mapping[str, Arrays]
) -> dict[str, Reference]:
    """The references of the signatures that the mix names beside the chosen one.

    Raises:
        ModelError: the model has no such signature, or there are no rows for it.
    """
    held = {}
    for name in mix.signatures:
        if name in ("", chosen):
            continue
        signature = signatures.pick(known, name)
        if name not in rows:
            raise ModelError(
                f"request_mix names signature {name!r}, and there are no rows that it takes. Give them in `rows_file`."
            )
        held[name], _ = of(path, signature, rows[name], budget_s=BESIDE_S)
    return held


def merged(
    path: Path, known: Sequence[Signature], references: Sequence[Reference], model: str
) -> merging.Merging | None:
    """What padding does to the answers, of the signature for which it does the worst; None where lengths are alike."""
    seen = [merging.of(path, signatures.pick(known, one.signature), one, model) for one in references]
    found = [one for one in seen if one is not None]
    return max(found, key=lambda one: (one["refused"] is not None, one["changed_rows"]), default=None)
