"""Drills over gRPC with TLS: clients that stall behind their handshake, a balancer, a server that comes again."""

from __future__ import annotations

from pathlib import Path

import certificates
import drilled
import pytest

from playbook.records import record


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose server speaks TLS, as the record of serve says."""
    pems = certificates.all_kinds(tmp_path_factory.mktemp("pems"))
    folder = drilled.published_run(tmp_path_factory.mktemp("drilled"))
    asked = {"ssl_config_file": str(certificates.ssl_config(pems)), "ca_file": str(pems / "ca.pem")}
    record.save(folder, "serve", params=asked, results={"server": "embedded"}, verdict="Up.")
    return folder


def test_users_over_tls_are_served_beside_stalled_clients_and_by_the_replicas_that_are_left(run: Path) -> None:
    results = drilled.practised(run, "slow_clients", "replica_lost", protocol="grpc", drill_s=2.0)
    rows = {row["drill"]: row for row in results["drills"]}
    assert (set(rows), results["left_out"]) == ({"slow_clients", "replica_lost"}, [])
    assert rows["slow_clients"]["seen"] == "200 clients stalled in mid-request; the server had closed 0 of them"
    assert rows["replica_lost"]["lost"] < rows["replica_lost"]["requests"]
    for row in rows.values():  # rows were asked and answered over TLS, through the balancer too
        assert row["compared"] > 0
        assert row["wrong"] == 0
