# ruff: noqa: E501  (tables of objects, one a line)
"""A cluster's objects: Deployment, Service, ConfigMap, HorizontalPodAutoscaler, Ingress; in files, a chart, a List."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from lint_projects.draws import Draw
from lint_projects.servers import BINARY, CONF, Server
from lint_projects.yaml_styles import Writer


@dataclass
class Cluster:
    """The objects as data, faults to be put in before they are written."""

    server: Server
    pod: dict[str, Any] = field(default_factory=dict)  # the pod's spec
    container: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)  # kind -> object


def container_of(draw: Draw, server: Server) -> dict[str, Any]:
    """The server's container."""
    words = server.words(draw)
    result: dict[str, Any] = {"name": "tfs", "image": server.image}
    way = draw.choose("container/way", "args", "command", "both") if server.model != "env" else "args"
    if way == "args":
        result["args"] = words
    elif way == "command":
        result["command"] = [draw.choose("binary", BINARY, f"/usr/bin/{BINARY}"), *words]
    else:
        result |= {"command": [BINARY], "args": words}
    result["ports"] = [{"containerPort": 8500, "name": "grpc"}, {"containerPort": 8501, "name": "rest"}]
    result["startupProbe"] = {"tcpSocket": {"port": draw.choose("probe port", 8501, "rest")}, "failureThreshold": 30}
    if draw.chance("readiness"):
        result["readinessProbe"] = {"tcpSocket": {"port": 8501}, "periodSeconds": 5}
    result["resources"] = {"requests": {"cpu": "2", "memory": "2Gi"}, "limits": {"memory": "4Gi"}}
    if server.env:
        result["env"] = [{"name": name, "value": value} for name, value in server.env.items()]
    mounts = [{"name": "models", "mountPath": "/models"}]
    if server.files(draw):
        mounts.append({"name": "conf", "mountPath": CONF})
    result["volumeMounts"] = mounts
    if draw.chance("pull", 0.3):
        result["imagePullPolicy"] = "IfNotPresent"
    return {key: result[key] for key in ["name", *draw.order("container keys", list(result)[1:])]}


def cluster(draw: Draw, server: Server) -> Cluster:
    """The right objects."""
    labels = {"app": "tfs"}
    container = container_of(draw, server)
    containers = [container]
    if draw.chance("sidecar", 0.3):
        side = {
            "name": "proxy",
            "image": "nginx:1.27",
            "ports": [{"containerPort": 8080}],
            "args": ["nginx", "-g", "daemon off;"],
        }
        containers = draw.order("containers", [container, side])
    pod: dict[str, Any] = {"containers": containers}
    if draw.chance("init", 0.3):
        fetch = {"name": "fetch", "image": "busybox:1.36", "command": ["sh", "-c", "ls /models"],
                 "volumeMounts": [{"name": "models", "mountPath": "/models"}]}  # fmt: skip
        pod["initContainers"] = [fetch]
    pod["volumes"] = [{"name": "models", "persistentVolumeClaim": {"claimName": "models"}}]
    data = server.files(draw)
    if data:
        pod["volumes"].append({"name": "conf", "configMap": {"name": "tfs-conf"}})
    kind = draw.choose("workload", "Deployment", "StatefulSet")
    spec: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if kind == "StatefulSet":
        spec["serviceName"] = "tfs"
    scaled = draw.chance("scaled", 0.4)
    if not scaled and draw.chance("replicas"):
        spec["replicas"] = 2
    objects = {
        "workload": {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "tfs", "labels": labels}, "spec": spec}
    }
    ports = [{"name": "rest", "port": 8501, "targetPort": draw.choose("target", 8501, "rest")}]
    if draw.chance("two ports"):
        ports.append({"name": "grpc", "port": 8500})
    objects["service"] = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "tfs"},
                          "spec": {"selector": dict(labels), "ports": ports}}  # fmt: skip
    if data:
        objects["configmap"] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tfs-conf"}, "data": data}
    if scaled:
        objects["hpa"] = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "tfs"},
                          "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": "tfs"}, "maxReplicas": 4,
                                   "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}]}}  # fmt: skip
    if draw.chance("ingress", 0.3):
        backend = {"service": {"name": "tfs", "port": {"number": 8501}}}
        objects["ingress"] = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "way"},
                              "spec": {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}}  # fmt: skip
    for name in draw.some("other objects", list(OTHERS), 2):
        objects[name] = OTHERS[name]
    return Cluster(server, pod, container, objects)


