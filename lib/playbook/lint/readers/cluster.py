"""What Kubernetes objects mean for one another: Services, autoscalers and the pods behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from playbook.lint.checks.command import Command
from playbook.lint.checks.configs import check_annotations
from playbook.lint.checks.containers import closed_words, listening
from playbook.lint.checks.port_remedies import of_service
from playbook.lint.checks.probes import port_number
from playbook.lint.checks.refused import check_service
from playbook.lint.forms.text import is_unknown
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.claims import check_claims
from playbook.lint.readers.clients import check_clients
from playbook.lint.readers.concerned import SCALERS, check_concerned, targets
from playbook.lint.readers.misnamed import are_one, check_names
from playbook.lint.readers.monitors import check_monitors
from playbook.lint.readers.pods import Pod, selects
from playbook.lint.readers.routes import check_routes
from playbook.lint.readers.shared_ports import check_shared
from playbook.lint.readers.workloads import pod_templates
from playbook.lint.rules.findings import Finding, finding
from playbook.tfserving.flags import FLAGS

_MESH = ("sidecar.istio.io/inject", "linkerd.io/inject", "consul.hashicorp.com/connect-inject")


def check_cluster(objects: list[tuple[Any, str]], pods: list[Pod], served: str) -> Iterator[Finding]:
    """Findings between objects: mappings with the path each stands in; `served` is the URL path of the metrics."""
    yield from [*_idle(objects, pods)]
    yield from check_monitors(objects, pods, served)
    yield from check_routes(objects, pods)
    yield from check_clients(objects, pods)
    yield from check_shared(objects, pods)
    yield from check_concerned(objects, pods)
    yield from check_claims(pods)
    yield from check_names(objects, pods) if pods else ()
    templated = {shown for data, shown in objects if is_unknown(str((data.get("metadata") or {}).get("name", "")))}
    scalers = [(data, shown) for data, shown in objects if data.get("kind") in SCALERS]
    said: set[tuple[str, int | None]] = set()  # Service ports that were spoken of: several overlays share one
    for pod in pods:
        scaler, where = next((each for each in scalers if targets(each[0], pod) or _is_meant(each[0], pod, objects)),
                             (None, ""))  # fmt: skip
        if scaler is not None and pod.shown not in templated:  # in a chart, one may be there without the other
            yield from _scaled(pod, scaler, where)
        for data, shown in objects:
            if data.get("kind") == "Service" and selects(data, pod):
                yield from check_service(data, shown)
                yield from _service(data, shown, pod, scaler is not None, said)
                yield from _annotated(data, shown, served)


def _is_meant(scaler: Any, pod: Pod, objects: list[tuple[Any, str]]) -> bool:
    """True for a scaler of a workload that is not here, but this one of nearly its name."""
    target = (scaler.get("spec") or {}).get("scaleTargetRef") or {}
    name = str(target.get("name", ""))
    here = {str((data.get("metadata") or {}).get("name", "")) for data, _ in objects if data.get("kind") == pod.kind}
    return target.get("kind") == pod.kind and name not in here and len(here) == 1 and are_one(name, pod.name)


def _labels(value: Any) -> dict[str, str]:
    return {str(key): str(each) for key, each in value.items()} if isinstance(value, Mapping) else {}


def _scaled(pod: Pod, scaler: Any, shown: str) -> Iterator[Finding]:
    name = (scaler.get("metadata") or {}).get("name", "")
    spec = pod.owner.get("spec") if "replicas" not in pod.owner else pod.owner
    if isinstance(spec, Table) and "replicas" in spec:
        yield finding("replicas-with-hpa", pod.shown, spec.at("replicas"), name=name)
    requests = (pod.container.get("resources") or {}).get("requests") or {}
    limits = (pod.container.get("resources") or {}).get("limits") or {}
    limits_of: Any = scaler.get("spec") or {}
    least, most = limits_of.get("minReplicas", limits_of.get("minReplicaCount")), limits_of.get("maxReplicas")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield finding("kubernetes-refuses", shown, limits_of.at("maxReplicas"), right="Swap them.",
                      what=f"minReplicas {least} is above maxReplicas {most}")  # fmt: skip
    asked = str(scaler.get("spec")).lower()
    if "utilization" in asked and "cpu" in asked and not {"cpu"} & {*requests, *limits}:
        yield finding("hpa-missing-request", pod.shown, pod.container.at("name"), name=name)


def _service(service: Any, shown: str, pod: Pod, scaled: bool, said: set[tuple[str, int | None]]) -> Iterator[Finding]:
    spec, name = service["spec"], (service.get("metadata") or {}).get("name", "")
    open_ports = listening(pod.command)
    words = closed_words(pod.command)
    replicas = pod.owner.get("replicas", (pod.owner.get("spec") or {}).get("replicas"))
    many = scaled or (isinstance(replicas, int) and replicas > 1)
    for port in spec.get("ports") or []:
        asked = port.get("targetPort", port.get("port"))
        target = port_number(asked, pod.container)
        if target is None and isinstance(asked, str) and _nameless(asked, pod):
            names = ", ".join(sorted(_port_names(pod))) or "a number"
            yield finding("service-port-closed", shown, port.at("targetPort"), name=name, port=asked,
                          why="no port of the pod has that name", right=f"Use targetPort {names}.")  # fmt: skip
        line = port.at("targetPort") if "targetPort" in port else port.at("port")
        if target is not None and many and _is_own_grpc(target, pod) and _sticks(spec, pod):
            if (shown, line) not in said:
                said.add((shown, line))
                yield _balancing(shown, line, target, replicas)
            continue
        if target is None or open_ports is None:
            continue
        if target not in open_ports and (pod.containers == 1 or target in _told(pod)):
            why = f"nothing listens on it: gRPC is on {words['grpc']}, REST is {words['rest']}"
            right = of_service(port, target, pod.command)
            yield finding("service-port-closed", shown, line, name=name, port=target, why=why, right=right)
        elif target == pod.command.number("port", 8500) and many and _sticks(spec, pod) and (shown, line) not in said:
            said.add((shown, line))
            yield _balancing(shown, line, target, replicas)
        if target in open_ports and (wrong := _misnamed(str(port.get("name", "")), target, pod.command)):
            yield finding("service-port-misnamed", shown, port.at("name"), port=port["name"], name=name, target=target,
                          wrong=wrong)  # fmt: skip


def _balancing(shown: str, line: int | None, target: int, replicas: Any) -> Finding:
    count = replicas if isinstance(replicas, int) and replicas > 1 else "several"
    return finding("grpc-balancing", shown, line, port=target, count=count)


def _is_own_grpc(target: int, pod: Pod) -> bool:
    """True for the port of gRPC of an image of somebody's own, whose flags its container gives: by number or name."""
    ports = [each for each in pod.container.get("ports") or [] if isinstance(each, Table)]
    listed = [str(each.get("name", "")) for each in ports if each.get("containerPort") == target]
    flags = any(word.startswith("--") and word[2:].partition("=")[0] in FLAGS for word in pod.command.words)
    ours = pod.command.partial and flags and "port" not in pod.command.given
    return ours and any("grpc" in name.lower() or target == 8500 for name in listed)


