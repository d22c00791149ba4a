# ruff: noqa: E501  (tables of mutations, one a line)
"""The law of lint: an error exactly when the server ends at its start, or never serves what it was told to.

Makes configurations by mutating good ones, asks `playbook lint` and the embedded server, and tells where they differ.
Not mutated: rest_api_num_threads=1 (REST opens its port and answers nothing) and ports in use.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playbook.lint.linter import examine

HELPERS = Path(__file__).parent
MODEL = """
import sys, tensorflow as tf
class Half(tf.Module):
    def __init__(self): self.a = tf.Variable(0.5)
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def f(self, x): return {"y": x * self.a + 2}
m = Half(); tf.saved_model.save(m, sys.argv[1], signatures=m.f)
"""
BATCHING = ["max_batch_size { value: 32 }", "batch_timeout_micros { value: 1000 }",
            "max_enqueued_batches { value: 100 }", "num_batch_threads { value: 2 }"]  # fmt: skip
MONITORING = 'prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }'
ONE = 'name: "m" base_path: "%s" model_platform: "tensorflow"'
NUMBERS = ("-1", "0", "1", "7", "32", "33", "100000", "two", "1.5", '"8"', "99999999999999999999", "0x10", "true")


@dataclass
class Case:
    """One configuration: its flags, the folder it lies in, and what was done to a good one."""

    folder: Path
    flags: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def write(self, name: str, text: str) -> str:
        """Put a file beside the model; returns its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)


def make_model(folder: Path) -> Path:
    """A SavedModel that loads, made in a process of its own."""
    if not (folder / "saved_model.pb").exists():
        subprocess.run([sys.executable, "-c", MODEL, str(folder)], check=True, capture_output=True)
    return folder