_ARGS = re.compile(r"([ -]+args:)\n((?P<pad> +)- [^:\n]*\n(?:(?:(?P=pad)-| *#).*\n)*)")

OTHERS: dict[str, dict[str, Any]] = {
    "namespace": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "serving"}},
    "claim": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "models"},
              "spec": {"accessModes": ["ReadOnlyMany"], "resources": {"requests": {"storage": "10Gi"}}}},
    "budget": {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "tfs"},
               "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "tfs"}}}},
    "web": {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
                     "spec": {"containers": [{"name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 80}]}]}}}},
}  # fmt: skip


def written(draw: Draw, all_of: Cluster) -> dict[str, str]:
    """The objects in one file, a file each, a List, a page, or a chart's templates."""
    names = draw.order("objects", all_of.objects)
    way = draw.choose("manifests", "one", "each", "list", "page", "chart", "kustomize")
    texts = {name: Writer(draw, f"yaml {name}").document(all_of.objects[name]) for name in names}
    if way == "one":
        begin = draw.choose("document start", "", "---\n")
        return {"k8s/serving.yaml": begin + "---\n".join(texts.values())}
    if way == "list":
        whole = {"apiVersion": "v1", "kind": "List", "items": [all_of.objects[name] for name in names]}
        return {"serving.yaml": Writer(draw, "yaml list").document(whole)}
    if way == "page":
        blocks = "\n".join(f"The {name}:\n\n```yaml\n{text}```\n" for name, text in texts.items())
        return {"docs/deploy.md": f"# Deploy\n\n{blocks}\n```sh\nkubectl apply -f serving.yaml\n```\n"}
    if way == "kustomize":
        return kustomized(draw, all_of, texts)
    if way == "chart":
        return chart(draw, texts)
    return {f"k8s/{name}.yaml": text for name, text in texts.items()}


def kustomized(draw: Draw, all_of: Cluster, texts: dict[str, str]) -> dict[str, str]:
    """The objects as kustomize's resources; their ConfigMap as one of them, or made of the files beside it."""
    head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    data, tail = {}, ""
    if "configmap" in texts and draw.chance("generated"):
        texts = {name: text for name, text in texts.items() if name != "configmap"}
        data = {f"conf/{name}": text for name, text in all_of.objects["configmap"]["data"].items()}
        tail = "configMapGenerator:\n- name: tfs-conf\n  files:\n" + "".join(f"  - {name}\n" for name in data)
    files = {f"{name}.yaml": text for name, text in texts.items()}
    listed = "".join(f"- {name}\n" for name in files)
    return files | data | {"kustomization.yaml": f"{head}resources:\n{listed}{tail}"}


def chart(draw: Draw, texts: dict[str, str]) -> dict[str, str]:
    """The objects as a chart's templates, some of their values in values.yaml."""
    values = "# of this chart\nport: 8501\nlevel: 1\n"
    if draw.chance("chart/args") and (found := _ARGS.search(texts["workload"])):
        words = [line for line in found[2].split("\n") if line.strip() and not line.lstrip().startswith("#")]
        values += "args:\n" + "".join(f"{line.strip()}\n" for line in words)
        put = f"{found[1]}\n            {{{{- toYaml .Values.args | nindent 12 }}}}\n"
        texts = texts | {"workload": texts["workload"].replace(found[0], put)}
    files = {f"templates/{name}.yaml": text for name, text in texts.items()}
    if draw.chance("chart/values"):
        files = {path: text.replace("port: 8501\n", "port: {{ .Values.port }}\n") for path, text in files.items()}
    if draw.chance("chart/condition"):
        gate = "{{- if .Values.port }}\n"
        files |= {path: f"{gate}{text}{{{{- end }}}}\n" for path, text in files.items() if "service" in path}
    return files | {"Chart.yaml": "apiVersion: v2\nname: tfs\nversion: 0.1.0\n", "values.yaml": values}
