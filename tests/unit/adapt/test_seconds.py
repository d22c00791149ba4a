"""Seconds of a moving load: judged by counting, with a p99 only where there is one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from playbook.adapt.seconds import by_second
from playbook.promise import Promise
from playbook.records import record

SECOND = 1_000_000_000


def second(number: int, requests: int, slow: int = 0, failed: int = 0) -> pd.DataFrame:
    """A second of so many requests at 10 ms, some of them at 80 ms or failed."""
    due = [number * SECOND + SECOND // requests * i for i in range(requests)]
    took_ms = [80.0] * slow + [10.0] * (requests - slow)
    errors = [None] * (requests - failed) + ["reset"] * failed
    done = [at + int(ms * 1e6) for at, ms in zip(due, took_ms, strict=True)]
    return pd.DataFrame({"scheduled_ns": due, "done_ns": done, "error": errors})


@pytest.fixture
def seconds(tmp_path: Path) -> pd.DataFrame:
    held = [second(0, 20), second(1, 20, slow=1), second(2, 200, slow=2), second(3, 200, slow=3), second(4, 2000)]
    record.write_parquet(tmp_path / "requests.parquet", pd.concat([*held, second(5, 2000, failed=3)]))
    return by_second(tmp_path / "requests.parquet", Promise(50.0, 0.001))


def test_a_second_keeps_the_promise_with_at_most_one_request_in_a_hundred_beyond_the_limit(
    seconds: pd.DataFrame,
) -> None:
    assert seconds["kept"].tolist() == [True, False, True, False, True, False]
    assert seconds["beyond"].tolist() == [0, 1, 2, 3, 0, 3]


def test_a_p99_is_told_only_of_a_second_with_a_thousand_answers(seconds: pd.DataFrame) -> None:
    assert seconds["p99_ms"].isna().tolist() == [True, True, True, True, False, False]
    assert seconds["slowest_ms"].round().tolist() == [10.0, 80.0, 80.0, 80.0, 10.0, 10.0]