def _misnamed(name: str, target: int, command: Command) -> str:
    """What a port speaks whose name says the other of REST and gRPC; "" where it says nothing, or the right one."""
    says_grpc = "grpc" in name.lower()
    says_rest = bool(re.search(r"(?i)\brest|\bhttps?\b", name)) and not says_grpc
    grpc, rest = command.number("port", 8500), command.number("rest_api_port")
    if says_rest and target == grpc != rest:
        return "gRPC"
    return "REST" if says_grpc and target == rest != grpc else ""


def _idle(objects: list[tuple[Any, str]], pods: list[Pod]) -> Iterator[Finding]:
    """Services beside a server, on its ports, whose selector no pod of any object here carries.

    The one server of a text is told what leads to it once that is mended: what else is wrong there is said, too.
    """
    meant_for: list[tuple[Any, Pod]] = []
    carried = [
        _labels((each.get("metadata") or {}).get("labels")) for data, _ in objects for each in pod_templates(data)
    ]
    services = [data for data, _ in objects if data.get("kind") == "Service"]
    for data, shown in objects:
        spec = data.get("spec") or {}
        near = [pod for pod in pods if pod.shown == shown] or _unserved(shown, pods, services, objects)
        if data.get("kind") != "Service" or not near or not isinstance(spec, Table) or is_unknown(str(spec)):
            continue
        asked = {str(port.get("targetPort", port.get("port"))) for port in spec.get("ports") or []}
        ports = {str(port) for pod in near for port in listening(pod.command) or ()} | _listed(near)
        wanted = _labels(spec.get("selector"))
        meant = asked & ports or _of_the_one(data, shown, near, objects)
        if wanted and meant and not any(wanted.items() <= labels.items() for labels in carried):
            words = {"selector": _pairs(wanted), "labels": _pairs(_labels(near[0].labels)) or "none"}
            name = (data.get("metadata") or {}).get("name", "")
            yield finding("service-selects-nothing", shown, spec.at("selector"), name=name, **words)
            if len(near) == 1:
                meant_for.append((data, near[0]))
            else:
                yield from check_service(data, shown)
    for data, pod in meant_for:
        pod.meant_by.append(data)


