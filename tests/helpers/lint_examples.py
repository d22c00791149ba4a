"""One small example of each lint rule that stands in a folder of files; what follows a command line is in the tests."""

from __future__ import annotations

from playbook.tfserving.messages import MESSAGES

DOCKER = "FROM tensorflow/serving:2.20.0\n"
RUN = "docker run -v /data/m:/models/m -e MODEL_NAME=m {options} tensorflow/serving:2.20.0 {flags}\n"
MODELS = "run.sh", "tensorflow_model_server --model_config_file=/nowhere/models.config\n"
ONE = 'name: "m" base_path: "/m" model_platform: "tensorflow"'

OTHER = ONE.replace('"m"', '"n"', 1)


def saved_model(tags=("serve",), lengths=(-1, 4), signatures=("serving_default",)) -> bytes:
    """A SavedModel's graph with these tags; each signature has one input of these lengths."""
    model = MESSAGES["SavedModel"]()
    graph = model.meta_graphs.add()
    graph.meta_info_def.tags.extend(tags)
    for name in signatures:
        graph.signature_def[name].method_name = "tensorflow/serving/predict"
        for length in lengths:
            graph.signature_def[name].inputs["x"].tensor_shape.dim.add(size=length)
    return model.SerializeToString()


def models(config: str, flags: str = "") -> dict[str, str]:
    """A model list and the command line that names it."""
    return {"run.sh": MODELS[1].strip() + f" {flags}\n", "models.config": config}


def listed(config: str, flags: str = "") -> dict[str, str]:
    """The same for the inside of one entry."""
    return models(f"model_config_list {{ config {{ {config} }} }}", flags)


def pod(more: str = "", args: str = "--enable_batching", spec: str = "", head: str = "", model: str = "model") -> str:
    """A Deployment with one server."""
    return f"""apiVersion: apps/v1
kind: Deployment
metadata: {{name: app}}
spec:
  {head}
  template:
    metadata: {{labels: {{app: m}}}}
    spec:
      {spec}
      containers:
      - name: s
        image: tensorflow/serving:2.20.0
        args: [{args}]
        {more}
"""


def compose(more: str) -> str:
    """A compose file with one server."""
    return f"services: {{s: {{image: 'tensorflow/serving:2.20.0', {more}}}}}\n"


SERVICE = """---
apiVersion: v1
kind: Service
metadata: {name: app}
spec:
  selector: {app: m}
  ports: [{port: %s}]
"""
PATCH = """apiVersion: apps/v1
kind: Deployment
metadata: {name: %s}
spec: {template: {spec: {containers: [{name: s, %s}]}}}
"""
INGRESS = """---
kind: Ingress
metadata: {name: way}
spec: {rules: [{http: {paths: [{backend: {service: {name: app, port: {number: 80}}}}]}}]}
"""
ROUTE = INGRESS.replace("kind", "apiVersion: networking.k8s.io/v1\nkind", 1)
SCALER = """---
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec:
  scaleTargetRef: {kind: Deployment, name: app}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}]
"""
CONFIG_MAP = "---\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a.config: 'prometheus_config { enable: true }'}\n"
MOUNTED = "volumeMounts: [{name: v, mountPath: /c}]"
VOLUME = "volumes: [{name: v, configMap: {name: c}}]"

CHART = {"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "values.yaml": "image: i\n",
         "templates/_h.tpl": '{{ define "a" }}b{{ end }}\n'}  # fmt: skip
