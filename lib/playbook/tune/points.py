"""The points of tuning, from a notebook's flat parameters: which models, which promises, which space, which expense."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from playbook.errors import ParameterError
from playbook.promise import Promise
from playbook.records import environment, record, run_folder
from playbook.serve.cores import split_cpus
from playbook.serve.spec import ServerSpec, tls_of
from playbook.stress.load import Load
from playbook.tfserving.config import Config
from playbook.tfserving.mergeable import padded, unbatchable, with_padding, without_batching
from playbook.tfserving.mix import Mix
from playbook.tune.objective import Objective
from playbook.tune.plan import TuningPlan, TuningPoint
from playbook.tune.search import Budget

CALLS, MOST_CALLS = "grpc_max_threads", 64  # the knob that joins a space of gRPC requests, and its value at least


def points_of(settings: Mapping[str, Any]) -> list[TuningPoint]:
    """One point for each model and each limit of p99, all checked before any server is started.

    Args:
        settings: The parameters of 60_tune.

    Raises:
        ParameterError: A space or an objective that contradicts itself, or a server that is not ours to start.
        RecordUnreadable: A model was not exported.
    """
    if settings["server"] == "attach":
        raise ParameterError(
            "60_tune starts servers of its own, one configuration after the other; server 'attach' is somebody "
            "else's. Tune with embedded, binary or docker, or let 70_adapt change a running server."
        )
    plan = plan_of(settings)
    if settings["server"] == "embedded" and not environment.compiled(environment.READER):
        _check_protocols(plan.space)
    _check_requests(plan, Mix.of(settings))
    limits = [plan.objective.promise.p99_limit_ms, *settings["slo_points"]]
    points = [
        _point(Path(run_dir), limit, plan, settings)
        for run_dir in (settings["run_dir"], *settings["other_runs"])
        for limit in dict.fromkeys(map(float, limits))
    ]
    names = [point.name for point in points]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ParameterError(
            f"other_runs leads to {', '.join(twice)} more than once. Points are told by model_name and limit: export "
            "one of the models under another model_name."
        )
    return points


def plan_of(settings: Mapping[str, Any]) -> TuningPlan:
    """The plan all points share."""
    promise = Promise.of(settings)
    rate, windows, tolerance = (settings[name] for name in ("objective_rate_rps", "windows", "tolerance"))
    return TuningPlan(
        space=_with_calls({name: list(values) for name, values in settings["space"].items()}, settings),
        objective=Objective(promise, settings["objective"], rate, windows, tolerance),
        base=Config(protocol=settings["protocol"]),
        search=settings["search"],
        budget=Budget(settings["max_trials"], settings["max_minutes"], settings["patience"]),
        frontier=settings["frontier"],
        finalists=settings["finalists"],
        probe_clients=settings["probe_clients"],
        repeats=settings["gain_repeats"],
        ablation=settings["ablation"],
        seed=settings["seed"],
    )


def _with_calls(space: Mapping[str, Sequence[Any]], settings: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """The space with room for enough gRPC calls at a time, where requests may come by gRPC and it says nothing of that.

    TensorFlow Serving takes four a core and refuses what comes beyond it ("Server Threadpool Exhausted"): no batch of
    more forms, whatever max_batch_size says.
    """
    if CALLS in space or "grpc" not in (settings["protocol"], *space.get("protocol", ())):
        return dict(space)
    most = max((n for n in space.get("rest_api_num_threads", ()) if isinstance(n, int)), default=0)
    return {**space, CALLS: [max(most, MOST_CALLS, settings["probe_clients"])]}


def load_of(settings: Mapping[str, Any]) -> Load:
    """The client's side: the requests, window, ramp-up, cores."""
    _, client = split_cpus(settings["server_cpus"], settings["client_cpus"])
    requests = {name: settings[name] for name in ("protocol", "rows_per_request", "request_mix", "timeout_s")}
    return Load(duration_s=settings["trial_s"], ramp_up_s=settings["trial_ramp_up_s"], client_cpus=client, **requests)


def _point(run_dir: Path, limit_ms: float, plan: TuningPlan, settings: Mapping[str, Any]) -> TuningPoint:
    exported = record.load(run_dir, "export")
    server, _ = split_cpus(settings["server_cpus"], settings["client_cpus"])
    results = exported["results"]
    if why := unbatchable(results):
        plan = replace(plan, space=without_batching(plan.space), unbatched=why)
    elif padded(results):
        plan = replace(plan, space=with_padding(plan.space), padded=results["merging"]["shapes"])
    _check_warmup(exported, plan)
    objective = replace(plan.objective, promise=replace(plan.objective.promise, p99_limit_ms=limit_ms))
    base_path = (run_dir / results["base_path"]).resolve()
    tls = tls_of(run_folder.read(run_dir).params("serve"))
    spec = ServerSpec(results["model_name"], base_path, settings["server"], cpus=server, image=settings["image"], **tls)
    return TuningPoint(f"{results['model_name']}-{limit_ms:g}ms", run_dir, spec, replace(plan, objective=objective))


def _check_requests(plan: TuningPlan, mix: Mix) -> None:
    """Requests a server can take: a protocol it speaks, and no more rows than a batch may have."""
    rows = mix.most_rows
    wrong = plan.base.contradictions() + ([] if rows >= 1 else [f"rows_per_request is {rows}; it must be 1 or more"])
    if wrong:
        raise ParameterError("; ".join(wrong) + ".")
    least = min((c.effective("max_batch_size") for c in plan.configs if c.enable_batching), default=rows)
    if least < rows:
        raise ParameterError(
            f"The space has max_batch_size {least}, and a request has rows_per_request {rows}: the server would "
            f"refuse it. Use {rows} or more."
        )


def _check_protocols(space: Mapping[str, Any]) -> None:
    """Without its compiled loops the embedded server's REST takes three times as long, and gRPC would win by that."""
    if len(space.get("protocol", ())) > 1:
        raise ParameterError(
            "The space lets REST and gRPC compete, and the embedded server was built without float_reader and "
            "float_writer, so that only its gRPC is at full speed. Install a C compiler and run `pip install --no-deps "
            "-e .` again, tune one protocol, or use server docker or binary."
        )


def _check_warmup(exported: Mapping[str, Any], plan: TuningPlan) -> None:
    """A warm-up record with more rows than max_batch_size fails the load of the version."""
    largest = max(exported["results"].get("warmup_sizes") or [0])
    small = [size for size in plan.space.get("max_batch_size", []) if 0 < size < largest]
    if small:
        raise ParameterError(
            f"The space has max_batch_size {small}, and the model's warm-up records have up to {largest} rows: such a "
            f"version would fail to load. Use {largest} or more, or export with smaller warmup_batch_sizes."
        )
