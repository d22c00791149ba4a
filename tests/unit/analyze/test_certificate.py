"""A certificate in analyze.json is the load generator's claim on the rows of a level, under the record's names."""

import fake_run
import numpy as np
import pytest

from loadgen import claim
from playbook.analyze import analysis
from playbook.promise import Promise
from playbook.records import run_folder
from playbook.records.agreement import rounded


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_folder.read(fake_run.make(tmp_path_factory.mktemp("outputs") / "20260101T000000Z-quick", seconds=2.0))


@pytest.mark.parametrize("limit_ms", [3.0, 1.5, 0.5])
def test_the_certificate_of_a_run_is_the_claim_on_its_rows(run, limit_ms):
    told = analysis.results(run, Promise(limit_ms))["certificate"]
    rows, level = run.rows(told["level"]), run.levels[told["level"]]
    in_order = rows.latency_ms[np.argsort(rows.scheduled_ns[rows.ok], kind="stable")]
    proof = claim(in_order, limit_ms, level["throughput_rps"])
    renamed = {"beyond": "misses", "inflation": "tau"}
    names = ("proven", "refuted", "text", "requests", "beyond", "inflation", "bound", "hold_s")
    assert {name: told[name] for name in names} == rounded({name: proof[renamed.get(name, name)] for name in names})
    assert set(told) == {"level", "load", *names}
