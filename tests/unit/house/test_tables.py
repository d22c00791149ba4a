"""A test that goes through a table judges every row, each in a folder of its own, and names those that are wrong."""

from types import SimpleNamespace

import pytest
from tables import each_row


def tried(test, tmp_path, words="", **fixtures):
    """What a test of a table says, or None; `words`: of `--row`."""
    request = SimpleNamespace(config=SimpleNamespace(getoption=lambda _: words))
    try:
        test(request=request, tmp_path=tmp_path, **fixtures)
    except pytest.fail.Exception as failed:
        return str(failed)


@each_row(("number", "right"), [(1, True), (2, False), (3, True), (4, None)])
def numbers(number, right, tmp_path):
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "written").touch()
    if right is None:
        pytest.fail("no answer")
    assert right, f"{number} is odd"


def test_every_wrong_row_is_named_and_no_right_one(tmp_path):
    said = tried(numbers, tmp_path)
    assert said.startswith("2 of 4 rows:")
    assert "2 | False" in said
    assert "2 is odd" in said
    assert "4 | None" in said
    assert "no answer" in said
    assert "1 | True" not in said


def test_words_choose_the_rows(tmp_path):
    assert tried(numbers, tmp_path, "True") is None
    (tmp_path / "other").mkdir()
    assert tried(numbers, tmp_path / "other", "2 | ").startswith("1 of 4 rows:")


def test_two_tables_above_one_test_are_every_pair(tmp_path):
    met = []

    @each_row("a", [1, 2])
    @each_row("b", "xy")
    def pairs(a, b, more):
        met.append((a, b, more))

    assert tried(pairs, tmp_path, more=0) is None
    assert met == [(1, "x", 0), (1, "y", 0), (2, "x", 0), (2, "y", 0)]


def test_an_empty_table_is_refused():
    with pytest.raises(AssertionError):
        each_row("a", [])


@each_row("word", ["a", "b"])
def test_what_pytest_is_asked_for_is_what_the_body_names(word, request, monkeypatch):
    assert request.node.name == "test_what_pytest_is_asked_for_is_what_the_body_names"
    assert monkeypatch
