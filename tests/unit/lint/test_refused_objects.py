# ruff: noqa: E501  (a table of texts, one a line)
"""Lint knows what Kubernetes refuses in an object, and says nothing of objects that it takes."""

from cluster_texts import (
    ARGS,
    COMPOSE,
    DEPLOYMENT,
    INGRESS,
    PVC,
    REFUSED,
    SCALER,
    SERVICE,
    TWICE,
    deployed,
    hits,
    not_told_of,
    told_at_its_line,
)
from tables import each_row

from playbook.lint.linter import examine

BUDGET = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {minAvailable: 1, selector: {matchLabels: {app: scores}}}\n"
# what is read -> its files, the place of the finding, its rule
FOUND = {
    "a probe that tells no port": (
        deployed(ARGS, ARGS + "        readinessProbe: {httpGet: {path: /v1/models/scores}}\n"),
        ("d.yaml", 13),
        REFUSED,
    ),
    "a Deployment of an API that is no more": (deployed("apps/v1", "extensions/v1beta1"), ("d.yaml", 1), REFUSED),
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
    "an Ingress of an API that is no more": (
        {"all.yaml": DEPLOYMENT + "---\n" + SERVICE, "i.yaml": INGRESS.replace("io/v1", "io/v1beta1")},
        ("i.yaml", 1),
        REFUSED,
    ),
    "a budget of an API that is no more": (
        {"d.yaml": DEPLOYMENT, "b.yaml": BUDGET.replace("policy/v1", "policy/v1beta1")},
        ("b.yaml", 1),
        REFUSED,
    ),
    "a Deployment of an API that never had any": (deployed("apps/v1", "v1"), ("d.yaml", 1), REFUSED),
    "a path without its type": (
        {"all.yaml": DEPLOYMENT + "---\n" + SERVICE, "i.yaml": INGRESS.replace("        pathType: Prefix\n", "")},
        ("i.yaml", 8),
        REFUSED,
    ),
    "a backend of the old shape": (
        {
            "all.yaml": DEPLOYMENT + "---\n" + SERVICE,
            "i.yaml": INGRESS.replace(
                "{service: {name: scores, port: {number: 80}}}", "{serviceName: scores, servicePort: 80}"
            ),
        },
        ("i.yaml", 10),
        REFUSED,
    ),
    "a scaler of the old shape": (
        {
            "d.yaml": DEPLOYMENT,
            "h.yaml": (SCALER % "scores").replace(
                "maxReplicas",
                "metrics: [{type: Resource, resource: {name: cpu, targetAverageUtilization: 60}}], maxReplicas",
            ),
        },
        ("h.yaml", 4),
        REFUSED,
    ),
    "a field of a container that is none": (
        deployed(ARGS, ARGS + "        readinesProbe: {tcpSocket: {port: 8500}}\n"),
        ("d.yaml", 13),
        REFUSED,
    ),
    "a pod's field in a container": (
        deployed(ARGS, ARGS + "        nodeSelector: {gpu: a}\n"),
        ("d.yaml", 13),
        REFUSED,
    ),
    "a container's field in a pod": (
        deployed("      volumes:", "      env: [{name: A, value: a}]\n      volumes:"),
        ("d.yaml", 14),
        REFUSED,
    ),
    "a ConfigMap volume by another key": (
        deployed(PVC, "configMap: {configMapName: m}"),
        ("d.yaml", 14),
        REFUSED,
    ),
    "arguments in one string": (
        deployed(ARGS, "        args: --model_name=scores --model_base_path=/models/scores\n"),
        ("d.yaml", 12),
        REFUSED,
    ),
    "a Service's unknown field": (
        {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE.replace("{app: scores}", "{app: scores}\n  replicas: 2")},
        ("s.yaml", 6),
        REFUSED,
    ),
}
RIGHT = {
    "fields of a custom resource": deployed("apiVersion: apps/v1\nkind: Deployment", "apiVersion: example.org/v1\nkind: Server"),
    "all that a container may have": deployed(
        ARGS, ARGS + "        stdin: true\n        tty: true\n        workingDir: /a\n        envFrom: [{configMapRef: {name: e}}]\n        resizePolicy: []\n"
        "        startupProbe: {grpc: {port: 8500}, failureThreshold: 9}\n".replace("grpc: {port: 8500}", "tcpSocket: {port: 8500}")
    ),
    "a budget": {"d.yaml": DEPLOYMENT, "b.yaml": BUDGET},
    "an old Ingress of another program": {"all.yaml": DEPLOYMENT + "---\n" + SERVICE, "i.yaml": INGRESS.replace("io/v1", "io/v1beta1").replace("scores", "ranks")},
    "dashes between objects": {"all.yaml": DEPLOYMENT + "---\n" + SERVICE},
    "two files in one block": {"README.md": "```yaml\n" + DEPLOYMENT + "\n# s.yaml\n" + SERVICE + "```\n"},
    "what an anchor brings, overridden": {"compose.yaml": "x-a: &a {restart: always, image: a}\n" + COMPOSE.replace("    image", "    <<: *a\n    image")},
    "strings in quotes": deployed(ARGS, ARGS + '        env: [{name: A, value: "8501"}]\n        ports: [{containerPort: 8501, name: rest}]\n        resources: {limits: {memory: 4Gi, cpu: 500m}, requests: {cpu: 0.5}}\n'),
    "names to fill in": deployed("{name: scores}", "{name: MODEL_NAME-serving}"),
}  # fmt: skip


test_what_is_wrong_is_told_at_its_line = told_at_its_line(FOUND)
test_what_is_right_is_not_told_of = not_told_of(RIGHT)


JOB = """apiVersion: batch/v1
kind: Job
metadata: {name: nightly}
spec:
  template:
    spec:
      %s
      containers: [{name: t, image: "tensorflow/serving:2.20.0", args: [--model_base_path=gs://b/m]}]
"""


@each_row(("policy", "line"), [("restartPolicy: Always", 7), ("nodeName: a", 6), ("restartPolicy: Never", None)])
def test_a_job_whose_pods_are_always_started_again_is_refused(policy, line, tmp_path):
    (tmp_path / "j.yaml").write_text(JOB % policy)
    lines = [hit.line for hit in examine(tmp_path).findings if hit.rule == REFUSED]
    assert lines == ([line] if line else [])


@each_row(("least", "most", "refused"), [(6, 3, True), (3, 6, False), (3, 3, False)])
def test_a_scaler_with_more_replicas_at_least_than_at_most_is_refused(least, most, refused, tmp_path):
    scaler = (
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: scores}\nspec:\n"
        "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: scores}\n"
        f"  minReplicas: {least}\n  maxReplicas: {most}\n"
    )
    assert (("h.yaml", 7, REFUSED) in hits(tmp_path, {"d.yaml": DEPLOYMENT, "h.yaml": scaler})) is refused
