"""What tuning one model takes, planned from the time of one request, and what is left out so that it fits its budget.

A window needs 1,200 requests so that its p99 has ten beyond it. A model that answers ten a second would need two
minutes for each, and a search holds dozens. So the time is planned before it is spent: what tells least for its time
is left out first, and said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from playbook.stage_plan import spoken
from playbook.stress.load import Load
from playbook.tune.configured import restart_key
from playbook.tune.plan import TuningPlan
from playbook.tune.timing import Timing

SAMPLES = 1200  # requests of a window so that its p99 has ten beyond it
# Where time is short: p99 is then judged by the share of requests beyond the limit, of 100 of them at least. By chance
# a window holds a few less than it was planned for: 130 are so many that one in 250 holds too few.
FEWER = (600, 300, 150, 130)
FIT_S = 5.5  # of a core: the simulator's fit to the probes of one protocol
PREDICT_S = 0.05  # and one look at a configuration
BETWEEN_S = 0.4  # from one window to the next beside ramp-up: connections, rows, checks
SWITCH_S = 0.8  # a live change of the batching file
PROBE_SHARE = 0.05  # of the budget, that one closed loop of the probes may take at most
PROBE_ROUNDS = 3  # times every client of a probe is answered
FEWEST_CLIENTS = 4
MORE = 1.0  # windows for each that is allowed: INVALID ones are held again, and many a search ends sooner
LONGEST = 1.5  # no window is longer than this many times the one that was planned for
ROOM = 1.1  # times the budget, that the least may take
FINALS = 2  # further measurements of each finalist


@dataclass(frozen=True)
class Timetable:
    """A plan that fits a budget: the plan as it will be carried out, its windows, its time, and what was left out."""

    plan: TuningPlan
    samples: int  # requests of a window, where the rate gives them within `longest_s`
    longest_s: float  # no window is longer
    probe_clients: int
    probe_s: float
    probe_ramp_up_s: float
    open_probe_s: float
    measurement_s: float  # the search of one rate
    least_s: float  # from the default's measurement to that of one configuration more, inclusive
    planned_s: float
    budget_s: float
    left_out: tuple[str, ...] = field(default=())

    @property
    def fits(self) -> bool:
        """Whether even the least fits the budget."""
        return self.planned_s <= self.budget_s

    @property
    def nearly_fits(self) -> bool:
        """Whether the least goes so little beyond the budget that it is no reason to measure nothing."""
        return self.planned_s <= ROOM * self.budget_s

    def words(self) -> str:
        """What will be done, how long it takes, and what is left out."""
        out = "; ".join(self.left_out)
        words = f"About {spoken(self.planned_s)} of {spoken(self.budget_s)}: {self.steps()}."
        return f"{words} Left out: {out}." if out else words

    def steps(self) -> str:
        """What will be done, in words."""
        plan = self.plan
        windows = plan.objective.windows if plan.objective.kind == "max_rate" else 1
        others = trials_of(plan) - 1
        parts = [f"the default and up to {others} other{'s' * (others != 1)}, up to {windows} windows each"]
        parts += [f"a window up to {self.longest_s / LONGEST:.0f} s"] if self.longest_s / LONGEST > 2 else []
        parts += [f"winner against default in {plan.repeats} turn{'s' * (plan.repeats > 1)}"] if plan.repeats else []
        parts += [f"up to {plan.ablation} steps of what earned it"] if plan.ablation else []
        return ", ".join(parts)


def timetable(plan: TuningPlan, load: Load, timing: Timing, budget_s: float, spent_s: float = 0.0) -> Timetable:
    """Plan the time of tuning one model: leave out, in the order of what tells least, until it fits.

    Args:
        plan: What was asked for.
        load: The window and ramp-up of a fast model.
        timing: Of one request and one start.
        budget_s: The whole budget, from the beginning of the stage.
        spent_s: What of it is gone.
    """
    table = _table(plan, load, timing, budget_s, spent_s, SAMPLES, ())
    for shorten in _SHORTER:
        if table.fits:
            break
        while not table.fits and (step := shorten(table)):
            shorter, samples, words = step
            kept = tuple(text for text in table.left_out if not _same(text, words))
            table = _table(shorter, load, timing, budget_s, spent_s, samples, (*kept, words))
    return table


def _table(
    plan: TuningPlan, load: Load, timing: Timing, budget_s: float, spent_s: float, samples: int, out: Sequence[str]
) -> Timetable:
    clients, closed_s, ramp_s, open_s = _probes(plan, load, timing, budget_s)
    window_s, batched_s = (max(load.duration_s, samples * cost / timing.rate_rps) for cost in (1.0, timing.in_batch))
    protocols = len({config.protocol for config in plan.configs} | {plan.base.protocol})
    each = plan.objective.windows if plan.objective.kind == "max_rate" else 1
    between_s = BETWEEN_S * timing.busy
    one_s, other_s = (MORE * each * (one + load.ramp_up_s + between_s) for one in (window_s, batched_s))
    trials = trials_of(plan)
    finals = min(plan.finalists, trials) * FINALS if plan.finalists > 1 and trials > 2 else 0
    measured_s = one_s * (1 + plan.repeats) + other_s * (trials - 1 + finals + plan.repeats + plan.ablation)
    last_s = clients * timing.request_ms / 1000 / timing.cores  # answers still to come when a closed loop's window ends
    probe_s = closed_s + ramp_s + last_s + open_s + load.ramp_up_s + 2 * between_s
    looks = len({config.as_simulated() for config in plan.configs})
    computed_s = timing.busy * (FIT_S * protocols + PREDICT_S * looks) if plan.simulated else 0.0
    probes = 2 * protocols if plan.simulated else 1
    few_s = protocols * (closed_s + ramp_s + between_s) if plan.simulated else 0.0
    planned_s = spent_s + _starts_s(plan, timing, trials, finals) + computed_s + measured_s + few_s
    planned_s += probe_s * max(0, probes - timing.begun)  # who has a server up has probed it
    least_s = timing.start_s + computed_s + probe_s * (probes - 1) + few_s + other_s if trials > 1 else 0.0
    return Timetable(
        plan, samples, LONGEST * window_s, clients, closed_s, ramp_s, open_s, one_s, least_s, planned_s, budget_s,
        tuple(out),
    )  # fmt: skip


def _starts_s(plan: TuningPlan, timing: Timing, trials: int, finals: int) -> float:
    """Seconds of all servers that are still to be started, and of live changes of the one for the trials.

    The default, the one for the trials, the winner with its real flags, and again a live one for the ablation. Where
    flags differ that no live change reaches, every second change is taken to be a start.
    """
    starts = 1 + (trials > 1) * (1 + (plan.repeats > 0) + (plan.ablation > 0))
    changes = max(0, trials - 2) + finals + plan.ablation
    apart = 0.5 * (len({restart_key(config) for config in plan.configs}) > 1)
    return max(0, starts - timing.begun) * timing.start_s + changes * (SWITCH_S + apart * timing.start_s)


def _probes(plan: TuningPlan, load: Load, timing: Timing, budget_s: float) -> tuple[int, float, float, float]:
    """Clients, window and ramp-up of a closed probe, window of an open one: by clients times service time."""
    round_s = timing.request_ms / 1000 / timing.cores  # one client more makes a round longer by this
    most_s = PROBE_SHARE * budget_s
    clients = plan.probe_clients
    if (PROBE_ROUNDS + 1) * clients * round_s > most_s:
        clients = max(FEWEST_CLIENTS, int(most_s / ((PROBE_ROUNDS + 1) * round_s)))
        clients = min(clients, plan.probe_clients)
    closed_s = max(load.duration_s, PROBE_ROUNDS * clients * round_s)
    return clients, closed_s, max(load.ramp_up_s, clients * round_s), max(load.duration_s, 60 * round_s)


def trials_of(plan: TuningPlan) -> int:
    """Configurations that are measured at most, the default included."""
    size = len(plan.configs) + (plan.base not in plan.configs)
    ranked = plan.search == "simulate" and plan.simulated
    known = min(size, 1 + plan.frontier + _unseen(plan)) if ranked else size
    return max(1, min(plan.budget.trials, known))


def _unseen(plan: TuningPlan) -> int:
    """Configurations that no prediction tells from the best of the frontier."""
    size, alike = len(plan.configs), len({config.as_simulated() for config in plan.configs})
    return max(0, round(size / alike) - 1) if alike else 0


Shorter = Callable[[Timetable], "tuple[TuningPlan, int, str] | None"]


def _no_ablation(table: Timetable) -> tuple[TuningPlan, int, str] | None:
    plan = table.plan
    return (replace(plan, ablation=0), table.samples, "what each knob earned") if plan.ablation else None


def _no_finals(table: Timetable) -> tuple[TuningPlan, int, str] | None:
    plan = table.plan
    words = "measuring the best few again"
    return (replace(plan, finalists=1), table.samples, words) if plan.finalists > 1 else None


def _fewer_samples(least: int) -> Shorter:
    def shorten(table: Timetable) -> tuple[TuningPlan, int, str] | None:
        fewer = next((count for count in FEWER if least <= count < table.samples), None)
        words = f"p99 itself: {fewer} requests a window instead of {SAMPLES:,}, judged by those beyond the limit"
        return (table.plan, fewer, words) if fewer else None

    return shorten


def _fewer_repeats(least: int) -> Shorter:
    def shorten(table: Timetable) -> tuple[TuningPlan, int, str] | None:
        repeats = table.plan.repeats - 1
        words = (
            f"repeats of winner against default beyond {repeats}" if repeats else "repeats of winner against default"
        )
        return (replace(table.plan, repeats=repeats), table.samples, words) if repeats >= least else None

    return shorten


def _fewer_windows(table: Timetable) -> tuple[TuningPlan, int, str] | None:
    windows = table.plan.objective.windows - 1
    plan = replace(table.plan, objective=replace(table.plan.objective, windows=windows))
    return (plan, table.samples, f"windows of a trial beyond {windows}") if windows >= 2 else None


def _fewer_trials(table: Timetable) -> tuple[TuningPlan, int, str] | None:
    plan = table.plan
    trials = trials_of(plan) - 1
    words = f"configurations beyond the {trials - 1} best predicted"
    if trials < 2:
        return None
    return replace(plan, budget=replace(plan.budget, trials=trials)), table.samples, words


_SHORTER: tuple[Shorter, ...] = (
    _no_ablation,
    _no_finals,
    _fewer_samples(300),
    _fewer_repeats(2),
    _fewer_windows,
    _fewer_trials,
    _fewer_samples(150),
    _fewer_repeats(0),
    _fewer_samples(130),
)


def _same(one: str, other: str) -> bool:
    """Whether two sentences leave out the same thing, the later one more of it."""
    return one.split(" beyond ")[0].split(":")[0] == other.split(" beyond ")[0].split(":")[0]
