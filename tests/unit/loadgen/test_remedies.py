"""A remedy fits its cause: a smaller load cures an overload and nothing else."""

from __future__ import annotations

import pytest

from loadgen.verdict.remedies import remedy


@pytest.mark.parametrize(
    ("kinds", "said", "unsaid"),
    [
        ({"http_404": 9, "http_503": 1}, "address", "lower the load"),
        ({"http_400": 9}, "body", "lower the load"),
        ({"refused": 9}, "server", "lower the load"),
        ({"http_401": 9}, "credentials", "lower the load"),
        ({"protocol": 9}, "protocol", "lower the load"),
        ({"http_503": 9, "http_404": 1}, "lower the load", "address"),
        ({"timeout": 9}, "lower the load", "address"),
        ({"grpc_8": 9}, "grpc_max_threads", "address"),
        ({"grpc_5": 9}, "model's name", "lower the load"),
        ({"http_500": 9}, "server's log", "lower the load"),
        ({}, "lower the load", "address"),
    ],
)
def test_the_commonest_failure_decides_what_to_change(kinds: dict[str, int], said: str, unsaid: str) -> None:
    text = remedy(kinds)
    assert said in text
    assert unsaid not in text
