# ruff: noqa: E501  (tables of faults, one a line)
"""Faults of a server's flags and config files, each as a change to a right server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lint_projects.draws import Draw
from lint_projects.servers import CONF, Server, entry


@dataclass(frozen=True)
class Fault:
    """One mistake: what it is named, what it touches (two that touch one thing exclude each other), how it is made."""

    rule: str
    touches: frozenset[str]
    change: Callable  # (target, mark) -> None
    fits: Callable = lambda _: True
    also: frozenset[str] = frozenset()  # what else may rightly be said because of it
    fixable: bool | None = False  # None: in some forms alone
    room: str = "server"  # what `change` is given: the server, the cluster's objects, or the written texts
    forms: frozenset[str] | None = None  # of projects; None: all
    files: bool = False  # it wants a config file beside it
    traits: frozenset[str] = frozenset()
    avoids: frozenset[str] = frozenset()  # traits of others that would make this one none


def _name(word):
    return word.split("=")[0].lstrip("-–").replace("-", "_").removeprefix("no")


def flag_fault(rule, *words, drops="", also="", fits=lambda _: True, fixable=False, touches="", forms=None):
    """Words that take the place of the flags of their names, the first one marked; `drops` names flags that go.

    A word `@row` marks a row of the batching file too, `@--flag` another flag.
    """
    rows = [word[1:] for word in words if word[0] == "@" and word[1] != "-"]
    others = {_name(word[1:]): word[1:] for word in words if word[:2] == "@-"}
    words = tuple(word for word in words if word[0] != "@")
    names = [_name(word) for word in words if word[0] in "-–"]

    def change(server: Server, mark: str) -> None:
        for name in (*names, *drops.split()):
            server.flags.pop(name, None)
        server.flags[names[0]] = [mark + words[0], *words[1:]]
        server.flags |= {name: [mark + word] for name, word in others.items()}
        for row in rows:
            server.batching[row] = mark + server.batching[row]

    wide = frozenset([*names, *drops.split(), *touches.split()])
    traits = frozenset(["flag"] + ["left over"] * (rule == "unknown-flag" or "blank" in rule or "pasted" in rule))
    return Fault(rule, wide, change, fits, frozenset(also.split()), fixable, forms=forms and frozenset(forms),
                 traits=traits, avoids=frozenset(["left over"] * ("--help" in words)))  # fmt: skip


def file_fault(rule, flag, name, text, also="", fixable=False):
    """A config file of another kind, named by its flag, with a fault in it."""

    def change(server: Server, mark: str) -> None:
        server.flags[flag] = [f"--{flag}={CONF}/{name}"]
        server.whole[name] = mark + text + "\n"

    return Fault(rule, frozenset([flag]), change, also=frozenset(also.split()), fixable=fixable, files=True,
                 traits=frozenset(["flag"]))  # fmt: skip


IN_CONTAINERS = frozenset(["compose", "docker run", "told again", "cluster"])
IN_IMAGES = frozenset(["image", "image and compose", *IN_CONTAINERS])


def batches(server):
    return server.batching is not None


def by_flags(server):
    return server.model == "flags"


def by_file(server):
    return server.model == "file"


THREADS = "threads-cap-batch rest-threads-cap-batch"
FLAG_FAULTS = [
    flag_fault("unknown-flag", "--enable_per_model_metrics=true"),
    flag_fault("unknown-flag", "--rest-api-timeout-in-ms=20000", fixable=True),
    flag_fault("unknown-flag", "-num_load_threads=2", fixable=True),
    flag_fault("unknown-flag", "--noenable_model_warmup", fixable=True),
    flag_fault("unknown-flag", "--grpc_max_thread=96", drops="grpc_max_threads", also=THREADS),
    flag_fault("unknown-flag", "--model_version_policy=all"),
    flag_fault("flag-value-after-blank", "--rest_api_num_threads", "96", also=THREADS + " kubernetes-refuses", fixable=True),
    flag_fault("flag-value-after-blank", "--num_load_threads", "3", also="kubernetes-refuses", fixable=True),
    flag_fault("flag-bad-value", "--rest_api_timeout_in_ms=30s"),
    flag_fault("flag-bad-value", "--num_unload_threads=two"),
    flag_fault("flag-bad-value", "--enable_model_warmup=on", fixable=True),
    flag_fault("port-out-of-range", "--port=85000", also="port-nobody-listens port-told-closed service-port-closed"),
    flag_fault("rest-port-is-grpc-port", "--rest_api_port=8500", drops="port", also="port-nobody-listens port-told-closed service-port-closed probe-wrong-port client-wrong-port health-asks-nobody"),
    flag_fault("rest-threads-one", "--rest_api_num_threads=1", also=THREADS),
    flag_fault("batching-file-unused", f"--batching_parameters_file={CONF}/batching.config", drops="enable_batching", fits=batches),
    flag_fault("per-model-unused", "--enable_per_model_batching_parameters=true", drops="enable_batching", fits=lambda s: not batches(s)),
    flag_fault("session-parallelism-conflict", "--tensorflow_session_parallelism=4", "--tensorflow_intra_op_parallelism=4", "--tensorflow_inter_op_parallelism=2"),
    flag_fault("session-parallelism-ignored", "--tensorflow_session_parallelism=4", "--tensorflow_intra_op_parallelism=4", drops="tensorflow_inter_op_parallelism"),
    flag_fault("parallelism-negative", "--tensorflow_session_parallelism=-1", drops="tensorflow_intra_op_parallelism tensorflow_inter_op_parallelism"),
    flag_fault("inter-op-ignored", "--tensorflow_inter_op_parallelism=-1", drops="tensorflow_intra_op_parallelism tensorflow_session_parallelism"),
    flag_fault("relative-base-path", "--model_base_path=models/ranker", fits=by_flags),
    flag_fault("base-path-version", "--model_base_path=/models/ranker/1", fits=by_flags, also="base-path-missing"),
    flag_fault("s3-not-supported", "--model_base_path=s3://bucket/ranker", fits=by_flags),
    flag_fault("poll-object-store", "--model_base_path=gs://bucket/ranker", drops="file_system_poll_wait_seconds", fits=by_flags),
    flag_fault("base-path-missing", "--model_base_path=/srv/ranker", fits=by_flags, forms=IN_CONTAINERS),
    flag_fault("no-model", "--rest_api_port=8501", drops="model_base_path model_name", fits=lambda s: False),
    flag_fault("poll-never", "--file_system_poll_wait_seconds=-1"),
    flag_fault("poll-once-with-reload", "--file_system_poll_wait_seconds=0", "--model_config_file_poll_wait_seconds=5", fits=by_file, touches="models-text"),
    flag_fault("no-port", "--port=0", touches="grpc_socket_path", also="port-nobody-listens port-told-closed service-port-closed probe-wrong-port"),
    flag_fault("rest-timeout-short", "--rest_api_timeout_in_ms=5"),
    flag_fault("mixed-precision-unknown", "--mixed_precision=float16"),
    flag_fault("grpc-threads-one", "--grpc_max_threads=1", also=THREADS),
    flag_fault("grpc-threads-few", "--grpc_max_threads=2", also=THREADS),
    flag_fault("threads-too-few", "--num_load_threads=-1"),
    flag_fault("threads-impossible", "--num_unload_threads=100000"),
    flag_fault("retries-negative", "--max_num_load_retries=-1", drops="load_retry_interval_micros"),
    flag_fault("retry-interval-tiny", "--load_retry_interval_micros=60"),
    flag_fault("warmup-iterations-unused", "--num_request_iterations_for_warmup=5", "--enable_model_warmup=false"),
    flag_fault("tflite-unused", "--num_tflite_pools=4"),
    flag_fault("tags-odd", "--saved_model_tags=serve,,gpu"),
    flag_fault("socket-path", "--grpc_socket_path=unix:///tmp/tfs"),
    flag_fault("file-system-unknown", "--model_base_path=https://host/ranker", fits=by_flags),
    flag_fault("gpu-fraction-beyond", "--per_process_gpu_memory_fraction=80"),
    flag_fault("grpc-arguments-crash", "--grpc_channel_arguments=grpc.max_concurrent_streams:9"),
    flag_fault("config-poll-unused", "--model_config_file_poll_wait_seconds=60", fits=lambda s: not by_file(s)),
    flag_fault("flags-in-one-word", "--num_load_threads=2--num_unload_threads=2", also="flag-bad-value", touches="num_unload_threads file_system_poll_wait_seconds"),
    flag_fault("server-ends", "--version"),
    flag_fault("server-ends", "--help"),
    flag_fault("unknown-flag", "–num_load_threads=2", fixable=True),
    flag_fault("pasted-dash", "–rest_api_port=8501", also="port-nobody-listens port-told-closed service-port-closed probe-wrong-port rest-port-off monitoring-missing health-asks-nobody", fits=lambda s: "port" not in s.flags, touches="rest_api_port rest_api_num_threads", fixable=True),
    flag_fault("pasted-dash", "–model_base_path=/models/ranker", fits=by_flags, also="base-path-missing no-model model-lost", fixable=True),
    flag_fault("tensor-content-with-rest", "--enable_serialization_as_tensor_content=true", touches="rest_api_port"),
    flag_fault("ssl-with-alts", "--use_alts_credentials=true", f"--ssl_config_file={CONF}/tls.config", also="config-file-missing config-file-not-copied configmap-key-missing"),
    flag_fault("config-file-missing", f"--tensorflow_session_config_file={CONF}/session.config", forms=["compose"]),
    flag_fault("config-file-not-copied", f"--tensorflow_session_config_file={CONF}/session.config", forms=["image", "image and compose"], also="config-file-missing"),
    flag_fault("configmap-key-missing", f"--tensorflow_session_config_file={CONF}/session.config", fits=lambda s: s.monitoring or s.batching or s.entries, forms=["cluster"]),
    flag_fault("file-for-two", f"--ssl_config_file={CONF}/monitoring.config", f"@--monitoring_config_file={CONF}/monitoring.config", fits=lambda s: s.monitoring, also="config-unknown-field config-file-broken monitoring-path", touches="monitoring-text enable path metrics_port"),
    file_fault("ssl-paths", "ssl_config_file", "tls.config", 'server_key: "/etc/tls/key.pem" server_cert: "/etc/tls/cert.pem"'),
    file_fault("session-config-overridden", "tensorflow_session_config_file", "session.config", "intra_op_parallelism_threads: 4"),
    file_fault("config-unknown-field", "tensorflow_session_config_file", "session.config", "intra_op_threads: 4"),
    file_fault("config-bad-value", "tensorflow_session_config_file", "session.config", "allow_soft_placement: yes", fixable=True),
    flag_fault("model-name-ignored", "--model_name=ranker", fits=by_file),
    flag_fault("threads-cap-batch", "--rest_api_num_threads=8", "--grpc_max_threads=8", "@max_batch_size", fits=batches, also=THREADS, touches="max_batch_size"),
]  # fmt: skip


def row_fault(rule, table, touches, *changed, also="", fits=lambda _: True, fixable=False):
    """Rows of a config file that take the place of the rows of the touched fields, the first one marked."""

    def change(server: Server, mark: str) -> None:
        target = getattr(server, table)
        for name in touches.split():
            target.pop(name, None)
        target |= {touches.split()[0] + "!" * number: mark * (not number) + row for number, row in enumerate(changed)}

    there = lambda server: getattr(server, table) is not None and fits(server)  # noqa: E731
    wide = frozenset([*touches.split(), f"{table}-text"] if table == "monitoring" else touches.split())
    return Fault(rule, wide, change, there, frozenset(also.split()), fixable)


SIZED = "batching-last-allowed batching-no-small-size threads-cap-batch rest-threads-cap-batch batching-queue-deep"
FILE_FAULTS = [
    row_fault("batching-bare-field", "batching", "max_batch_size", "max_batch_size: 64", fixable=True),
    row_fault("batching-bare-field", "batching", "num_batch_threads", "num_batch_threads: 4", fixable=True),
    row_fault("batching-wrapped-field", "batching", "allowed_batch_sizes max_batch_size", "allowed_batch_sizes { value: 64 }", "max_batch_size { value: 64 }", fixable=True, also="batching-no-small-size"),
    row_fault("batching-unknown-field", "batching", "batch_timeout_micros", "batch_timeout_ms { value: 2 }", also="batching-timeout-zero"),
    row_fault("batching-unknown-field", "batching", "max_queue", "max_queue_size { value: 100 }"),
    row_fault("batching-last-allowed", "batching", "allowed_batch_sizes max_batch_size", "allowed_batch_sizes: [1, 8, 32]", "max_batch_size { value: 64 }", fixable=True),
    row_fault("batching-allowed-order", "batching", "allowed_batch_sizes max_batch_size", "allowed_batch_sizes: [8, 1, 64]", "max_batch_size { value: 64 }", fixable=True),
    row_fault("batching-no-small-size", "batching", "allowed_batch_sizes max_batch_size", "allowed_batch_sizes: [32, 64]", "max_batch_size { value: 64 }"),
    row_fault("batching-bad-number", "batching", "num_batch_threads", "num_batch_threads { value: 0 }"),
    row_fault("batching-bad-number", "batching", "batch_timeout_micros", "batch_timeout_micros { value: -1 }"),
    row_fault("batching-timeout-tiny", "batching", "batch_timeout_micros", "batch_timeout_micros { value: 4 }"),
    row_fault("batching-timeout-long", "batching", "batch_timeout_micros", "batch_timeout_micros { value: 5000000 }"),
    row_fault("batching-timeout-zero", "batching", "batch_timeout_micros num_batch_threads", "batch_timeout_micros { value: 0 }", "num_batch_threads { value: 16 }"),
    row_fault("batching-threads-absurd", "batching", "num_batch_threads", "num_batch_threads { value: 5000 }"),
    row_fault("batching-threads-impossible", "batching", "num_batch_threads", "num_batch_threads { value: 100000 }", also="batching-threads-absurd"),
    row_fault("batching-size-absurd", "batching", "max_batch_size allowed_batch_sizes", "max_batch_size { value: 20000000 }", also=SIZED),
    row_fault("batching-padding", "batching", "padding", "pad_variable_length_inputs: true"),
    row_fault("batching-execution-unused", "batching", "max_execution_batch_size splitting", "max_execution_batch_size { value: 32 }"),
    row_fault("config-bad-value", "batching", "max_enqueued_batches", "max_enqueued_batches { value: true }"),
    row_fault("batching-splitting", "batching", "splitting max_batch_size allowed_batch_sizes", "enable_large_batch_splitting { value: true }", also=SIZED),
    row_fault("monitoring-path", "monitoring", "path", 'path: "monitoring/prometheus/metrics"', fixable=True),
    row_fault("monitoring-path-lost", "monitoring", "path", 'path: "/metrics?all=1"'),
    row_fault("monitoring-off", "monitoring", "enable", "enable: false"),
    row_fault("config-unknown-field", "monitoring", "metrics_port", "port: 9090"),
    row_fault("config-bad-value", "monitoring", "enable", "enable: yes", fixable=True),
]  # fmt: skip


def entry_fault(rule, touches, row, also="", fits=lambda _: True, fixable=False, forms=None):
    """A row of the last listed model instead of the touched one; an empty row only takes it away, and marks the entry."""

    def change(server: Server, mark: str) -> None:
        last = server.entries[-1]
        last.pop(touches, None)
        if row:
            last[touches] = mark + row
        else:
            last[""] = last.get("", "") + mark

    there = lambda server: bool(server.entries) and fits(server)  # noqa: E731
    return Fault(rule, frozenset([f"entry {touches}"]), change, there, frozenset(also.split()), fixable, forms=forms)


def twice(server, mark):
    server.entries.append(entry("ranker") | {"name": f'{mark}name: "ranker"'})


def whole(rule, name, text, field, also="", fixable=False):
    """A whole file as it should not be."""

    def change(server: Server, mark: str) -> None:
        server.whole[name] = mark + text

    stem = name.split(".")[0]
    reads = (f"entry {each}" for each in ("name", "base_path", "model_platform", "policy", "labels", "twice", "extra"))
    wide = {"models": reads, "monitoring": ("enable", "path", "metrics_port"), "batching": ()}[stem]
    return Fault(
        rule,
        frozenset([*wide, f"{stem}-text"]),
        change,
        lambda s: bool(getattr(s, field)),
        frozenset(also.split()),
        fixable,
    )


MODEL_FAULTS = [
    entry_fault("model-platform-missing", "model_platform", "", fixable=True),
    entry_fault("model-platform-unknown", "model_platform", 'model_platform: "pytorch"'),
    entry_fault("config-unknown-field", "policy", "model_version_policy { latest { num_version: 2 } }"),
    entry_fault("config-unknown-field", "extra", "batching_parameters { num_batch_threads { value: 8 } }"),
    entry_fault("config-unknown-field", "policy", 'model_verison_policy { all { } }'),
    entry_fault("config-scalar-for-message", "policy", "model_version_policy: LATEST"),
    entry_fault("config-bad-value", "policy", "model_version_policy { latest { num_versions: two } }"),
    entry_fault("config-message-for-scalar", "name", 'name { value: "ranker" }', also="model-name-missing model-twice", fixable=True),
    entry_fault("policy-empty", "policy", "model_version_policy { specific { } }"),
    entry_fault("logging-config", "extra", "logging_config { sampling_config { sampling_rate: 0.1 } }"),
    entry_fault("relative-base-path", "base_path", 'base_path: "models/ranker"'),
    entry_fault("s3-not-supported", "base_path", 'base_path: "s3://bucket/ranker"'),
    entry_fault("base-path-version", "base_path", 'base_path: "/models/ranker/1"', also="base-path-missing"),
    entry_fault("base-path-missing", "base_path", 'base_path: "/srv/ranker"', forms=IN_CONTAINERS),
    entry_fault("label-version-not-served", "policy", 'model_version_policy { specific { versions: 1 } } version_labels { key: "stable" value: 2 }', also="labels-at-start"),
    entry_fault("config-field-twice", "name", 'name: "ranker" name: "other"'),
    entry_fault("model-name-missing", "name", ""),
    entry_fault("labels-at-start", "policy", 'version_labels { key: "stable" value: 1 }'),
    Fault("model-twice", frozenset(["entry name", "entry twice", "entry base_path"]), twice, by_file),
    whole("config-json", "models.config", '{"model_config_list": {"config": [{"name": "ranker", "base_path": "/models/ranker"}]}}\n', "entries", fixable=None),
    whole("config-empty", "models.config", "model_config_list { }\n", "entries"),
    whole("custom-model-config", "models.config", "custom_model_config { }\n", "entries"),
]  # fmt: skip


def image(rule, name, also="", fits=lambda _: True, traits=()):
    """Another image than the right one."""

    def change(server: Server, mark: str) -> None:
        server.image = mark + name

    also = frozenset(also.split())
    return Fault(rule, frozenset(["image"]), change, fits, also, forms=IN_IMAGES, traits=frozenset(traits))


def too_new(word):
    """A flag of today's beside an image of its day before."""

    def change(server: Server, mark: str) -> None:
        server.image = "tensorflow/serving:2.8.0"
        server.flags = {name: words for name, words in server.flags.items() if name not in _NEW} | {
            _name(word): [mark + word]
        }

    return Fault("flag-too-new", frozenset(["image", *_NEW]), change, forms=IN_IMAGES, traits=frozenset(["flag"]))


