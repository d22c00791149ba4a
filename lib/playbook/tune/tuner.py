"""Tune: find the configuration that keeps the promise best, measured against the default flags.

The default is measured first. Two short probes fit the simulator, which ranks the whole space; only its
frontier is measured, on servers with the real flags, and of its best what differs in knobs the simulator does not see.
The winner is then measured against the default in turns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from playbook import progress
from playbook.records import record
from playbook.stress.load import Load
from playbook.tfserving.config import Config
from playbook.tune.memory import Memory
from playbook.tune.plan import Tuned, TuningPoint
from playbook.tune.search import frontier, search
from playbook.tune.steps import Tuning
from playbook.tune.workbench import Workbench


def tune(points: Sequence[TuningPoint], load: Load, out_dir: Path) -> tuple[list[Tuned], dict[str, Any] | None]:
    """Find the best configuration of the plan's space for each point, and one for all where there are several.

    Args:
        points: Models and promises.
        load: Window and cores of the client.
        out_dir: The run folder that keeps what was measured, `data/tune-<point>.json` and the study beside it: who is
            killed goes on from there, and who came to the end begins afresh.

    Raises:
        ParameterError: The space contradicts itself; nothing was started.
        ServerNotReady: The default server does not start.
    """
    memories = [_memory(point, load, out_dir) for point in points]
    tuned = [_tune(point, load, memory) for point, memory in zip(points, memories, strict=True)]
    shared = _for_all(points, tuned, load, memories) if len(points) > 1 else None
    for memory in memories:
        memory.finish()
    return tuned, shared


def _memory(point: TuningPoint, load: Load, out_dir: Path) -> Memory:
    path = record.data_dir(out_dir) / f"tune-{point.name}.json"
    return Memory(path, [asdict(point.plan), asdict(point.spec), asdict(load)], beside=(path.with_suffix(".db"),))


def _tune(point: TuningPoint, load: Load, memory: Memory) -> Tuned:
    plan, curve = point.plan, record.load(point.run_dir, "export")["results"]["batch_curve"]
    base, configs = plan.base, plan.configs
    steps = plan.budget.trials + 3
    with progress.live(f"tune {point.name}", steps) as bar, Workbench(point.spec, point.run_dir, load) as bench:
        tuning = Tuning(bench, plan, bar, memory)
        default, fits = tuning.default(), tuning.fit(curve)
        tuning.predict(configs)
        first = frontier({c: tuning.behaviour(c) for c in configs if c != base}, plan.frontier)
        found = search(
            plan.space,
            tuning.measure,
            first=[base, *first],
            unseen=lambda best: [c for c in configs if c.as_simulated() == best.as_simulated()],
            base=base,
            kind=plan.search,
            budget=plan.budget,
            storage=memory.path.with_suffix(".db"),
            seed=plan.seed,
        )
        tuned = Tuned(plan, default, tuning.final(found), fits, tuning.predicted)
        if tuned.best.config != base and tuned.best.score:
            tuned.repeats = tuning.repeat(tuned.best)
            tuned.ablation = tuning.ablate(tuned.best)
        tuned.probes, tuned.measured_s = tuning.probes, bench.measured_s
    return tuned


def _for_all(
    points: Sequence[TuningPoint], tuned: Sequence[Tuned], load: Load, memories: Sequence[Memory]
) -> dict[str, Any] | None:
    """One configuration for every point that something keeps, and what it costs each; None where nothing does.

    The candidates are the default and each point's best; each is measured at every point where it has not been.
    """
    reached = [turn for turn in zip(points, tuned, memories, strict=True) if turn[1].best.score]
    candidates = dict.fromkeys([points[0].plan.base, *(result.best.config for _, result, _ in reached)])
    scores: dict[str, dict[Config, float]] = {}
    for point, result, memory in reached:
        known = {trial.config: trial.score or 0.0 for trial in result.found.trials}
        with progress.live(f"one for all {point.name}", 1) as bar, Workbench(point.spec, point.run_dir, load) as bench:
            tuning = Tuning(bench, point.plan, bar, memory)
            tuning.paths, tuning.probes = {name: fit.path for name, fit in result.fits.items()}, result.probes
            scores[point.name] = {
                config: known[config] if config in known else tuning.measure(config)["score"] or 0.0
                for config in candidates
            }
    if not scores:
        return None
    chosen, shares = compromise(scores)
    unreached = [point.name for point in points if point.name not in scores]
    return {"config": chosen.plain(), "words": chosen.words(), "share_of_best": shares, "unreached": unreached}


def compromise(scores: Mapping[str, Mapping[Config, float]]) -> tuple[Config, dict[str, float]]:
    """The configuration whose worst share of a point's best is highest, and its share at each point.

    Args:
        scores: By point and configuration, the same configurations at each point, one of them above 0.
    """
    shares = {point: {c: score / max(of.values()) for c, score in of.items()} for point, of in scores.items()}
    chosen = max(next(iter(scores.values())), key=lambda config: min(of[config] for of in shares.values()))
    return chosen, {point: round(of[chosen], 4) for point, of in shares.items()}
