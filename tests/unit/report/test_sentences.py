"""Every number in the headline, the verdicts and the index of the committed record stands in a field of its own record.

A verdict is held against the results and parameters of its verb alone, rounded as the sentence rounds it; long series
are no fields, and a share is one only where the sentence says per cent. So a wrong number is found out, which is tried.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from playbook.records import record, run_folder
from playbook.report import catalogue, opening

EXAMPLE = Path(__file__).parents[3] / "outputs" / "example"
NUMBER = re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?(?:e([-+]?\d+))?( ?%)?")
OF_THE_RULE = ("95 %:", "95 %: ")  # an interval's, and no figure of a run
LONGEST = 12  # a longer list of numbers is a series
VERBS = [verb for verb in record.VERBS if record.has(EXAMPLE, verb)]


class Said(NamedTuple):
    """A number as a sentence says it."""

    text: str
    value: float
    half: float  # of its last digit
    percent: bool

    def of(self, fields: list[tuple[str, float]], times: float = 1.0) -> list[str]:
        """The fields it may come from; `times` tries another number of as many digits."""
        scale = 100.0 if self.percent else 1.0
        reach = 1.001 * self.half
        return [name for name, value in fields if math.isclose(times * self.value, scale * value, abs_tol=reach)]


def fields(value: object, name: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a record by where it stands: lists also by their length, numbers in names too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from fields(item, f"{name}.{key}")
    elif isinstance(value, list):
        yield f"length of {name}", float(len(value))
        if len(value) <= LONGEST or not all(isinstance(item, (int, float)) for item in value):
            for place, item in enumerate(value):
                yield from fields(item, f"{name}[{place}]")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield name, float(value)
    elif isinstance(value, str) and " " not in value and len(value) < 40:  # a name or a version; no sentence
        yield from ((name, float(part)) for part in re.findall(r"\d+(?:\.\d+)?", value))


def said(text: str) -> list[Said]:
    """The numbers of a text."""
    numbers = []
    for match in NUMBER.finditer(text):
        whole, decimals, exponent, percent = match.groups()
        unit = 10.0 ** int(exponent or 0)
        value = unit * float(f"{whole.replace(',', '')}.{decimals or 0}")
        if not text[match.start() :].startswith(OF_THE_RULE):
            numbers.append(Said(match[0], value, 0.5 * unit * 10.0 ** -len(decimals or ""), bool(percent)))
    return numbers


def unfounded(text: str, known: list[tuple[str, float]]) -> list[str]:
    """The numbers of a text that no field gives when it is rounded as the text shows it."""
    return [number.text for number in said(text) if not number.of(known)]


def of_verb(*verbs: str) -> list[tuple[str, float]]:
    """The fields of the example's records of these verbs."""
    contents = {verb: record.load(EXAMPLE, verb) for verb in verbs}
    return [field for verb, c in contents.items() for name in ("results", "params") for field in fields(c[name], verb)]


def verdict(verb: str) -> str:
    """The verdict; of adapt without its reason, which is read off data/adapt_seconds.parquet and not in the example."""
    return record.load(EXAMPLE, verb)["verdict"].partition(" Why: ")[0]


def test_every_number_of_the_headline_stands_in_a_field_of_the_proof() -> None:
    headline = opening.headline(run_folder.read(EXAMPLE))
    assert len(said(headline)) >= 2
    assert not unfounded(headline, of_verb("prove"))


@pytest.mark.parametrize("verb", VERBS)
def test_every_number_of_a_verdict_stands_in_a_field_of_its_record(verb: str) -> None:
    assert said(verdict(verb))
    assert not unfounded(verdict(verb), of_verb(verb))


def test_every_number_of_the_index_stands_in_a_field(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "one", ignore=shutil.ignore_patterns("data", "figures"))
    (line,) = catalogue.listing(tmp_path).splitlines()[1:]
    dates = fields(json.loads((EXAMPLE / "run.json").read_text())["started_utc"].replace("-0", "-"), "started")
    assert not unfounded(line.replace("-0", "-"), [*of_verb("prove", "tune"), *dates])


def test_the_promise_is_answered() -> None:
    assert record.load(EXAMPLE, "prove")["results"]["answer"] in ("KEPT", "NOT KEPT", "NOT PROVEN")


def test_a_number_that_is_a_little_off_is_found_out() -> None:
    """Each of three digits and more is moved by some per cent: few may then stand in a field by chance."""
    tried = []
    for verb in VERBS:
        exact = [number for number in said(verdict(verb)) if number.value / number.half >= 200]
        tried += [(verb, n.text, times, n.of(of_verb(verb), times)) for n in exact for times in (0.93, 1.04, 1.13)]
    assert len(tried) > 60
    assert sum(bool(found) for *_, found in tried) < 0.15 * len(tried), tried


def test_a_rate_that_deploy_alone_was_sized_for_is_not_told_as_promised(tmp_path: Path) -> None:
    run = shutil.copytree(EXAMPLE, tmp_path / "one", ignore=shutil.ignore_patterns("data", "figures"))
    content = json.loads((run / "prove.json").read_text())
    content["results"]["promise"]["target_rate_rps"] = None
    (run / "prove.json").write_text(json.dumps(content))
    page = opening.opening(run_folder.read(run))
    assert opening.NO_PROMISE in page.partition("| the promise |")[2].partition("\n")[0]
    assert "for 2,000 requests/s" in page.partition("| replicas and money |")[2].partition("\n")[0]