class Maker:
    """Makes cases from a seed."""

    def __init__(self, seed: int, root: Path, model: Path):
        self.random, self.root, self.model = random.Random(seed), root, model

    def cases(self, count: int) -> Iterator[Case]:
        """That many cases; about a third stay good."""
        for number in range(count):
            folder = self.root / f"case_{number}"
            shutil.copytree(self.model, folder / "models" / "m" / "1")
            yield self._case(Case(folder))

    def _case(self, case: Case) -> Case:
        pick = self.random
        base = str(case.folder / "models" / "m")
        case.flags = [f"--port={free_port()}", f"--rest_api_port={free_port()}", "--max_num_load_retries=0"]
        use = {name: pick.random() < share for name, share in
               {"config": 0.45, "batching": 0.5, "monitoring": 0.4, "session": 0.1, "ssl": 0.06}.items()}  # fmt: skip
        where = pick.choice(["flags", "folders", "none", *(name for name, used in use.items() if used)])
        wrong = where if pick.random() < 0.9 else "none"
        if use["config"]:
            text = (
                self._models(case, base) if wrong == "config" else f"model_config_list {{ config {{ {ONE % base} }} }}"
            )
            case.flags.append(f"--model_config_file={case.write('models.config', text)}")
        else:
            case.flags += ["--model_name=m", f"--model_base_path={base}"]
        if use["batching"]:
            text = self._batching(case) if wrong == "batching" else "\n".join(BATCHING)
            case.flags += ["--enable_batching", f"--batching_parameters_file={case.write('batching.config', text)}"]
        if use["monitoring"]:
            text = self._monitoring(case) if wrong == "monitoring" else MONITORING
            case.flags.append(f"--monitoring_config_file={case.write('monitoring.config', text)}")
        if use["session"]:
            text = self._session(case) if wrong == "session" else "gpu_options { allow_growth: true }"
            case.flags.append(f"--tensorflow_session_config_file={case.write('session.config', text)}")
        if use["ssl"] and wrong == "ssl":
            case.flags.append(f"--ssl_config_file={case.write('ssl.config', self._ssl(case))}")
        if wrong == "flags":
            self._flags(case)
        if wrong == "folders":
            self._folders(case, Path(base))
        return case

    def _say(self, case: Case, options: list[tuple[str, str]]) -> str:
        what, text = self.random.choice(options)
        case.done.append(what)
        return text

    def _flags(self, case: Case) -> None:
        pick = self.random
        port = case.flags[0].partition("=")[2]
        options = [
            ["--enable_batchin=true"], ["--tensorflow_intra_op_parallelism", "4"], ["--num_load_threads=two"],
            ["--enable_batching=yes"], ["--enable_batching=0"], ["--enable_batching=TRUE"], ["--noenable_batching"],
            ["--port=0"], ["--port=-0"], ["--port=+0", "--grpc_socket_path=" + str(case.folder / "s")],
            [f"--rest_api_port={port}"], ["--rest_api_port=0"], ["--rest_api_port="], ["--version"], ["--version=false"],
            ["--help"], ["--", "--port=x"], ["--tensorflow_session_parallelism=1", "--tensorflow_intra_op_parallelism=1"],
            ["--tensorflow_session_parallelism=1", "--tensorflow_intra_op_parallelism=1",
             "--tensorflow_inter_op_parallelism=1"], ["--tensorflow_session_parallelism=-1"],
            ["--use_alts_credentials", "--ssl_config_file=/nowhere"], ["--ssl_config_file=/nowhere/tls"],
            ["--batching_parameters_file=/nowhere/b"], ["--enable_batching=false", "--batching_parameters_file=/x/b"],
            ["--enable_per_model_batching_parameters"], ["--model_config_file=/nowhere/c"],
            ["--monitoring_config_file=/nowhere/m"], ["--tensorflow_session_config_file=/nowhere/s"],
            ["--model_base_path="], ["--model_base_path=models/m"], ["--file_system_poll_wait_seconds=-1"],
            ["--file_system_poll_wait_seconds=0"], ["--per_process_gpu_memory_fraction=0.5x"],
            ["--per_process_gpu_memory_fraction=1e-1"], ["--saved_model_tags=train"], ["--saved_model_tags=serve"],
            ["--grpc_max_threads=2147483648"], ["--load_retry_interval_micros=2147483648"], ["--grpc_max_threads= 4"],
            ["--enable_model_warmup=false"], ["--mixed_precision=float16"], ["-port=8500"], ["--model-name=x"],
            ["--num_load_threads=-1"], ["--num_unload_threads=-2"], ["--rest_api_num_threads=0"], ["--rest_api_num_threads=-4"],
            ["--rest_api_port=0", "--rest_api_num_threads=0"], ["--grpc_max_threads=0"], ["--grpc_max_threads=-1"],
            ["--thread_pool_factory_config_file=" + case.write("pool.config", "")], ["--saved_model_tags="],
            ["--saved_model_tags=serve,"], ["--grpc_channel_arguments=grpc.max_connection_age_ms"],
            ["--grpc_channel_arguments=grpc.max_connection_age_ms=9000,"], ["--grpc_socket_path=unix:///tmp/s"],
            ["--grpc_channel_arguments=grpc.max_connection_age_ms=9000"], ["--grpc_socket_path=/tmp/" + "x" * 120],
            ["--max_num_load_retries=-1"], ["--num_load_threads=0x4"], ["--num_load_threads=4 "], ["--num_load_threads=+4"], ["--model_name="],
            ["--allow_version_labels_for_unavailable_models"], ["stray"], ["--enable_batching", "true"],
            [f"--port={65_536 + free_port()}"], [f"--rest_api_port={65_536 + free_port()}"],
            [f"--port={free_port() - 65_536}", f"--rest_api_port={free_port() - 65_536}"],
        ]  # fmt: skip
        chosen = pick.choice(options)
        case.flags += chosen
        case.done.append(" ".join(chosen))

    def _batching(self, case: Case) -> str:
        name = self.random.choice(["max_batch_size", "batch_timeout_micros", "max_enqueued_batches",
                                   "num_batch_threads", "max_execution_batch_size"])  # fmt: skip
        rest = [line for line in BATCHING if not line.startswith(name)]
        number = self.random.choice(NUMBERS)
        split = "enable_large_batch_splitting { value: true }"
        options = [
            ("number", [*rest, f"{name} {{ value: {number} }}"]), ("number", [*rest, f"{name} {{ value: {number} }}"]),
            ("bare", [*rest, f"{name}: {number}"]), ("unknown", [*BATCHING, "batch_timeout_micro { value: 1 }"]),
            ("sizes", [*BATCHING, "allowed_batch_sizes: 8", f"allowed_batch_sizes: {number}"]),
            ("list", [*BATCHING, "allowed_batch_sizes: [8, 16, 32]"]), ("order", [*BATCHING, "allowed_batch_sizes: [16, 8, 32]"]),
            ("wrapped", [*BATCHING, "allowed_batch_sizes { value: 32 }"]), ("empty", []), ("comment", ["# nothing"]),
            ("split", [*rest, split, f"{name} {{ value: {number} }}"]), ("split alone", [split]),
            ("split sizes", [*BATCHING, split, f"max_execution_batch_size {{ value: {number} }}"]),
            ("json", ['{"max_batch_size": 32}']), ("cut", ["\n".join(BATCHING)[:-3]]), ("empty message", [*rest, f"{name} {{}}"]),
            ("twice", [*BATCHING, BATCHING[0]]), ("pool", [*BATCHING, 'thread_pool_name { value: "x" }']),
            ("pool bare", [*BATCHING, 'thread_pool_name: "x"']), ("pad", [*BATCHING, "pad_variable_length_inputs: true"]),
            ("pad wrapped", [*BATCHING, "pad_variable_length_inputs { value: true }"]), ("semicolons", [line + ";" for line in BATCHING]),
            ("commas", [line + "," for line in BATCHING]), ("colon brace", [line.replace(" {", ": {") for line in BATCHING]),
            ("slashes", [*BATCHING, "// note"]), ("angle", ["max_batch_size < value: 8 >"]), ("priority", [*BATCHING, "mixed_priority_batching_policy: 1"]),
        ]  # fmt: skip
        what, lines = self.random.choice(options)
        case.done.append(f"batching {what} {name} {number}")
        return "\n".join(lines)

    def _models(self, case: Case, base: str) -> str:
        one = ONE % base
        inside = [
            ("no platform", f'name: "m" base_path: "{base}"'), ("platform", one.replace("tensorflow", "pytorch")),
            ("type", f'name: "m" base_path: "{base}" model_type: TENSORFLOW'), ("both", one + " model_type: TENSORFLOW"),
            ("other", f'name: "m" base_path: "{base}" model_type: OTHER'), ("relative", ONE % "models/m"),
            ("no path", 'name: "m" model_platform: "tensorflow"'), ("no name", one.replace('name: "m" ', "")),
            ("deep", ONE % (base + "/1")), ("shallow", ONE % str(Path(base).parent)), ("missing", ONE % (base + "x")),
            ("file uri", ONE % ("file://" + base)), ("enum policy", one + " model_version_policy: LATEST"),
            ("latest", one + " model_version_policy { latest { num_versions: 2 } }"),
            ("latest zero", one + " model_version_policy { latest { num_versions: 0 } }"),
            ("latest negative", one + " model_version_policy { latest { num_versions: -1 } }"),
            ("misspelt", one + " model_version_policy { latest { num_version: 2 } }"),
            ("all", one + " model_version_policy { all {} }"), ("all bare", one + " model_version_policy { all: true }"),
            ("specific", one + " model_version_policy { specific { versions: 1 } }"),
            ("specific list", one + " model_version_policy { specific { versions: [1, 2] } }"),
            ("specific none", one + " model_version_policy { specific {} }"),
            ("specific gone", one + " model_version_policy { specific { versions: 7 } }"),
            ("two policies", one + " model_version_policy { all {} latest {} }"),
            ("label", one + ' version_labels { key: "a" value: 1 }'), ("quoted", one.replace('"tensorflow"', "tensorflow")),
            ("logging", one + " logging_config { sampling_config { sampling_rate: 0.1 } }"),
            ("logging empty", one + " logging_config { }"), ("batching", one + " batching_parameters { }"),
            ("name twice", one + ' name: "n"'), ("single quotes", one.replace('"', "'")), ("slash", ONE % (base + "/")),
        ]  # fmt: skip
        outside = [
            ("two entries", f"model_config_list {{ config {{ {one} }} config {{ {one} }} }}"),
            ("two names", f'model_config_list {{ config {{ {one} }} config {{ {one.replace(chr(34) + "m" + chr(34), chr(34) + "n" + chr(34))} }} }}'),
            ("empty", ""), ("empty list", "model_config_list {}"), ("json", '{"model_config_list": []}'),
            ("no list", f"config {{ {one} }}"), ("custom", "custom_model_config { }"), ("cut", f"model_config_list {{ config {{ {one}"),
            ("stray", f"model_config_list {{ config {{ {one} }} }} batching_parameters {{ }}"),
            ("list", f"model_config_list {{ config: [ {{ {one} }} ] }}"), ("yaml", "model_config_list:\n  - config:\n      name: m\n"),
            ("comments", f"# models\nmodel_config_list: {{ config: {{ {one} }} }} # end"),
        ]  # fmt: skip
        options = [(what, f"model_config_list {{ config {{ {text} }} }}") for what, text in inside] + outside
        if self.random.random() < 0.15:
            case.flags.append("--allow_version_labels_for_unavailable_models")
            return self._say(case, [("early label", f'model_config_list {{ config {{ {one} version_labels {{ key: "a" value: 1 }} }} }}'),
                                    ("early label gone", f'model_config_list {{ config {{ {one} version_labels {{ key: "a" value: 9 }} }} }}')])  # fmt: skip
        return self._say(case, [("config " + what, text) for what, text in options])

    def _monitoring(self, case: Case) -> str:
        return self._say(case, [(text, text) for text in (
            "", "prometheus_config { enable: false }", 'prometheus_config { enable: "true" }', "prometheus_config { }",
            'prometheus_config { enable: true path: "metrics" }', "prometheus_config { enable: true port: 9090 }",
            "prometheus_config: true", "prometheus_config { enable: yes }", 'prometheus_config { enable: true path: /metrics }',
            "prometheus { enable: true }", '{"prometheus_config": {"enable": true}}', "prometheus_config { enable: 1 }",
            "prometheus_config: { enable: true, }", "prometheus_config { enable: true", "prometheus_config { enable: True }",
        )])  # fmt: skip

    def _session(self, case: Case) -> str:
        return self._say(case, [(text, text) for text in (
            "intra_op_parallelism_threads: 2", "intra_op_threads: 2", "gpu_options: true", "allow_soft_placement: true",
            "graph_options { optimizer_options { global_jit_level: ON_1 } }", "graph_options { optimizer_options { global_jit_level: ON_9 } }",
            "inter_op_parallelism_threads { value: 2 }", 'device_count { key: "CPU" value: 1 }', "intra_op_parallelism_threads: two",
            "gpu_options { allow_growth: true", "",
        )])  # fmt: skip

    def _ssl(self, case: Case) -> str:
        return self._say(case, [(text, text) for text in (
            'server_key: "/etc/tls/key.pem" server_cert: "/etc/tls/cert.pem"', "server_key: 5", "key: \"x\"",
            'server_key "x"', 'server_key: "x', "client_verify: maybe",
        )])  # fmt: skip

    def _folders(self, case: Case, base: Path) -> None:
        version = base / "1"
        what = self.random.choice(["rename", "rename", "empty pb", "cut pb", "no pb", "no index", "no data", "no folder",
                                   "newer broken", "older broken", "newer empty", "file", "tags", "flat", "half shards",
                                   "newer good", "per model", "no variables"])  # fmt: skip
        case.done.append("folder " + what)
        graph = version / "saved_model.pb"
        if what == "rename":
            name = self.random.choice(["v1", "latest", "1.0", "0001", "+1", "-1", "0", "1_0", "20240101", "1 ", " 1", "１",
                                       "99999999999999999999", "1a", "01.bak", ".1"])  # fmt: skip
            version.rename(base / name)
            case.done.append(repr(name))
        elif what in ("empty pb", "cut pb"):
            graph.write_bytes(b"" if what == "empty pb" else graph.read_bytes()[: self.random.randrange(1, 3000)])
        elif what == "no pb":
            graph.unlink()
        elif what in ("no index", "no data"):
            next((version / "variables").glob("*index" if what == "no index" else "*data*")).unlink()
        elif what == "no folder":
            shutil.rmtree(base)
        elif what in ("newer broken", "older broken", "newer good"):
            shutil.copytree(version, base / ("0" if what == "older broken" else "2"))
            if what != "newer good":
                (base / ("0" if what == "older broken" else "2") / "saved_model.pb").write_bytes(b"\x08\x01")
        elif what == "newer empty":
            (base / "2").mkdir()
        elif what == "file":
            (base / "3").write_text("x")
        elif what == "tags":
            case.flags.append("--saved_model_tags=" + self.random.choice(["train", "serve", "serve,gpu", ""]))
        elif what == "flat":
            for child in list(version.iterdir()):
                child.rename(base / child.name)
            version.rmdir()
        elif what == "half shards":
            data = next((version / "variables").glob("*data*"))
            data.rename(data.with_name("variables.data-00000-of-00002"))
        elif what == "no variables":
            shutil.rmtree(version / "variables")
        elif what == "per model":
            case.flags += ["--enable_batching", "--enable_per_model_batching_parameters"]
            (version / "batching_params.pbtxt").write_text(self._batching(case))


