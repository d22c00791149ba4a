"""Rules of ports: those that are published one for the other, and those that two servers want."""

from __future__ import annotations

# id, severity, message, remedy, source; line breaks stand where a sentence is longer than a line
# fmt: off
ROWS = (
    ("ports-crossed", "warning",
     "Port {host} of the host leads to {inside}, which speaks {speaks}: whoever asks {meant} at its usual port gets no "
     "answer.",
     "{remedy}",
     "main.cc; docker run reference"),
    ("host-port-twice", "error",
     "Port {port} of the host is published by {other} (line {first}), too: docker starts one of the two alone.",
     "Give each a port of its own, such as {free}:{inside}.",
     "docker run reference; compose file reference"),
    ("port-of-copies", "error",
     "{told} wants {count} containers, and {only}.",
     "{remedy}",
     "compose file reference: ports, container_name, scale"),
    ("server-port-twice", "error",
     "Port {port} is wanted by two servers {where}: {effect}.",
     "Give each server --port and --rest_api_port of its own.",
     "server.cc; evhttp_server.cc"),
    ("grpc-port-shared", "warning",
     "Port {port} is gRPC's of two servers {where}: both listen there, and each gets a share of the calls, also of "
     "those for the other's model.",
     "Give each server a --port of its own.",
     "server.cc; gRPC: SO_REUSEPORT"),
    ("metrics-from-inside", "error",
     "Prometheus is started in a container ({who}), where {host} is that container itself: it scrapes nothing.",
     "Scrape the server by its service's or container's name in one network, or by host.docker.internal.",
     "docker: networking; compose file reference"),
    ("container-name-twice", "error",
     "Container name {name} is taken by the one of line {first}: docker refuses to start this one.",
     "Give each a --name of its own, or remove the first: docker rm -f {name}.",
     "docker run reference"),
)
