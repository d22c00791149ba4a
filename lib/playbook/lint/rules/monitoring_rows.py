"""Rules of who looks whether a server is well: health checks, probes, scrapes, queries of its metrics."""

from __future__ import annotations

# id, severity, message, remedy, source; line breaks stand where a sentence is longer than a line
# fmt: off
ROWS = (
    ("health-by-code", "warning",
     "The check looks at the HTTP code only: the status URL answers 200 while the model is LOADING or END.",
     "Read the state: grep -q '\"state\": \"AVAILABLE\"'.",
     "#2219, #671"),
    ("health-asks-nobody", "error",
     "{who} asks {address}, {why}: it always fails.",
     "{right}",
     "server.cc; RESTful API: model status"),
    ("health-word-available", "warning",
     "The health check greps for AVAILABLE, which also matches UNAVAILABLE.",
     "Grep for '\"state\": \"AVAILABLE\"'.",
     "get_model_status.proto"),
    ("metrics-of-kserve", "warning",
     "KServe is told to collect metrics at {path}; the server shows them at {served}, and only with a "
     "--monitoring_config_file.",
     "Give the runtime such a file, and write {served}.",
     "http_server.cc; kserve: qpext"),
    ("metrics-path-mismatch", "error",
     "Metrics are scraped at {path}; a server with a --monitoring_config_file shows them at {served}.",
     "Set {key}: {served}, and see that the server is given such a file.",
     "http_server.cc; #462"),
    ("metrics-port-closed", "error",
     "Metrics are scraped at port {port}; the server shows them on REST's ({rest}) alone.",
     "{remedy}",
     "http_server.cc; #1863"),
    ("metrics-params", "error",
     "The scrape sends a query string: the server answers 400.",
     "Drop params.",
     "http_server.cc"),
    ("liveness-by-code", "note",
     "The livenessProbe sees the HTTP code alone: the status URL answers 200 while the model is LOADING or END, too, "
     "so it restarts no server whose model is gone.",
     "Leave it, if that the process answers is all it is to tell; else ask by exec and bash's /dev/tcp for "
     "'\"state\": \"AVAILABLE\"'.",
     "#2219, #671; get_model_status"),
    ("liveness-without-startup", "warning",
     "A liveness probe without a startup probe: the port opens only after load and warm-up, so a slow load "
     "is killed again and again.",
     "Add a startupProbe.",
     "server.cc; #2219"),
    ("probe-wrong-path", "error",
     "The {probe} asks for {path}, which the server answers with {code}: the pod never passes.",
     "Ask for {right}, or use tcpSocket.",
     "http_rest_api_handler.cc; #2219"),
    ("probe-wrong-port", "error",
     "The {probe} asks port {port}, but {why}: the pod never passes.",
     "Use port {right}.",
     "server.cc"),
    ("no-probe", "warning",
     "Neither a readiness nor a startup probe: requests are sent before the model is loaded.",
     "Add a readinessProbe by tcpSocket or httpGet /v1/models/<name> (the port opens after the first load).",
     "server.cc; #2219"),
    ("metric-unknown", "warning",
     "The server has no metric {name}: the query finds nothing, so that an alert by it never fires, a scaler never "
     "scales, a panel stays empty.",
     "{right}",
     "util/prometheus_exporter.cc; servables/tensorflow/util.cc"),
)
# fmt: on
