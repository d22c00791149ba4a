# ruff: noqa: E501  (tables of faults, one a line)
"""Faults of a cluster's objects: changes to the data that is then written as YAML."""

from __future__ import annotations

import copy

from lint_projects.cluster import Cluster
from lint_projects.faults import Fault


def fault(rule, touches, change, fits=lambda _: True, also="", avoids=()):
    """A fault of the objects."""
    return Fault(
        rule,
        frozenset(touches.split()),
        change,
        fits,
        frozenset(also.split()),
        room="cluster",
        forms=frozenset(["cluster"]),
        avoids=frozenset(avoids),
    )


def sets(key, value):
    """A field of the container."""

    def change(all_of: Cluster, mark: str) -> None:
        all_of.container[key] = marked(value, mark)

    return change


def marked(value, mark):
    """A copy of a value with the mark where `@` stands."""
    if isinstance(value, dict):
        return {marked(key, mark): marked(each, mark) for key, each in value.items()}
    if isinstance(value, list):
        return [marked(each, mark) for each in value]
    return value.replace("@", mark) if isinstance(value, str) else value


def resources(**changed):
    def change(all_of: Cluster, mark: str) -> None:
        given = copy.deepcopy(all_of.container["resources"])
        for part, values in changed.items():
            others = {key: value for key, value in given[part].items() if f"@{key}" not in values}
            given[part] = others | marked(values, mark)
        all_of.container["resources"] = given

    return change


def limited(all_of: Cluster, mark: str) -> None:
    resources(limits={"@cpu": "2"})(all_of, mark)
    _words(all_of)[:] = [mark + word for word in _words(all_of)]


def _words(all_of: Cluster) -> list[str]:
    return all_of.container.get("args") or all_of.container["command"]


def mount(all_of: Cluster, mark: str) -> None:
    all_of.container["volumeMounts"].append({"name": mark + "cache", "mountPath": "/cache"})


def selector(all_of: Cluster, mark: str) -> None:
    spec = all_of.objects["workload"]["spec"]
    del spec["selector"]
    spec[mark + "selector"] = {"matchLabels": {mark + "app": "server"}}


def service(field, value):
    def change(all_of: Cluster, mark: str) -> None:
        spec = all_of.objects["service"]["spec"]
        all_of.objects["service"]["spec"] = {mark * (key == field) + key: marked(value, mark) if key == field else old
                                             for key, old in spec.items()}  # fmt: skip

    return change


def claim(all_of: Cluster, mark: str) -> None:
    for each in all_of.pod["volumes"]:
        if each["name"] == "conf":
            each["configMap"] = {"name": mark + "tfs-config"}
    for each in all_of.container["volumeMounts"]:
        if each["name"] == "conf":
            each |= {"name": mark + "conf", "mountPath": mark + each["mountPath"]}


def scaled(all_of: Cluster, mark: str) -> None:
    all_of.objects["hpa"]["spec"]["scaleTargetRef"]["name"] = mark + "tfs-deployment"


def unrequested(all_of: Cluster, mark: str) -> None:
    requests = all_of.container["resources"]["requests"]
    requests.pop("cpu", None)
    all_of.objects["hpa"]["spec"]["metrics"][0]["resource"]["name"] = mark + "cpu"
    all_of.objects["hpa"][mark + "kind"] = all_of.objects["hpa"].pop("kind")
    all_of.container[mark + "name"] = all_of.container.pop("name")


def routed(all_of: Cluster, mark: str) -> None:
    path = all_of.objects["ingress"]["spec"]["rules"][0]["http"]["paths"][0]
    path["backend"] = {"service": {"name": "tfs", "port": {mark + "number": 80}}}


def data_key(all_of: Cluster, mark: str) -> None:
    data = all_of.objects["configmap"]["data"]
    all_of.objects["configmap"]["data"] = {
        ("batch.conf" if name == "batching.config" else name): text for name, text in data.items()
    }
    words = _words(all_of)
    for number, word in enumerate(words):
        if "--batching_parameters_file" in word:
            words[number] = mark + word


def numbered(all_of: Cluster, mark: str) -> None:
    all_of.container["env"] = [*all_of.container.get("env", []), {"name": "A", mark + "value": 1}]


def alive(all_of: Cluster, mark: str) -> None:
    del all_of.container["startupProbe"]
    all_of.container[mark + "livenessProbe"] = {"tcpSocket": {"port": 8501}}


def flags_as_command(all_of: Cluster, mark: str) -> None:
    words = all_of.container.pop("args")
    all_of.container["command"] = [mark + words[0], *words[1:]]


def twice(all_of: Cluster, mark: str) -> None:
    all_of.objects["service"][mark + "spec"] = {"ports": [{"port": 8501}], "selector": {"app": "tfs"}}


LOST = "base-path-missing no-model monitoring-missing health-asks-nobody"


def with_(name):
    return lambda all_of: name in all_of.objects


CLUSTER_FAULTS = [
    fault("probe-wrong-path", "readinessProbe", sets("readinessProbe", {"httpGet": {"path": "@/healthz", "port": 8501}})),
    fault("probe-wrong-path", "livenessProbe", sets("livenessProbe", {"httpGet": {"path": "@/v1/models/other", "port": 8501}}), lambda c: c.server.model != "file", also="liveness-by-code"),
    fault("probe-wrong-port", "readinessProbe", sets("readinessProbe", {"tcpSocket": {"@port": 8080}})),
    fault("tool-not-in-image", "livenessProbe", sets("livenessProbe", {"exec": {"command": ["sh", "-c", "@curl -f localhost:8501/v1/models/ranker"]}}), also="health-by-code", avoids=["has tools"]),
    fault("gpu-requests", "gpu", resources(requests={"@nvidia.com/gpu": 1}, limits={"@nvidia.com/gpu": 2}), also="gpu-image-missing"),
    fault("gpu-image-missing", "gpu", resources(limits={"@nvidia.com/gpu": 1})),
    fault("request-above-limit", "memory", resources(requests={"@memory": "8Gi"})),
    fault("cpu-limit-threads", "cpu tensorflow_intra_op_parallelism", limited, lambda c: "tensorflow_intra_op_parallelism" not in c.server.flags, also="batching-threads-absurd"),
    fault("selector-mismatch", "selector", selector),
    fault("service-port-closed", "service-ports", service("ports", [{"port": 8501, "@targetPort": 9090}]), lambda c: len(c.pod["containers"]) == 1),
    fault("service-selects-nothing", "service-selector", service("selector", {"@app": "server"})),
    fault("volume-not-declared", "mounts", mount),
    fault("configmap-not-here", "conf", claim, with_("configmap"), also="config-file-missing"),
    fault("target-not-here", "hpa", scaled, with_("hpa"), also="replicas-with-hpa"),
    fault("hpa-missing-request", "hpa cpu", unrequested, with_("hpa")),
    fault("route-wrong-port", "ingress service-selector", routed, with_("ingress")),
    fault("configmap-key-missing", "conf batching_parameters_file enable_batching", data_key, lambda c: c.server.batching is not None and "configmap" in c.objects),
    fault("liveness-without-startup", "startupProbe livenessProbe", alive),
    fault("program-is-flag", "command", flags_as_command, lambda c: "args" in c.container and "command" not in c.container, also=LOST),
    fault("key-twice", "service-selector service-ports", twice, lambda c: "service" in c.objects),
    fault("kubernetes-refuses", "env", numbered),
]  # fmt: skip
