"""What a server's batching does to requests that cannot share a batch is said when it is served, not by 400s later."""

import pytest

from playbook.tfserving.batching import Batching
from playbook.tfserving.mergeable import doubt

SEEN = {"shapes": 3, "padded_rows": 8, "changed_rows": 0, "outputs": ["y"], "worst": 0.1, "refused": None}
FIXED = {"signature": "s", "signatures": [{"name": "s", "inputs": [{"alias": "x", "shape": [1, 4]}]}]}


@pytest.mark.parametrize(
    ("exported", "batching", "said"),
    [
        ({"merging": SEEN}, None, ""),
        ({"merging": SEEN}, Batching(), "without pad_variable_length_inputs, and requests come in 3 different shapes"),
        ({"merging": SEEN}, Batching(pad_variable_length_inputs=True), ""),
        ({"merging": SEEN | {"changed_rows": 8}}, Batching(pad_variable_length_inputs=True), "answers to 8 of 8"),
        ({"merging": SEEN | {"refused": "no."}}, Batching(), "cannot be answered (no)"),
        (FIXED, Batching(), "fixed ([1, 4])"),
        ({"merging": None}, Batching(), ""),
        ({}, Batching(), ""),
    ],
)
def test_batching_that_refuses_or_changes_is_said(exported: dict, batching: Batching | None, said: str) -> None:
    text = doubt(exported, batching)
    assert (said in text) if said else text == ""
