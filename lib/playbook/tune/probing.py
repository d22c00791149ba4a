"""Probing a server for the simulator: short closed and open loops, and the fit to them, by a timetable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from playbook.errors import LoadFailed
from playbook.stage_plan import spoken
from playbook.tfserving.config import Config, expand
from playbook.tune.fit import Fit, fit
from playbook.tune.guess import Probe
from playbook.tune.memory import Memory
from playbook.tune.mixture import kinds_of
from playbook.tune.request_path import RequestPath, slots
from playbook.tune.timetable import Timetable
from playbook.tune.timing import BudgetClock
from playbook.tune.workbench import RunningServer, Workbench

LATE = 1.25  # of a budget: what is over by more was planned wrongly
A_LITTLE = 1.15  # of a budget: until when the first configuration may be measured, so that there is one to compare
FEW = 20  # requests of an open probe at least
FEW_CLIENTS = 1 / 6  # of a probe's, that fill small batches
CALM, BUSY = 0.5, 0.7  # shares of a closed loop's throughput at which the open probes are held: unbatched, batched


class Probing:
    """A workbench that is probed by a timetable; the clock runs from the beginning of the stage."""

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

    def affords_least(self) -> bool:
        """Whether one configuration beside the default can be measured before the budget is over by a quarter."""
        return self.clock.spent_s + self.table.least_s <= LATE * self.clock.given_s

    def affords_next(self) -> bool:
        """Whether there is time for one configuration more: the first one beside the default may end a little late.

        Of any later one the repeats of winner against default, two at least, are to have their time too.
        """
        if len(self.known) > 1:
            return self.affords(1 + 2 * min(self.plan.repeats, 2))
        needs_s = self.clock.spent_s + self.table.measurement_s
        if needs_s > A_LITTLE * self.clock.given_s:
            return False
        self.clock.extend(needs_s)
        return True

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
        """A closed loop that saturates a configuration; then, for the fit alone, an open one below its rate.

        A batched one is held with few clients too. Returns the saturated one.

        Raises:
            LoadFailed: No request was answered.
        """
        table = self.table
        times = {"duration_s": table.probe_s, "ramp_up_s": table.probe_ramp_up_s}
        clients = table.probe_clients
        if config.protocol == "grpc":  # more at once than its threads are refused, and tell nothing
            clients = min(clients, slots(config, len(self.bench.spec.cpus) or 1))
        closed = self._probe(name, config, times, arrival="closed", concurrency=clients)
        rate = max(0.1, round((BUSY if config.enable_batching else CALM) * closed.throughput_rps, 1))
        open_times = {"duration_s": max(table.open_probe_s, FEW / rate)}  # it may be slower than was planned for
        self.probes += [closed, self._probe(f"{name}, open", config, open_times, arrival="poisson", rate_rps=rate)]
        if config.enable_batching:
            few = max(1, round(FEW_CLIENTS * clients))
            self.probes.append(self._probe(f"{name}, few", config, times, arrival="closed", concurrency=few))
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
        fits = {protocol: self._fit(protocol, configs, curve) for protocol in dict.fromkeys(protocols)}
        self.paths = {protocol: fitted.path for protocol, fitted in fits.items()}
        return fits

    def _fit(self, protocol: str, configs: Sequence[Config], curve: Mapping[str, Any]) -> Fit:
        cpus, named = len(self.bench.spec.cpus) or 1, ""
        if protocol != self.plan.base.protocol:
            named = f", {protocol}"
            self.probe(f"default{named}", replace(self.plan.base, protocol=protocol))
        own = [c for c in configs if c.protocol == protocol] or [replace(c, protocol=protocol) for c in configs]
        roomy = max(own, key=lambda c: (slots(c, cpus), c.effective("max_batch_size"), -c.batch_timeout_micros))
        self.probe(f"batched{named}", roomy)
        probes = [probe for probe in self.probes if probe.config.protocol == protocol]
        self.tell(f"fitting the simulator to {len(probes)} probes")
        mix, loops = self.bench.load.mix, int(self.bench.spec.server == "embedded")
        line, rows, wakeup = curve["fit"], mix.rows_per_request or mix.mean_rows, self.bench.spec.batch_wakeup
        kinds = kinds_of(mix, curve)
        return fit(line["a_ms"], line["b_ms"], probes, float(cpus), loops, rows, wakeup, kinds)