NAMED = "--enable_batching --batching_parameters_file=/b.config"
PEM = r'%s: "-----BEGIN %s-----\nMII\n-----END %s-----\n" '
KEY, CERTIFICATE = PEM % ("server_key", *["PRIVATE KEY"] * 2), PEM % ("server_cert", *["CERTIFICATE"] * 2)
AUTHORITY = PEM % ("custom_ca", *["CERTIFICATE"] * 2)
ADAPTER = "[type.googleapis.com/tensorflow.serving.SavedModelBundleSourceAdapterConfig]"
PLATFORM = 'platform_configs { key: "%s" value { source_adapter_config { ' + ADAPTER + " { legacy_config { %s } } } } }"
ASKED = """services:
  tfs: {{image: "tensorflow/serving:2.20.0", volumes: ["./m:/models/model"]}}
  web: {{image: web, environment: {{URL: "http://tfs:{}:predict"}}}}
"""
FOLDERS: dict[str, dict[str, str | bytes]] = {
    "ssl-missing": {"tls.config": KEY},
    "ssl-wrong-kind": {"tls.config": KEY.replace("server_key", "server_cert") + CERTIFICATE.replace("_cert", "_key")},
    "ssl-locked-key": {"tls.config": KEY.replace("PRIVATE", "ENCRYPTED PRIVATE") + CERTIFICATE},
    "ssl-one-line": {"tls.config": KEY.replace(r"\n", "") + CERTIFICATE},
    "ssl-no-authority": {"tls.config": KEY + CERTIFICATE + "client_verify: true"},
    "ssl-authority-unused": {"tls.config": KEY + CERTIFICATE + AUTHORITY},
    "platform-not-there": {"run.sh": "tensorflow_model_server --model_base_path=/m --platform_config_file=p.config\n",
                           "p.config": PLATFORM % ("tf", "enable_model_warmup: true")},
    "platform-without-adapter": {"p.config": 'platform_configs { key: "tensorflow" }'},
    "platform-per-model": {"p.config": PLATFORM % ("tensorflow", "enable_per_model_batching_params: true")},
    "platform-warmup-off": {"p.config": PLATFORM % ("tensorflow", "")},
    "monitoring-path-lost": {"m.config": 'prometheus_config { enable: true path: "/metrics?all=1" }'},
    "label-twice": listed(ONE + ' version_labels { key: "a" value: 1 } version_labels { key: "a" value: 2 }'),
    "config-variable": listed(ONE.replace('"/m"', '"$ROOT/m"')),
    "batching-execution-unused": {"b.config": "max_batch_size { value: 8 } max_execution_batch_size { value: 4 }"},
    "make-variable-lost": {"Makefile": "P = /m\nrun:\n\ttensorflow_model_server --model_base_path=$$(P)\n"},
    # batching
    "threads-cap-batch": {
        "run.sh": RUN.format(options="", flags=f"{NAMED} --rest_api_num_threads=5 --grpc_max_threads=8"),
        "b.config": "max_batch_size { value: 64 }",
    },
    "rest-threads-cap-batch": {
        "run.sh": RUN.format(options="", flags=f"{NAMED} --rest_api_num_threads=5"),
        "b.config": "max_batch_size { value: 64 }",
    },
    "batching-bare-field": {"b.config": "max_batch_size: 64"},
    "batching-wrapped-field": {"b.config": "max_batch_size { value: 64 } allowed_batch_sizes { value: 64 }"},
    "batching-unknown-field": {"b.config": "max_batch_size { value: 64 } batch_timeout_micro { value: 5 }"},
    "batching-last-allowed": {"b.config": "max_batch_size { value: 64 } allowed_batch_sizes: 1"},
    "batching-allowed-order": {"b.config": "max_batch_size { value: 4 } allowed_batch_sizes: [2, 1, 4]"},
    "batching-no-small-size": {"b.config": "max_batch_size { value: 64 } allowed_batch_sizes: 64"},
    "batching-timeout-zero": {"b.config": "batch_timeout_micros { value: 0 } num_batch_threads { value: 16 }"},
    "batching-timeout-tiny": {"b.config": "max_batch_size { value: 64 } batch_timeout_micros { value: 5 }"},
    "batching-timeout-long": {"b.config": "max_batch_size { value: 64 } batch_timeout_micros { value: 5000000 }"},
    "batching-bad-number": {"b.config": "num_batch_threads { value: 0 }"},
    "batching-size-absurd": {"b.config": "max_batch_size { value: 5000000 }"},
    "batching-threads-absurd": {"b.config": "num_batch_threads { value: 400 }"},
    "batching-threads-impossible": {"b.config": "num_batch_threads { value: 100000 }"},
    "batching-queue-deep": {"b.config": "max_batch_size { value: 64 } max_enqueued_batches { value: 1000000 }"},
    "batching-padding": {"b.config": "max_batch_size { value: 64 } pad_variable_length_inputs: true"},
    "batching-padding-useless": {
        "run.sh": f"tensorflow_model_server {NAMED} --model_base_path=/m\n",
        "b.config": "max_batch_size { value: 64 } pad_variable_length_inputs: true",
        "m/1/saved_model.pb": saved_model(),
    },
    "batching-splitting": {
        "b.config": "enable_large_batch_splitting { value: true } batch_timeout_micros { value: 9 }"
    },
    "batching-splitting-padded": {
        "b.config": "max_batch_size { value: 8 } enable_large_batch_splitting { value: true } "
        "max_execution_batch_size { value: 4 } allowed_batch_sizes: [2, 8]"
    },
    "batching-rewritten-in-place": {"tune.sh": "sed -i 's/max_batch_size.*/x/' /etc/batching.config"},
    "per-model-file-missing": {
        "run.sh": RUN.format(options="", flags="--enable_batching --enable_per_model_batching_parameters"),
        "m/1/saved_model.pb": saved_model(),
    },
    "per-model-file-broken": {
        "run.sh": RUN.format(options="", flags="--enable_batching --enable_per_model_batching_parameters"),
        "m/1/saved_model.pb": saved_model(),
        "m/1/batching_params.pbtxt": "max_batch_size: 4",
    },
    "per-model-global-ignored": {
        "run.sh": f"tensorflow_model_server {NAMED} --enable_per_model_batching_parameters --model_base_path=/m\n",
        "b.config": "max_batch_size { value: 64 }",
    },
    # config files
    "session-config-overridden": {
        "run.sh": "tensorflow_model_server --tensorflow_session_config_file=/s.pbtxt --model_base_path=/m\n",
        "s.pbtxt": "intra_op_parallelism_threads: 4",
    },
    "labels-at-start": listed(f'{ONE} version_labels {{ key: "stable" value: 1 }}'),
    "label-version-not-served": listed(
        f'{ONE} model_version_policy {{ specific {{ versions: 1 }} }} version_labels {{ key: "stable" value: 2 }}',
        "--allow_version_labels_for_unavailable_models",
    ),
    "config-file-broken": {"b.config": "max_batch_size { value: 64"},
    "config-file-missing": {"c.yml": compose("volumes: ['./m:/models'], command: ['--monitoring_config_file=/x/mon']")},
    "config-file-not-copied": {"Dockerfile": DOCKER + 'CMD ["--monitoring_config_file=/x/mon"]'},
    "config-unknown-field": listed(f"{ONE} model_version_policy {{ latest {{ num_version: 2 }} }}"),
    "config-scalar-for-message": listed(f"{ONE} model_version_policy: LATEST"),
    "config-message-for-scalar": listed('name { value: "m" }'),
    "config-bad-value": listed(f"{ONE} model_version_policy {{ latest {{ num_versions: two }} }}"),
    "config-field-twice": listed(f'{ONE} name: "n"'),
    "config-json": models('{"model_config_list": {"config": [{"name": "m"}]}}'),
    "config-empty": models("model_config_list { }"),
    "model-twice": models(f"model_config_list {{ config {{ {ONE} }} config {{ {ONE} }} }}"),
    "model-platform-missing": listed('name: "m" base_path: "/m"'),
    "model-platform-unknown": listed('name: "m" base_path: "/m" model_platform: "pytorch"'),
    "model-name-missing": listed('base_path: "/m" model_platform: "tensorflow"'),
    "model-path-shared": models(
        f"model_config_list {{ config {{ {ONE} }} config {{ {OTHER} }} }}"
    ),
    "policy-empty": listed(f"{ONE} model_version_policy {{ specific {{ }} }}"),
    "logging-config": listed(f"{ONE} logging_config {{ sampling_config {{ sampling_rate: 0.1 }} }}"),
    "custom-model-config": models("custom_model_config { }"),
    "monitoring-path": {"monitoring.config": 'prometheus_config { enable: true path: "metrics" }'},
    "monitoring-off": {"monitoring.config": "prometheus_config { }"},
    "ssl-paths": {"ssl.config": 'server_key: "/etc/ssl/key.pem" server_cert: "-----BEGIN CERTIFICATE-----"'},
    # model folders
    "no-version": {"m/v1/saved_model.pb": saved_model()},
    "version-not-numeric": {"m/v1/saved_model.pb": saved_model(), "m/1/saved_model.pb": saved_model()},
    "version-half-copied": {
        "m/1/saved_model.pb": saved_model(),
        "m/1/variables/variables.index": "",
        "m/1/variables/variables.data-00000-of-00002": "",
    },
    "variables-without-index": {
        "m/1/saved_model.pb": saved_model(),
        "m/1/variables/variables.data-00000-of-00001": "",
    },
    "version-broken": {"m/1/saved_model.pb": saved_model()[:9]},
    "version-not-loadable": {"m/1/saved_model.pb": b"", "m/2/saved_model.pb": saved_model()},
    "tags-not-there": {"m/1/saved_model.pb": saved_model(tags=("train",))},
    "version-not-there": {
        **listed('name: "m" base_path: "/x/m" model_platform: "tensorflow" model_version_policy '
                 "{ specific { versions: 7 } }"),
        "compose.yml": compose("volumes: ['./m:/x/m', './models.config:/x/models.config'], "
                               "command: ['--model_config_file=/x/models.config']"),
        "m/1/saved_model.pb": saved_model(),
    },
    "version-some-missing": {
        **listed('name: "m" base_path: "/x/m" model_platform: "tensorflow" model_version_policy '
                 "{ specific { versions: 1 versions: 7 } }"),
        "compose.yml": compose("volumes: ['./m:/x/m', './models.config:/x/models.config'], "
                               "command: ['--model_config_file=/x/models.config']"),
        "m/1/saved_model.pb": saved_model(),
    },
    "warmup-unreadable": {
        "m/1/saved_model.pb": saved_model(), "m/1/assets.extra/tf_serving_warmup_requests": "not a record"
    },
    "warmup-misplaced": {"m/1/saved_model.pb": saved_model(), "m/1/assets/tf_serving_warmup_requests": ""},
    "base-path-missing": {"run.sh": "docker run -v /d/a:/models/a -e MODEL_NAME=b tensorflow/serving:2.20.0\n"},
    "base-path-version": {"run.sh": "tensorflow_model_server --model_base_path=/m/leaf/3\n"},
    "s3-not-supported": {"run.sh": "tensorflow_model_server --model_base_path=s3://b/m\n"},
    # reading
    "not-understood": {"x.yaml": "deploy: {with: the tensorflow/serving image}\n"},
    "unreadable": {"x.yaml": "containers: [{image: tensorflow/serving\n"},
    "model-other-format": {"Dockerfile": DOCKER + "COPY net.onnx /models/model/1/net.onnx"},
    # containers
    "port-told-closed": {"Dockerfile": DOCKER + 'EXPOSE 8080\nCMD ["--enable_batching"]'},
    "flag-too-new": {"run.sh": RUN.format(options="", flags="--mixed_precision=bfloat16").replace("2.20", "2.9")},
    "model-lost": {"Dockerfile": DOCKER + 'COPY m /models/m\nCMD ["--model_name", "m"]'},
    "pasted-dash": {"run.sh": RUN.format(options="–p 8501:8501", flags="")},
    "pasted-quote": {"run.sh": RUN.format(options="-p “8501:8501”", flags="")},
    "odd-blank": {"run.sh": RUN.format(options="-p\u00a08501:8501", flags="")},
    "quote-not-closed": {"run.sh": RUN.format(options="", flags="'--port=8500")},
    "request-wrong-port": {"r.sh": RUN.format(options="-p 8500:8500", flags="") + "curl http://localhost:8500/v1/models/m\n"},
    "config-file-other-name": {
        "r.sh": "echo 'max_batch_size { value: 4 }' > /b.txt\n"
                "tensorflow_model_server --enable_batching --batching_parameters_file=/batch.txt\n"
    },
    "config-file-late": {
        "r.sh": "docker run -d -v $PWD/c:/c tensorflow/serving:2.20.0 --model_config_file=/c/m &\necho a > c/m\n"
    },
    "text-encoding": {"Dockerfile": (DOCKER + 'CMD ["--port=8500"]\n').encode("utf-16")},
    "windows-line-ends": {"run.sh": RUN.format(options="", flags="--port=8500").replace("\n", "\r\n")},
    "instruction-in-run": {"Dockerfile": DOCKER + "RUN mkdir /m && \\\nRUN mkdir /n\n"},
    "shebang-not-first": {"entrypoint.sh": "\n#!/bin/bash\ntensorflow_model_server --model_base_path=/models/m\n"},
    "cmd-over-entrypoint": {"Dockerfile": DOCKER + 'CMD ["tensorflow_model_server", "--port=8500"]'},
    "cmd-shell-form": {"Dockerfile": DOCKER + "CMD tensorflow_model_server --port=8500"},
    "entrypoint-replaced": {"Dockerfile": DOCKER + 'ENTRYPOINT ["tensorflow_model_server"]'},
    "image-tag-unknown": {"run.sh": "docker run -p 8501:8501 tensorflow/serving:v1.14\n"},
    "image-name-broken": {"Dockerfile": "FROM tensorflow /serving\nCOPY m /models/model\n"},
    "copy-outside-context": {"Dockerfile": DOCKER + "COPY ../m /models/model\n"},
    "copy-flattens": {"Dockerfile": DOCKER + "COPY saved_model/* /models/model/1/\n"},
    "server-ends-with-build": {
        "Dockerfile": DOCKER + "RUN tensorflow_model_server --model_name=m --model_base_path=/models/m &\n"
    },
    "unknown-instruction": {"Dockerfile": DOCKER + "COPY./m /models/model"},
    "expose-not-a-port": {"Dockerfile": DOCKER + "EXPOSE 8501 # REST"},
    "comment-in-instruction": {"Dockerfile": DOCKER + "WORKDIR /models # here"},
    "name-without-path": {
        "run.sh": "docker run -v /data/models:/models tensorflow/serving:2.20.0 --model_name=leaf\n"
    },
    "request-wrong-path": {
        "a.md": "`docker run -p 8501:8501 -v /m:/models/m -e MODEL_NAME=m tensorflow/serving:2.20.0`\n\n"
        "`curl http://localhost:8501/models/m`\n"
    },
    "variable-not-set": {
        "a.md": "`DIR=$(pwd)/m` and `docker run -v $TESTDATA:/models/m -e MODEL_NAME=m tensorflow/serving:2.20.0`\n"
    },
    "assignment-with-blanks": {"run.sh": "DIR = /m\ntensorflow_model_server --model_base_path=$DIR\n"},
    "docker-option-unknown": {"run.sh": RUN.format(options="--gpu all", flags="")},
    "volume-without-target": {"run.sh": "docker run -v $PWD/m -e MODEL_NAME=m tensorflow/serving:2.20.0\n"},
    "mount-not-bind": {"run.sh": RUN.format(options="--mount source=/c,target=/c", flags="")},
    "devel-image": {"run.sh": "docker run -e MODEL_NAME=m -v /m:/models/m tensorflow/serving:2.20.0-devel\n"},
    "compose-refused": {"c.yaml": "services: {s: {image: 'tensorflow/serving:2.20.0', enable_batching: true}}\n"},
    "make-not-shell": {"Makefile": "run:\n\t" + RUN.format(options="-e A=$HOME", flags="")},
    "no-module": {"run.sh": "python3 -m tensorflow_model_server --model_base_path=/m\n"},
    "file-for-two": {
        "run.sh": "tensorflow_model_server --model_base_path=/m --ssl_config_file=/c --monitoring_config_file=/c\n"
    },
    "base-path-is-file": {"run.sh": "tensorflow_model_server --model_base_path=/m/1/saved_model.pb\n"},
    "exec-form-broken": {"Dockerfile": DOCKER + 'CMD ["--port=8500",\n  "--rest_api_port=8501"]'},
    "exec-form-not-json": {"Dockerfile": DOCKER + "CMD ['--port=8500']"},
    "argument-of-build": {"Dockerfile": DOCKER + "ARG NAME\nENTRYPOINT tensorflow_model_server --model_name=$NAME"},
    "literal-variable": {"Dockerfile": DOCKER + 'CMD ["--model_name=${NAME}"]'},
    "env-nobody-reads": {"Dockerfile": DOCKER + "ENV TF_ENABLE_BATCHING=true"},
    "sysctl-in-dockerfile": {"Dockerfile": DOCKER + "RUN sysctl -w net.core.somaxconn=1024"},
    "tool-not-in-image": {"Dockerfile": DOCKER + "HEALTHCHECK CMD wget -q http://localhost:8501/v1/models/m"},
    "server-in-build": {
        "Dockerfile": DOCKER + "RUN tensorflow_model_server --model_base_path=/models/m\n",
    },
    "port-out-of-range": {"run.sh": RUN.format(options="", flags="--rest_api_port=85010")},
    "gpu-fraction-beyond": {"run.sh": RUN.format(options="", flags="--per_process_gpu_memory_fraction=50")},
    "grpc-arguments-malformed": {"run.sh": RUN.format(options="", flags="--grpc_channel_arguments=so_reuseport=0")},
    "config-poll-unused": {"run.sh": RUN.format(options="", flags="--model_config_file_poll_wait_seconds=60")},
    "request-above-limit": {"k.yaml": pod("resources: {requests: {memory: 4Gi}, limits: {memory: 2000Mi}}")},
    "gpu-image-missing": {"k.yaml": pod("resources: {limits: {nvidia.com/gpu: 1}}")},
    "selector-mismatch": {"k.yaml": pod(head="selector: {matchLabels: {app: n}}")},
    "service-selects-nothing": {
        "k.yaml": pod() + "---\nkind: Service\nspec: {selector: {app: n}, ports: [{port: 80, targetPort: 8501}]}\n"
    },
    "metrics-port-closed": {
        "prometheus.yml": "scrape_configs:\n- job_name: serving\n  metrics_path: /monitoring/prometheus/metrics\n"
        "  static_configs: [{targets: ['tfs:8500']}]\n"
    },
    "binary-misspelt": {"run.sh": "tensorflow-model-server --port=8500 --model_base_path=/m\n"},
    "docker-run-without-image": {"run.sh": 'docker run -v "/d/m:/models/m tensorflow/serving:2.20.0"\n'},
    "mount-without-source": {
        "run.sh": "docker run --mount type=bind,srce=/d/m,target=/models/model tensorflow/serving:2.20.0\n"
    },
    "mount-source-relative": {"run.sh": "docker run -v models/m:/models/model tensorflow/serving:2.20.0\n"},
    "flag-before-image": {"run.sh": "docker run --model_name=m tensorflow/serving:2.20.0\n"},
    "line-not-continued": {"run.sh": "docker run -p 8501:8501\n  -v /d/m:/models/model tensorflow/serving:2.20.0\n"},
    "base-path-doubled": {
        "run.sh": RUN.format(options="-e MODEL_BASE_PATH=/models/m", flags="")
    },
    "port-nobody-listens": {"run.sh": RUN.format(options="-p 80:80", flags="")},
    "dollar-in-fstring": {"d.py": "c = f'tensorflow_model_server --model_base_path=\"${FOLDER}/m\"'\n"},
    "component-without-python": {"d.py": 'f = make(step, base_image="tensorflow/serving:2.20.0")\n'},
    "sagemaker-stock-image": {
        "d.py": 'm = c.create_model(PrimaryContainer={"Image": "tensorflow/serving:2.20.0", "ModelDataUrl": "s3://b/m"})\n'
    },
    "vertex-stock-image": {
        "d.py": 'm = Model.upload(serving_container_image_uri="tensorflow/serving:2.20.0")\nm.deploy()\n'
    },
    "sagemaker-env-unread": {"d.py": 'm = TensorFlowModel(env={"SAGEMAKER_TFS_WORKER_TIMEOUT_SECS": "300"})\n'},
    "sagemaker-batching-off": {"d.py": 'm = TensorFlowModel(env={"SAGEMAKER_TFS_MAX_BATCH_SIZE": "32"})\n'},
    "sagemaker-batching-word": {"d.py": 'm = TensorFlowModel(env={"SAGEMAKER_TFS_ENABLE_BATCHING": "1"})\n'},
    "shell-args-split": {"k.yaml": pod("command: [sh, -c]", "tensorflow_model_server, --port=8500")},
    "health-by-code": {"k.yaml": pod("livenessProbe: {httpGet: {path: /v1/models/model, port: 8501}}")},
    "health-word-available": {
        "c.yml": compose('healthcheck: {test: "curl localhost:8501/v1/models/m | grep AVAILABLE"}')
    },
    "image-not-pinned": {"run.sh": "docker run tensorflow/serving --model_name=m"},
    "metrics-path-mismatch": {"p.yml": "scrape_configs: [{job_name: x, static_configs: [{targets: ['h:8501']}]}]"},
    "metrics-params": {
        "p.yml": "scrape_configs: [{job_name: serving, metrics_path: /monitoring/prometheus/metrics, params: {a: [b]}}]"
    },
    "cpu-limit-threads": {"k.yaml": pod("resources: {limits: {cpu: 1500m}}")},
    "sysctl-host-network": {"c.yml": compose("network_mode: host, sysctls: {net.core.somaxconn: 1}")},
    "no-drain": {"k.yaml": pod()},
    "no-probe": {"k.yaml": pod()},
    "liveness-without-startup": {"k.yaml": pod("livenessProbe: {tcpSocket: {port: 8500}}")},
    "gpu-requests": {
        "k.yaml": pod("resources: {requests: {nvidia.com/gpu: 1}, limits: {nvidia.com/gpu: 2}}")
    },
    "probe-wrong-path": {"k.yaml": pod("readinessProbe: {httpGet: {path: /healthz, port: 8501}}")},
    "probe-wrong-port": {"k.yaml": pod("readinessProbe: {tcpSocket: {port: 9000}}")},
    "service-port-closed": {"k.yaml": pod() + SERVICE % 9000},
    "grpc-balancing": {"k.yaml": pod(head="replicas: 3") + SERVICE % 8500},
    "replicas-with-hpa": {"k.yaml": pod(head="replicas: 3") + SCALER},
    "hpa-missing-request": {"k.yaml": pod() + SCALER},
    "volume-not-declared": {"k.yaml": pod(MOUNTED)},
    # what a cluster refuses, ways that lead nowhere
    "kubernetes-refuses": {"k.yaml": pod("env: [{name: A, value: 1}]")},
    "key-twice": {"k.yaml": pod("args: [--port=8500]")},
    "program-is-flag": {"k.yaml": pod("command: [--model_name=m]")},
    "image-without-server": {
        "k.yaml": "spec: {containers: [{image: tensorflow/tensorflow, ports: [{containerPort: 8501}]}]}\n"
    },
    "configmap-not-here": {
        "k.yaml": pod(MOUNTED, "--monitoring_config_file=/c/a.config", VOLUME.replace("c}", "d}")) + CONFIG_MAP
    },
    "proxied-wrong-protocol": {
        "c.yml": compose("ports: ['8500:8500']"),
        "n.conf": "http { server { location / { proxy_pass http://s:8500; } } }\n",
    },
    "target-not-here": {"k.yaml": pod() + SCALER.replace("name: app", "name: app-deployment")},
    "route-wrong-port": {"k.yaml": pod() + SERVICE % 8501 + INGRESS},
    "kustomize-refuses": {
        "kustomization.yaml": "resources: [k.yaml]\npatches: [{path: p.yaml}]\n", "k.yaml": pod(),
        "p.yaml": PATCH % ("other", "tty: true"),
    },
    "patch-finds-nothing": {
        "kustomization.yaml": "resources: [k.yaml]\npatches: [{path: p.yaml, target: {name: other}}]\n",
        "k.yaml": pod(), "p.yaml": PATCH % ("app", "tty: true"),
    },
    "patch-drops-model": {
        "k.yaml": pod(args="--model_base_path=/models/m"), "p.yaml": PATCH % ("app", "args: [--port=8500]")
    },
    "monitor-finds-nothing": {
        "k.yaml": pod() + SERVICE % 8501 + "---\nkind: ServiceMonitor\nspec: {selector: {matchLabels: {app: m}}}\n"
    },
    "mounted-config-unused": {"k.yaml": pod(MOUNTED, "--port=8500", VOLUME) + CONFIG_MAP},
    "route-pattern": {
        "k.yaml": pod() + SERVICE % 80
        + ROUTE.replace("{backend", "{path: '/(.*)', pathType: Prefix, backend")
    },
    "route-rewritten": {
        "k.yaml": pod() + SERVICE % 80
        + ROUTE
        .replace("{name: way}", "{name: way, annotations: {nginx.ingress.kubernetes.io/rewrite-target: /}}")
        .replace("{backend", "{path: /a, pathType: Prefix, backend")
    },
    "infra-validator-spec": {
        "p.py": "s = InfraValidator(serving_spec=infra_validator_pb2.ServingSpec("
                "tensorflow_serving=infra_validator_pb2.TensorFlowServing(tags=['2.20.0'])))\n"
    },
    "quotes-kept": {"k.yaml": pod(args="'--model_name=\"m\"'")},
    "infra-validator-idle": {
        "p.py": "s = InfraValidator(model=m, serving_spec=infra_validator_pb2.ServingSpec("
                "tensorflow_serving=infra_validator_pb2.TensorFlowServing(), "
                "local_docker=infra_validator_pb2.LocalDockerConfig()))\n"
    },
    "client-wrong-port": {"compose.yaml": ASKED.format("8500/v1/models/model")},
    "client-wrong-model": {"compose.yaml": ASKED.format("8501/v1/models/other")},
    "port-of-two": {
        "pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n"
        "  - {name: a, image: 'tensorflow/serving:2.20.0', args: ['--rest_api_port=8501', '--model_base_path=/m/a']}\n"
        "  - {name: b, image: 'tensorflow/serving:2.20.0', args: ['--rest_api_port=8502', '--model_base_path=/m/b']}\n",
    },
    "runtime-serves-nothing": {
        "r.yaml": "apiVersion: serving.kserve.io/v1alpha1\nkind: ServingRuntime\nmetadata: {name: r}\nspec:\n"
                  "  containers:\n  - name: kserve-container\n    image: tensorflow/serving:2.20.0\n"
                  "    args: ['--rest_api_port=8080', '--model_base_path=/models']\n"
    },
    "chart-refused": {**CHART, "templates/k.yaml": '{{ include "b" . }}\n---\n' + pod()},
    "chart-value-missing": {**CHART, "templates/k.yaml": "# {{ .Values.a.b }}\n---\n" + pod()},
    "chart-value-unread": {
        **CHART, "templates/k.yaml": pod(),
        "main.tf": 'resource "helm_release" "r" {\n  chart = "./"\n  set {\n    name = "a.b"\n    value = 1\n  }\n}\n',
    },
    "key-not-mounted": {
        "k.yaml": pod("env: [{name: GOOGLE_APPLICATION_CREDENTIALS, value: /k/a.json}]", "--model_base_path=gs://m/m")
    },
    "service-port-misnamed": {
        "k.yaml": pod() + (SERVICE % 80).replace("port: 80", "name: rest, port: 80, targetPort: 8500")
    },
    "config-poll-subpath": {
        "k.yaml": pod("volumeMounts: [{name: v, mountPath: /c/a.config, subPath: a.config}]",
                      "--model_config_file=/c/a.config, --model_config_file_poll_wait_seconds=60", VOLUME) + CONFIG_MAP
    },
    "configmap-key-missing": {
        "k.yaml": pod(MOUNTED, "--monitoring_config_file=/c/b.config", VOLUME) + CONFIG_MAP
    },
}  # fmt: skip
