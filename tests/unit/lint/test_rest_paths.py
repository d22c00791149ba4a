"""A path is told with what REST answers to it, and with the one that was meant; the server's own routes pass."""

from __future__ import annotations

from playbook.lint.checks.rest_paths import refused_path

WRONG = [  # path, whether it is asked by POST, the answer, what to ask
    ("v1/models/price/predict", True, "400", "/v1/models/price:predict"),
    ("v1/models/price:Predict", True, "400", "/v1/models/price:predict"),
    ("v1/models/price:predictions", True, "400", "/v1/models/price:predict"),
    ("v1/models/price", True, "400", "/v1/models/price:predict"),
    ("v1/models/price/versions/2", True, "400", "/v1/models/price/versions/2:predict"),
    ("v1/models/price/status", False, "400", "/v1/models/price"),
    ("models/price:predict", True, "404", "/v1/models/price:predict"),
    ("v1/model/price", False, "400", "/v1/models/price"),
]


def test_a_path_that_rest_has_not_is_told_with_its_answer_and_the_right_one():
    for path, posts, code, right in WRONG:
        (hit,) = refused_path(path, posts, "a.md", 3)
        assert (hit.rule, hit.path, hit.line) == ("request-wrong-path", "a.md", 3), path
        assert f"by {code}:" in hit.message, (path, hit)
        assert hit.remedy == f"Ask {right}.", (path, hit)


def test_the_end_of_a_sentence_is_no_part_of_a_path():
    assert [*refused_path("v1/models/price.", False, "a.md", 3)] == []
