"""What to do, in general, about the rules whose findings each bring a remedy of their own."""

from __future__ import annotations

# rule -> what its findings' remedies come to; the examples stand for what is filled in
TOLD = {
    "unknown-flag": "Write the flag as the server spells it (--rest_api_port, with two dashes and underscores), or "
    "drop it; docker's own options belong in front of the image's name.",
    "flags-ended": "Drop the two dashes, or write them and the flag as one word.",
    "request-wrong-port": "Ask the port on which REST is reached: rest_api_port, or the one it is published as.",
    "rest-port-is-grpc-port": "Give REST another port, by habit 8501 beside gRPC's 8500.",
    "threads-too-few": "Use 1 or more; REST needs 2, as one thread is the event loop's.",
    "socket-path": "Name a path of at most 107 bytes in a folder that exists where the server runs.",
    "file-system-unknown": "Copy the model to a local folder and serve that, write gs:// for Google's buckets, or "
    "build the server with that file system (hdfs:// and viewfs:// were in it until 2.6).",
    "config-file-missing": "Copy or mount the file where the flag names it, or correct the path.",
    "batching-unknown-field": "Write the field's own name; a model's or a server's other settings belong elsewhere.",
    "batching-splitting": "Set max_batch_size, and max_execution_batch_size to no more than it.",
    "config-unknown-field": "Write the field's own name, or move it to the file or flag that it belongs to.",
    "batching-splitting-padded": "Put max_execution_batch_size among allowed_batch_sizes.",
    "no-version": "Put the model into a folder named by a number: <base path>/1/saved_model.pb.",
    "base-path-inside": "Name the folder above the version's number.",
    "base-path-missing": "Copy or mount the model there, or name the folder that it lies in.",
    "not-understood": "Give the flags to lint as they are started, or read the text yourself.",
    "tool-not-in-image": "Take what the image has (bash and /dev/tcp), the kubelet's httpGet or tcpSocket, or an image "
    "with the tool added.",
    "copy-not-in-image": "Install it in the image that is built; the server is /usr/bin/tensorflow_model_server.",
    "env-nobody-reads": "Give the server the flag, or set MODEL_NAME and MODEL_BASE_PATH, which the image's script "
    "reads.",
    "literal-variable": "Start the command by a shell, or write $(NAME) in Kubernetes.",
    "compose-refused": "Correct what compose refuses; `docker compose config` says it too.",
    "docker-run-without-image": "Put the options in front of the image, the server's flags behind it, and a backslash "
    "at the end of each line that goes on.",
    "docker-option-unknown": "Write docker's own option, or put the server's flag behind the image.",
    "sagemaker-env-unread": "Write the variable that SageMaker's container reads.",
    "kubernetes-refuses": "Correct the object; `kubectl apply --dry-run=server` says it too.",
    "kustomize-refuses": "Correct the kustomization; `kustomize build` says it too.",
    "key-twice": "Keep one of the two, with what both are to hold.",
    "program-is-flag": "Use args (compose: command) for flags, so that the image's entrypoint stays.",
    "proxied-wrong-protocol": "Lead HTTP to REST's port and gRPC to gRPC's, or change the proxy's directive.",
    "port-nobody-listens": "Publish the ports that the server has (by habit 8500 and 8501), or set its flag.",
    "service-port-closed": "Use a port of the server's as targetPort; for HTTP turn REST on by --rest_api_port.",
    "client-wrong-port": "Name a port on which the server is reached from there.",
    "chart-refused": "Correct the template or its values; `helm template` says it too.",
    "runtime-serves-nothing": "Name a runtime, a format and a protocol that go together, or let KServe choose.",
    "monitor-finds-nothing": "Write the Service's labels and the name of its port.",
    "infra-validator-spec": "Write the fields of ServingSpec as infra_validator.proto has them.",
    "metric-unknown": "Write the name as the server shows it; all of them begin with :tensorflow:serving:.",
    "metrics-port-closed": "Scrape the port of --rest_api_port, by habit 8501, as it is reached from there.",
    "health-asks-nobody": "Ask the port of --rest_api_port (by habit 8501) for /v1/models/<name> of a model it has.",
    "apt-in-build": "Write RUN apt-get update && apt-get install -y ..., in one RUN.",
    "cmd-over-entrypoint": 'Keep only flags in CMD, in exec form: CMD ["--enable_batching=true"]; make a script of '
    "one's own the ENTRYPOINT.",
    "port-of-copies": "Publish a range of ports for the copies, or none, with a proxy in front; drop container_name.",
    "ports-crossed": "Publish gRPC as the port of --port, REST as that of --rest_api_port (8500:8500, 8501:8501).",
    "infra-validator-idle": "Give it examples, or drop the component.",
}
