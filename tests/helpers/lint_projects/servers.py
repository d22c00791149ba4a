"""A right server: its flags, its config files and its environment, and how each of them may be written."""

from __future__ import annotations

from dataclasses import dataclass, field

from lint_projects.draws import Draw

IMAGE = "tensorflow/serving:2.20.0"
BINARY = "tensorflow_model_server"
CONF = "/etc/tfs"
METRICS = "/monitoring/prometheus/metrics"
_SPARE = {"file_system_poll_wait_seconds": "5", "max_num_load_retries": "2", "num_load_threads": "2",
          "rest_api_timeout_in_ms": "20000", "saved_model_tags": "serve", "num_unload_threads": "1",
          "grpc_channel_arguments": "grpc.max_connection_age_ms=30000", "tensorflow_intra_op_parallelism": "4",
          "tensorflow_inter_op_parallelism": "2", "load_retry_interval_micros": "1000000"}  # fmt: skip
_SPARE_BOOL = ("enable_model_warmup", "rest_api_enable_cors_support", "enable_grpc_healthcheck_service")


@dataclass
class Server:
    """What is to be written of one server, whatever the form; words and rows may hold the marks of faults."""

    model: str = "flags"  # where its model is told: flags, env or file
    flags: dict[str, list[str]] = field(default_factory=dict)  # name -> the words that stand for it
    image: str = IMAGE
    env: dict[str, str] = field(default_factory=dict)
    batching: dict[str, str] | None = None  # field -> row
    monitoring: dict[str, str] | None = None
    entries: list[dict[str, str]] = field(default_factory=list)  # of the model list: field -> row
    whole: dict[str, str] = field(default_factory=dict)  # a file's text, where a fault replaces it
    mounts: dict[str, str] = field(default_factory=lambda: {"models": "/models"})

    def words(self, draw: Draw) -> list[str]:
        """The flags as words, in a drawn order; words that belong together stay so."""
        return [word for words in draw.order("flags/order", self.flags.values()) for word in words]

    def files(self, draw: Draw) -> dict[str, str]:
        """The config files by name."""
        result = {}
        if self.batching is not None:
            result["batching.config"] = rows(draw, "batching", list(self.batching.values()))
        if self.monitoring is not None:
            inside = rows(draw, "monitoring", list(self.monitoring.values()))
            result["monitoring.config"] = message(draw, "monitoring", "prometheus_config", inside)
        if self.entries:
            listed = [_listed(draw, each) for each in self.entries]
            result["models.config"] = message(draw, "models", "model_config_list", "".join(listed))
        return result | self.whole


def good_server(draw: Draw, env_reads: bool, files: bool = True) -> Server:
    """A server without a fault; `env_reads`: the image's script starts it, and reads MODEL_NAME."""
    server = Server(draw.choose("model", "flags", *["file"] * files, *["env"] * env_reads))
    flags = {"rest_api_port": "8501", "rest_api_num_threads": "96", "grpc_max_threads": "96"}
    if draw.chance("port told"):
        flags["port"] = "8500"
    if server.model == "flags":
        flags |= {"model_name": "ranker", "model_base_path": "/models/ranker"}
    elif server.model == "env":
        server.env["MODEL_NAME"] = "ranker"
    else:
        flags["model_config_file"] = f"{CONF}/models.config"
        names = ["ranker", "scorer"] if draw.chance("two models") else ["ranker"]
        server.entries = [entry(name) for name in names]
    for name in draw.some("spare flags", list(_SPARE), 3):
        flags[name] = _SPARE[name]
    server.flags = {name: [f"--{name}={value}"] for name, value in flags.items()}
    for name in draw.some("spare switches", _SPARE_BOOL, 2):
        server.flags[name] = [f"--{name}" + draw.choose(f"switch {name}", "=true", "=1", "=True", "")]
    if files and draw.choose("batches", True, False):
        server.flags["enable_batching"] = [
            "--enable_batching" + draw.choose("switch batching", "=true", "=1", "=True", "")
        ]
        server.flags["batching_parameters_file"] = [f"--batching_parameters_file={CONF}/batching.config"]
        server.batching = {name: f"{name} {{ value: {value} }}" for name, value in
                           {"max_batch_size": 64, "batch_timeout_micros": 2000, "max_enqueued_batches": 100,
                            "num_batch_threads": 4}.items()}  # fmt: skip
        if draw.chance("sizes told", 0.3):
            server.batching["allowed_batch_sizes"] = draw.choose(
                "sizes", "allowed_batch_sizes: 1\nallowed_batch_sizes: 8\nallowed_batch_sizes: 64",
                "allowed_batch_sizes: [1, 8, 64]")  # fmt: skip
    if files and draw.choose("monitored", True, False):
        server.flags["monitoring_config_file"] = [f"--monitoring_config_file={CONF}/monitoring.config"]
        server.monitoring = {"enable": "enable: true", "path": f'path: "{METRICS}"'}
    if draw.chance("quiet log", 0.3):
        server.env["TF_CPP_MIN_LOG_LEVEL"] = "1"
    return server


def entry(name: str) -> dict[str, str]:
    """One model of a list."""
    return {"name": f'name: "{name}"', "base_path": f'base_path: "/models/{name}"',
            "model_platform": 'model_platform: "tensorflow"'}  # fmt: skip


def _listed(draw: Draw, one: dict[str, str]) -> str:
    """One model of a list as text; what stands under no name goes before it."""
    inside = rows(draw, "models", [row for name, row in one.items() if name])
    return message(draw, "models", one.get("", "") + "config", inside)


COMMENTS = ("# as measured", "# num_batch_threads { value: 0 } was worse", "# max_batch_size: 128", "# see the README")


def rows(draw: Draw, label: str, given: list[str]) -> str:
    """Rows of a config file: commas or none, a colon before a brace, one to a line or all on one, comments between."""
    colon = draw.chance(f"{label}/colon", 0.3)
    end = draw.choose(f"{label}/end", "", ",", ";")
    if colon:
        given = [row.replace(" { value", ": { value") for row in given]
    lines = [line + end for row in draw.order(f"{label}/rows", given) for line in row.split("\n")]
    if draw.chance(f"{label}/one line", 0.2):
        return " ".join(lines) + "\n"
    noted = []
    for number, line in enumerate(lines):
        if draw.chance(f"{label}/comment {number}", 0.15):
            noted.append(draw.choose(f"{label}/which comment {number}", *COMMENTS))
        behind = "  # ms" if draw.chance(f"{label}/behind {number}", 0.1) else ""
        noted.append(line + behind)
    return "\n".join(noted) + "\n"


def message(draw: Draw, label: str, name: str, inside: str) -> str:
    """A message with its fields inside, its brace written one of the ways."""
    begin = name + draw.choose(f"{label}/brace", " {", ": {", "{")
    if inside.count("\n") == 1 and "#" not in inside and draw.chance(f"{label}/in one line", 0.5):
        return f"{begin} {inside.strip()} }}\n"
    pad = draw.choose(f"{label}/pad", "  ", "\t", "    ")
    return begin + "\n" + "".join(f"{pad}{line}\n" for line in inside.splitlines()) + "}\n"
