"""Tune: find the configuration that keeps the promise best, measured against the default flags.

The default is measured first. Two probed configurations fit the simulator, which ranks the whole space; only its
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
from playbook.records.batch_curve import request_ms
from playbook.serve.expense import start_s
from playbook.stage_plan import stretch
from playbook.stress.load import Load
from playbook.tfserving.config import Config
from playbook.tune.hopeless import remedies
from playbook.tune.memory import Memory
from playbook.tune.outlook import in_batch, planned, refusal, too_short
from playbook.tune.plan import Tuned, TuningPoint
from playbook.tune.search import SearchResult, Trial, frontier, search
from playbook.tune.steps import Tuning
from playbook.tune.timetable import Timetable, timetable, trials_of
from playbook.tune.timing import BudgetClock, Timing
from playbook.tune.workbench import Workbench

DOUBTFUL = 0.4  # of the limit: where export's run of one request takes more, one is timed on the server itself


def tune(points: Sequence[TuningPoint], load: Load, out_dir: Path) -> tuple[list[Tuned], dict[str, Any] | None]:
    """Find the best configuration of the plan's space for each point, and one for all where there are several.

    Args:
        points: Models and promises.
        load: Window and cores of the client.
        out_dir: The run folder that keeps what was measured, `data/tune-<point>.json` and the study beside it: who is
            killed goes on from there, and who came to the end begins afresh.

    Returns:
        What was found at each point, and the one for all; None where there is one point, or nothing keeps any.

    Raises:
        ParameterError: The space contradicts itself; nothing was started.
        RecordUnreadable: A model was not exported.
        ServerNotReady: The default server does not start.
        VersionChanged: A model's folder holds another version than export wrote.
        ServerDied: It, or the winner in the repeats, ends while it is measured.
        LoadFailed: One of them answers nothing.
        WrongAnswers: One of them answers otherwise than the model.
    """
    memories = [_memory(point, load, out_dir) for point in points]
    clock = BudgetClock(60 * points[0].plan.budget.minutes)
    tuned = []
    for number, (point, memory) in enumerate(zip(points, memories, strict=True)):
        parts = len(points) - number + (len(points) > 1)  # one more for the one configuration for all
        tuned.append(_tune(point, load, memory, max(0.0, clock.left_s) / parts))
    shared = _for_all(points, tuned, load, memories, max(60.0, clock.left_s)) if len(points) > 1 else None
    for memory in memories:
        memory.finish()
    return tuned, shared


def _memory(point: TuningPoint, load: Load, out_dir: Path) -> Memory:
    path = record.data_dir(out_dir) / f"tune-{point.name}.json"
    return Memory(path, [asdict(point.plan), asdict(point.spec), asdict(load)], beside=(path.with_suffix(".db"),))


def _tune(point: TuningPoint, load: Load, memory: Memory, budget_s: float) -> Tuned:
    """Tune one model for one promise inside a budget in seconds, or say why not."""
    exported = record.load(point.run_dir, "export")["results"]
    clock, table = BudgetClock(budget_s), planned(point, load, budget_s)
    if why := refusal(point, load, table):
        return Tuned.skip(point.plan, why)
    with (
        progress.live(f"tune {point.name}", table.planned_s) as bar,
        Workbench(point.spec, point.run_dir, load) as bench,
    ):
        tuning = Tuning(bench, table, bar, memory, clock)
        tuning.tell(table.words())
        try:
            tuned = _searched(tuning, point, exported)
        except SkipTuning as skipped:
            tuned = Tuned.skip(point.plan, str(skipped))
        tuned.probes, tuned.measured_s, tuned.failures = tuning.probes, bench.measured_s, bench.wrong
        tuned.deaths = [*bench.deaths, *_none_stood(tuned)]
    tuned.planned_s, tuned.took_s = tuning.table.planned_s, clock.spent_s
    tuned.schedule, tuned.left_out = tuning.table.words(), [*tuning.table.left_out, *tuning.cut]
    return tuned


class SkipTuning(Exception):
    """What the server itself showed makes tuning pointless; not an error of the stage."""


def _searched(tuning: Tuning, point: TuningPoint, exported: Mapping[str, Any]) -> Tuned:
    """Default, probes and fit, the search, and what makes its winner sure."""
    _look_again(tuning, point, exported)
    default = tuning.default()
    _plan_again(tuning, point, exported, default["rate_rps"] or None)
    plan = tuning.plan
    if trials_of(plan) > 1 and not tuning.affords_least():
        tuning.cut.append("every configuration but the default")
        return Tuned(point.plan, default, _only(plan.base, default, plan.budget.minutes), {}, {})
    first, fits = plan.configs[: plan.budget.trials], {}
    if plan.simulated:
        fits = tuning.fit(exported["batch_curve"])
        tuning.predict(plan.configs)
        first = frontier({c: tuning.behaviour(c) for c in plan.configs if c != plan.base}, plan.frontier)
    result = search(
        plan.space,
        tuning.measure,
        first=[plan.base, *first],
        unseen=lambda best: [c for c in plan.configs if c.as_simulated() == best.as_simulated()],
        base=plan.base,
        kind=plan.search,
        budget=plan.budget,
        storage=tuning.memory.path.with_suffix(".db"),
        seed=plan.seed,
        go_on=tuning.affords_next,
    )
    tuned = Tuned(point.plan, default, tuning.final(result), fits, tuning.predicted)
    if tuned.best.config != plan.base and tuned.best.score:
        tuned.repeats = tuning.repeat(tuned.best)
        tuned.ablation = tuning.ablate(tuned.best) if tuned.best is tuned.winner else []
    return tuned


def _none_stood(tuned: Tuned) -> list[str]:
    """That no configuration but the default could be measured at all, where it is so: that is no finding about one."""
    others = [trial for trial in tuned.searched.trials if trial.config != tuned.plan.base.tidy()]
    if not others or not all(trial.error for trial in others):
        return []
    said = str(others[0].error).splitlines()[0]
    return [f"none of the {len(others)} configurations beside the default could be measured; the first: {said}"]


def _only(base: Config, default: Mapping[str, Any], minutes: float) -> SearchResult:
    """A search that had no time for anything beside the default."""
    return SearchResult(
        [Trial(0, base.tidy(), "default", default["score"], default)], f"the budget of {minutes:g} minutes is spent", 0
    )


def _look_again(tuning: Tuning, point: TuningPoint, exported: Mapping[str, Any]) -> None:
    """Start the default server and plan the rest by what it shows: export timed the graph, not the server.

    Raises:
        SkipTuning: One request alone takes longer than the limit, or even the least does not fit the budget.
    """
    promise, rows, cores = point.plan.objective.promise, tuning.bench.load.mix.usual_most(), point.cores
    by_curve = request_ms(exported, rows) or 0.0
    if by_curve > DOUBTFUL * promise.p99_limit_ms:
        alone = tuning.alone_ms()
        if alone is not None and not promise.p99_inside(alone):
            raise SkipTuning(
                f"one request alone took {alone:,.3g} ms on the server, and the limit is {promise.p99_limit_ms:g} ms. "
                f"What would help: {'; '.join(remedies(exported, promise, rows, cores, alone))}."
            )
    tuning.probe("default", tuning.plan.base)
    if not (table := _plan_again(tuning, point, exported)).nearly_fits:
        raise SkipTuning(too_short(table))
    tuning.clock.extend(table.planned_s)  # a little beyond, rather than nothing


def _plan_again(
    tuning: Tuning, point: TuningPoint, exported: Mapping[str, Any], kept_rps: float | None = None
) -> Timetable:
    """Plan the rest by what the server shows: its closed loop, and what the default keeps once that is measured."""
    cores, starts_s = point.cores, tuning.bench.starts_s
    took_s = max(starts_s, default=start_s(point.run_dir))  # none, where an earlier attempt had probed
    alone_ms = 1000.0 * cores / tuning.probes[0].throughput_rps
    cheaper = in_batch(exported, point.plan, tuning.bench.load, alone_ms)
    timing = Timing(alone_ms, cores, took_s, kept_rps, stretch(), len(starts_s), cheaper)
    gone_s = tuning.clock.spent_s if kept_rps is None else max(0.0, tuning.clock.spent_s - tuning.table.measurement_s)
    table = timetable(point.plan, tuning.bench.load, timing, tuning.clock.budget_s, gone_s)
    tuning.follow(table)
    return table


def _for_all(
    points: Sequence[TuningPoint], tuned: Sequence[Tuned], load: Load, memories: Sequence[Memory], budget_s: float
) -> dict[str, Any] | None:
    """One configuration for every point that something keeps, and what it costs each; None where nothing does.

    The candidates are the default and each point's best; each is measured at every point where it has not been.
    """
    reached = [turn for turn in zip(points, tuned, memories, strict=True) if not turn[1].skipped and turn[1].best.score]
    candidates = dict.fromkeys([points[0].plan.base, *(result.best.config for _, result, _ in reached)])
    scores: dict[str, dict[Config, float]] = {}
    for point, result, memory in reached:
        scores[point.name] = _scores(point, result, memory, load, list(candidates), budget_s / len(reached))
    if not scores:
        return None
    chosen, shares = compromise(scores)
    unreached = [point.name for point in points if point.name not in scores]
    return {"config": chosen.plain(), "words": chosen.words(), "share_of_best": shares, "unreached": unreached}


def _scores(
    point: TuningPoint, result: Tuned, memory: Memory, load: Load, candidates: Sequence[Config], budget_s: float
) -> dict[Config, float]:
    """What each candidate is worth at one point; measured where it has not been."""
    known = {trial.config: trial.score or 0.0 for trial in result.searched.trials}
    table = planned(point, load, budget_s)
    with progress.live(f"one for all {point.name}", 1) as bar, Workbench(point.spec, point.run_dir, load) as bench:
        tuning = Tuning(bench, table, bar, memory, BudgetClock(budget_s))
        tuning.paths, tuning.probes = {name: fit.path for name, fit in result.fits.items()}, result.probes
        return {
            config: known[config] if config in known else tuning.measure(config)["score"] or 0.0
            for config in candidates
        }


def compromise(scores: Mapping[str, Mapping[Config, float]]) -> tuple[Config, dict[str, float]]:
    """The configuration whose worst share of a point's best is highest, and its share at each point.

    Args:
        scores: By point and configuration, the same configurations at each point, one of them above 0.
    """
    shares = {point: {c: score / max(of.values()) for c, score in of.items()} for point, of in scores.items()}
    chosen = max(next(iter(scores.values())), key=lambda config: min(of[config] for of in shares.values()))
    return chosen, {point: round(of[chosen], 4) for point, of in shares.items()}
