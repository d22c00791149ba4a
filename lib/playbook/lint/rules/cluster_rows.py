"""Rules of what stands around a server in a cluster: objects that are refused, ways to it that lead nowhere."""

from __future__ import annotations

# id, severity, message, remedy, source; line breaks stand where a sentence is longer than a line
# fmt: off
ROWS = (
    ("kubernetes-refuses", "error",
     "{what}: Kubernetes refuses the object.",
     "{right}",
     "Kubernetes API reference; Knative: container contract"),
    ("kustomize-refuses", "error",
     "{what}: kustomize refuses the whole kustomization.",
     "{right}",
     "kustomize: patches"),
    ("patch-finds-nothing", "warning",
     "The patch is for {what}, and nothing taken in is that: kustomize leaves it out without a word.",
     "Name one of those taken in: {here}.",
     "kustomize: patches"),
    ("patch-drops-model", "error",
     "A patch's arguments replace those of the object as a whole, so {lost} are gone: the server looks for the "
     "model that the image's script names.",
     "Repeat them in the patch, or add the flags by a JSON patch (op: add, path: .../args/-).",
     "Kubernetes: strategic merge patch"),
    ("configmap-not-here", "error",
     "The volume at {target} is ConfigMap {name}, which is not here, while {other} has the key {key}: the pod waits "
     "for it and never starts.",
     "Write {other}, if that is meant.",
     "Kubernetes: ConfigMap volumes"),
    ("target-not-here", "error",
     "The {who} names {kind} {name}, which is not here; {other} is: it finds nothing.",
     "Write {other}.",
     "Kubernetes: Ingress, HorizontalPodAutoscaler, persistent volumes; kserve: predictor.go"),
    ("key-twice", "error",
     "{key} stands twice in one mapping (first at line {first}): YAML forbids it. docker compose and "
     "kustomize refuse the text, kubectl and Helm keep the last alone.",
     "{right}",
     "YAML 1.2, 3.2.1.1; kubernetes/kubernetes#14791"),
    ("program-is-flag", "error",
     "{word} stands where the program's name belongs: {where} replaces the image's entrypoint, so the container never "
     "starts.",
     "{right}",
     "Kubernetes: define a command and arguments; execve(2)"),
    ("image-without-server", "error",
     "There is no model server in {image}: nothing listens, and MODEL_NAME is read by "
     "nobody.",
     "Use the image tensorflow/serving.",
     "tools/docker/Dockerfile"),
    ("proxied-wrong-protocol", "error",
     "{what} speaks {spoken} to port {port} of {name}, which speaks {known}: every request fails.",
     "{right}",
     "nginx: proxy and grpc modules; ingress-nginx: backend-protocol; main.cc"),
    ("route-wrong-port", "error",
     "{what} sends to port {port} of Service {name}, which has {has}: requests end with 503.",
     "Use a port of the Service's (its `port`, not its targetPort).",
     "Kubernetes: Ingress; Istio: VirtualService"),
    ("chart-refused", "error",
     "{what}: Helm refuses the chart, and installs nothing of it.",
     "{right}",
     "Helm: chart template guide, named templates"),
    ("chart-value-missing", "warning",
     "{word} asks for {name} below {above}, and the chart's values have no {above}: Helm stops there, and installs "
     "nothing to whoever does not give it.",
     "Add {above} with a default for {name} to values.yaml.",
     "Helm: chart template guide, values files"),
    ("runtime-serves-nothing", "error",
     "{what}: KServe serves no model by it.",
     "{right}",
     "kserve: pkg/controller/v1beta1/inferenceservice/utils; config/runtimes/kserve-tensorflow-serving.yaml"),
    ("infra-validator-spec", "error",
     "{what}: InfraValidator fails before it starts a server.",
     "{right}",
     "tfx/proto/infra_validator.proto; tfx/components/infra_validator/executor.py"),
    ("infra-validator-idle", "warning",
     "{what}: InfraValidator {effect}.",
     "{right}",
     "tfx/components/infra_validator/executor.py, serving_bins.py"),
    ("config-poll-subpath", "warning",
     "{path} is a ConfigMap's key mounted by subPath, which Kubernetes never brings up to date: "
     "model_config_file_poll_wait_seconds reads the same text for ever.",
     "Mount the whole ConfigMap as a folder, without subPath.",
     "Kubernetes: ConfigMap, mounted ConfigMaps are updated automatically"),
)
# fmt: on
