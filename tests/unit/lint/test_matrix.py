# ruff: noqa: E501  (tables of faults)
"""Every fault in every form: a mistake is named at its line however it is written, and its good twin is not blamed."""

from functools import cache

import yaml
from lint_forms import FILES, FLAGS, MANIFESTS, found, line_of, written
from tables import each_row

GOOD = ("--port=8500", "--rest_api_port=8501", "--model_name=ranker", "--model_base_path=/models/ranker",
        "--rest_api_num_threads=96", "--grpc_max_threads=96")  # fmt: skip

# rule -> the flags that stand in the place of the good ones of the same name, the faulty one first
FAULTS = {
    "unknown-flag": ["--enable_per_model_metrics=true"],
    "flag-value-after-blank": ["--rest_api_num_threads", "96"],
    "flag-bad-value": ["--rest_api_timeout_in_ms=30s"],
    "port-out-of-range": ["--port=85000"],
    "rest-port-is-grpc-port": ["--rest_api_port=8500"],
    "rest-threads-one": ["--rest_api_num_threads=1"],
    "batching-file-unused": ["--batching_parameters_file=/models/b.conf"],
    "per-model-unused": ["--enable_per_model_batching_parameters=true"],
    "session-parallelism-conflict": ["--tensorflow_session_parallelism=4", "--tensorflow_intra_op_parallelism=4",
                                     "--tensorflow_inter_op_parallelism=2"],
    "session-parallelism-ignored": ["--tensorflow_session_parallelism=4", "--tensorflow_intra_op_parallelism=4"],
    "parallelism-negative": ["--tensorflow_session_parallelism=-1"],
    "relative-base-path": ["--model_base_path=models/ranker"],
    "base-path-version": ["--model_base_path=/models/ranker/1"],
    "s3-not-supported": ["--model_base_path=s3://bucket/ranker"],
    "poll-object-store": ["--model_base_path=gs://bucket/ranker"],
    "poll-never": ["--file_system_poll_wait_seconds=-1"],
    "no-port": ["--port=0"],
    "rest-timeout-short": ["--rest_api_timeout_in_ms=5"],
    "mixed-precision-unknown": ["--mixed_precision=float16"],
    "grpc-threads-few": ["--grpc_max_threads=2"],
    "gpu-fraction-beyond": ["--per_process_gpu_memory_fraction=80"],
    "grpc-arguments-crash": ["--grpc_channel_arguments=grpc.max_concurrent_streams:9"],
    "config-poll-unused": ["--model_config_file_poll_wait_seconds=60"],
    "flags-in-one-word": ["--rest_api_num_threads=96--enable_model_warmup=true"],
    "server-ends": ["--version"],
}  # fmt: skip

ROWS = ("max_batch_size { value: 64 }", "batch_timeout_micros { value: 2000 }", "max_enqueued_batches { value: 100 }",
        "num_batch_threads { value: 4 }")  # fmt: skip
# rule -> the rows that stand in the place of the good ones of the same field, the faulty one first
FILE_FAULTS = {
    "batching-bare-field": ["max_batch_size: 64"],
    "batching-wrapped-field": ["allowed_batch_sizes { value: 64 }"],
    "batching-unknown-field": ["batch_timeout_ms { value: 2 }"],
    "batching-last-allowed": ["allowed_batch_sizes: 32"],
    "batching-bad-number": ["num_batch_threads { value: 0 }"],
    "batching-timeout-tiny": ["batch_timeout_micros { value: 4 }"],
    "batching-threads-absurd": ["num_batch_threads { value: 5000 }"],
    "batching-size-absurd": ["max_batch_size { value: 20000000 }"],
    "config-bad-value": ["max_enqueued_batches { value: true }"],
}


def put(good, changed):
    """The good pieces with changed ones in their place, and those of another name behind the second."""
    name = lambda piece: piece.replace(":", "=").replace(" ", "=").partition("=")[0]  # noqa: E731
    if name(changed[0]) not in map(name, good):
        return [*good[:2], *changed, *good[2:]]
    return [each for piece in good for each in (changed if name(piece) == name(changed[0]) else [piece])]


@cache
def judged(kind, form):
    """The faults that lint does not name at their line in this form, and what it says of the good twin."""
    forms, good, faults = (FLAGS, GOOD, FAULTS) if kind == "flags" else (FILES, ROWS, FILE_FAULTS)
    path, frame = forms[form]
    missed = []
    for rule, changed in faults.items():
        text = written(frame, put(good, changed))
        if not any(
            hit == rule and abs((line or 0) - line_of(text, changed[0])) <= 1 for hit, line in found(path, text)
        ):
            missed.append(rule)
    return missed, found(path, written(frame, good))


CELLS = [("flags", form) for form in FLAGS] + [("files", form) for form in FILES]


