"""The steps of tuning one model for one promise, on one workbench of real servers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from playbook.errors import PlaybookError, ServerDied, ServerHung, VersionChanged
from playbook.tfserving.config import Config
from playbook.tune.gain import Pair
from playbook.tune.probing import Probing
from playbook.tune.search import SearchResult, Trial
from playbook.tune.timetable import FINALS
from playbook.tune.workbench import RunningServer

NEAR = 0.15  # trials whose scores are closer to the best than this share may be as good


class Tuning(Probing):
    """The steps of tuning on one workbench, after its probes."""

    def default(self) -> dict[str, Any]:
        """Measure the default flags, first of all and on a server started with them."""
        base = self.plan.base
        guess = 0.95 * (self.probes[0] if self.probes else self.probe("default", base)).throughput_rps
        least_s = self.table.least_s  # what is compared with the default needs its time too
        self.known[base] = self.memory.recall("default", lambda: self.value(self.plain_default(), guess, least_s))
        return self.known[base]

    def predict(self, configs: Sequence[Config]) -> None:
        """Ask the simulator for every configuration."""
        for config in (self.plan.base, *configs):
            self.expect(config)

    def behaviour(self, config: Config) -> tuple[float, float, float]:
        """What tells configurations apart: predicted score, batch size, median."""
        figures = self.predicted[config]
        return figures["score"], figures["batch_rows"], figures["p50_ms"] if math.isfinite(figures["p50_ms"]) else 1e9

    def measure(self, config: Config) -> dict[str, Any]:
        """What a configuration is worth on the server that has it live; the default is known already."""
        if config not in self.known:
            self.known[config] = self.memory.recall(f"trial {config.plain()}", lambda: self._tried(config))
        return self.known[config]

    def _tried(self, config: Config) -> dict[str, Any]:
        """A measurement; where the server ends in it, a second start tells its configuration from a kill from outside.

        Raises:
            ServerDied: It ended both times, so that the configuration ends it; or there was no time for the second.
            ServerHung: It lives and answers nothing.
        """
        try:
            return self.value(self.bench.bring("trial", config), self.guess(config))
        except ServerHung:
            raise
        except ServerDied as death:
            said, words = str(death).splitlines()[0], config.words()
            self.bench.end("trial")
            if not self.affords():
                self.bench.deaths.append(f"with {words} the server ended, and no time was left to start it once more")
                raise
        try:
            measured = self.value(self.bench.start("trial", config, live=True), self.guess(config))
        except ServerHung:
            raise
        except ServerDied as again:
            self.bench.end("trial")
            raise ServerDied(
                f"This configuration ends the server: it ended in both of two measurements, each on a server of its "
                f"own. Do not use it.\n  {said}\n  {again}"
            ) from again
        self.bench.deaths.append(
            f"with {words} the server ended in a first measurement and not in a second, on a new server: something "
            "else ended it (killed by hand, out of memory?)"
        )
        return measured

    def final(self, searched: SearchResult) -> SearchResult:
        """Measure the best few again in turns and tell each by its median: no lucky or stalled window decides."""
        scored = [(trial.score, trial) for trial in searched.trials if trial.score]
        highest = max((score for score, _ in scored), default=0.0)
        near = [trial for score, trial in sorted(scored, key=lambda one: -one[0]) if score >= (1 - NEAR) * highest]
        near = near[: self.plan.finalists]
        if len(near) < 2:
            return searched
        measured = {trial.config: [trial.measured] for trial in near}
        for turn in range(FINALS):
            if not self.affords(len(near)):
                self.cut.append("measuring the best few again")
                return searched
            for trial in near[:: 1 if turn % 2 else -1]:
                again = lambda t=trial: self._again(t)  # noqa: E731
                measured[trial.config].append(self.memory.recall(f"final {turn} {trial.config.plain()}", again))
        middle = {
            config: dict(sorted(times, key=lambda one: one["score"] or 0.0)[FINALS // 2])
            for config, times in measured.items()
        }
        self.known |= middle
        trials = [
            replace(t, score=m["score"], measured=m) if (m := middle.get(t.config)) else t for t in searched.trials
        ]
        return replace(searched, trials=trials, finalists=tuple(middle))

    def _again(self, trial: Trial) -> dict[str, Any]:
        """One more measurement of a trial; a server that dies in it has kept nothing."""
        try:
            return self.value(self.serving(trial.config), trial.measured["rate_rps"])
        except (ServerHung, VersionChanged):
            raise
        except PlaybookError as error:
            if isinstance(error, ServerDied):
                words = trial.config.words()
                self.bench.deaths.append(f"with {words} the server ended while it was measured once more")
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

    def value(self, server: RunningServer, guess_rps: float, reserve_s: float = 0.0) -> dict[str, Any]:
        """What a server is worth by the objective; no window begins that leaves less than `reserve_s` of the budget."""
        hold = lambda rate: self.bench.hold(server, arrival="poisson", rate_rps=round(rate, 1))  # noqa: E731
        window_s = self.table.measurement_s / max(1, self.plan.objective.windows)
        return self.plan.objective.measured(hold, guess_rps, lambda: self.clock.left_s > window_s + reserve_s)

    def repeat(self, best: Trial) -> list[Pair]:
        """Default and winner in turns (ABBA), both started with their real flags, each searched afresh.

        Each search begins a little elsewhere, so that the steps of the rate do not hide the noise.
        """
        if not self.plan.repeats or not self.affords(2):
            self.cut += ["repeats of winner against default"] if self.plan.repeats else []
            return []
        servers = [self.plain_default(), self.bench.start("trial", best.config)]
        guess = self.known[self.plan.base]["rate_rps"] or 0.9 * self.probes[0].throughput_rps
        guesses = [guess, best.measured["rate_rps"]]
        rounds: list[Pair] = []
        rng = np.random.default_rng(self.plan.seed)
        for turn in range(self.plan.repeats):
            if not self.affords(2):
                self.cut.append(f"repeats of winner against default beyond {turn}")
                break
            pair: list[dict[str, Any]] = [{}, {}]
            for side in (0, 1) if turn % 2 == 0 else (1, 0):
                near = guesses[side] * rng.uniform(0.95, 1.06)
                one = lambda s=side, g=near: self.value(servers[s], g)  # noqa: E731
                pair[side] = self.memory.recall(f"repeat {turn} {side}", one)
            rounds.append((pair[0], pair[1]))
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
            measured = self.measure(config)
            steps.append({"knobs": names, "score": measured["score"], "factor": _over(measured["score"], score)})
            score = measured["score"]
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
