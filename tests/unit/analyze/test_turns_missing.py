"""How many turns a gate wants: told from the first ones, held against what the told number then shows."""

from __future__ import annotations

import numpy as np
import pytest

from playbook.analyze import turns, verdicts


def judged(number, scatter, seed=5):
    """What `verdicts` says of two figures whose neighbours differ by chance alone."""
    differences = np.random.default_rng(seed).normal(0.0, scatter, (number, 2))
    mean, error, critical = turns.estimate(differences, seed)
    return verdicts._rows(["p50", "p99"], [1.0, 1.0], [1.0, 1.0], mean, error, critical)


@pytest.mark.parametrize("gate", [5, 7])
@pytest.mark.parametrize("seed", range(4))
def test_the_turns_asked_for_show_the_gate(gate, seed):
    few = judged(24, [0.03, 0.15], seed)
    assert max(row["seen"] for row in few) > gate / 100
    more = turns.missing(few, 24, gate)
    enough = judged(24 + more, [0.03, 0.15], seed)
    assert max(row["seen"] for row in enough) < 1.25 * gate / 100  # the scatter of 24 is itself known to a seventh
    assert max(row["seen"] for row in judged(24 + more // 8, [0.03, 0.15], seed)) > gate / 100  # and no waste


def test_a_gate_that_shows_already_wants_no_turn_more():
    assert turns.missing(judged(24, [0.01, 0.01]), 24, 10) == 0


def test_a_gate_below_what_two_servers_differ_by_is_out_of_reach():
    assert turns.missing(judged(24, [0.03, 0.15]), 24, 1) is None
