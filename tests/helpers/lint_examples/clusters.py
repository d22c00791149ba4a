"""Rules of pods, of what a cluster refuses, of ways to a server, and of metrics."""

from __future__ import annotations

from lint_examples.shapes import (
    ASKED,
    CHART,
    CONFIG_MAP,
    INGRESS,
    MOUNTED,
    PATCH,
    ROUTE,
    RUN,
    SCALER,
    SERVICE,
    VOLUME,
    compose,
    pod,
)

CLUSTERS: dict[str, dict[str, str | bytes]] = {
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
    "shell-args-split": {"k.yaml": pod("command: [sh, -c]", "tensorflow_model_server, --port=8500")},
    "health-by-code": {"c.yml": compose("healthcheck: {test: 'curl -f http://localhost:8501/v1/models/model'}")},
    "liveness-by-code": {"k.yaml": pod("livenessProbe: {httpGet: {path: /v1/models/model, port: 8501}}")},
    "selector-missing": {"k.yaml": pod().replace("selector: {matchLabels: {app: m}}", "")},
    "selector-not-shown": {
        "k.yaml": pod().replace("selector: {matchLabels: {app: m}}", "").replace("labels: {app: m}", "")
    },
    "metrics-path-mismatch": {"p.yml": "scrape_configs: [{job_name: x, static_configs: [{targets: ['h:8501']}]}]"},
    "metric-unknown": {
        "r.yml": "groups: [{rules: [{alert: a, expr: 'rate(tensorflow_serving_request_count[5m])'}]}]\n"
    },
    "metrics-params": {
        "p.yml": "scrape_configs: [{job_name: serving, metrics_path: /monitoring/prometheus/metrics, params: {a: [b]}}]"
    },
    "cpu-limit-threads": {"k.yaml": pod("resources: {limits: {cpu: 1500m}}")},
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
    "kubernetes-refuses": {"k.yaml": pod("env: [{name: A, value: 1}]")},
    "user-is-root": {"k.yaml": pod("securityContext: {runAsNonRoot: true}")},
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
    "client-other-network": {
        "compose.yaml": "services:\n  s:\n    image: tensorflow/serving:2.20.0\n    networks: [inner]\n  app:\n"
                        "    build: ./app\n    links: [s]\nnetworks: {inner: {}}\n"
    },
    "client-wrong-model": {"compose.yaml": ASKED.format("8501/v1/models/other")},
    "client-wrong-signature": {
        "run.sh": RUN.format(options="-p 8501:8501", flags=""),
        "export.py": "tf.saved_model.save(m, 'm/1', signatures={'score': m.score})\n",
        "client.py": "requests.post(URL, json={'signature_name': 'predict'})\n",
    },
    "drain-beyond-grace": {
        "d.yaml": "kind: Pod\nspec:\n  containers:\n  - image: tensorflow/serving:2.20.0\n"
        "    lifecycle: {preStop: {exec: {command: [sleep, '30']}}}\n"
    },
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
