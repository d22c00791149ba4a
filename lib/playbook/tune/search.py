"""Search over configurations: which to measure next, what is known already, and when to stop.

It knows nothing of servers: `measure` does the work, and may be a real server or a simulated one. Every answer is
kept in an Optuna study on disk, so that a search that was killed goes on where it stood.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from playbook.errors import ParameterError, PlaybookError, ServerHung, VersionChanged
from playbook.tfserving.config import DEFAULT, Config, expand

SEARCHES = ("simulate", "optuna", "grid")
GAINED = 0.01  # a trial that is better by less than this share has gained nothing
HOPELESS = 3  # trials after which a search ends where none of them keeps the limit
ALIKE = 0.02  # predictions closer than this share cannot be told apart

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class Trial:
    """One configuration and what it was worth. `score` is larger when better; None when it could not be measured."""

    number: int
    config: Config
    source: str  # default, frontier, unseen, optuna, grid
    score: float | None
    measured: Mapping[str, Any]
    error: str | None = None


@dataclass(frozen=True)
class Budget:
    """When a search ends, whatever it has found."""

    trials: int = 20
    minutes: float = 10.0
    patience: int = 4  # trials in a row without a gain


@dataclass(frozen=True)
class SearchResult:
    """What a search knows at its end."""

    trials: list[Trial]
    stopped: str  # why it ended
    resumed: int  # trials that were known from an earlier, killed search
    finalists: tuple[Config, ...] = ()  # measured again; the best is one of them, unless none stood it

    @property
    def best(self) -> Trial | None:
        """The best measured trial; None when nothing could be measured."""
        final = _best(t for t in self.trials if t.config in self.finalists)
        return final if final and final.score else _best(self.trials)


def frontier(predicted: Mapping[Config, tuple[float, ...]], count: int) -> list[Config]:
    """The configurations worth measuring, best prediction first, without those nothing tells apart.

    Args:
        predicted: For each configuration its predicted score (larger is better), then any further figures of its
            behaviour (mean batch rows, p50); two configurations alike in all of them are one, the simpler.
        count: How many at most.
    """
    simpler = lambda config: len(config.changed(DEFAULT))  # noqa: E731
    order = sorted(predicted, key=lambda c: (-predicted[c][0], simpler(c)))
    chosen: list[Config] = []
    for config in order:
        twins = [c for c in chosen if all(map(_alike, predicted[c], predicted[config]))]
        if not twins:
            chosen.append(config)
        elif simpler(config) < simpler(twins[0]):
            chosen[chosen.index(twins[0])] = config
        if len(chosen) >= count:
            break
    return chosen


def search(
    space: Mapping[str, Sequence[Any]],
    measure: Callable[[Config], Mapping[str, Any]],
    *,
    first: Sequence[Config] = (),
    unseen: Callable[[Config], Sequence[Config]] = lambda best: (),
    base: Config = DEFAULT,
    kind: str = "simulate",
    budget: Budget = Budget(),
    storage: Path | None = None,
    seed: int = 0,
    on_trial: Callable[[Trial], None] | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> SearchResult:
    """Measure configurations until the budget is spent or nothing more is gained.

    Args:
        space: Knob name to values.
        measure: Returns the figures of a configuration, with `score` (larger is better, None: not measurable).
        first: Measured first, in this order (the default, then the simulator's frontier).
        unseen: Asked once, with the best of what is known then, for configurations that no prediction tells from it.
        base: Where knobs outside the space come from.
        kind: `simulate`: only `first` and `unseen`; `optuna`: then what TPE suggests; `grid`: then the whole space.
        budget: When to stop.
        storage: SQLite file of the study; an earlier study in it is continued, nothing is measured twice.
        seed: Of the sampler.
        on_trial: Told of each new trial.
        go_on: Asked before each new trial but the first: whether the time allows it.

    Raises:
        ParameterError: `kind` is unknown, or the space contradicts itself.
    """
    if kind not in SEARCHES:
        raise ParameterError(f"search is {kind!r}; it must be one of {', '.join(SEARCHES)}.")
    configs = expand(space, base)
    state = _Search(space, base, _study(storage, seed), measure, on_trial, go_on)
    resumed = len(state.known)
    queue = list(dict.fromkeys(c.tidy() for c in first))
    plan = [(c, "default" if c == base.tidy() else "frontier") for c in queue]
    plan += [(c, "grid") for c in configs if c not in queue] if kind == "grid" else []
    stopped = state.follow(plan, budget, patient=kind != "grid")
    if best := _best(state.known.values()):
        stopped = state.follow([(c, "unseen") for c in unseen(best.config)], budget, patient=False) or stopped
    if kind == "optuna" and not stopped:
        stopped = state.explore(budget, len(configs))
    return SearchResult(state.trials(), stopped or "every chosen configuration was measured", resumed)


class _Search:
    """One search: the study on disk, what it knows, and the clock."""

    def __init__(
        self,
        space: Mapping,
        base: Config,
        study: optuna.Study,
        measure: Callable,
        on_trial: Callable | None,
        go_on: Callable[[], bool],
    ):
        self.space, self.base, self.study, self.measure, self.on_trial = space, base, study, measure, on_trial
        self.go_on = go_on
        self.known = {t.config: t for t in self.trials()}
        self.began, self.new, self.idle = time.monotonic(), 0, 0

    def trials(self) -> list[Trial]:
        """Every finished trial of the study, in order."""
        done = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.FAIL)
        return [_trial(t) for t in self.study.get_trials(deepcopy=False, states=done) if "config" in t.user_attrs]

    def follow(self, plan: Sequence[tuple[Config, str]], budget: Budget, patient: bool) -> str:
        """Measure a list of configurations; returns why it stopped early, or nothing."""
        for config, source in plan:
            if config in self.known:
                continue
            if why := self.over(budget, patient):
                return why
            self.study.enqueue_trial(self.coordinates(config))
            self.one(self.ask(), config, source)
        return ""

    def explore(self, budget: Budget, size: int) -> str:
        """Let TPE suggest until the budget is spent or the whole space is known."""
        for _ in range(20 * budget.trials):
            if why := self.over(budget, patient=True):
                return why
            if len(self.known) >= size:
                return "the whole space was measured"
            trial = self.ask()
            config = Config.of(self.base.plain() | {n: self.space[n][i] for n, i in trial.params.items()}).tidy()
            if config in self.known:
                score = self.known[config].score
                self.study.tell(trial, score, state=None if score is not None else optuna.trial.TrialState.FAIL)
            else:
                self.one(trial, config, "optuna")
        return "the sampler only repeats itself"

    def ask(self) -> optuna.Trial:
        """The next trial; a value is suggested by its place in the knob's list, as lists are no categories."""
        categories = optuna.distributions.CategoricalDistribution
        spread: dict[str, Any] = {n: categories(range(len(v))) for n, v in self.space.items()}
        return self.study.ask(spread)

    def coordinates(self, config: Config) -> dict[str, int]:
        """Where a configuration lies in the space: the place of each knob's value; none for values outside it."""
        plain = config.plain()
        lists = {n: [Config.of({n: v}).plain()[n] for v in values] for n, values in self.space.items()}
        return {name: values.index(plain[name]) for name, values in lists.items() if plain[name] in values}

    def one(self, trial: optuna.Trial, config: Config, source: str) -> None:
        """Measure one configuration; a server that fails fails its trial, a hang or another model fails the search."""
        best = _best(self.known.values())
        try:
            measured, error = dict(self.measure(config)), None
        except (ServerHung, VersionChanged):
            raise
        except PlaybookError as problem:
            measured, error = {"score": None}, str(problem)
        kept = {"config": config.plain(), "source": source, "measured": measured, "error": error}
        for name, value in kept.items():
            trial.set_user_attr(name, json.loads(json.dumps(value)))
        score, before = measured.get("score"), None if best is None else best.score
        self.study.tell(trial, score, state=None if score is not None else optuna.trial.TrialState.FAIL)
        self.known[config] = Trial(trial.number, config, source, score, measured, error)
        gained = score is not None and (before is None or score > before + GAINED * abs(before))
        self.new, self.idle = self.new + 1, 0 if gained else self.idle + 1
        if self.on_trial:
            self.on_trial(self.known[config])

    def over(self, budget: Budget, patient: bool) -> str:
        """Why to stop now, in words; empty to go on."""
        if len(self.known) >= budget.trials:
            return f"the budget of {budget.trials} trials is spent"
        if time.monotonic() - self.began > 60 * budget.minutes or (self.known and not self.go_on()):
            return f"the budget of {budget.minutes:g} minutes is spent"
        if len(self.known) >= HOPELESS and not any(trial.score for trial in self.known.values()):
            return f"none of the first {len(self.known)} keeps the limit"
        if patient and self.idle >= budget.patience:
            return f"nothing was gained over the last {self.idle} trials"
        return ""


def _study(storage: Path | None, seed: int) -> optuna.Study:
    """The study in this file, continued when it stands; a trial that was running when it was killed is forgotten."""
    if storage is not None:
        Path(storage).parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{storage}" if storage else None,
        study_name="tune",
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=4),
    )
    unfinished = (optuna.trial.TrialState.RUNNING, optuna.trial.TrialState.WAITING)
    for trial in study.get_trials(deepcopy=False, states=unfinished):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _trial(frozen: optuna.trial.FrozenTrial) -> Trial:
    kept = frozen.user_attrs
    measured = kept["measured"]
    return Trial(
        frozen.number, Config.of(kept["config"]), kept["source"], measured.get("score"), measured, kept["error"]
    )


def _best(trials: Iterable[Trial]) -> Trial | None:
    return max((t for t in trials if t.score is not None), key=lambda t: t.score or 0.0, default=None)


def _alike(one: float, other: float) -> bool:
    return abs(one - other) <= ALIKE * max(abs(one), abs(other), 1e-9)
