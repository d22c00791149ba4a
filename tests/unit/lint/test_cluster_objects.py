# ruff: noqa: E501  (a table of texts, one a line)
"""Lint knows what a cluster refuses, and ways to a server that lead nowhere, and says nothing of those that are right."""

import pytest

from playbook.lint.linter import examine

REFUSED, TWICE, FLAG, WRONG = "kubernetes-refuses", "key-twice", "program-is-flag", "proxied-wrong-protocol"
IDLE, ROUTE, GPU, MISSING = "service-selects-nothing", "route-wrong-port", "gpu-image-missing", "base-path-missing"
VALIDATOR, OTHER, ABSENT = "infra-validator-spec", "image-without-server", "target-not-here"
RULES = {REFUSED, TWICE, FLAG, WRONG, IDLE, ROUTE, GPU, MISSING, VALIDATOR, OTHER, ABSENT, "probe-wrong-port", "shell-args-split", "gpu-requests", "base-path-version",
         "config-file-missing", "config-file-broken", "devel-image", "rest-threads-one", "service-port-closed"}  # fmt: skip
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


GPU_REQUESTS = "gpu-requests"
PVC, EMPTY = "persistentVolumeClaim: {claimName: models}", "emptyDir: {}"
ARGS = '        args: ["--model_name=scores", "--model_base_path=/models/scores"]\n'
# what is read -> its files, the place of the finding, its rule
FOUND = {
    "a patch of a server's container": (
        {
            "d.yaml": DEPLOYMENT,
            "p.yaml": PATCH,
            "kustomization.yaml": "resources: [d.yaml]\npatches: [{path: p.yaml}]\n",
        },
        ("p.yaml", 7),
        REFUSED,
    ),
    "an Ingress in a block of its own": (
        {
            "n.md": "\n".join(
                f"```yaml\n{text}```\n" for text in (DEPLOYMENT, SERVICE, INGRESS.replace("number: 80", "number: 8080"))
            )
        },
        ("n.md", 38),
        ROUTE,
    ),
    "a Service that selects nothing and is refused": (
        {"d.yaml": DEPLOYMENT + "---\n" + SERVICE.replace("{app: scores}", "{app: ranks}").replace("name: rest, ", "")},
        ("d.yaml", 22),
        REFUSED,
    ),
    "a scaler of another name": ({"d.yaml": DEPLOYMENT, "h.yaml": SCALER % "scores-deployment"}, ("h.yaml", 4), ABSENT),
    "an Ingress to another name": (
        {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "i.yaml": INGRESS.replace("name: scores,", "name: scores-service,")},
        ("i.yaml", 9),
        ABSENT,
    ),
    "a claim of another name": (
        {"d.yaml": DEPLOYMENT.replace("claimName: models", "claimName: models-claim"), "c.yaml": CLAIM},
        ("d.yaml", 14),
        ABSENT,
    ),
    "a server in Seldon's graph that tells no port": ({"s.yaml": IN_GRAPH % ""}, ("s.yaml", 9), "probe-wrong-port"),
    "the image's script behind a shell's script": (
        deployed(
            ARGS,
            "        command: [sh, -c]\n        args: ['echo a;', '/usr/bin/tf_serving_entrypoint.sh --port=9000']\n",
        ),
        ("d.yaml", 13),
        "shell-args-split",
    ),
    "a probe that tells no port": (
        deployed(ARGS, ARGS + "        readinessProbe: {httpGet: {path: /v1/models/scores}}\n"),
        ("d.yaml", 13),
        REFUSED,
    ),
    "a probe of KServe's that tells no port": (
        {"k.yaml": KSERVE + "      livenessProbe: {tcpSocket: {host: a}}\n"},
        ("k.yaml", 8),
        REFUSED,
    ),
    "a Deployment of an API that is no more": (deployed("apps/v1", "extensions/v1beta1"), ("d.yaml", 1), REFUSED),
    "a scaler of an API that is no more": (
        {"d.yaml": DEPLOYMENT, "h.yaml": (SCALER % "scores").replace("autoscaling/v2", "autoscaling/v2beta2")},
        ("h.yaml", 1),
        REFUSED,
    ),
    "an InferenceService in the layout of another version": (
        {"k.yaml": KSERVE.replace("spec:\n", "spec:\n  default:\n").replace("  predictor:", "   predictor:")},
        ("k.yaml", 5),
        REFUSED,
    ),
    "an InferenceService of a version that never was": (
        {
            "k.yaml": KSERVE.replace("v1beta1", "v1alpha2")
            .replace("spec:\n", "spec:\n  default:\n")
            .replace("  predictor:", "   predictor:")
        },
        ("k.yaml", 1),
        REFUSED,
    ),
    "a protocol that the runtime has not": (
        {"k.yaml": KSERVE + "      runtime: kserve-tensorflow-serving\n      protocolVersion: v2\n"},
        ("k.yaml", 9),
        REFUSED,
    ),
    "a whole ConfigMap at the place of its file": (
        deployed(
            ARGS
            + "        volumeMounts: [{name: models, mountPath: /models}]\n      volumes: [{name: models, "
            + PVC
            + "}]\n",
            ARGS.replace('"]', '", --monitoring_config_file=/m.txt]')
            + "        volumeMounts: [{name: models, mountPath: /models}, {name: m, mountPath: /m.txt}]\n"
            "      volumes: [{name: models, " + PVC + "}, {name: m, configMap: {name: m}}]\n",
        ),
        ("d.yaml", 12),
        "config-file-missing",
    ),
    "a job's volume that nobody fills": (
        {
            "j.yaml": "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: j}\nspec:\n  schedule: '@daily'\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n"
            "          - {name: a, image: a}\n          - {name: s, image: 'tensorflow/serving:2.20.0', volumeMounts: [{name: m, mountPath: /models}]}\n          volumes: [{name: m, emptyDir: {}}]\n"
        },
        ("j.yaml", 12),
        MISSING,
    ),
    "a patch's limit beside the request of the object": (
        {
            "d.yaml": DEPLOYMENT.replace(
                ARGS, ARGS + "        resources: {requests: {nvidia.com/gpu: 1}, limits: {nvidia.com/gpu: 1}}\n"
            ),
            "p.yaml": PATCH.replace("env: [{name: A, value: 1}]", "resources: {limits: {nvidia.com/gpu: 2}}"),
        },
        ("p.yaml", 7),
        GPU_REQUESTS,
    ),
    "a patch's probe of a closed port": (
        {
            "d.yaml": DEPLOYMENT,
            "p.yaml": PATCH.replace("env: [{name: A, value: 1}]", "readinessProbe: {tcpSocket: {port: 8080}}"),
        },
        ("p.yaml", 7),
        "probe-wrong-port",
    ),
    "an image to build in, set by an overlay": (
        {
            "base/d.yaml": DEPLOYMENT,
            "base/kustomization.yaml": "resources: [d.yaml]\n",
            "kustomization.yaml": "resources: [base]\nimages:\n- {name: tensorflow/serving, newTag: 2.20.0-devel}\n",
        },
        ("kustomization.yaml", 3),
        "devel-image",
    ),
    "a chart that names the server by KServe's word alone": (
        {
            "Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n",
            "values.yaml": "models:\n- {name: a, uri: gs://b/a/7}\n",
            "templates/k.yaml": "{{ range .Values.models }}\n"
            + KSERVE.replace("{name: s}", "{name: {{ .name }}}").replace("gs://b/m", "{{ .uri }}")
            + "---\n{{ end }}\n",
        },
        ("templates/k.yaml", 8),
        "base-path-version",
    ),
    "a Service of another file": (
        {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE.replace("{app: scores}", "{app: ranks}")},
        ("s.yaml", 5),
        IDLE,
    ),
    "no dashes between two objects": ({"all.yaml": DEPLOYMENT + "\n# the way in\n" + SERVICE}, ("all.yaml", 17), TWICE),
    "what stands before missing dashes": (
        {"all.yaml": DEPLOYMENT.replace('scores"]', 'scores", --rest_api_num_threads=1]') + "\n" + SERVICE},
        ("all.yaml", 12),
        "rest-threads-one",
    ),
    "arguments twice": (deployed(ARGS, ARGS + "        args: [--port=8500]\n"), ("d.yaml", 13), TWICE),
    "a variable that is a number": (
        deployed(ARGS, ARGS + "        env: [{name: A, value: 8501}]\n"),
        ("d.yaml", 13),
        REFUSED,
    ),
    "a variable that is true": (
        deployed(ARGS, ARGS + "        env:\n        - name: A\n          value: true\n"),
        ("d.yaml", 15),
        REFUSED,
    ),
    "an annotation that is a number": (
        deployed(
            "metadata: {labels: {app: scores}}",
            "metadata:\n      labels: {app: scores}\n      annotations:\n        prometheus.io/port: 8501\n",
        ),
        ("d.yaml", 10),
        REFUSED,
    ),
    "an argument that is a mapping": (
        deployed(ARGS, "        args:\n        - --model_base_path=/models/scores\n        - --rest_api_port: 8501\n"),
        ("d.yaml", 14),
        REFUSED,
    ),
    "a port as a string": (
        deployed(ARGS, ARGS + '        ports: [{containerPort: "8501"}]\n'),
        ("d.yaml", 13),
        REFUSED,
    ),
    "a port's long name": (
        deployed(ARGS, ARGS + "        ports: [{containerPort: 8501, name: tensorflow-serving-rest}]\n"),
        ("d.yaml", 13),
        REFUSED,
    ),
    "a quantity in words": (
        deployed(ARGS, ARGS + "        resources: {limits: {memory: 4GB}}\n"),
        ("d.yaml", 13),
        REFUSED,
    ),
    "a container without a name": (
        deployed("      - name: scores\n        image", "      - image"),
        ("d.yaml", 10),
        REFUSED,
    ),
    "a name with an underscore": (deployed("{name: scores}", "{name: scores_live}"), ("d.yaml", 3), REFUSED),
    "ports of a Service without names": (
        {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE.replace("name: rest, ", "")},
        ("s.yaml", 7),
        REFUSED,
    ),
    "a node port inside the cluster": (
        {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE.replace("targetPort: 8501", "targetPort: 8501, nodePort: 30001")},
        ("s.yaml", 7),
        REFUSED,
    ),
    "a node port out of range": (
        {
            "d.yaml": DEPLOYMENT,
            "s.yaml": SERVICE.replace("targetPort: 8501", "targetPort: 8501, nodePort: 8501").replace(
                "spec:\n", "spec:\n  type: NodePort\n"
            ),
        },
        ("s.yaml", 8),
        REFUSED,
    ),
    "two ports of Knative's": ({"k.yaml": KNATIVE + "        - containerPort: 8500\n"}, ("k.yaml", 12), REFUSED),
    "flags as the command": (deployed("        args", "        command"), ("d.yaml", 12), FLAG),
    "flags as the entrypoint of a service": (
        {"compose.yaml": COMPOSE + "    entrypoint: [--model_base_path=/models/model]\n"},
        ("compose.yaml", 5),
        FLAG,
    ),
    "flags as ENTRYPOINT": (
        {"Dockerfile": 'FROM tensorflow/serving:2.20.0\nCOPY m /models/m\nENTRYPOINT ["--model_name=m"]\n'},
        ("Dockerfile", 3),
        FLAG,
    ),
    "TensorFlow's image for the server's": (
        deployed(
            "image: tensorflow/serving:2.20.0\n" + ARGS,
            "image: tensorflow/tensorflow:2.15.0\n        ports: [{containerPort: 8501}]\n",
        ),
        ("d.yaml", 11),
        OTHER,
    ),
    "nginx to gRPC's port": ({"compose.yaml": COMPOSE, "nginx.conf": NGINX}, ("nginx.conf", 5), WRONG),
    "nginx by gRPC to REST's port": (
        {
            "compose.yaml": COMPOSE,
            "nginx/site.conf": "server {\n  location / {\n    grpc_pass grpc://scores:8501;\n  }\n}\n",
        },
        ("nginx/site.conf", 3),
        WRONG,
    ),
    "nginx of a ConfigMap to gRPC's port": (
        {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "n.yaml": IN_MAP % "8500"},
        ("n.yaml", 7),
        WRONG,
    ),
    "an Ingress to gRPC's port": (
        {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "i.yaml": INGRESS.replace("number: 80", "number: 8500")},
        ("i.yaml", 9),
        WRONG,
    ),
    "an Ingress by gRPC to REST's port": (
        {
            "d.yaml": DEPLOYMENT,
            "s.yaml": SERVICE,
            "i.yaml": INGRESS.replace(
                "{name: way}", '{name: way, annotations: {nginx.ingress.kubernetes.io/backend-protocol: "GRPC"}}'
            ),
        },
        ("i.yaml", 9),
        WRONG,
    ),
    "an Ingress to a port that no Service has": (
        {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "i.yaml": INGRESS.replace("number: 80", "number: 8501")},
        ("i.yaml", 9),
        ROUTE,
    ),
    "an old Ingress to such a port": (
        {
            "d.yaml": DEPLOYMENT,
            "s.yaml": SERVICE,
            "i.yaml": INGRESS.replace(
                "{service: {name: scores, port: {number: 80}}}", "{serviceName: scores, servicePort: 8501}"
            ),
        },
        ("i.yaml", 9),
        ROUTE,
    ),
    "a route of Istio to such a port": (
        {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "v.yaml": ROUTE_OF_ISTIO},
        ("v.yaml", 10),
        ROUTE,
    ),
    "a GPU for KServe's version for CPUs": (
        {
            "k.yaml": KSERVE
            + "      runtimeVersion: 2.14.0\n      resources:\n        limits:\n          nvidia.com/gpu: 1\n"
        },
        ("k.yaml", 11),
        GPU,
    ),
    "a predictor shown in part": (
        {"README.md": "Edit it:\n```yaml\nspec:\n  predictor:\n    tensorflow:\n      storageUri: gs://b/m/1/\n```\n"},
        ("README.md", 6),
        "base-path-version",
    ),
    "a predictor in a document": (
        {"README.md": "```yaml\n" + KSERVE.replace("b/m", "b/m/3") + "```\n"},
        ("README.md", 8),
        "base-path-version",
    ),
    "a GPU that Seldon's server asks for alone": (
        {"s.yaml": SELDON % "requests: {nvidia.com/gpu: 1}"},
        ("s.yaml", 12),
        "gpu-requests",
    ),
    "a volume that nobody fills": (deployed(PVC, EMPTY), ("d.yaml", 12), MISSING),
    "a file in a volume that nobody fills": (
        deployed(PVC, EMPTY)["d.yaml"]
        and {
            "d.yaml": DEPLOYMENT.replace(PVC, EMPTY).replace(
                ARGS, "        args: [--model_config_file=/models/m.config]\n"
            )
        },
        ("d.yaml", 12),
        "config-file-missing",
    ),
    "brackets that a program would have filled in": (
        {
            "c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  m.txt: |\n    prometheus_config: {{\n      enable: true\n    }}\n"
        },
        ("c.yaml", 6),
        "config-file-broken",
    ),
    "a validator without a platform": ({"p.py": SPEC % ""}, ("p.py", 2), VALIDATOR),
    "a validator's unknown field": (
        {
            "p.py": SPEC
            % "        local_docker=infra_validator_pb2.LocalDockerConfig()),\n    validation_spec=infra_validator_pb2.ValidationSpec(\n        num_examples=3\n"
        },
        ("p.py", 5),
        VALIDATOR,
    ),
}
RIGHT = {
    "a scaler of another model": {"d.yaml": DEPLOYMENT, "h.yaml": SCALER % "ranks-deployment"},
    "a scaler of another version": {"d.yaml": DEPLOYMENT.replace("{name: scores}", "{name: scores-1}", 1), "h.yaml": SCALER % "scores-2"},
    "a scaler of it": {"d.yaml": DEPLOYMENT, "h.yaml": SCALER % "scores"},
    "a claim of another's": {"d.yaml": DEPLOYMENT, "c.yaml": CLAIM.replace("name: models", "name: training-data")},
    "a server in Seldon's graph that tells its port": {"s.yaml": IN_GRAPH % "ports: [{name: http, containerPort: 8501}]"},
    "a server in Seldon's graph whose unit tells its port": {"s.yaml": (IN_GRAPH % "").replace("MODEL}", "MODEL, endpoint: {service_port: 8501}}")},
    "arguments that a shell's script hands on": deployed(
        ARGS, "        command: [sh, -c]\n        args: ['exec tensorflow_model_server --model_base_path=/models/scores \"$@\"', sh, --port=9000]\n"
    ),
    "a probe of Knative's that tells no port": {"s.yaml": KNATIVE + "        readinessProbe: {httpGet: {path: /v1/models/model}}\n"},
    "one file of a ConfigMap at its place": deployed(
        "volumeMounts: [{name: models, mountPath: /models}]", "volumeMounts: [{name: models, mountPath: /models}, {name: models, subPath: m, mountPath: /m.txt}]"
    ),
    "the second protocol, which is Triton's": {"k.yaml": KSERVE.replace("gs://b/m", "gs://b/m/1") + "      protocolVersion: v2\n"},
    "the first protocol": {"k.yaml": KSERVE + "      protocolVersion: v1\n"},
    "an older layout under its own name": {"k.yaml": KSERVE.replace("serving.kserve.io/v1beta1", "serving.kubeflow.org/v1alpha2").replace("spec:\n", "spec:\n  default:\n").replace("  predictor:", "   predictor:")},
    "a patch of both a request and a limit": {
        "d.yaml": DEPLOYMENT.replace(ARGS, ARGS + "        resources: {requests: {nvidia.com/gpu: 1}, limits: {nvidia.com/gpu: 1}}\n").replace("2.20.0", "2.20.0-gpu"),
        "p.yaml": PATCH.replace("env: [{name: A, value: 1}]", "resources: {requests: {nvidia.com/gpu: 2}, limits: {nvidia.com/gpu: 2}}, readinessProbe: {tcpSocket: {port: 8501}}"),
    },
    "a patch of flags and of a probe of theirs": {
        "d.yaml": DEPLOYMENT, "p.yaml": PATCH.replace("env: [{name: A, value: 1}]", "args: [--model_base_path=/models/scores, --rest_api_port=9000], readinessProbe: {tcpSocket: {port: 9000}}")
    },
    "a Service of another file": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE},
    "a Service of another program's pods": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "t.yaml": SERVICE.replace("scores", "ranks")},
    "labels that kustomize gives": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE.replace("{app: scores}", "{tier: a}"), "kustomization.yaml": "resources: [d.yaml, s.yaml]\ncommonLabels: {tier: a}\n"},
    "dashes between objects": {"all.yaml": DEPLOYMENT + "---\n" + SERVICE},
    "two files in one block": {"README.md": "```yaml\n" + DEPLOYMENT + "\n# s.yaml\n" + SERVICE + "```\n"},
    "what an anchor brings, overridden": {"compose.yaml": "x-a: &a {restart: always, image: a}\n" + COMPOSE.replace("    image", "    <<: *a\n    image")},
    "strings in quotes": deployed(ARGS, ARGS + '        env: [{name: A, value: "8501"}]\n        ports: [{containerPort: 8501, name: rest}]\n        resources: {limits: {memory: 4Gi, cpu: 500m}, requests: {cpu: 0.5}}\n'),
    "names to fill in": deployed("{name: scores}", "{name: MODEL_NAME-serving}"),
    "nginx to REST's port": {"compose.yaml": COMPOSE, "nginx.conf": NGINX.replace("8500", "8501")},
    "nginx to ports of one's own choice": {"compose.yaml": COMPOSE + "    command: [--port=9000, --rest_api_port=8500]\n", "nginx.conf": NGINX},
    "nginx to another program": {"compose.yaml": COMPOSE, "nginx.conf": NGINX.replace("scores:8500", "consul:8500")},
    "nginx of a ConfigMap to REST's port": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "n.yaml": IN_MAP % "80"},
    "an Ingress to REST's port": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "i.yaml": INGRESS},
    "an Ingress by gRPC": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "i.yaml": INGRESS.replace("number: 80", "number: 8500").replace("{name: way}", '{name: way, annotations: {nginx.ingress.kubernetes.io/backend-protocol: "GRPC"}}')},
    "a route of Istio": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "v.yaml": ROUTE_OF_ISTIO.replace("8501", "80")},
    "a model that another server of KServe's serves": {"k.yaml": KSERVE.replace("    tensorflow:\n      storageUri: gs://b/m\n", "    model:\n      modelFormat: {name: tensorflow}\n      runtime: triton-2.x\n      storageUri: gs://b/m/1\n")},
    "a GPU for KServe's version for GPUs": {"k.yaml": KSERVE + "      runtimeVersion: 2.14.0-gpu\n      resources: {limits: {nvidia.com/gpu: 1}}\n"},
    "a GPU that Seldon's server may have": {"s.yaml": SELDON % "limits: {nvidia.com/gpu: 1}"},
    "a volume that an init container fills": {"d.yaml": DEPLOYMENT.replace(PVC, EMPTY).replace("      containers:", "      initContainers:\n      - {name: f, image: a, command: [fetch], volumeMounts: [{name: models, mountPath: /m}]}\n      containers:")},
    "a volume that somebody fills by hand": {"README.md": "```yaml\n" + DEPLOYMENT.replace(PVC, EMPTY) + "```\n```\nkubectl cp ./scores scores-0:/models\n```\n", "d.yaml": "# kubectl cp ./scores POD:/models\n" + DEPLOYMENT.replace(PVC, EMPTY)},
    "a template's brackets": {"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "values.yaml": "path: /m\n", "templates/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  m.txt: |\n    prometheus_config { enable: true path: \"{{ .Values.path }}\" }\n"},
    "a validator": {"p.py": SPEC % "        kubernetes=infra_validator_pb2.KubernetesConfig(),\n"},
}  # fmt: skip


def hits(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return {((hit.path, hit.line), hit.rule) for hit in examine(folder).findings if hit.rule in RULES}


@pytest.mark.parametrize("what", FOUND)
def test_what_a_cluster_refuses_or_never_reaches_is_told_at_its_line(what, tmp_path):
    files, place, rule = FOUND[what]
    assert (place, rule) in hits(tmp_path, files)


@pytest.mark.parametrize("what", RIGHT)
def test_what_is_right_is_not_told_of(what, tmp_path):
    assert hits(tmp_path, RIGHT[what]) == set()
