# ruff: noqa: E501  (a table of texts, one a line)
"""Lint reads what kustomize makes of objects, and what its patches make of a server."""

from cluster_texts import ARGS, DEPLOYMENT, GPU_REQUESTS, PATCH, PVC, REFUSED, SERVICE, not_told_of, told_at_its_line

MOUNTS = "volumeMounts: [{name: models, mountPath: /models}]"


def overlay(kustomization, deployment=DEPLOYMENT, patch=None, base="resources: [d.yaml]\n"):
    """A base with a Deployment, and an overlay over it with a patch."""
    files = {"base/d.yaml": deployment, "base/kustomization.yaml": base}
    files["live/kustomization.yaml"] = "resources: [../base]\n" + kustomization
    return files | ({"live/p.yaml": patch} if patch else {})


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
    "a flag of a JSON patch, whose file the base's ConfigMap holds broken": (
        overlay(
            "patches:\n- target: {kind: Deployment, name: scores}\n  patch: |-\n    - op: add\n"
            "      path: /spec/template/spec/containers/0/args/-\n      value: --monitoring_config_file=/etc/m/m.txt\n",
            DEPLOYMENT.replace(MOUNTS, MOUNTS[:-2] + "}, {name: c, mountPath: /etc/m}]").replace(
                PVC + "}]", PVC + "}, {name: c, configMap: {name: m}}]"
            )
            + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  m.txt: |\n    prometheus_config { enabled: true }\n",
        ),
        ("base/d.yaml", 21),
        "config-unknown-field",
    ),
    "a flag of a JSON patch, whose file the base does not mount": (
        overlay(
            "patches:\n- target: {kind: Deployment, name: scores}\n  patch: |-\n    - op: add\n"
            "      path: /spec/template/spec/containers/0/args/-\n      value: --monitoring_config_file=/etc/m/m.txt\n"
        ),
        ("live/kustomization.yaml", 7),
        "config-file-missing",
    ),
    "arguments that a patch replaces as a whole": (
        overlay(
            "patches: [{path: p.yaml}]\n",
            patch=PATCH.replace("env: [{name: A, value: 1}]", "args: [--rest_api_num_threads=16]"),
        ),
        ("live/p.yaml", 7),
        "patch-drops-model",
    ),
    "a patch of a component": (
        {
            **overlay("components: [../parts/a]\n"),
            "parts/a/kustomization.yaml": "kind: Component\npatches: [{path: p.yaml}]\n",
            "parts/a/p.yaml": PATCH.replace("env: [{name: A, value: 1}]", "readinessProbe: {tcpSocket: {port: 8080}}"),
        },
        ("parts/a/p.yaml", 7),
        "probe-wrong-port",
    ),
    "a patch of an object that is not there": (
        overlay("patches: [{path: p.yaml}]\n", patch=PATCH.replace("{name: scores}", "{name: ranks}", 1)),
        ("live/p.yaml", 1),
        "kustomize-refuses",
    ),
    "a target that is not there": (
        overlay("patches: [{path: p.yaml, target: {kind: Deployment, name: ranks}}]\n", patch=PATCH),
        ("live/p.yaml", 1),
        "patch-finds-nothing",
    ),
    "an operation whose path is not there": (
        overlay(
            "patches:\n- target: {kind: Deployment}\n  patch: |-\n    - op: replace\n"
            "      path: /spec/template/spec/containers/0/env/0/value\n      value: a\n"
        ),
        ("live/kustomization.yaml", 6),
        "kustomize-refuses",
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
}
RIGHT = {
    "a variable that each overlay gives": overlay(
        "patches: [{path: p.yaml}]\n",
        DEPLOYMENT.replace(ARGS, "").replace("mountPath: /models}", "mountPath: /models/scores}"),
        PATCH.replace("{name: A, value: 1}", "{name: MODEL_NAME, value: scores}"),
    ),
    "a patch that takes a variable away": overlay("patches: [{path: p.yaml}]\n", patch=PATCH.replace("value: 1", "$patch: delete")),
    "an operation on what an earlier one adds": overlay(
        "patches:\n- target: {kind: Deploy.*, name: sc.*}\n  patch: |-\n    - {op: add, path: /spec/template/spec/containers/0/env, value: []}\n"
        "    - {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: A, value: a}}\n".replace("Deploy.*", "Deployment")
    ),
    "a patch beside what lies elsewhere": overlay("patches: [{path: p.yaml}]\n", patch=PATCH.replace("{name: scores}", "{name: ranks}", 1).replace("value: 1", "value: a"), base="resources: [d.yaml, https://example.org/b]\n"),
    "a patch of both a request and a limit": {
        "d.yaml": DEPLOYMENT.replace(ARGS, ARGS + "        resources: {requests: {nvidia.com/gpu: 1}, limits: {nvidia.com/gpu: 1}}\n").replace("2.20.0", "2.20.0-gpu"),
        "p.yaml": PATCH.replace("env: [{name: A, value: 1}]", "resources: {requests: {nvidia.com/gpu: 2}, limits: {nvidia.com/gpu: 2}}, readinessProbe: {tcpSocket: {port: 8501}}"),
    },
    "a patch of flags and of a probe of theirs": {
        "d.yaml": DEPLOYMENT, "p.yaml": PATCH.replace("env: [{name: A, value: 1}]", "args: [--model_base_path=/models/scores, --rest_api_port=9000], readinessProbe: {tcpSocket: {port: 9000}}")
    },
    "labels that kustomize gives": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE.replace("{app: scores}", "{tier: a}"), "kustomization.yaml": "resources: [d.yaml, s.yaml]\ncommonLabels: {tier: a}\n"},
}  # fmt: skip


test_what_is_wrong_is_told_at_its_line = told_at_its_line(FOUND)
test_what_is_right_is_not_told_of = not_told_of(RIGHT)
