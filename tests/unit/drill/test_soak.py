"""A soak's verdict on memory of known growth; real servers are soaked in test_drills.py."""

from __future__ import annotations

import numpy as np
import pytest

from playbook.drill import soak

MIB = 2**20


def memory(grown: float, requests: int = 20_000, noise: float = 0.2 * MIB, step: float = 0.0, seed: int = 1):
    """Memory that settles, then grows by so many bytes a request; with noise, and with one step in the middle."""
    rng = np.random.default_rng(seed)
    answered = np.linspace(0, requests, 240).astype(int)
    settling = 30 * MIB * (1 - np.exp(-answered / (requests / 20)))
    steps = step * (answered > 0.6 * requests)
    return soak.Memory(answered, 400 * MIB + settling + grown * answered + steps + rng.normal(0, noise, 240))


@pytest.mark.parametrize("seed", range(5))
def test_a_leak_of_a_kilobyte_is_found_and_its_size_told(seed: int) -> None:
    judged = soak.judge(memory(1024.0, seed=seed))
    assert judged["answer"] == soak.LEAK
    assert judged["low"] < 1024 * 1.05
    assert judged["high"] > 1024 * 0.95


@pytest.mark.parametrize("seed", range(5))
def test_memory_that_settles_and_stays_is_no_leak(seed: int) -> None:
    judged = soak.judge(memory(0.0, seed=seed))
    assert judged["answer"] == soak.NONE
    assert judged["high"] < 1024


def test_an_arena_that_comes_once_is_no_leak() -> None:
    assert soak.judge(memory(0.0, step=20 * MIB))["answer"] != soak.LEAK


def test_a_soak_too_short_to_tell_says_so_and_clears_nobody() -> None:
    judged = soak.judge(memory(0.0, requests=500, noise=2 * MIB))
    assert judged["answer"] == soak.OPEN
    figures = {"seconds": 1.0, "lost": 0, "requests": 500, "rate_rps": 500.0, **judged}
    assert "hold it longer" in soak.told(figures)["words"]
    assert soak.told(figures)["warnings"]
    assert soak.judge(soak.Memory(np.array([], int), np.array([])))["answer"] == soak.OPEN
