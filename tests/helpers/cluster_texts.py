# ruff: noqa: E501  (texts on one line)
"""Objects of a cluster that tests of lint vary: a server's Deployment, its Service, ways to it, and their rules."""

from playbook.lint.linter import examine

REFUSED, TWICE, FLAG, WRONG = "kubernetes-refuses", "key-twice", "program-is-flag", "proxied-wrong-protocol"
IDLE, ROUTE, GPU, MISSING = "service-selects-nothing", "route-wrong-port", "gpu-image-missing", "base-path-missing"
VALIDATOR, OTHER, ABSENT = "infra-validator-spec", "image-without-server", "target-not-here"
RULES = {REFUSED, TWICE, FLAG, WRONG, IDLE, ROUTE, GPU, MISSING, VALIDATOR, OTHER, ABSENT, "probe-wrong-port", "shell-args-split", "gpu-requests", "base-path-version",
         "config-file-missing", "config-file-broken", "devel-image", "rest-threads-one", "service-port-closed", "kustomize-refuses", "patch-finds-nothing", "monitor-finds-nothing", "route-pattern", "route-rewritten", "no-version", "patch-drops-model", "config-unknown-field", "mounted-config-unused"}  # fmt: skip
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


def hits(folder, files):
    """Places and rules of what lint finds in these files, as far as it is about objects of a cluster."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return {((hit.path, hit.line), hit.rule) for hit in examine(folder).findings if hit.rule in RULES}
