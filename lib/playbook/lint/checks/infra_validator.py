"""TFX's InfraValidator: what its specs lack, or name that no field of theirs is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from playbook.lint.rules.findings import Finding, finding

_PLATFORMS = {"local_docker", "kubernetes"}
_FIELDS = {
    "ServingSpec": {"tensorflow_serving", "model_name", *_PLATFORMS},
    "TensorFlowServing": {"image_name", "tags", "digests"},
    "ValidationSpec": {"max_loading_time_seconds", "num_tries"},
    "RequestSpec": {"tensorflow_serving", "split_name", "num_examples", "make_warmup"},
    "TensorFlowServingRequestSpec": {"signature_names"},
}


def check_spec(node: ast.Call, shown: str, line: int | None) -> Iterator[Finding]:
    """Findings of a call that makes one of the specs; nothing for any other call."""
    made = node.func
    module = ast.unparse(made.value) if isinstance(made, ast.Attribute) else ""
    if not isinstance(made, ast.Attribute) or made.attr not in _FIELDS or not module.endswith(("_pb2", "proto")):
        return
    name, given = made.attr, {word.arg for word in node.keywords}
    if node.args or None in given:  # what it is made of stands elsewhere
        return
    for word in sorted(str(each) for each in given - _FIELDS[name]):
        known = ", ".join(sorted(_FIELDS[name]))
        yield finding("infra-validator-spec", shown, line, what=f"{name} has no field {word}", right=f"It has {known}.")
    if name == "ServingSpec" and given and not _PLATFORMS & given:  # an empty one is filled elsewhere
        yield finding("infra-validator-spec", shown, line, what="ServingSpec names no platform to serve on",
                      right="Add local_docker=LocalDockerConfig() or kubernetes=KubernetesConfig().")  # fmt: skip
