"""The plan of the whole chain before anything of it runs: what each stage would do, how long, and what is left out.

Each stage plans itself by functions of its own, as it does before it begins. They need what export would have timed:
it is taken from the newest run of the same model, else one run of the model is timed now, in a scratch folder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from loadgen import temporary
from playbook import adapt, analyze, deploy, drill, export, prove, serve, tune, warmup
from playbook.chain import params, pipeline
from playbook.drill import practising
from playbook.errors import PlaybookError
from playbook.export import budget
from playbook.records import record, runs
from playbook.records.batch_curve import asked_ms, request_ms, wire_ms
from playbook.serve.expense import start_s
from playbook.stage_plan import StagePlan, spoken, stretch
from playbook.stress import expense as stressing
from playbook.stress import schedule
from playbook.stress.load import load_of
from playbook.tfserving import ragged
from playbook.tune.outlook import UNKNOWN_MS
from playbook.warmup.coldstart import fitted

AROUND_S = 1.5  # of a stage: its kernel, its figures, its record and page
IMPORT_S = 7.0  # TensorFlow, in the stage that needs it
SAME_MODEL = ("model", "model_name", "signature", "rows_file", "input_shapes")

Settings = Mapping[str, Any]


class Told(NamedTuple):
    """The plan of one stage; `around_s` are its seconds beside what it plans itself."""

    verb: str
    plan: StagePlan
    around_s: float = AROUND_S

    @property
    def whole_s(self) -> float:
        """Seconds from its kernel's start to its record."""
        return self.plan.expected_s + self.around_s * stretch()


def plan(params_path: Path, overrides: Settings, outputs: Path, only: list[str], start: str | None) -> str:
    """The plan in words, a line a stage.

    Raises:
        ParameterError: a parameter or a verb that cannot be used, as `playbook run` says it.
        ModelError: the model cannot be made, or refuses its rows.
    """
    verbs = pipeline.choose(only, start)
    settings = _settings({**params.read(params_path), **overrides})
    with _known(settings["export"], outputs) as (run_dir, source, export_plan):
        asked = {verb: params.of_the_model(settings[verb] | {"run_dir": str(run_dir)}) for verb in verbs}
        told = [_told(verb, asked[verb], export_plan) for verb in verbs]
        exported = record.load(run_dir, "export")["results"]
    return _words(params_path, exported, source, told)


