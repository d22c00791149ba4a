# ruff: noqa: E501  (tables of faults, one a line)
"""Two faults in one text of every form: what each has lint say alone must be said when both stand there.

A right text for each form, and faults as one piece of it put in another way: `file|` names the file that a piece
stands in, where it is not the first that holds it. Pairs that touch the same piece are left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from cluster_texts import DEPLOYED

from playbook.lint.linter import examine

Texts = dict[str, str]
Faults = dict[str, tuple[str, str]]
WORDS = [
    "--port=8500",
    "--rest_api_port=8501",
    "--rest_api_num_threads=96",
    "--grpc_max_threads=96",
    "--model_name=ranker",
    "--model_base_path=/models/ranker",
    "--rest_api_timeout_in_ms=30000",
    "--num_load_threads=2",
    "--num_unload_threads=1",
    "--max_num_load_retries=2",
    "--enable_batching=true",
    "--batching_parameters_file=/etc/tfs/b.config",
    "--monitoring_config_file=/etc/tfs/m.config",
    "--file_system_poll_wait_seconds=5",
    "--saved_model_tags=serve",
]
BATCHING = "max_batch_size { value: 64 }\nbatch_timeout_micros { value: 2000 }\nmax_enqueued_batches { value: 100 }\nnum_batch_threads { value: 4 }\nallowed_batch_sizes: [1, 64]\n"
METRICS = 'prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }\n'
CONF = {"conf/b.config": BATCHING, "conf/m.config": METRICS}
BASE = "--model_base_path=/models/ranker"
FAULTS: Faults = {
    "bad value": ("timeout_in_ms=30000", "timeout_in_ms=30s"),
    "invented flag": ("--num_load_threads=2", "--enable_per_model_metrics=true"),
    "printed dash": ("--num_unload_threads=1", "–num_unload_threads=1"),
    "blank": ("--max_num_load_retries=2", "--max_num_load_retries 2"),
    "relative": (BASE, "--model_base_path=models/ranker"),
    "version": (BASE, f"{BASE}/1"),
    "no versions there": (BASE, "--model_base_path=/srv/ranker"),
    "lost model": (BASE, "--model_path=/models/ranker"),
    "one port": ("--rest_api_port=8501", "--rest_api_port=8500"),
    "one thread": ("--rest_api_num_threads=96", "--rest_api_num_threads=1"),
    "no batching": ("--enable_batching=true", "--enable_batching=false"),
    "no file": ("--monitoring_config_file=/etc/tfs/m.config", "--monitoring_config_file=/opt/m.config"),
    "never polled": ("wait_seconds=5", "wait_seconds=-1"),
    "quote": ("--model_name=ranker", "--model_name=“ranker”"),
    "bare": ("max_batch_size { value: 64 }", "max_batch_size: 64"),
    "brace": ("num_batch_threads { value: 4 }", "num_batch_threads { value: 4"),
    "field": ("max_enqueued_batches { value: 100 }", "max_queue { value: 100 }"),
    "sizes": ("[1, 64]", "[1, 32]"),
    "equals": ("batch_timeout_micros { value: 2000 }", "batch_timeout_micros = 2000"),
    "metrics off": ("enable: true", "enable: false"),
    "metrics' path": ('path: "/monitoring/prometheus/metrics"', 'path: "metrics"'),
    "metrics' field": ("prometheus_config {", "prometheus {"),
    "metrics' brace": ('/metrics" }', '/metrics"'),
}  # fmt: skip
RUN = "docker run -d \\\n  -p 8500:8500 -p 8501:8501 \\\n  -v $PWD/models:/models \\\n  -v $PWD/conf:/etc/tfs \\\n  --name tfs \\\n  -e TF_CPP_MIN_LOG_LEVEL=1 \\\n  tensorflow/serving:2.20.0 \\\n  "
RUN_FAULTS: Faults = {
    "blank behind": ("-p 8501:8501 \\\n", "-p 8501:8501 \\ \n"),
    "no backslash": ("--name tfs \\\n", "--name tfs\n"),
    "empty line": ("serving:2.20.0 \\\n", "serving:2.20.0 \\\n\n"),
    "comment within": ("docker run -d \\\n", "docker run -d \\\n  # here\n"),
    "no GPU": ("--name tfs", "--gpus all --name tfs"),
    "port": ("8501:8501", "8501:9501"),
    "mount": ("$PWD/models:", "data/models:"),
    "variable": ("TF_CPP_MIN_LOG_LEVEL=1", "TF_ENABLE_BATCHING=1"),
    "flag before": ("--name tfs", "--num_load_threads=1 --name tfs"),
    "no value": ("--name tfs", "-v --name tfs"),
    "blank in mount": ("$PWD/models:/models", "$PWD/models: /models"),
    "no source": ("-v $PWD/models:/models", "--mount type=bind,target=/models"),
    "option": ("--name tfs", "--publih 80:80 --name tfs"),
    "image": ("tensorflow/serving:2.20.0", "tensorflow/ serving:2.20.0"),
}  # fmt: skip
DEPLOYMENT = (
    DEPLOYED
    + """\
        args: [WORDS]
        env: [{name: TF_CPP_MIN_LOG_LEVEL, value: "1"}]
        ports: [{containerPort: 8501, name: rest}]
        startupProbe: {tcpSocket: {port: 8501}}
        readinessProbe: {httpGet: {path: /v1/models/ranker, port: 8501}}
        resources: {requests: {cpu: 2, memory: 2Gi}, limits: {memory: 4Gi}}
        volumeMounts: [{name: m, mountPath: /models}, {name: c, mountPath: /etc/tfs}]
      volumes: [{name: m, persistentVolumeClaim: {claimName: m}}, {name: c, configMap: {name: conf}}]
