"""What holds the server back, in one sentence with its evidence and the change to try: the first rule that fits.

The rules stand in one table, in the order in which they are believed: a load generator at its limit makes every other
figure worthless, refused requests hide the queue that refused them, and so on down to the model itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playbook.analyze.ledger import Ledger

BUSY = 0.85  # share of the allotted cores from which a server is out of CPU
IDLE = 0.70  # share below which CPU cannot be what it waits for
MOST = 0.45  # share of the mean latency that makes a stage the main one


@dataclass(frozen=True)
class Evidence:
    """What is known of one level; None is not known, and a rule that needs it does not fit."""

    protocol: str = "rest"
    mean_in_flight: float | None = None
    throughput_rps: float | None = None
    client_cpu_share: float | None = None
    lateness_p99_us: float | None = None
    latency_p99_ms: float | None = None
    invalid: tuple[str, ...] = ()
    refused_share: float | None = None  # UNAVAILABLE and RESOURCE_EXHAUSTED over all requests
    ledger: Ledger | None = None
    server_cores: float | None = None  # used
    allotted_cores: float | None = None
    run_ms: float | None = None  # one run of the model at the lightest level, where nothing waits
    run_delay_share: float | None = None  # time ready but without a core, over the time that ran
    throttled_share: float | None = None  # of the window
    memory_growth_mib_s: float | None = None
    memory_growth_share: float | None = None  # of the window's start
    batching: dict[str, Any] | None = None  # None: off
    rest_threads: int | None = None
    grpc_threads: int | None = None

    def share(self, *stages: str) -> float:
        """What part of the mean latency these stages are; 0 without a ledger."""
        if self.ledger is None or not self.ledger.total_ns:
            return 0.0
        return sum(self.ledger.mean_ns.get(stage, 0) for stage in stages) / self.ledger.total_ns

    def stage_ms(self, *stages: str) -> float:
        """Mean milliseconds of these stages."""
        return sum(self.ledger.mean_ns.get(stage, 0) for stage in stages) / 1e6 if self.ledger else 0.0

    @property
    def busy(self) -> float | None:
        """Used over allotted cores."""
        return self.server_cores / self.allotted_cores if self.server_cores and self.allotted_cores else None

    @property
    def full(self) -> bool:
        """Whether the server used nearly all of its cores."""
        return self.busy is not None and self.busy > BUSY

    @property
    def work_ms(self) -> tuple[float, float] | None:
        """CPU milliseconds of one request outside the model and in it; None where CPU or run time is not known.

        On a full server latency tells where requests wait, not what they wait for: the CPU they cost does.
        """
        if not (self.server_cores and self.throughput_rps and self.run_ms):
            return None
        total = 1e3 * self.server_cores / self.throughput_rps
        return max(0.0, total - self.run_ms), min(self.run_ms, total)

    @property
    def threads(self) -> int | None:
        """Requests the server can work on at a time over this protocol; one REST thread is the event loop."""
        if self.protocol == "grpc":
            return self.grpc_threads
        return self.rest_threads - 1 if self.rest_threads else None


@dataclass(frozen=True)
class Bottleneck:
    """The rule that fits, its evidence, and the change to try."""

    rule: str
    text: str
    evidence: str
    change: str
    others: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Cause:
    """One row of the table. `seen` answers with the evidence in words, or None when the rule does not fit."""

    name: str
    seen: Callable[[Evidence], str | None]
    change: str


def find(evidence: Evidence) -> Bottleneck:
    """The first rule that fits; the others that fit too are named."""
    fitting = [(rule, words) for rule in RULES if (words := rule.seen(evidence))]
    if not fitting:
        return Bottleneck("none", "No single bottleneck stands out.", "", "Raise the load until p99 meets the limit.")
    rule, words = fitting[0]
    return Bottleneck(
        rule.name, f"{rule.name}: {words}. Try: {rule.change}", words, rule.change, [r.name for r, _ in fitting[1:]]
    )


def _client(e: Evidence) -> str | None:
    if e.client_cpu_share is not None and e.client_cpu_share > BUSY:
        return f"the load generator used {e.client_cpu_share:.0%} of its own cores"
    if e.lateness_p99_us and e.latency_p99_ms and e.lateness_p99_us / 1e3 > 0.2 * e.latency_p99_ms:
        return f"requests were sent up to {e.lateness_p99_us / 1e3:.1f} ms late, p99 is {e.latency_p99_ms:.1f} ms"
    return None


def _refusing(e: Evidence) -> str | None:
    if not e.refused_share or e.refused_share < 0.001:
        return None
    why = "because the batch queue was full" if e.batching else "by the server or by what stands before it"
    return f"{e.refused_share:.1%} of the requests were refused {why}"


def _memory(e: Evidence) -> str | None:
    # A server warms its caches: what counts is growth that is fast and large against what it had.
    if not (e.memory_growth_mib_s and e.memory_growth_share):
        return None
    if e.memory_growth_share < 0.05 or e.memory_growth_mib_s < 0.5:
        return None
    return f"its memory grew by {e.memory_growth_mib_s:.1f} MiB/s, {e.memory_growth_share:.0%} within the level"


def _throttled(e: Evidence) -> str | None:
    if e.throttled_share and e.throttled_share > 0.02:
        return f"its cgroup was stopped by the CPU quota for {e.throttled_share:.0%} of the time"
    return None


def _starved(e: Evidence) -> str | None:
    if e.run_delay_share is None or e.run_delay_share < 0.5:
        return None
    if e.full:
        return None  # its own threads queue for its own cores: that is compute, not starvation
    return f"its threads waited {e.run_delay_share:.1f} s for a core for each second they ran, yet used {_cores(e)}"


def _threads(e: Evidence) -> str | None:
    if e.threads is None or e.mean_in_flight is None or e.mean_in_flight <= e.threads:
        return None
    if e.share("network_http", "admission") < MOST or e.full:
        return None
    return (
        f"{e.mean_in_flight:.0f} requests were in flight, the server takes {e.threads} at a time, and "
        f"{e.share('network_http', 'admission'):.0%} of the latency passed before it began"
    )


def _queue(e: Evidence) -> str | None:
    if not e.batching or e.share("batch_queue") < MOST or e.ledger is None:
        return None
    timeout_ms = (e.batching.get("batch_timeout_micros") or 0) / 1e3
    most, rows = e.batching.get("max_batch_size"), e.ledger.batch_rows
    if e.full:
        return None
    if not (timeout_ms and most and rows) or rows > 0.5 * most or e.stage_ms("batch_queue") < 0.5 * timeout_ms:
        return None
    return (
        f"requests waited {e.stage_ms('batch_queue'):.1f} ms in the queue of a timeout of {timeout_ms:g} ms, and "
        f"batches held {rows:.1f} of {most} rows"
    )


def _http(e: Evidence) -> str | None:
    if e.protocol != "rest":
        return None
    if e.full and e.work_ms:
        outside, run = e.work_ms
        words = (
            f"{outside:.2f} of the {outside + run:.2f} ms CPU of a request is HTTP and JSON, the model's run {run:.2f}"
        )
        return f"{words}; the server used {_cores(e)}" if outside > run else None
    if e.threads is not None and e.mean_in_flight is not None and e.mean_in_flight > e.threads:
        return None
    outside, run = e.share("network_http", "server_shell"), e.share("graph_run", "padding")
    if outside < MOST or outside < run:
        return None
    return (
        f"{outside:.0%} of the latency ({e.stage_ms('network_http', 'server_shell'):.2f} ms) is HTTP and JSON, "
        f"the model runs {e.stage_ms('graph_run', 'padding'):.2f} ms"
    )


def _compute(e: Evidence) -> str | None:
    if e.full and e.work_ms:
        outside, run = e.work_ms
        words = f"{run:.2f} of the {outside + run:.2f} ms CPU of a request is the model's run"
        return f"{words}; the server used {_cores(e)}" if run >= outside else None
    run = e.share("graph_run", "padding", "batch_queue")
    if run < MOST or (e.busy is not None and e.busy < IDLE):
        return None
    if e.busy is None and e.share("graph_run", "padding") < MOST:
        return None
    return f"running the model and waiting for it is {run:.0%} of the latency and the server used {_cores(e)}"


def _cores(e: Evidence) -> str:
    if e.server_cores is None:
        return "an unknown number of cores"
    if not e.allotted_cores:
        return f"{e.server_cores:.2f} cores"
    if e.allotted_cores == 1:
        return f"{e.server_cores:.2f} of its one core"
    return f"{e.server_cores:.2f} of its {e.allotted_cores:g} cores"


RULES: tuple[Cause, ...] = (
    Cause("client-bound", _client, "more client cores or processes (client_processes), then measure again."),
    Cause(
        "queue rejecting", _refusing, "raise max_enqueued_batches where requests are batched, or carry less load here."
    ),
    Cause("CPU throttled", _throttled, "raise the CPU limit, or set the thread flags and num_batch_threads to it."),
    Cause("CPU-starved", _starved, "give the server cores of its own (server_cpus, cpuset), away from its neighbours."),
    Cause("memory growing", _memory, "run it longer and watch resources; preload tcmalloc or jemalloc, limit caches."),
    Cause("thread-capped", _threads, "raise rest_api_num_threads or grpc_max_threads to twice the requests in flight."),
    Cause("batch never fills", _queue, "lower batch_timeout_micros or max_batch_size, or send more at a time."),
    Cause("HTTP/JSON-bound", _http, "inputs as bytes instead of JSON numbers, or gRPC."),
    Cause("compute-bound", _compute, "batching (enable_batching), a smaller or quantized model, or more cores."),
)
