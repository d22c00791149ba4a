"""Each rule of the bottleneck table fits the data made for it and does not fit its near misses."""

from dataclasses import replace

import pytest

from playbook.analyze import bottleneck
from playbook.analyze.bottleneck import Evidence
from playbook.analyze.ledger import Ledger


def ledger(batch_rows=None, **ms):
    parts = {stage: round(value * 1e6) for stage, value in ms.items()}
    return Ledger(1000, sum(parts.values()), parts, {}, batch_rows)


CALM = Evidence(
    mean_in_flight=2.0,
    throughput_rps=1000.0,
    client_cpu_share=0.4,
    lateness_p99_us=50.0,
    latency_p99_ms=5.0,
    refused_share=0.0,
    ledger=ledger(network_http=0.3, server_shell=0.3, batch_queue=0.2, graph_run=0.6, client=0.3, unexplained=0.3),
    server_cores=0.3,
    allotted_cores=1.0,
    run_delay_share=0.05,
    throttled_share=0.0,
    memory_growth_mib_s=0.01,
    memory_growth_share=0.001,
    rest_threads=16,
    grpc_threads=16,
)
BATCHING = {"max_batch_size": 64, "batch_timeout_micros": 10_000}
HTTP = ledger(network_http=1.0, server_shell=1.5, graph_run=0.4)
WAITING = ledger(network_http=6.0, server_shell=0.5, graph_run=0.5)
QUEUED = ledger(batch_rows=3.0, network_http=0.5, batch_queue=9.0, graph_run=1.0)
RUNNING = ledger(network_http=0.3, server_shell=0.2, graph_run=4.0)

# rule, evidence that triggers it, evidence close by that must not
CASES = {
    "client-bound": [
        ({"client_cpu_share": 0.95}, {"client_cpu_share": 0.80}),
        ({"lateness_p99_us": 4000.0}, {"lateness_p99_us": 400.0}),
    ],
    "queue rejecting": [({"refused_share": 0.02}, {"refused_share": 0.0002})],
    "CPU throttled": [({"throttled_share": 0.2}, {"throttled_share": 0.01})],
    "CPU-starved": [
        ({"run_delay_share": 0.9}, {"run_delay_share": 0.3}),
        ({"run_delay_share": 0.9}, {"run_delay_share": 0.9, "server_cores": 0.97, "ledger": RUNNING}),
    ],
    "memory growing": [
        (
            {"memory_growth_mib_s": 8.0, "memory_growth_share": 0.2},
            {"memory_growth_mib_s": 8.0, "memory_growth_share": 0.01},
        ),
        ({"memory_growth_mib_s": 8.0, "memory_growth_share": 0.2}, {"memory_growth_mib_s": -8.0}),
    ],
    "thread-capped": [
        ({"mean_in_flight": 40.0, "ledger": WAITING}, {"mean_in_flight": 10.0, "ledger": WAITING}),
        (
            {"mean_in_flight": 40.0, "ledger": WAITING},
            {"mean_in_flight": 40.0, "ledger": WAITING, "server_cores": 0.98},
        ),
        (
            {"mean_in_flight": 40.0, "ledger": WAITING, "protocol": "grpc"},
            {"mean_in_flight": 40.0, "ledger": WAITING, "protocol": "grpc", "grpc_threads": 64},
        ),
    ],
    "batch never fills": [
        ({"batching": BATCHING, "ledger": QUEUED}, {"batching": None, "ledger": QUEUED}),
        (
            {"batching": BATCHING, "ledger": QUEUED},
            {"batching": BATCHING, "ledger": replace(QUEUED, batch_rows=60.0)},
        ),
        (
            {"batching": BATCHING, "ledger": QUEUED},
            {"batching": {**BATCHING, "batch_timeout_micros": 0}, "ledger": QUEUED},
        ),
    ],
    "HTTP/JSON-bound": [
        (
            {"ledger": WAITING, "server_cores": 0.98, "run_ms": 0.3},
            {"ledger": WAITING, "server_cores": 0.98, "run_ms": 0.7},
        ),
        ({"ledger": HTTP}, {"ledger": HTTP, "protocol": "grpc"}),
        ({"ledger": HTTP}, {"ledger": RUNNING, "server_cores": 0.3}),
        ({"ledger": HTTP}, {"ledger": None}),
    ],
    "compute-bound": [
        # a full server: what costs CPU decides, wherever the requests wait
        (
            {"ledger": WAITING, "server_cores": 0.98, "run_ms": 0.7},
            {"ledger": WAITING, "server_cores": 0.98, "run_ms": 0.3},
        ),
        ({"ledger": RUNNING, "server_cores": 0.98}, {"ledger": RUNNING, "server_cores": 0.4}),
        ({"ledger": RUNNING, "server_cores": None}, {"ledger": HTTP, "server_cores": None}),
    ],
}


def test_every_rule_has_cases():
    assert set(CASES) == {rule.name for rule in bottleneck.RULES}


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in CASES.items() for case in cases])
def test_a_rule_fits_its_data_and_not_the_near_miss(name, case):
    hit, miss = (bottleneck.find(replace(CALM, **changes)) for changes in case)
    assert hit.rule == name
    assert "Try: " in hit.text
    assert any(letter.isdigit() for letter in hit.evidence), hit.evidence
    assert name not in (miss.rule, *miss.others)


def test_a_calm_server_has_no_bottleneck():
    found = bottleneck.find(CALM)
    assert (found.rule, found.others) == ("none", [])
    assert bottleneck.find(Evidence()).rule == "none"


def test_the_first_rule_wins_and_the_others_are_named():
    found = bottleneck.find(replace(CALM, client_cpu_share=0.99, ledger=HTTP))
    assert (found.rule, found.others) == ("client-bound", ["HTTP/JSON-bound"])
