"""Shapes of which the examples of lint's rules are made: config files, a pod and what stands around it, an image."""

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
    """A Deployment with one server, its selector among what `head` holds or that of its label."""
    head = head if "selector" in head else f"selector: {{matchLabels: {{app: m}}}}\n  {head}"
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
