"""Variables of SageMaker's container of TensorFlow Serving: which its scripts read, and which say nothing alone.

Source: sagemaker-tensorflow-serving-container, its modules serve and tfs_utils.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from playbook.lint.forms.text import Word, is_unknown
from playbook.lint.rules.findings import Finding, finding

PREFIX = "SAGEMAKER_TFS_"
ON = f"{PREFIX}ENABLE_BATCHING"
_BATCHING = ("MAX_BATCH_SIZE", "BATCH_TIMEOUT_MICROS", "NUM_BATCH_THREADS", "MAX_ENQUEUED_BATCHES")
_OTHERS = ("VERSION", "NGINX_LOGLEVEL", "DEFAULT_MODEL_NAME", "ENABLE_BATCHING", "FRACTIONAL_GPU_MEM_MARGIN",
           "INSTANCE_COUNT", "INTER_OP_PARALLELISM", "INTRA_OP_PARALLELISM", "WAIT_TIME_SECONDS")  # fmt: skip
_READ = {f"{PREFIX}{name}" for name in (*_BATCHING, *_OTHERS)}
_TIMEOUT = "The time that nginx and gunicorn wait is set by SAGEMAKER_MODEL_SERVER_TIMEOUT and the like, if at all."


def check_variables(variables: Mapping[Word, Word | None], path: str, whole: bool) -> Iterator[Finding]:
    """Findings of an environment by name and value, None for one that is not known; `whole`: no other adds to it."""
    on = next((value for name, value in variables.items() if name == ON), Word(""))
    if on is not None and on and on.lower() not in ("true", "false") and not is_unknown(on):
        yield finding("sagemaker-batching-word", path, on.line, value=repr(str(on)))
    for name in variables:
        if name.startswith(PREFIX) and name not in _READ:
            alike = get_close_matches(name, _READ, 1, 0.85)
            right = f"Write {alike[0]}." if alike else _TIMEOUT if "TIMEOUT" in name else "Drop it."
            near = f": {alike[0]} is meant" if alike else ""
            yield finding("sagemaker-env-unread", path, name.line, name=name, near=near, right=right)
    tuned = [name for name in variables if name.removeprefix(PREFIX) in _BATCHING and name.startswith(PREFIX)]
    if tuned and ((whole and ON not in variables) or (on is not None and on.lower() == "false")):
        given = "'false'" if on else "not set"
        yield finding("sagemaker-batching-off", path, tuned[0].line, name=tuned[0], given=given)