"""
)
SERVED = """---
apiVersion: v1
kind: Service
metadata: {name: tfs}
spec:
  selector: {app: tfs}
  ports: [{name: rest, port: 80, targetPort: 8501}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: way}
spec: {defaultBackend: {service: {name: tfs, port: {number: 80}}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: tfs}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: tfs}
  minReplicas: 1
  maxReplicas: 4
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}]
"""
POD_FAULTS: Faults = {
    "words apart": ("args: [", "command: [sh, -c]\n        args: [tensorflow_model_server, "),
    "flags as command": ("args: [", "command: ["),
    "selector": ("selector: {app: tfs}", "selector: {app: server}"),
    "pods' selector": ("matchLabels: {app: tfs}", "matchLabels: {app: server}"),
    "closed target": ("targetPort: 8501", "targetPort: 9090"),
    "probe's port": ("ranker, port: 8501", "ranker, port: 9090"),
    "probe's path": ("path: /v1/models/ranker", "path: /healthz"),
    "GPU": ("limits: {memory: 4Gi", "limits: {memory: 4Gi, nvidia.com/gpu: 1"),
    "memory": ("memory: 2Gi", "memory: 8Gi"),
    "volume": ("{name: m, mountPath", "{name: mm, mountPath"),
    "map": ("configMap: {name: conf}", "configMap: {name: conf-x}"),
    "key": ("  b.config: |", "  bb.config: |"),
    "variable": ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_BATCHING"),
    "number": ('value: "1"', "value: 1"),
    "route": ("port: {number: 80}", "port: {number: 8080}"),
    "scaler's target": ("Deployment, name: tfs}", "Deployment, name: tfs-deployment}"),
    "scaler's bounds": ("minReplicas: 1", "minReplicas: 9"),
    "scaler's measure": ("requests: {cpu: 2, ", "requests: {"),
}  # fmt: skip
BINARY: Faults = {
    "program": ("tensorflow_model_server", "tensorflow-model-server"),
    "torn": ("--rest_api_num_threads=96 \\\n", "--rest_api_num_threads=96 \\ \n"),
    "no backslash": ("--model_name=ranker \\\n", "--model_name=ranker\n"),
}  # fmt: skip
IMAGE_FAULTS: Faults = {
    "version copied": ("COPY models/ranker ", "COPY models/ranker/1 "),
    "not copied": ("b.config /etc/tfs/", "b.config /opt/"),
    "told port": ("EXPOSE 8500 8501", "EXPOSE 8500 9000"),
    "literal": (BASE, "--model_base_path=${MODEL_BASE_PATH}/ranker"),
    "variable": ("ENV TF_CPP_MIN_LOG_LEVEL", "ENV TF_ENABLE_BATCHING"),
    "quotes": ('["tensorflow_model_server"', "['tensorflow_model_server'"),
    "program": ('"tensorflow_model_server"', '"tensorflow-model-server"'),
    "one word": ('"--port=8500", "--rest', '"--port=8500 --rest'),
    "health": ("EXPOSE", "HEALTHCHECK CMD curl -f http://localhost:8501/v1/models/ranker\nEXPOSE"),
}  # fmt: skip
# what cannot be known, or is not so, once the first of the two stands there
RIGHTLY = {
    ("lost model", "base-path-version"), ("lost model", "no-version"),  # where the model is to be is lost
    ("words apart", "model-lost"),  # without the image's script the server ends: no-model
    ("one port", "port-told-closed"), ("one port", "port-nobody-listens"),  # said as such
    ("no file", "config-unknown-field"), ("no file", "monitoring-off"),  # whose message the text is to be
    ("no file", "monitoring-path"), ("no file", "config-file-broken"),
    ("map", "threads-cap-batch"), ("key", "threads-cap-batch"),  # without the file there is no batch
    ("version", "base-path-missing"), ("version", "no-version"),  # of a folder inside the version's, or without one
    ("no versions there", "no-version"), ("no versions there", "base-path-version"), ("comment within", "binary-misspelt"),
    ("words apart", "port-told-closed"),  # a shell may start more than the server
    ("words apart", "program-is-flag"), ("flags as command", "shell-args-split"),  # one and the same words
}  # fmt: skip


def _forms() -> Iterator[tuple[str, Texts, Faults]]:
    """Each form with a right text and the faults of its own."""
    lines, listed = " \\\n  ".join(WORDS), ", ".join(f'"{word}"' for word in WORDS)
    copies = "COPY conf/b.config /etc/tfs/b.config\nCOPY conf/m.config /etc/tfs/m.config\nEXPOSE 8500 8501\n"
    image = f"FROM tensorflow/serving:2.20.0\nENV TF_CPP_MIN_LOG_LEVEL=1\nCOPY models/ranker /models/ranker\n{copies}"
    yield (
        "Dockerfile",
        CONF | {"Dockerfile": f'{image}ENTRYPOINT ["tensorflow_model_server", {listed}]\n'},
        IMAGE_FAULTS,
    )
    yield "docker run", CONF | {"run.sh": f"#!/bin/bash\n{RUN}{lines}\n"}, RUN_FAULTS
    yield "page", CONF | {"README.md": f"# Serve\n\n```bash\n{RUN}{lines}\n```\n"}, RUN_FAULTS
    yield "script", CONF | {"start.sh": f"#!/bin/bash\ntensorflow_model_server \\\n  {lines}\n"}, BINARY
    yield (
        "unit",
        CONF
        | {"tfs.service": f"[Service]\nExecStart=/usr/bin/tensorflow_model_server \\\n  {lines}\nRestart=always\n"},
        BINARY,
    )
    yield (
        "Python",
        CONF | {"s.py": f'import subprocess\n\nsubprocess.Popen(["tensorflow_model_server", {listed}])\n'},
        {},
    )
    compose = f"services:\n  tfs:\n    image: tensorflow/serving:2.20.0\n    ports: ['8500:8500', '8501:8501']\n    volumes: ['./models:/models', './conf:/etc/tfs']\n    environment: {{TF_CPP_MIN_LOG_LEVEL: '1'}}\n    command: [{listed}]\n"
    others: Faults = {"port": ("8501:8501", "8501:9501"), "variable": ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_BATCHING"),
                      "program again": ("command: [", "command: [tensorflow_model_server, ")}  # fmt: skip
    yield "compose", CONF | {"compose.yml": compose}, others
    maps = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata:\n"
    maps += "".join(
        f"  {name[5:]}: |\n" + "".join(f"    {line}\n" for line in text.splitlines()) for name, text in CONF.items()
    )
    objects = DEPLOYMENT.replace("WORDS", listed) + maps + SERVED
    yield "cluster", {"k.yaml": objects}, POD_FAULTS
    named = objects.replace("name: tfs}", 'name: "{{ .Release.Name }}-tfs"}').replace(
        "name: tfs,", 'name: "{{ .Release.Name }}-tfs",'
    )
    chart = {"Chart.yaml": "apiVersion: v2\nname: t\nversion: 0.1.0\n", "values.yaml": "a: 1\n"}
    yield (
        "chart",
        chart | {"templates/all.yaml": named},
        {name: pair for name, pair in POD_FAULTS.items() if "scaler" not in name},
    )
    apart = {name: (old, new.replace("\n        ", "\n      ")) for name, (old, new) in POD_FAULTS.items()}
    head = "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: tfs}\nspec:\n  predictor:\n"
    inside = DEPLOYMENT[DEPLOYMENT.index("      containers:") :].replace("WORDS", listed)
    yield "KServe", {"i.yaml": head + inside.replace("\n  ", "\n").removeprefix("  ") + maps}, apart


def forms() -> Iterator[tuple[str, Texts, Faults]]:
    """Each form with a right text and the faults that it can have."""
    yield from ((form, texts, FAULTS | own) for form, texts, own in _forms())


def said(texts: Texts) -> set[str]:
    """The rules of errors and warnings that lint meets in texts."""
    with TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_text(text)
        return {hit.rule for hit in examine(folder).findings if hit.severity != "note"} - {"monitoring-missing"}


def put(texts: Texts, fault: tuple[str, str]) -> Texts | None:
    """The texts with a fault in the first that holds its piece; None where none does."""
    name = next((name for name, text in texts.items() if fault[0] in text), None)
    return None if name is None else texts | {name: texts[name].replace(*fault, 1)}


def pairs(texts: Texts, faults: Faults) -> tuple[dict[str, set[str]], list[tuple[str, str]]]:
    """What each fault has lint say alone, and the pairs that can stand in one text."""
    right = said(texts)
    alone = {name: said(put(texts, fault) or texts) - right for name, fault in faults.items()}
    both = [(one, other) for one, other in itertools.combinations([name for name in alone if alone[name]], 2)
            if (first := put(texts, faults[one])) and put(first, faults[other])]  # fmt: skip
    return alone, both


def hidden(
    texts: Texts, pair: tuple[str, str], alone: dict[str, set[str]], faults: Faults
) -> set[tuple[str, str, str]]:
    """What a pair of faults keeps lint from saying: the fault that hides, the one that is hidden, its rule."""
    one, other = pair
    first = put(texts, faults[one])
    both = said(put(first, faults[other]) or {}) if first else set()
    gone = {(one, other, rule) for rule in alone[other] - both} | {(other, one, rule) for rule in alone[one] - both}
    return {each for each in gone if (each[0], each[2]) not in RIGHTLY}
