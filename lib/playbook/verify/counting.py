"""Questions about the metrics page: names, labels, buckets, and what is counted."""

from __future__ import annotations

from playbook.verify.asking import Question
from playbook.verify.places import Place
from playbook.verify.reached import Reached

Seen = tuple[bool, str]
_T = ":tensorflow:serving:"
# What monitor, analyze and the dashboards read: name -> labels.
NAMES = {
    "request_count": {"model_name", "status"},
    "request_latency": {"model_name", "API", "entrypoint"},
    "runtime_latency": {"model_name", "API", "runtime"},
}
BATCHING = {
    "batching_session:queuing_latency": {"thread_pool_name"},
    "batching_session:processed_batch_size": set(),
    "batching_session:padding_size": {"execution_batch_size"},
    "batching_session:input_batch_size": set(),
}
_FIRST_US = (10.0, 18.0, 32.4, 58.32, 104.976)


def _missing(server: Reached, wanted: dict[str, set[str]]) -> list[str]:
    """The series that are not there, or have other labels."""
    found: dict[str, set[str]] = {}
    for series in server.metrics().values():
        found.setdefault(series.name, set()).update(series.labels)
    wrong = []
    for name, labels in wanted.items():
        if (seen := found.get(_T + name)) is None:
            wrong.append(f"no {_T}{name}")
        elif seen != labels:
            wrong.append(f"{_T}{name} has the labels {sorted(seen)}")
    return wrong


def _names(place: Place) -> Seen:
    server = place.server()
    if server.is_probe:
        server.predict({"instances": [1.0]}).raise_for_status()
    wrong = _missing(server, NAMES)
    return not wrong, "; ".join(wrong) or f"{', '.join(NAMES)}, with their labels"


def _batching_names(place: Place) -> Seen:
    server = place.server("batched")
    server.predict({"instances": [1.0]}).raise_for_status()
    wrong = _missing(server, BATCHING)
    return not wrong, "; ".join(wrong) or f"{len(BATCHING)} of them, with their labels"


def _values(place: Place) -> Seen:
    server = place.server()
    if server.is_probe:
        server.predict({"instances": [1.0]}).raise_for_status()
    series = [one for one in server.metrics().values() if one.name == _T + "request_latency"]
    kinds = {(one.labels.get("API"), one.labels.get("entrypoint")) for one in series}
    return ("predict", "REST") in kinds or (
        "Predict",
        "GRPC",
    ) in kinds, f"API and entrypoint: {sorted(map(str, kinds))}"


def _buckets(place: Place) -> Seen:
    server = place.server()
    if server.is_probe:
        server.predict({"instances": [1.0]}).raise_for_status()
    series = next((one for one in server.metrics().values() if one.name == _T + "request_latency"), None)
    if series is None:
        return False, "no request_latency"
    return tuple(series.le[:5]) == _FIRST_US and len(series.le) == 34, f"{len(series.le)} limits: {series.le[:5]} …"


def _counts(server: Reached) -> dict[str, float]:
    counts: dict[str, float] = {}
    for series in server.metrics().values():
        if series.name == _T + "request_count":
            status = series.labels.get("status", "")
            counts[status] = counts.get(status, 0.0) + (series.value or 0.0)
    return counts


def _counted(place: Place) -> Seen:
    server = place.server()
    server.need_probe()
    before, timed = _counts(server), server.counted("request_latency")[0]
    server.get(f"/v1/models/{server.model}")
    server.predict({"instances": [1.0]})
    server.predict({"instances": ["text"]})
    after, more = _counts(server), server.counted("request_latency")[0] - timed
    counts = {status: after[status] - before.get(status, 0.0) for status in after}
    counts = {status: int(count) for status, count in counts.items() if count}
    holds = counts == {"OK": 2, "INVALID_ARGUMENT": 1} and more == 2
    return holds, f"a status, a predict and a refusal: request_count {counts}, request_latency {more:g}"


_ADVICE = "monitor, analyze's ledger, and the alerts and dashboards that deploy writes"
QUESTIONS = [
    Question(
        "metric_names",
        "metrics",
        "request_count, request_latency and runtime_latency have these names and labels",
        _ADVICE,
        _names,
    ),
    Question(
        "metric_labels", "metrics", "API is `predict` with entrypoint REST and `Predict` with GRPC", _ADVICE, _values
    ),
    Question(
        "buckets",
        "metrics",
        "latencies are in microseconds, in 34 buckets from 10 by the factor 1.8",
        _ADVICE,
        _buckets,
    ),
    Question(
        "counted",
        "metrics",
        "request_count counts status requests and refusals too, request_latency successes alone",
        _ADVICE,
        _counted,
    ),
    Question(
        "batching_metrics",
        "metrics",
        "the batching session's four histograms are on the page",
        _ADVICE,
        _batching_names,
    ),
]
