# ruff: noqa: E501  (a table of texts, one a line)
"""Lint knows what KServe, Seldon, Knative and InfraValidator refuse or leave out."""

from cluster_texts import (
    GPU,
    IN_GRAPH,
    KNATIVE,
    KSERVE,
    REFUSED,
    SELDON,
    SPEC,
    VALIDATOR,
    not_told_of,
    told_at_its_line,
)

# what is read -> its files, the place of the finding, its rule
FOUND = {
    "a server in Seldon's graph that tells no port": ({"s.yaml": IN_GRAPH % ""}, ("s.yaml", 9), "probe-wrong-port"),
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
    "two ports of Knative's": ({"k.yaml": KNATIVE + "        - containerPort: 8500\n"}, ("k.yaml", 12), REFUSED),
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
    "a server in Seldon's graph that tells its port": {"s.yaml": IN_GRAPH % "ports: [{name: http, containerPort: 8501}]"},
    "a server in Seldon's graph whose unit tells its port": {"s.yaml": (IN_GRAPH % "").replace("MODEL}", "MODEL, endpoint: {service_port: 8501}}")},
    "a probe of Knative's that tells no port": {"s.yaml": KNATIVE + "        readinessProbe: {httpGet: {path: /v1/models/model}}\n"},
    "the second protocol, which is Triton's": {"k.yaml": KSERVE.replace("gs://b/m", "gs://b/m/1") + "      protocolVersion: v2\n"},
    "the first protocol": {"k.yaml": KSERVE + "      protocolVersion: v1\n"},
    "an older layout under its own name": {"k.yaml": KSERVE.replace("serving.kserve.io/v1beta1", "serving.kubeflow.org/v1alpha2").replace("spec:\n", "spec:\n  default:\n").replace("  predictor:", "   predictor:")},
    "a model that another server of KServe's serves": {"k.yaml": KSERVE.replace("    tensorflow:\n      storageUri: gs://b/m\n", "    model:\n      modelFormat: {name: tensorflow}\n      runtime: triton-2.x\n      storageUri: gs://b/m/1\n")},
    "a GPU for KServe's version for GPUs": {"k.yaml": KSERVE + "      runtimeVersion: 2.14.0-gpu\n      resources: {limits: {nvidia.com/gpu: 1}}\n"},
    "a GPU that Seldon's server may have": {"s.yaml": SELDON % "limits: {nvidia.com/gpu: 1}"},
    "a validator": {"p.py": SPEC % "        kubernetes=infra_validator_pb2.KubernetesConfig(),\n"},
}  # fmt: skip


test_what_is_wrong_is_told_at_its_line = told_at_its_line(FOUND)
test_what_is_right_is_not_told_of = not_told_of(RIGHT)
