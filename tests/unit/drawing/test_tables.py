"""Tables: Markdown everywhere, and in JupyterLab sorted by a click and filtered by words."""

from __future__ import annotations

import pytest

from playbook import markdown
from playbook.drawing.tables import Table

TEXT = markdown.table(["load", "p99 ms"], [["1 client", 3.0], ["8 | clients", None]])


def test_outside_the_lab_a_table_is_markdown_with_its_notes_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    bundle = Table(TEXT, ["8 clients: INVALID, hold it longer"])._repr_mimebundle_()
    assert set(bundle) == {"text/markdown", "text/plain"}
    assert bundle["text/markdown"] == f"{TEXT}\n\n- 8 clients: INVALID, hold it longer"


def test_in_the_lab_it_is_sorted_by_a_click(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/40_stress.ipynb")
    bundle = Table(TEXT)._repr_mimebundle_()
    assert bundle["text/markdown"] == TEXT
    assert bundle["text/html"].count('title="sort"') == 2
    assert bundle["text/html"].count("onclick=") == 1
    assert "<thead>" in bundle["text/html"]
    assert 'type="search"' not in bundle["text/html"]


def test_a_long_table_is_filtered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "x")
    long = markdown.table(["n"], [[n] for n in range(20)])
    assert 'type="search"' in Table(long)._repr_mimebundle_()["text/html"]


def test_facts_are_a_table_and_nothing_is_a_sentence() -> None:
    assert markdown.facts({"max_rate": 3.5}).splitlines()[2] == "| max rate | 3.5 |"
    assert markdown.facts(None, "No labels.") == "No labels."
