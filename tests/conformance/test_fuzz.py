"""A reduced fuzz run: never a crash, a hang, a reply of the wrong request, or an error of our own making."""

from __future__ import annotations

import random

import pytest


@pytest.fixture
def fuzzing():
    """Imported by the one worker that needs it: hypothesis is large."""
    import fuzzing

    return fuzzing


@pytest.fixture
def checker(server, fuzzing):
    made = fuzzing.Checker(server)
    yield made
    assert server.process.poll() is None
    made.sentinel()


def test_generated_json(checker, fuzzing):
    fuzzing.fuzz_json(checker, 400)
    assert checker.statuses.get(400, 0) > 50


def test_mutated_bodies(checker, fuzzing):
    fuzzing.fuzz_bytes(checker, 600, random.Random(7))
    assert len(checker.statuses) > 1


def test_generated_paths(checker, fuzzing):
    fuzzing.fuzz_paths(checker, 300)


def test_mutated_messages(checker, fuzzing):
    fuzzing.fuzz_grpc(checker, 800, random.Random(7))
    assert checker.statuses.get("OK", 0) > 10


def test_mutated_frames(checker, fuzzing):
    fuzzing.fuzz_frames(checker, 400, random.Random(7))
    assert len(checker.statuses) > 3
    assert "Traceback" not in checker.server.log