def _of_the_one(service: Any, shown: str, near: list[Pod], objects: list[tuple[Any, str]]) -> bool:
    """True for the only Service beside the only pod of a text or a folder: whatever its ports, it is meant to lead
    there."""
    folder = shown.rpartition("/")[0]
    together = len(near) == 1 and near[0].shown == shown
    here = [data for data, path in objects if path == shown or (not together and path.rpartition("/")[0] == folder)]
    services = [data for data in here if data.get("kind") == "Service"]
    if not together and not _alike(service["spec"].get("selector"), near[0].labels if near else {}):
        return False
    alone = len(near) == 1 and len([each for data in here for each in pod_templates(data)]) == 1
    return alone and len(services) == 1 and services[0] is service and not service["spec"].get("externalName")


def _alike(selector: Any, labels: Any) -> bool:
    """True where a value that is asked for is a part of one that is carried, or the other way round."""
    asked, carried = _labels(selector).values(), _labels(labels).values()
    return any(one in other or other in one for one in asked for other in carried)


def _unserved(shown: str, pods: list[Pod], services: list[Any], objects: list[tuple[Any, str]]) -> list[Pod]:
    """The pods of other files of a folder that no Service selects: a Service beside them is theirs.

    None where kustomize gives labels, which it writes into both.
    """
    folder = shown.rpartition("/")[0]
    given = [data for data, _ in objects if data.get("kind", "Kustomization") == "Kustomization"]
    if any({"commonLabels", "labels"} & {*data} for data in given):
        return []
    return [pod for pod in pods if pod.shown.rpartition("/")[0] == folder and not is_unknown(str(pod.labels))
            and not any(selects(service, pod) for service in services)]  # fmt: skip


def _listed(pods: list[Pod]) -> set[str]:
    """The names and numbers of the ports that pods list, open or not."""
    ports = [each for pod in pods for each in pod.container.get("ports") or [] if isinstance(each, Table)]
    return {str(each[key]) for each in ports for key in ("name", "containerPort") if key in each}


def _pairs(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in labels.items())


def _annotated(service: Any, shown: str, served: str) -> Iterator[Finding]:
    """The path that a Service's annotations let Prometheus scrape."""
    annotations = (service.get("metadata") or {}).get("annotations")
    if isinstance(annotations, Table):
        yield from check_annotations(annotations, served, shown)


def _port_names(pod: Pod) -> set[str]:
    ports = [each for each in pod.container.get("ports") or [] if isinstance(each, Table)]
    return {str(each["name"]) for each in ports if "name" in each}


def _told(pod: Pod) -> set[object]:
    """The ports that the server's own container tells of, in a pod with others."""
    return {each.get("containerPort") for each in pod.container.get("ports") or [] if isinstance(each, Table)}


def _nameless(asked: str, pod: Pod) -> bool:
    return pod.containers == 1 and not is_unknown(asked) and asked not in _port_names(pod)


def _sticks(spec: Any, pod: Pod) -> bool:
    """True where a client's one connection stays with one pod."""
    headless = str(spec.get("clusterIP", "")) == "None"
    aged = "max_connection_age" in pod.command.text("grpc_channel_arguments")
    return not headless and not aged and not any(name in pod.annotations for name in _MESH)
