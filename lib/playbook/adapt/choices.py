"""The demonstration that a notebook's flat parameters ask for: choices, bounds, pace and load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from playbook.adapt.controller import Pace
from playbook.adapt.demonstration import Choice, Demonstration
from playbook.adapt.governor import Governor, Rules
from playbook.adapt.policies import POLICIES, Bounds, Policy, aimd, model, threshold
from playbook.errors import ParameterError
from playbook.knobs import LIVE
from playbook.promise import Promise
from playbook.records import record, run_folder
from playbook.records.batch_curve import asked_ms
from playbook.serve.cores import split_cpus
from playbook.serve.spec import ServerSpec, tls_of
from playbook.stress.load import Load
from playbook.tfserving.config import Config
from playbook.tfserving.mergeable import padded, unbatchable
from playbook.tfserving.mix import Mix
from playbook.tune.hopeless import hopeless
from playbook.tune.request_path import RequestPath

LARGE = {"max_batch_size": 64, "batch_timeout_micros": 5000}  # for throughput, when nothing was tuned


def prepare(settings: Mapping[str, Any]) -> Demonstration:
    """Everything the demonstration needs, checked before a server is started.

    Args:
        settings: The parameters of 70_adapt.

    Raises:
        ParameterError: An unknown policy, crossing bounds, a server that is not ours to start, or the policy `model`
            without a tune.json to take the fitted simulator from.
        RecordUnreadable: The model was not exported.
    """
    if settings["server"] == "attach":
        raise ParameterError(
            "70_adapt starts a server of its own; `playbook adapt --url ... --base-path ...` adapts one that runs."
        )
    run, promise = Path(settings["run_dir"]), Promise.of(settings)
    exported, (tuned, untuned) = record.load(run, "export")["results"], _tuned(run)
    low, high = (replace(one, pad_variable_length_inputs=padded(exported)) for one in fixed(settings, tuned))
    _check_rows(settings, low, high)
    server, client = split_cpus(settings["server_cpus"], settings["client_cpus"])
    base_path = (run / exported["base_path"]).resolve()
    mix = Mix.of(settings)
    skipped = hopeless(exported, promise, mix.usual_most(), len(server) or 1) or _nothing_to_change(exported)
    policies = [name for name in settings["policies"] if not (untuned and name == "model")]
    governors = {f"policy {name}": governor(name, settings, promise, low, tuned) for name in policies if not skipped}
    return Demonstration(
        run_dir=run,
        spec=ServerSpec(
            exported["model_name"],
            base_path,
            settings["server"],
            cpus=server,
            image=settings["image"],
            **tls_of(run_folder.read(run).params("serve")),
        ),
        load=Load(
            settings["protocol"],
            ramp_up_s=0.2,
            client_cpus=client,
            rows_per_request=settings["rows_per_request"],
            request_mix=settings["request_mix"],
            seed=settings["seed"],
        ),
        promise=promise,
        pace=Pace(settings["look_every_s"], settings["moving_s"], settings["keep_versions"], settings["dry_run"]),
        choices=[
            Choice("fixed low latency", low),
            Choice("fixed high throughput", high),
            *(Choice(name, low, control) for name, control in governors.items()),
        ],
        highest_rps=settings["highest_rps"] or (tuned["best"]["rate_rps"] if tuned else 0.0),
        request_ms=asked_ms(run) or mix.asked_ms(exported, settings["protocol"]) or 1.0,
        skipped=skipped,
        notes=[f"policy model is left out: tune was skipped ({untuned})"] * (len(policies) < len(settings["policies"])),
    )


def _tuned(run: Path) -> tuple[Mapping[str, Any] | None, str]:
    """The results of tune.json where it found something, and why it was skipped where it was."""
    results = record.load(run, "tune")["results"] if record.has(run, "tune") else None
    skipped = (results or {}).get("skipped") or ""
    return (None if skipped else results), skipped


def _nothing_to_change(exported: Mapping[str, Any]) -> str:
    why = unbatchable(exported)
    return why and f"{why}: there are no batching parameters to change"


def _check_rows(settings: Mapping[str, Any], *choices: Config) -> None:
    """A request with more rows than max_batch_size is refused by the server."""
    rows, sizes = Mix.of(settings).most_rows, [choice.effective("max_batch_size") for choice in choices]
    least = min(settings["batch_size_bounds"][0], *sizes)
    if not 1 <= rows <= least:
        raise ParameterError(
            f"rows_per_request is {rows}; it must be 1 to {least}, the smallest max_batch_size of the fixed choices "
            "and of batch_size_bounds: the server refuses a request with more rows."
        )


def fixed(settings: Mapping[str, Any], tuned: Mapping[str, Any] | None) -> tuple[Config, Config]:
    """The two fixed choices; they share the thread flags, which no live change can reach."""
    threads = {name: settings[name] for name in ("rest_api_num_threads", "num_batch_threads", "protocol")}
    if settings["protocol"] == "grpc":  # its own cap on requests inside; the default of four a core forms no batches
        threads["grpc_max_threads"] = settings["rest_api_num_threads"]
    shared = Config.of({**threads, "enable_batching": True, "max_enqueued_batches": 1000})
    large, best = LARGE, tuned["best"]["config"] if tuned else None
    if best and best["enable_batching"]:
        shared = replace(shared, **{n: v for n, v in Config.of(best).plain().items() if n not in (*LIVE, "protocol")})
        large = {name: best[name] for name in LIVE if name in best}
    high = settings["high_throughput"] or large
    return Config.of({**shared.plain(), **settings["low_latency"]}), Config.of({**shared.plain(), **high})


def governor(
    name: str, settings: Mapping[str, Any], promise: Promise, base: Config, tuned: Mapping[str, Any] | None
) -> Any:
    """Makes a governor of a policy, new for each run."""
    bounds = Bounds(tuple(settings["batch_size_bounds"]), tuple(settings["batch_timeout_bounds"]))
    policy = policy_of(name, promise, bounds, base, tuned)
    rules = Rules(confirm=settings["confirm"], cool_down_s=settings["cool_down_s"])
    return lambda: Governor(policy, promise, rules)


def policy_of(name: str, promise: Promise, bounds: Bounds, base: Config, tuned: Mapping[str, Any] | None) -> Policy:
    """A policy by its name.

    Raises:
        ParameterError: Unknown, or `model` without a fitted simulator.
    """
    if name not in POLICIES:
        raise ParameterError(f"policy is {name!r}; it must be one of {', '.join(POLICIES)}.")
    if name != "model":
        return {"threshold": threshold, "aimd": aimd}[name](promise, bounds)
    if tuned is None:
        raise ParameterError("policy 'model' asks the simulator that 60_tune fits; run the 'tune' notebook first.")
    paths = tuned["simulator"]["paths"]
    if base.protocol not in paths:
        raise ParameterError(
            f"policy 'model' asks the simulator, which 60_tune fitted to {', '.join(paths)}; the requests are "
            f"{base.protocol}. Tune with protocol: {base.protocol}."
        )
    return model(promise, bounds, RequestPath(**paths[base.protocol]), base)
