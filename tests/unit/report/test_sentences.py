"""Every number in the headline, the verdicts and the index of the committed record stands in a field of that record."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from playbook.records import record, run_folder
from playbook.report import catalogue, opening

EXAMPLE = Path(__file__).parents[3] / "outputs" / "example"
NUMBER = re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?( ?%)?")
OF_THE_TEXT = {95.0, 99.0, 100.0}  # "95 %:", p99, "the first 100 requests" stand for the rule, not for a field


def leaves(value: object) -> Iterator[float]:
    """Every number in a record, with what sentences make of it: shares as percent, lists as their length, inverses."""
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        yield float(len(value))
        for item in value:
            yield from leaves(item)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from (float(value), 100.0 * value, *((1.0 / value,) if value else ()))
    elif isinstance(value, str) and " " not in value:  # a name, a version, a number as text; no sentence
        yield from (float(part) for part in re.findall(r"\d+(?:\.\d+)?", value))


def unfounded(text: str, values: list[float]) -> list[str]:
    """The numbers of a text that no field gives when it is rounded as the text shows it."""
    missing = []
    for whole, decimals, _ in NUMBER.findall(text):
        shown = float(f"{whole.replace(',', '')}.{decimals or 0}")
        half = 0.5 * 10.0 ** -len(decimals)
        known = any(math.isclose(shown, value, abs_tol=half * 1.001) for value in values)
        if not known and shown not in OF_THE_TEXT:
            missing.append(whole + (f".{decimals}" if decimals else ""))
    return missing


@pytest.fixture(scope="module")
def values() -> list[float]:
    contents = [json.loads(path.read_text()) for path in EXAMPLE.glob("*.json")]
    return [number for content in contents for number in leaves(content)]


def test_every_number_of_the_headline_stands_in_a_field(values: list[float]) -> None:
    run = run_folder.read(EXAMPLE)
    assert not unfounded(opening.headline(run), values)
    assert re.search(r"\d", opening.headline(run))


@pytest.mark.parametrize("verb", [verb for verb in record.VERBS if record.has(EXAMPLE, verb)])
def test_every_number_of_a_verdict_stands_in_a_field(verb: str, values: list[float]) -> None:
    verdict = record.load(EXAMPLE, verb)["verdict"]
    if verb == "adapt":  # its reason is read off data/adapt_seconds.parquet, which the example leaves out
        verdict = verdict.partition(" Why: ")[0]
    assert not unfounded(verdict, values)


def test_every_number_of_the_index_stands_in_a_field(values: list[float], tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "one", ignore=shutil.ignore_patterns("data", "figures"))
    (line,) = catalogue.listing(tmp_path).splitlines()[1:]
    assert not unfounded(line, values)


def test_the_promise_is_answered(values: list[float]) -> None:
    assert record.load(EXAMPLE, "prove")["results"]["answer"] in ("KEPT", "NOT KEPT", "NOT PROVEN")


def test_a_number_from_nowhere_is_seen(values: list[float]) -> None:
    assert unfounded("It answered 18,182.37 requests/s.", values) == ["18,182.37"]
