# ruff: noqa: E501  (a table of texts, one a line)
"""Lint knows ways to a server that lead nowhere, and says nothing of those that lead to it."""

from cluster_texts import (
    ABSENT,
    ARGS,
    CLAIM,
    COMPOSE,
    DEPLOYMENT,
    IDLE,
    IN_MAP,
    INGRESS,
    MISSING,
    NGINX,
    REFUSED,
    ROUTE,
    ROUTE_OF_ISTIO,
    SCALER,
    SERVICE,
    WRONG,
    not_told_of,
    told_at_its_line,
)

MONITOR = "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: m}\nspec: {selector: {matchLabels: {app: scores}}, endpoints: [{port: rest, path: /monitoring/prometheus/metrics}]}\n"
LABELLED = SERVICE.replace("metadata: {name: scores}", "metadata: {name: scores, labels: {app: scores}}")
REWRITE = "{name: way, annotations: {nginx.ingress.kubernetes.io/rewrite-target: %s}}"
# what is read -> its files, the place of the finding, its rule
FOUND = {
    "an Ingress in a block of its own": (
        {
            "n.md": "\n".join(
                f"```yaml\n{text}```\n" for text in (DEPLOYMENT, SERVICE, INGRESS.replace("number: 80", "number: 8080"))
            )
        },
        ("n.md", 39),
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
        ("i.yaml", 10),
        ABSENT,
    ),
    "a claim of another name": (
        {"d.yaml": DEPLOYMENT.replace("claimName: models", "claimName: models-claim"), "c.yaml": CLAIM},
        ("d.yaml", 14),
        ABSENT,
    ),
    "a scaler of an API that is no more": (
        {"d.yaml": DEPLOYMENT, "h.yaml": (SCALER % "scores").replace("autoscaling/v2", "autoscaling/v2beta2")},
        ("h.yaml", 1),
        REFUSED,
    ),
    "a Service of another file": (
        {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE.replace("{app: scores}", "{app: ranks}")},
        ("s.yaml", 5),
        IDLE,
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
        ("i.yaml", 10),
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
        ("i.yaml", 10),
        WRONG,
    ),
    "an Ingress to a port that no Service has": (
        {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "i.yaml": INGRESS.replace("number: 80", "number: 8501")},
        ("i.yaml", 10),
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
        ("i.yaml", 10),
        ROUTE,
    ),
    "a route of Istio to such a port": (
        {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "v.yaml": ROUTE_OF_ISTIO},
        ("v.yaml", 10),
        ROUTE,
    ),
    "a Service of a closed port, in a pod of two": (
        {
            "d.yaml": DEPLOYMENT.replace(
                ARGS, "        command: [tensorflow_model_server]\n" + ARGS + "        ports: [{containerPort: 8501}]\n"
            ).replace("      volumes:", "      - {name: agent, image: agent}\n      volumes:"),
            "s.yaml": SERVICE,
        },
        ("s.yaml", 7),
        "service-port-closed",
    ),
    "a monitor of labels that the Service has not": (
        {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "m.yaml": MONITOR},
        ("m.yaml", 4),
        "monitor-finds-nothing",
    ),
    "a monitor of a port that the Service has not": (
        {"d.yaml": DEPLOYMENT, "s.yaml": LABELLED, "m.yaml": MONITOR.replace("port: rest", "port: metrics")},
        ("m.yaml", 4),
        "monitor-finds-nothing",
    ),
    "a pattern under Prefix": (
        {"all.yaml": DEPLOYMENT + "---\n" + SERVICE, "i.yaml": INGRESS.replace("path: /\n", "path: /tf(/|$)(.*)\n")},
        ("i.yaml", 8),
        "route-pattern",
    ),
    "a target that loses the path": (
        {
            "all.yaml": DEPLOYMENT + "---\n" + SERVICE,
            "i.yaml": INGRESS.replace("{name: way}", REWRITE % "/").replace("path: /\n", "path: /tf\n"),
        },
        ("i.yaml", 3),
        "route-rewritten",
    ),
    "a Rollout without a model": (
        {
            "r.yaml": DEPLOYMENT.replace("apps/v1", "argoproj.io/v1alpha1")
            .replace("kind: Deployment", "kind: Rollout")
            .replace(ARGS, "")
            .split("        volumeMounts")[0]
        },
        ("r.yaml", 10),
        MISSING,
    ),
}
RIGHT = {
    "a monitor of the Service": {"d.yaml": DEPLOYMENT, "s.yaml": LABELLED, "m.yaml": MONITOR},
    "a monitor beside labels that kustomize gives": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "m.yaml": MONITOR, "kustomization.yaml": "resources: [d.yaml, s.yaml, m.yaml]\ncommonLabels: {app: scores}\n"},
    "a pattern under ImplementationSpecific": {
        "all.yaml": DEPLOYMENT + "---\n" + SERVICE,
        "i.yaml": INGRESS.replace("{name: way}", REWRITE % "/$2").replace("path: /\n        pathType: Prefix", "path: /tf(/|$)(.*)\n        pathType: ImplementationSpecific"),
    },
    "a Service of another container's port": {
        "d.yaml": DEPLOYMENT.replace(ARGS, "        command: [tensorflow_model_server]\n" + ARGS).replace("      volumes:", "      - {name: agent, image: agent, ports: [{containerPort: 8501}]}\n      volumes:"),
        "s.yaml": SERVICE,
    },
    "a scaler of another model": {"d.yaml": DEPLOYMENT, "h.yaml": SCALER % "ranks-deployment"},
    "a scaler of another version": {"d.yaml": DEPLOYMENT.replace("{name: scores}", "{name: scores-1}", 1), "h.yaml": SCALER % "scores-2"},
    "a scaler of it": {"d.yaml": DEPLOYMENT, "h.yaml": SCALER % "scores"},
    "a claim of another's": {"d.yaml": DEPLOYMENT, "c.yaml": CLAIM.replace("name: models", "name: training-data")},
    "a Service of another file": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE},
    "a Service of another program's pods": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "t.yaml": SERVICE.replace("scores", "ranks")},
    "nginx to REST's port": {"compose.yaml": COMPOSE, "nginx.conf": NGINX.replace("8500", "8501")},
    "nginx to ports of one's own choice": {"compose.yaml": COMPOSE + "    command: [--port=9000, --rest_api_port=8500]\n", "nginx.conf": NGINX},
    "nginx to another program": {"compose.yaml": COMPOSE, "nginx.conf": NGINX.replace("scores:8500", "consul:8500")},
    "nginx of a ConfigMap to REST's port": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "n.yaml": IN_MAP % "80"},
    "an Ingress to REST's port": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "i.yaml": INGRESS},
    "an Ingress by gRPC": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "i.yaml": INGRESS.replace("number: 80", "number: 8500").replace("{name: way}", '{name: way, annotations: {nginx.ingress.kubernetes.io/backend-protocol: "GRPC"}}')},
    "a route of Istio": {"d.yaml": DEPLOYMENT, "s.yaml": SERVICE, "v.yaml": ROUTE_OF_ISTIO.replace("8501", "80")},
}  # fmt: skip


test_what_is_wrong_is_told_at_its_line = told_at_its_line(FOUND)
test_what_is_right_is_not_told_of = not_told_of(RIGHT)
