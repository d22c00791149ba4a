# ruff: noqa: E501  (a table of texts, one a line)
"""Lint reads what kustomize makes of objects, and what its patches make of a server."""

import pytest
from cluster_texts import ARGS, DEPLOYMENT, GPU_REQUESTS, PATCH, REFUSED, SERVICE, hits

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
    "a patch of both a request and a limit": {
        "d.yaml": DEPLOYMENT.replace(ARGS, ARGS + "        resources: {requests: {nvidia.com/gpu: 1}, limits: {nvidia.com/gpu: 1}}\n").replace("2.20.0", "2.20.0-gpu"),
        "p.yaml": PATCH.replace("env: [{name: A, value: 1}]", "resources: {requests: {nvidia.com/gpu: 2}, limits: {nvidia.com/gpu: 2}}, readinessProbe: {tcpSocket: {port: 8501}}"),
    },
    "a patch of flags and of a probe of theirs": {
        "d.yaml": DEPLOYMENT, "p.yaml": PATCH.replace("env: [{name: A, value: 1}]", "args: [--model_base_path=/models/scores, --rest_api_port=9000], readinessProbe: {tcpSocket: {port: 9000}}")
    },
    "labels that kustomize gives": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE.replace("{app: scores}", "{tier: a}"), "kustomization.yaml": "resources: [d.yaml, s.yaml]\ncommonLabels: {tier: a}\n"},
}  # fmt: skip


@pytest.mark.parametrize("what", FOUND)
def test_what_is_wrong_is_told_at_its_line(what, tmp_path):
    files, place, rule = FOUND[what]
    assert (place, rule) in hits(tmp_path, files)


@pytest.mark.parametrize("what", RIGHT)
def test_what_is_right_is_not_told_of(what, tmp_path):
    assert hits(tmp_path, RIGHT[what]) == set()
