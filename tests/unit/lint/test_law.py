"""The law, on a seeded share: lint reports an error exactly when the embedded server does not come to serve."""

import pytest
from lint_law import disagreements, make_model

from playbook.lint.report import Report


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("law") / "model")


def test_lint_reports_an_error_exactly_when_the_server_does_not_come_up(tmp_path, model):
    fates, differ = disagreements(20261126, 150, tmp_path, model)
    assert differ == []
    assert fates["up"] > 50
    assert fates["refused"] > 30
    assert fates["waits"] > 5


def test_the_law_sees_a_lint_that_says_nothing(tmp_path, model, monkeypatch):
    monkeypatch.setattr("lint_law.examine", lambda _: Report([]))
    _, differ = disagreements(5, 20, tmp_path, model)
    assert any("lint says nothing" in line for line in differ)
