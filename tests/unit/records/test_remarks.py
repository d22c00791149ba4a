"""Tags and notes: what could not be shown as it is does not come in, and what came in elsewhere is shown escaped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from playbook.errors import ParameterError
from playbook.records import record, remarks
from playbook.report import catalogue

HOSTILE = ("a\nb", "a\tb", "a\x1b[31m", "a\x00", "a\u202eb", "a\u2028b", "a\udcffb", "x" * 10_000)
TAGS = (*HOSTILE, "", "a b", "<b>", "'; DROP TABLE runs; --", '"', "a|b", "$(id)", "`id`")


@pytest.mark.parametrize("tag", TAGS)
def test_a_hostile_tag_is_refused_and_nothing_is_written(tmp_path: Path, tag: str) -> None:
    with pytest.raises(ParameterError, match="A tag is up to 40 letters") as refused:
        remarks.change(tmp_path, add=[tag])
    assert len(str(refused.value)) < 400
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("note", HOSTILE)
def test_a_note_that_would_not_be_seen_as_it_is_is_refused(tmp_path: Path, note: str) -> None:
    with pytest.raises(ParameterError, match="A note is one line") as refused:
        remarks.change(tmp_path, note=note)
    assert len(str(refused.value)) < 400
    assert str(refused.value).isprintable()
    assert not list(tmp_path.iterdir())


def test_a_note_of_html_quotes_and_sql_is_kept_and_shown_as_text(tmp_path: Path) -> None:
    note = '<img src=x onerror=alert(1)> \'; DROP TABLE runs; -- "quoted" [a](javascript:b) | `id` $(id) für 日本'
    run = tmp_path / "20260101T000000Z-quick"
    run.mkdir()
    record.save(run, "serve", params={}, results={}, verdict="said")
    assert remarks.change(run, ["näher/v1.2"], note=note) == remarks.read(run) == (("näher/v1.2",), note)
    assert note in catalogue.listing(tmp_path)
    catalogue.write_index(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert "<img" not in page
    assert "&lt;img src=x onerror" in page
    assert 'href="javascript:' not in page


def test_remarks_from_elsewhere_are_shown_escaped(tmp_path: Path) -> None:
    said = {"tags": ["a\x1b[31mb", "x" * 10_000, 7], "note": "one\ntwo\u202e" + "x" * 10_000}
    (tmp_path / remarks.FILE).write_text(json.dumps(said))
    tags, note = remarks.read(tmp_path)
    assert tags == (r"a\u001b[31mb", "x" * 40, "7")
    assert note.startswith(r"one\u000atwo\u202exxx")
    assert len(note) < 1100
    (tmp_path / remarks.FILE).write_text(json.dumps({"tags": "abc", "note": None}))
    assert remarks.read(tmp_path) == ((), "")
