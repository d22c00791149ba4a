# ruff: noqa: E501  (texts on one line)
"""Objects of a cluster that tests of lint vary: a server's Deployment, its Service, ways to it, and their rules."""

from tables import each_row

from playbook.lint.linter import examine

REFUSED, TWICE, FLAG, WRONG = "kubernetes-refuses", "key-twice", "program-is-flag", "proxied-wrong-protocol"
IDLE, ROUTE, GPU, MISSING = "service-selects-nothing", "route-wrong-port", "gpu-image-missing", "base-path-missing"
VALIDATOR, OTHER, ABSENT = "infra-validator-spec", "image-without-server", "target-not-here"
RULES = {
    "base-path-is-file", "base-path-missing", "base-path-version", "chart-refused", "chart-value-missing",
    "chart-value-unread", "config-file-broken", "config-file-missing", "config-poll-subpath",
    "config-unknown-field", "configmap-not-here", "devel-image", "env-nobody-reads", "gpu-image-missing",
    "gpu-requests", "image-without-server", "infra-validator-idle", "infra-validator-spec", "key-not-mounted",
    "key-twice", "kubernetes-refuses", "kustomize-refuses", "literal-variable", "monitor-finds-nothing",
    "mounted-config-unused", "no-model", "no-version", "not-understood", "patch-drops-model", "patch-finds-nothing",
    "port-nobody-listens", "probe-wrong-port", "program-is-flag", "proxied-wrong-protocol", "quotes-kept",
    "rest-threads-one", "route-pattern", "route-rewritten", "route-wrong-port", "runtime-serves-nothing",
    "s3-not-supported", "service-port-closed", "service-port-misnamed", "service-selects-nothing",
    "shell-args-split", "target-not-here", "unknown-flag", "unreadable",
}  # fmt: skip
GPU_REQUESTS = "gpu-requests"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: scores}
spec:
  selector: {matchLabels: {app: scores}}
  template:
    metadata: {labels: {app: scores}}
    spec:
      containers:
      - name: scores
        image: tensorflow/serving:2.20.0
        args: ["--model_name=scores", "--model_base_path=/models/scores"]
        volumeMounts: [{name: models, mountPath: /models}]
      volumes: [{name: models, persistentVolumeClaim: {claimName: models}}]
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: scores}
spec:
  selector: {app: scores}
  ports:
  - {name: rest, port: 80, targetPort: 8501}
  - {name: grpc, port: 8500, targetPort: 8500}
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: way}
spec:
  rules:
  - http:
      paths:
      - path: /
        pathType: Prefix
        backend: {service: {name: scores, port: {number: 80}}}
"""
ROUTE_OF_ISTIO = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: way}
spec:
  hosts: [scores]
  http:
  - route:
    - destination:
        host: scores.live.svc.cluster.local
        port: {number: 8501}
"""
NGINX = "events {}\nhttp {\n  upstream scores { server scores:8500; }\n  server {\n    location / { proxy_pass http://scores; }\n  }\n}\n"
IN_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nginx}\ndata:\n  default.conf: |\n    server {\n      location / { proxy_pass http://scores:%s; }\n    }\n"
COMPOSE = "services:\n  scores:\n    image: tensorflow/serving:2.20.0\n    volumes: ['/srv/a:/models/model']\n"
KNATIVE = "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: s}\nspec:\n  template:\n    spec:\n      containers:\n      - image: tensorflow/serving:2.20.0\n        args: [--model_base_path=gs://b/m]\n        ports:\n        - containerPort: 8501\n"
KSERVE = "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: s}\nspec:\n  predictor:\n    tensorflow:\n      storageUri: gs://b/m\n"
SELDON = "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: s}\nspec:\n  predictors:\n  - graph: {name: a, implementation: TENSORFLOW_SERVER, modelUri: gs://b/m}\n    componentSpecs:\n    - spec:\n        containers:\n        - name: a\n          resources:\n            %s\n"
SPEC = "spec = InfraValidator(\n    serving_spec=infra_validator_pb2.ServingSpec(\n        tensorflow_serving=infra_validator_pb2.TensorFlowServing(tags=['2.20.0']),\n%s    ))\n"
PATCH = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: scores}\nspec:\n  template:\n    spec:\n      containers: [{name: scores, env: [{name: A, value: 1}]}]\n"
SCALER = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: scaler}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: %s}, maxReplicas: 4}\n"
CLAIM = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: models}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n"
IN_GRAPH = "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: s}\nspec:\n  predictors:\n  - componentSpecs:\n    - spec:\n        containers:\n        - name: a\n          image: tensorflow/serving:2.20.0\n          args: [--model_base_path=gs://b/m]\n          %s\n    graph: {name: a, type: MODEL}\n"


def deployed(old, new, number=1):
    """The Deployment with a piece replaced, under its file's name."""
    assert old in DEPLOYMENT
    return {"d.yaml": DEPLOYMENT.replace(old, new, number)}


PVC, EMPTY = "persistentVolumeClaim: {claimName: models}", "emptyDir: {}"
ARGS = '        args: ["--model_name=scores", "--model_base_path=/models/scores"]\n'
# placed in a file of one's own by `POD.format(args=FLAGS)`
POD = """apiVersion: v1
kind: Pod
metadata: {{name: serving, labels: {{a: b}}}}
spec:
  containers:
  - name: serving
    image: tensorflow/serving:2.16.1
    args: [{args}]
"""
FLAGS = "--model_name=rank, --model_base_path=gs://m/rank"
DEPLOYED = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: tfs}
spec:
  selector: {matchLabels: {app: tfs}}
  template:
    metadata: {labels: {app: tfs}}
    spec:
      containers:
      - name: tfs
        image: tensorflow/serving:2.20.0
"""
CONFIGURED = (
    DEPLOYED[:-1]
    + """%s
        args:
        - --rest_api_port=8501
        - --rest_api_num_threads=1
        - --monitoring_config_file=/etc/tfs/m.config
        - --tensorflow_session_config_file=/etc/tfs/s.config
        - --ssl_config_file=/etc/tfs/tls.config
        env: [{name: MODEL_NAME, value: m}]
        volumeMounts: [{name: m, mountPath: /models}, {name: c, mountPath: /etc/tfs}]
      volumes: [{name: m, persistentVolumeClaim: {claimName: m}}, {name: c, configMap: {name: tfs-%s}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: tfs-conf}
data:
  m.config: "prometheus_config { enable: true }"
  s.config: "allow_soft_placement: yes"
"""
)


def hits(folder, files):
    """Place, line and rule of what lint finds in these files, as far as it is about objects of a cluster."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return {(hit.path, hit.line, hit.rule) for hit in examine(folder).findings if hit.rule in RULES}


def told_at_its_line(found):
    """A test of a table `what is read -> its files, the place of the finding, its rule`."""

    @each_row("what", found)
    def test(what, tmp_path):
        files, place, rule = found[what]
        seen = hits(tmp_path, files)
        assert (*place, rule) in seen, f"{place} {rule} is missing among {seen}"

    return test


def not_told_of(right):
    """A test of a table `what is read -> its files`, in which nothing is wrong."""

    @each_row("what", right)
    def test(what, tmp_path):
        seen = hits(tmp_path, right[what])
        assert seen == set(), f"{seen} is told of what is right"

    return test
