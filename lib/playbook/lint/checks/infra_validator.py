"""TFX's InfraValidator: what its specs lack, name that no field of theirs is called, or leave undone."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from playbook.lint.rules.findings import Finding, finding

_PLATFORMS = {"local_docker", "kubernetes"}
_FIELDS = {
    "ServingSpec": {"tensorflow_serving", "model_name", *_PLATFORMS},
    "TensorFlowServing": {"image_name", "tags", "digests"},
    "LocalDockerConfig": {"client_base_url", "client_api_version", "client_timeout_seconds", "host_ip_address"},
    "KubernetesConfig": {"service_account_name", "active_deadline_seconds", "serving_pod_overrides"},
    "PodOverrides": {"annotations", "env", "resources"},
    "ValidationSpec": {"max_loading_time_seconds", "num_tries"},
    "RequestSpec": {"tensorflow_serving", "split_name", "num_examples", "make_warmup"},
    "TensorFlowServingRequestSpec": {"tag_set", "signature_names"},
}


def check_spec(node: ast.Call, shown: str, line: int | None) -> Iterator[Finding]:
    """Findings of a call that makes one of the specs, or the component; nothing for any other call."""
    made = node.func
    name = made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "")
    given = {word.arg for word in node.keywords}
    if node.args or None in given:  # what it is made of stands elsewhere
        return
    if name == "InfraValidator":
        yield from _component(node, given, shown, line)
    module = ast.unparse(made.value) if isinstance(made, ast.Attribute) else ""
    if name not in _FIELDS or not module.endswith(("_pb2", "proto")):
        return
    for word in sorted(str(each) for each in given - _FIELDS[name]):
        known = ", ".join(sorted(_FIELDS[name]))
        yield finding("infra-validator-spec", shown, line, what=f"{name} has no field {word}", right=f"It has {known}.")
    if name == "ServingSpec" and given and not _PLATFORMS & given:  # an empty one is filled elsewhere
        yield finding("infra-validator-spec", shown, line, what="ServingSpec names no platform to serve on",
                      right="Add local_docker=LocalDockerConfig() or kubernetes=KubernetesConfig().")  # fmt: skip


def check_pusher(node: ast.Call, nodes: list[ast.AST], shown: str, line: int | None) -> Iterator[Finding]:
    """A Pusher that takes its model from a validator's blessing, which holds one by make_warmup alone."""
    given = {str(word.arg): word.value for word in node.keywords}
    blessing = given.get("infra_blessing")
    if node.args or "None" in given or "model" in given or blessing is None or not _is_called(node, "Pusher"):
        return
    name = ast.unparse(blessing).partition(".")[0]
    made = [each.value for each in nodes if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == name]
    validator = made[0] if len(made) == 1 else None
    if not isinstance(validator, ast.Call) or not _is_called(validator, "InfraValidator"):
        return
    asked = {str(word.arg): word.value for word in validator.keywords}.get("request_spec")
    if asked is None or (isinstance(asked, ast.Call) and not {"make_warmup", None} & {w.arg for w in asked.keywords}):
        yield finding("infra-validator-idle", shown, blessing.lineno + (line or node.lineno) - node.lineno,
                      what=f"Pusher takes its model from {name}", effect="makes none without make_warmup, so it fails",
                      right="Add make_warmup=True to the RequestSpec, or model=... to the Pusher.")  # fmt: skip


def _is_called(node: ast.Call, name: str) -> bool:
    made = node.func
    return (made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "")) == name


def _component(node: ast.Call, given: set[str | None], shown: str, line: int | None) -> Iterator[Finding]:
    values = {str(word.arg): word.value for word in node.keywords}
    asked = values.get("request_spec")
    if isinstance(asked, ast.Call) and "examples" not in given:
        yield finding("infra-validator-idle", shown, asked.lineno + (line or node.lineno) - node.lineno,
                      what="request_spec without examples", effect="only loads the model and sends no request",
                      right="Add examples=example_gen.outputs['examples'].")  # fmt: skip
    spec = values.get("serving_spec")
    inside = {str(word.arg): word.value for word in spec.keywords} if isinstance(spec, ast.Call) else {}
    binary = inside.get("tensorflow_serving")
    if isinstance(binary, ast.Call) and not binary.args and not _tagged(binary):
        yield finding("infra-validator-idle", shown, binary.lineno + (line or node.lineno) - node.lineno,
                      what="TensorFlowServing names neither tags nor digests",
                      effect="starts no server and blesses every model",
                      right="Add the release that serves: tags=['2.19.0'].")  # fmt: skip


def _tagged(binary: ast.Call) -> bool:
    """True where an image is named, or may be: by anything but an empty list."""
    return any(word.arg not in ("image_name",) and not (isinstance(word.value, ast.List) and not word.value.elts)
               for word in binary.keywords)  # fmt: skip