def free_port() -> int:
    """A port that nobody listens on now, each once."""
    while True:
        with socket.socket() as opened:
            opened.bind(("127.0.0.1", 0))
            port = opened.getsockname()[1]
        if port not in _GIVEN:
            _GIVEN.add(port)
            return port


_GIVEN: set[int] = set()


def ask_server(cases: list[Case], folder: Path) -> list[str]:
    """How the embedded server fares with each case."""
    jobs = "".join(json.dumps(case.flags) + "\n" for case in cases)
    quiet = {
        name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"
    }  # fates are read there
    done = subprocess.run([sys.executable, str(HELPERS / "law_server.py"), str(folder)], input=jobs, text=True,
                          capture_output=True, check=False, env=quiet)  # fmt: skip
    fates = done.stdout.split("\n")[:-1]
    assert len(fates) == len(cases), f"{len(fates)} of {len(cases)} servers were judged: {done.stderr[-2000:]}"
    return fates


def disagreements(seed: int, count: int, folder: Path, model: Path) -> tuple[Counter, list[str]]:
    """Counts of fates, and a line for every case in which lint and the server differ."""
    _GIVEN.clear()  # the servers of earlier calls have ended; a machine has fewer ports than a long run asks for
    cases = list(Maker(seed, folder, model).cases(count))
    fates = ask_server(cases, folder)
    differ = []
    for case, fate in zip(cases, fates, strict=True):
        with contextlib.redirect_stdout(io.StringIO()):
            hits = [hit for hit in examine(case.flags).findings if hit.severity == "error"]
        if bool(hits) != (fate != "up"):
            rules = ", ".join(sorted({hit.rule for hit in hits})) or "nothing"
            differ.append(
                f"{case.folder.name}: server {fate}, lint says {rules}; {'; '.join(case.done)}: {case.flags[3:]}"
            )
    counts = Counter(fate.partition(" (")[0] for fate in fates)
    return counts, differ
