"""max_num_load_retries is kept without a sign, as in TensorFlow Serving: -1 is one try, less is tries without end."""

from __future__ import annotations

import pytest

from model_server.flags import parse
from model_server.server import _manager_options


@pytest.mark.parametrize(("given", "further"), [(5, 5), (0, 0), (-1, 0), (-2, 2**32 - 2), (-(2**31), 2**31)])
def test_further_tries_of_a_load(given: int, further: int) -> None:
    values = parse([f"--max_num_load_retries={given}"]).values
    assert _manager_options(values).max_num_load_retries == further
