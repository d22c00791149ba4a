"""The steps of tuning one model for one promise, on one workbench of real servers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from playbook.errors import LoadFailed, PlaybookError
from playbook.tfserving.config import Config, expand
from playbook.tune.fit import Fit, Probe, fit
from playbook.tune.gain import Pair
from playbook.tune.memory import Memory
from playbook.tune.request_path import RequestPath, slots
from playbook.tune.search import SearchResult, Trial
from playbook.tune.timetable import FINALS, BudgetClock, Timetable, spoken
from playbook.tune.workbench import RunningServer, Workbench

NEAR = 0.15  # trials whose scores are closer to the best than this share may be as good
CALM, BUSY = 0.5, 0.7  # shares of a closed loop's throughput at which the open probes are held: unbatched, batched


class Tuning:
    """The steps of tuning on one workbench."""

    def __init__(
        self, bench: Workbench, table: Timetable, bar: Any, memory: Memory, clock: BudgetClock | None = None
    ) -> None:
        self.bench, self.bar, self.memory, self.clock = bench, bar, memory, clock or BudgetClock(table.budget_s)
        self.cut: list[str] = []  # what time did not allow, beside what was planned to be left out
        self.probes: list[Probe] = []
        self.known: dict[Config, dict[str, Any]] = {}
        self.predicted: dict[Config, dict[str, Any]] = {}
        self.paths: dict[str, RequestPath] = {}  # by protocol
        self.follow(table)
        bench.tell = self.tell
        bench.limit_ms = self.plan.objective.promise.p99_limit_ms

    def follow(self, table: Timetable) -> None:
        """Go on by this timetable: its plan, its windows, its probes."""
        self.table, self.plan = table, table.plan
        self.bench.samples, self.bench.longest_s = table.samples, table.longest_s

    def tell(self, text: str = "") -> None:
        """Where the stage is, by the time it was planned to take."""
        share = min(0.99, self.clock.spent_s / max(1.0, self.table.planned_s))
        left = max(0.0, self.table.planned_s - self.clock.spent_s)
        self.bar.update(share * self.bar.total, f"{text}; about {spoken(left)} left" if text else "")

    def affords(self, measurements: int = 1) -> bool:
        """Whether so many further measurements, a rate's search each, end inside the budget."""
        return self.clock.spent_s + measurements * self.table.measurement_s <= self.clock.budget_s

    def default(self) -> dict[str, Any]:
        """Measure the default flags, first of all and on a server started with them."""
        base = self.plan.base
        guess = 0.95 * (self.probes[0] if self.probes else self.probe("default", base)).throughput_rps
        self.known[base] = self.memory.recall("default", lambda: self.value(self.plain_default(), guess))
        return self.known[base]

    def alone_ms(self) -> float | None:
        """What one request takes alone on the server with the default flags; None where none was answered."""

        def hold() -> float | None:
            row = self.bench.hold(self.plain_default(), arrival="closed", concurrency=1)
            return row["latency_p50_ms"] or row["latency_mean_ms"]

        return self.memory.recall("alone", hold)

    def plain_default(self) -> RunningServer:
        """The server with the default flags; it stays up beside the others."""
        return self.bench.benches.get("default") or self.bench.start("default", self.plan.base)

    def probe(self, name: str, config: Config) -> Probe:
        """A closed loop that saturates a configuration; then, for the fit alone, an open one below its rate."""
        table = self.table
        times = {"duration_s": table.probe_s, "ramp_up_s": table.probe_ramp_up_s}
        clients = table.probe_clients
        if config.protocol == "grpc":  # more at once than its threads are refused, and tell nothing
            clients = min(clients, slots(config, len(self.bench.spec.cpus) or 1))
        closed = self._probe(name, config, times, arrival="closed", concurrency=clients)
        rate = max(0.1, round((BUSY if config.enable_batching else CALM) * closed.throughput_rps, 1))
        open_times = {"duration_s": table.open_probe_s}
        self.probes += [closed, self._probe(f"{name}, open", config, open_times, arrival="poisson", rate_rps=rate)]
        return closed

    def _probe(self, name: str, config: Config, times: Mapping[str, float], **settings: Any) -> Probe:
        def hold() -> list[Any]:
            plain = config == replace(self.plan.base, protocol=config.protocol)  # one server speaks both protocols
            server = replace(self.plain_default(), config=config) if plain else self.bench.bring("trial", config)
            row = self.bench.hold(server, **times, **settings)
            if not row["throughput_rps"] or row["latency_mean_ms"] is None:
                kinds = ", ".join(f"{kind} {count}" for kind, count in row["errors_by_kind"].items())
                raise LoadFailed(
                    f"No request was answered with {config.words()} ({kinds or 'none came back'}), so the simulator "
                    f"cannot be fitted. The server's log: {server.handle.log_path}"
                )
            p99, client = row["latency_p99_ms"] or row["latency_max_ms"], row["client_cpu_share"] or 0.0
            client_ms = 1000 * client / row["throughput_rps"]
            middle = row["latency_p50_ms"] or row["latency_mean_ms"]  # too few for a median
            return [row["throughput_rps"], middle, p99, row["batch_rows"], client_ms, row["core_ms_per_request"]]

        rate, p50, p99, rows, client_ms, core_ms = self.memory.recall(f"probe {name}", hold)
        rows = rows if config.enable_batching else None
        clients, offered = settings.get("concurrency", 0), settings.get("rate_rps")
        return Probe(config, clients, rate, p50, p99, rows, offered, client_ms, core_ms)

    def fit(self, curve: Mapping[str, Any]) -> dict[str, Fit]:
        """Probe a batched configuration of the space for each protocol in it and fit the simulator to each."""
        configs = expand({**self.plan.space, "enable_batching": [True]}, self.plan.base)
        protocols = [self.plan.base.protocol, *(config.protocol for config in configs)]
        fits = {protocol: self._fit(protocol, configs, curve["fit"]) for protocol in dict.fromkeys(protocols)}
        self.paths = {protocol: fitted.path for protocol, fitted in fits.items()}
        return fits

    def _fit(self, protocol: str, configs: Sequence[Config], curve: Mapping[str, float]) -> Fit:
        cpus, named = len(self.bench.spec.cpus) or 1, ""
        if protocol != self.plan.base.protocol:
            named = f", {protocol}"
            self.probe(f"default{named}", replace(self.plan.base, protocol=protocol))
        own = [c for c in configs if c.protocol == protocol] or [replace(c, protocol=protocol) for c in configs]
        roomy = max(own, key=lambda c: (slots(c, cpus), c.effective("max_batch_size"), -c.batch_timeout_micros))
        self.probe(f"batched{named}", roomy)
        seen = [probe for probe in self.probes if probe.config.protocol == protocol]
        loops, rows = int(self.bench.spec.server == "embedded"), self.bench.load.rows_per_request
        return fit(curve["a_ms"], curve["b_ms"], seen, float(cpus), loops, rows)

    def predict(self, configs: Sequence[Config]) -> None:
        """Ask the simulator for every configuration."""
        for config in (self.plan.base, *configs):
            self.expect(config)

    def behaviour(self, config: Config) -> tuple[float, float, float]:
        """What tells configurations apart: predicted score, batch size, median."""
        told = self.predicted[config]
        return told["score"], told["batch_rows"], told["p50_ms"] if math.isfinite(told["p50_ms"]) else 1e9

    def measure(self, config: Config) -> dict[str, Any]:
        """What a configuration is worth on the server that has it live; the default is known already."""
        if config not in self.known:
            measured = lambda: self.value(self.bench.bring("trial", config), self.guess(config))  # noqa: E731
            self.known[config] = self.memory.recall(f"trial {config.plain()}", measured)
        return self.known[config]

    def final(self, found: SearchResult) -> SearchResult:
        """Measure the best few again in turns and tell each by its median: no lucky or stalled window decides."""
        ranked = sorted((t for t in found.trials if t.score), key=lambda trial: -trial.score)
        near = [trial for trial in ranked if trial.score >= (1 - NEAR) * ranked[0].score][: self.plan.finalists]
        if len(near) < 2:
            return found
        seen = {trial.config: [trial.measured] for trial in near}
        for turn in range(FINALS):
            if not self.affords(len(near)):
                self.cut.append("measuring the best few again")
                return found
            for trial in near[:: 1 if turn % 2 else -1]:
                again = lambda t=trial: self._again(t)  # noqa: E731
                seen[trial.config].append(self.memory.recall(f"final {turn} {trial.config.plain()}", again))
        middle = {
            config: sorted(told, key=lambda one: one["score"] or 0.0)[FINALS // 2] for config, told in seen.items()
        }
        self.known |= middle
        trials = [replace(t, score=m["score"], measured=m) if (m := middle.get(t.config)) else t for t in found.trials]
        return replace(found, trials=trials, finalists=tuple(middle))

    def _again(self, trial: Trial) -> dict[str, Any]:
        """One more measurement of a trial; a server that dies in it has kept nothing."""
        try:
            return self.value(self.serving(trial.config), trial.measured["rate_rps"])
        except PlaybookError:
            return {**trial.measured, "kept": False, "score": 0.0}

    def serving(self, config: Config) -> RunningServer:
        """The server that has a configuration."""
        return self.plain_default() if config == self.plan.base else self.bench.bring("trial", config)

    def guess(self, config: Config) -> float:
        """The predicted rate, corrected by how far the last measured configurations were from theirs."""
        pairs = [(k["rate_rps"], self.predicted[c]["rate_rps"]) for c, k in self.known.items() if c in self.predicted]
        shifts = [math.log(m / p) for m, p in pairs if m > 0 and p > 0]
        shift = math.exp(np.median(shifts[-3:])) if shifts else 1.0
        default_rps = self.known.get(self.plan.base, {}).get("rate_rps") if not self.paths else None
        rate = self.predicted.get(config, {}).get("rate_rps") or default_rps or 0.5 * self.probes[0].throughput_rps
        return rate * min(1.5, max(0.67, shift))

    def value(self, server: RunningServer, guess_rps: float) -> dict[str, Any]:
        """What a server is worth by the objective."""
        hold = lambda rate: self.bench.hold(server, arrival="poisson", rate_rps=round(rate, 1))  # noqa: E731
        window_s = self.table.measurement_s / max(1, self.plan.objective.windows)
        return self.plan.objective.measured(hold, guess_rps, lambda: self.clock.left_s > window_s)

    def repeat(self, best: Trial) -> list[Pair]:
        """Default and winner in turns (ABBA), both started with their real flags, each searched afresh.

        Each search begins a little elsewhere, so that the steps of the rate do not hide the noise.
        """
        if not self.plan.repeats or not self.affords(2):
            self.cut += ["repeats of winner against default"] if self.plan.repeats else []
            return []
        servers = [self.plain_default(), self.bench.start("trial", best.config)]
        guess = max(self.known[self.plan.base]["rate_rps"], 0.9 * self.probes[0].throughput_rps)
        guesses = [guess, best.measured["rate_rps"]]
        rounds, rng = [], np.random.default_rng(self.plan.seed)
        for turn in range(self.plan.repeats):
            if not self.affords(2):
                self.cut.append(f"repeats of winner against default beyond {turn}")
                break
            told: list[dict[str, Any]] = [{}, {}]
            for side in (0, 1) if turn % 2 == 0 else (1, 0):
                near = guesses[side] * rng.uniform(0.95, 1.06)
                one = lambda s=side, g=near: self.value(servers[s], g)  # noqa: E731
                told[side] = self.memory.recall(f"repeat {turn} {side}", one)
            rounds.append((told[0], told[1]))
        return rounds

    def ablate(self, best: Trial) -> list[dict[str, Any]]:
        """What each knob earned: from the default to the winner, the most promising knob first, each step measured."""
        steps: list[dict[str, Any]] = []
        config, score = self.plan.base, self.known[self.plan.base]["score"]
        while self.plan.ablation and config != best.config:
            if not self.affords():
                self.cut.append("what each knob earned")
                return []
            options = _towards(config, best.config)
            before, (names, config) = config, max(options, key=lambda option: self.expect(option[1]))
            if len(steps) + 1 >= self.plan.ablation:
                names, config = " + ".join(best.config.changed(before)), best.config
            told = self.measure(config)
            steps.append({"knobs": names, "score": told["score"], "factor": _over(told["score"], score)})
            score = told["score"]
        return steps

    def expect(self, config: Config) -> float:
        """The predicted score of any configuration."""
        if not self.paths:  # nothing was simulated
            return 0.0
        simulated = config.as_simulated()
        if simulated not in self.predicted:
            self.predicted[simulated] = self.plan.objective.predicted(self.paths[config.protocol], simulated)
        self.predicted[config] = self.predicted[simulated]
        return self.predicted[config]["score"]


def _towards(config: Config, goal: Config) -> list[tuple[str, Config]]:
    """The configurations one knob nearer to the goal, where that knob acts and contradicts nothing; else the goal."""
    options = []
    for name in (missing := goal.changed(config)):
        nearer = replace(config, **{name: getattr(goal, name)})
        if nearer.tidy() == nearer and not nearer.contradictions():
            options.append((name, nearer))
    return options or [(" + ".join(missing), goal)]


def _over(after: float | None, before: float | None) -> float | None:
    return after / before if after and before else None