def _settings(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each verb's parameters, defaults included, all checked."""
    values.pop("run_dir", None)
    notebooks = {verb: runs.NOTEBOOK_DIR / f"{name}.ipynb" for verb, name in runs.NOTEBOOKS.items()}
    selected = params.select(values, notebooks.values())
    params.check_values(values)
    return {
        verb: {name: default for name, (_, default) in params.declared(path).items()} | selected[path]
        for verb, path in notebooks.items()
    }


@contextmanager
def _known(settings: dict[str, Any], outputs: Path) -> Iterator[tuple[Path, str, StagePlan]]:
    """A scratch run folder with what is known of the model, whence it is known, and the plan of its export."""
    with temporary.folder("plan-") as folder:
        run_dir = folder / "run"
        run_dir.mkdir()
        if earlier := _earlier(settings, outputs):
            for verb in ("export", "serve", "stress"):
                record.copy(earlier, run_dir, verb)
            yield run_dir, f"as {earlier.name} timed it", _export_again(settings, run_dir)
            return
        yield run_dir, "timed just now", _time_one(settings, run_dir)


def _earlier(settings: Settings, outputs: Path) -> Path | None:
    """The newest run of the same model that was exported."""
    for folder in sorted((path.parent for path in outputs.glob("*/export.json")), reverse=True):
        if folder.name == runs.EXAMPLE:
            continue
        try:
            kept = record.load(folder, "export")
        except PlaybookError:
            continue
        if all(kept["params"].get(name) == settings[name] for name in SAME_MODEL) and kept["results"].get("plan"):
            return folder
    return None


def _export_again(settings: Settings, run_dir: Path) -> StagePlan:
    """The plan of exporting a model whose batch curve and size are known."""
    kept = record.load(run_dir, "export")["results"]
    one, line = request_ms(kept, 1) or UNKNOWN_MS, (kept.get("batch_curve") or {}).get("fit") or {}
    timed = kept["plan"]
    cost = budget.Cost(
        fixed_s=(line.get("a_ms") or 0.0) / 1e3,
        row_s=(line.get("b_ms") or one) / 1e3,
        mb=kept["size_bytes"] / 1e6,
        weights_mb=timed.get("weights_mb") or 0.0,
        nodes=timed.get("operations") or 0,
        load_s=timed.get("load_s") or 0.0,
        first_s=timed.get("first_run_s") or 0.0,
    )
    return _export_plan(settings, cost, kept.get("max_rows_per_request"), kept["reference_rows"])


def _time_one(settings: dict[str, Any], run_dir: Path) -> StagePlan:
    """Make the model, time one run of it, and leave a record of that as export would."""
    began = time.monotonic()
    staged = export.build({**settings, "run_dir": str(run_dir)})
    made_s = time.monotonic() - began
    planned = export.plan(staged, settings, _warmup_sizes(settings))
    cost, fixed = planned.cost, staged.reference.fixed_rows
    curve_sizes = [fixed] if fixed else sorted(planned.curve_sizes)
    curve = {"batch_sizes": curve_sizes, "latency_ms": [1e3 * cost.of(size) for size in curve_sizes]}
    curve["fit"] = {"a_ms": 1e3 * cost.fixed_s, "b_ms": 1e3 * cost.row_s}
    results = {
        "model_name": staged.base.name,
        "base_path": str(staged.base.relative_to(run_dir.resolve())),
        "size_bytes": int(cost.mb * 1e6),
        "signature": staged.signature.name,
        "signatures": [signature.described() for signature in staged.signatures],
        "reference_rows": len(staged.reference),
        "row_bytes": round(ragged.json_bytes(staged.reference.inputs)),
        "plan": export.held(planned),
        "max_rows_per_request": fixed,
        "warmup_sizes": list(planned.warmup_sizes),
        "batch_curve": curve,
    }
    record.save(run_dir, "export", params=settings, results=results, verdict="")
    own = export.stage(planned)
    return StagePlan.of([("the model is made and asked", made_s), *own.parts], own.left_out)


def _export_plan(settings: Settings, cost: budget.Cost, fixed: int | None, rows: int) -> StagePlan:
    return export.stage(budget.make(cost, {**settings, "warmup_sizes": _warmup_sizes(settings)}, fixed, rows))


def _warmup_sizes(settings: Settings) -> list[int]:
    asked = (settings[name] for name in ("warmup_batch_sizes", "allowed_batch_sizes", "max_batch_size"))
    return export.warmup_sizes(*asked)


def _told(verb: str, settings: dict[str, Any], export_plan: StagePlan) -> Told:
    """What one stage would take, by its own planning."""
    run_dir = Path(settings["run_dir"])
    if verb == "export":
        return Told(verb, export_plan, AROUND_S + IMPORT_S)
    planner = PLANNERS.get(verb)
    exported = record.load(run_dir, "export")["results"]
    return Told(verb, planner(settings, exported, run_dir) if planner else StagePlan.of([(verb, 0.0)]))


def _serve(settings: Settings, exported: Settings, run_dir: Path) -> StagePlan:
    return serve.stage(exported, settings["server"])


def _warmup(settings: Settings, exported: Settings, run_dir: Path) -> StagePlan:
    wished = warmup.ColdStartPlan(
        settings["protocol"], settings["first_requests"], settings["client_warmup_requests"], settings["warmup_repeats"]
    )
    alone_ms = _alone_ms(exported, run_dir, 1, settings["protocol"])
    return warmup.stage(fitted(wished, alone_ms, start_s(run_dir), settings["warmup_s"], exported))


def _stress(settings: Settings, exported: Settings, run_dir: Path) -> StagePlan:
    asked = (settings[name] for name in ("concurrency", "rates_rps", "rate_shares", "level_repeats", "sweep_s"))
    load = load_of(settings)
    alone_ms = _alone_ms(exported, run_dir, load.mix.usual_most(), load.protocol)
    return stressing.stage(schedule.planned(load, alone_ms, *asked), settings["search_s"], run_dir)


def _analyze(settings: Settings, exported: Settings, run_dir: Path) -> StagePlan:
    return analyze.stage([])


def _tune(settings: Settings, exported: Settings, run_dir: Path) -> StagePlan:
    return tune.stage(tune.points_of(settings), tune.load_of(settings))


def _prove(settings: Settings, exported: Settings, run_dir: Path) -> StagePlan:
    return prove.stage(prove.proof_of(settings))


def _adapt(settings: Settings, exported: Settings, run_dir: Path) -> StagePlan:
    return adapt.stage(adapt.prepare({**settings, "policies": [p for p in settings["policies"] if p != "model"]}))


def _drill(settings: Settings, exported: Settings, run_dir: Path) -> StagePlan:
    return drill.stage(practising.asked(settings))


def _deploy(settings: Settings, exported: Settings, run_dir: Path) -> StagePlan:
    return deploy.stage(run_dir, settings["rehearsal_s"])


PLANNERS: dict[str, Callable[[dict[str, Any], Mapping[str, Any], Path], StagePlan]] = {
    "serve": _serve,
    "warmup": _warmup,
    "stress": _stress,
    "analyze": _analyze,
    "tune": _tune,
    "prove": _prove,
    "adapt": _adapt,
    "drill": _drill,
    "deploy": _deploy,
}


def _alone_ms(exported: Settings, run_dir: Path, rows: int, protocol: str) -> float:
    """One request over the wire, where a server was asked before; else the graph's time and about that of the wire."""
    graph_ms = request_ms(exported, rows)
    return asked_ms(run_dir) or (graph_ms + wire_ms(exported, rows, protocol) if graph_ms else UNKNOWN_MS)


def _words(params_path: Path, exported: Settings, source: str, told: list[Told]) -> str:
    """The plan, a line a stage, then what is left out."""
    rows = exported.get("max_rows_per_request") or 1
    alone = request_ms(exported, rows) or 0.0
    head = f"Plan of {params_path}: one request of {rows} row{'s' * (rows > 1)} of '{exported['model_name']}' takes "
    lines = [f"{head}{alone:.3g} ms on one core ({source}). Nothing was run."]
    for one in told:
        what = ", ".join(part.words for part in one.plan.parts) or "nothing is held"
        lines.append(f"{one.verb:<8} about {spoken(one.whole_s):>8}  {what}")
    lines.append(f"In all about {spoken(sum(one.whole_s for one in told))}.")
    lines += [f"Left out of {one.verb}: {text}." for one in told for text in one.plan.left_out]
    return "\n".join(lines)
