"""What a number in the parameters may be: a table of ranges, so that a slip is refused before anything starts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from playbook.chain import shapes
from playbook.errors import ParameterError


class Range(NamedTuple):
    """From `least` (itself allowed unless `above`) to `most`."""

    least: float
    most: float = math.inf
    above: bool = False


POSITIVE, FROM_ZERO, SHARE = Range(0.0, above=True), Range(0.0), Range(0.0, 1.0)
#: By name; lists are checked entry by entry.
RANGES: dict[str, Range] = {
    **dict.fromkeys(("duration_s", "timeout_s", "start_timeout_s", "trial_s", "prove_s", "prove_level_s"), POSITIVE),
    **dict.fromkeys(("monitor_every_s", "look_every_s", "moving_s", "rehearsal_s", "max_minutes"), POSITIVE),
    **dict.fromkeys(("drill_s", "drill_minutes"), POSITIVE),
    **dict.fromkeys(("ramp_up_s", "trial_ramp_up_s", "search_s", "sweep_s", "cool_down_s", "schedule_s"), FROM_ZERO),
    **dict.fromkeys(("variant_s", "curve_s", "warmup_s", "soak_minutes"), FROM_ZERO),
    **dict.fromkeys(("price_per_cpu_hour", "price_per_gpu_hour", "target_rate_rps", "highest_rps"), FROM_ZERO),
    "connections_per_pod": FROM_ZERO,
    **dict.fromkeys(("rates_rps", "rate_shares", "slo_points", "p99_limit_ms"), POSITIVE),
    **dict.fromkeys(("max_error_share", "tolerance"), SHARE),
    "headroom": Range(0.0, 0.95),
    "confidence": Range(0.5, 1.0, above=True),
    **dict.fromkeys(("rows_per_request", "level_repeats"), Range(1)),
    **dict.fromkeys(("concurrency", "probe_clients"), Range(1, 65_535)),  # a connection each, and a port
    "client_processes": Range(1, 1024),
    **dict.fromkeys(
        ("warmup_batch_sizes", "curve_batch_sizes", "variant_batch_sizes", "allowed_batch_sizes"), Range(1)
    ),
    **dict.fromkeys(("server_cpus", "client_cpus"), FROM_ZERO),
    **dict.fromkeys(("first_requests", "warmup_repeats", "min_replicas", "windows", "max_trials"), Range(1)),
    **dict.fromkeys(("open_size", "wire_requests", "patience", "confirm"), Range(1)),
    **dict.fromkeys(("keep_versions", "batch_size_bounds"), Range(1)),
    **dict.fromkeys(("variant_tolerance", "parity_tolerance", "objective_rate_rps", "batch_timeout_bounds"), FROM_ZERO),
    **dict.fromkeys(("publish_as", "frontier", "max_enqueued_batches", "max_batch_size"), Range(0, 2**31 - 1)),
    **dict.fromkeys(("rest_api_port", "port"), Range(0, 65_535)),
    "seed": Range(0, 2**32 - 1),  # as numpy takes it
    **dict.fromkeys(("replicas", "finalists", "gain_repeats", "ablation", "client_warmup_requests"), FROM_ZERO),
}


def check_all(values: Mapping[str, Any]) -> None:
    """Check every parameter among these whose range is known.

    Raises:
        ParameterError: a number out of its range, or an entry that is no number.
    """
    for name, value in values.items():
        if name in RANGES:
            for number in value[: shapes.LONGEST] if isinstance(value, (list, tuple)) else [value]:
                _check(name, number, RANGES[name])


def _check(name: str, number: Any, allowed: Range) -> None:
    number_at_all = isinstance(number, (int, float)) and not isinstance(number, bool) and math.isfinite(number)
    if number_at_all and allowed.least <= number <= allowed.most and not (allowed.above and number == allowed.least):
        return
    least = f"above {allowed.least:g}" if allowed.above else f"from {allowed.least:g}"
    most = f" to {allowed.most:g}" if math.isfinite(allowed.most) else ""
    raise ParameterError(f"{name} is {number!r}; a number {least}{most} is expected.")