_NEW = ("mixed_precision", "enable_grpc_healthcheck_service", "enable_serialization_as_tensor_content")


def environment(rule, name, value, fits=lambda _: True, also=""):
    """A variable for the container."""

    def change(server: Server, mark: str) -> None:
        server.env[mark + name] = mark + value

    return Fault(rule, frozenset([f"env {name}"]), change, fits, frozenset(also.split()), forms=IN_IMAGES)


PLACE_FAULTS = [
    image("image-not-pinned", "tensorflow/serving"),
    image("image-not-pinned", "tensorflow/serving:latest"),
    environment("env-nobody-reads", "MODEL_CONFIG_FILE", "/etc/tfs/others.config"),
    environment("env-nobody-reads", "TF_ENABLE_BATCHING", "on"),
    environment("env-nobody-reads", "TENSORFLOW_SERVING_REST_API_PORT", "9501"),
    environment("model-name-appended", "MODEL_BASE_PATH", "/models/ranker", lambda s: s.model == "env", also="base-path-missing base-path-doubled"),
    flag_fault("literal-variable", "--model_name=${NAME}", fits=by_flags, forms=["cluster"]),
    image("devel-image", "tensorflow/serving:2.20.0-devel", also="cmd-over-entrypoint", fits=lambda s: s.model == "env", traits=["has tools"]),
    too_new("--mixed_precision=bfloat16"),
    too_new("--enable_grpc_healthcheck_service=true"),
]  # fmt: skip
SERVER_FAULTS = [*FLAG_FAULTS, *FILE_FAULTS, *MODEL_FAULTS, *PLACE_FAULTS]


def drawn_faults(draw: Draw, able: list[Fault], most: int = 5) -> list[Fault]:
    """Up to `most` faults that do not touch the same things."""
    count = draw.choose("how many faults", *range(1, most + 1), 0)
    chosen: list[Fault] = []
    for fault in draw.order("faults", able):
        if len(chosen) < count and not any(_exclude(fault, other) for other in chosen):
            chosen.append(fault)
    return chosen


def _exclude(one: Fault, other: Fault) -> bool:
    return bool(one.touches & other.touches or one.avoids & other.traits or one.traits & other.avoids)