@each_row(("kind", "form"), CELLS)
def test_a_form_hides_no_fault_and_makes_none(kind, form):
    missed, blamed = judged(kind, form)
    assert missed == []
    assert blamed == set()


@each_row(("kind", "rule"), [("flags", rule) for rule in FAULTS] + [("files", rule) for rule in FILE_FAULTS])
def test_a_fault_is_named_in_every_form(kind, rule):
    assert [form for each, form in CELLS if each == kind and rule in judged(kind, form)[0]] == []


def server():
    probe = {"tcpSocket": {"port": 8501}}
    return {"name": "tfs", "image": "tensorflow/serving:2.20.0", "args": [*GOOD], "startupProbe": probe,
            "ports": [{"name": "rest", "containerPort": 8501}], "volumeMounts": [{"name": "m", "mountPath": "/models"}]}  # fmt: skip


def objects():
    pod = {"metadata": {"labels": {"app": "tfs"}},
           "spec": {"containers": [server()], "volumes": [{"name": "m", "persistentVolumeClaim": {"claimName": "m"}}]}}  # fmt: skip
    workload = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "tfs"},
                "spec": {"selector": {"matchLabels": {"app": "tfs"}}, "template": pod}}  # fmt: skip
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "tfs"},
               "spec": {"selector": {"app": "tfs"}, "ports": [{"port": 80, "targetPort": 8501}]}}  # fmt: skip
    return workload, service


def container(objects_):
    return objects_[0]["spec"]["template"]["spec"]["containers"][0]


def at(*path, value):
    """What sets a value deep in the two objects; `server` stands for the way to the container."""

    def change(both):
        node = container(both) if path[0] == "server" else both[path[0]]
        for step in path[1:-1]:
            node = node[step]
        node[path[-1]] = value

    return change


HTTP = {"httpGet": {"path": "/v1/models/ranker", "port": 8501}}
# rule -> the change that makes the fault, and a word of its line
MANIFEST_FAULTS = {
    "probe-wrong-path": (at("server", "readinessProbe", value={"httpGet": {"path": "/healthz", "port": 8501}}), "/healthz"),
    "probe-wrong-port": (at("server", "readinessProbe", value={"tcpSocket": {"port": 8080}}), "8080"),
    "tool-not-in-image": (at("server", "livenessProbe", value={"exec": {"command": ["sh", "-c", "curl localhost:8501/v1/models/ranker"]}}), "curl"),
    "gpu-image-missing": (at("server", "resources", value={"limits": {"nvidia.com/gpu": 1}}), "nvidia.com/gpu"),
    "gpu-requests": (at("server", "resources", value={"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": 2}}), "nvidia.com/gpu: 2"),
    "request-above-limit": (at("server", "resources", value={"requests": {"memory": "4Gi"}, "limits": {"memory": "2Gi"}}), "4Gi"),
    "selector-mismatch": (at(0, "spec", "selector", "matchLabels", value={"app": "other"}), "app: other"),
    "service-port-closed": (at(1, "spec", "ports", value=[{"port": 80, "targetPort": 8080}]), "8080"),
    "service-selects-nothing": (at(1, "spec", "selector", value={"app": "other"}), "app: other"),
    "volume-not-declared": (at("server", "volumeMounts", value=[{"name": "m", "mountPath": "/models"}, {"name": "lost", "mountPath": "/x"}]), "lost"),
    "image-not-pinned": (at("server", "image", value="tensorflow/serving"), "image: tensorflow/serving"),
    "shell-args-split": (at("server", "command", value=["sh", "-c", "tensorflow_model_server"]), "tensorflow_model_server"),
    "literal-variable": (at("server", "args", value=[*GOOD, "--model_name=${NAME}"]), "${NAME}"),
    "base-path-missing": (at("server", "volumeMounts", value=[{"name": "m", "mountPath": "/srv"}]), "/models/ranker"),
}  # fmt: skip
CHART = ("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n")


@each_row("form", MANIFESTS)
def test_a_manifest_is_the_same_wherever_it_stands(form):
    path, head, each, foot = MANIFESTS[form]
    before, missed = [CHART] if path.startswith("templates/") else [], []
    text = lambda both: head + "".join(  # noqa: E731
        written(each, yaml.safe_dump(one, sort_keys=False).rstrip().split("\n")) for one in both) + foot  # fmt: skip
    for rule, (change, word) in MANIFEST_FAULTS.items():
        both = objects()
        change(both)
        line = line_of(text(both), word)
        hits = found(path, text(both), before)
        missed += [] if any(hit == rule and abs((at_ or 0) - line) <= 2 for hit, at_ in hits) else [rule]
    assert missed == []
    assert found(path, text(objects()), before) == set()
