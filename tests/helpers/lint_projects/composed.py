# ruff: noqa: E501  (tables of services, one a line)
"""Compose files: the server among other services, its config files beside it, its values in an .env file."""

from __future__ import annotations

from typing import Any

from lint_projects.commands import dockerfile, shell_word
from lint_projects.draws import Draw, unmarked
from lint_projects.servers import CONF, Server
from lint_projects.yaml_styles import Writer

OTHERS: dict[str, dict[str, Any]] = {
    "redis": {"image": "redis:7.2", "ports": ["6379:6379"]},
    "api": {"build": "./api", "ports": ["8080:8080"], "environment": {"MODEL_URL": "http://tfs:8501/v1/models/ranker:predict"}},
    "web": {"image": "nginx:1.27", "ports": ["80:80"], "depends_on": ["tfs"]},
    "db": {"image": "postgres:16", "environment": {"POSTGRES_PASSWORD": "example"}, "volumes": ["data:/var/lib/postgresql/data"]},
    "prometheus": {"image": "prom/prometheus:v2.53.0", "ports": ["9090:9090"]},
}  # fmt: skip


def service(draw: Draw, server: Server) -> dict[str, Any]:
    """The server's service."""
    ports = ["8500:8500", "8501:8501"]
    result: dict[str, Any] = {"image": server.image, "ports": ports}
    if draw.chance("long ports", 0.2):
        result["ports"] = [{"target": int(each[:4]), "published": int(each[:4])} for each in ports]
    volumes = [f"./{source}:{target}" for source, target in server.mounts.items()]
    if server.files(draw):
        volumes.append(f"./conf:{CONF}" + draw.choose("read only", "", ":ro"))
    if draw.chance("long volumes", 0.2):
        pairs = [each.removesuffix(":ro").split(":") for each in volumes]
        result["volumes"] = [{"type": "bind", "source": source, "target": target} for source, target in pairs]
    else:
        result["volumes"] = volumes
    if server.env:
        listed = [f"{name}={value}" for name, value in server.env.items()]
        result["environment"] = draw.choose("environment", dict(server.env), listed)
    words = server.words(draw)
    line = " ".join(shell_word(draw, f"command/{number}", word) for number, word in enumerate(words))
    result["command"] = draw.choose("command", words, words, line, words)
    result |= draw.choose(
        "restart", {}, {"restart": "unless-stopped"}, {"restart": "always"}, {"container_name": "tfs"}
    )
    return {key: result[key] for key in draw.order("service keys", result)}


def compose(draw: Draw, server: Server) -> dict[str, str]:
    """A compose file and what stands beside it."""
    texts = {f"conf/{name}": text for name, text in server.files(draw).items()}
    own = service(draw, server)
    if draw.chance("env file", 0.3) and unmarked(own["image"]) == own["image"] and ":" in own["image"]:
        image, _, tag = own["image"].partition(":")
        own["image"] = image + ":" + draw.choose("tag", "${TAG}", "${TAG:-" + tag + "}", "$TAG")
        texts[".env"] = f"# the release\nTAG={tag}\n"
    elif draw.chance("built", 0.2):
        others = Server(flags={}, image=server.image)
        texts["Dockerfile"] = f"FROM {others.image}\nCOPY models /models\n"
        own = {"build": ".", **{key: value for key, value in own.items() if key != "image"}}
    services = {"tfs": own} | {name: OTHERS[name] for name in draw.some("other services", list(OTHERS), 3)}
    services = {name: services[name] for name in draw.order("services", services)}
    whole: dict[str, Any] = {"services": services}
    if "db" in services:
        whole["volumes"] = {"data": {}}
    if draw.chance("version", 0.3):
        whole = {"version": "3.8", **whole}
    path = draw.choose("compose/path", "docker-compose.yml", "compose.yaml", "deploy/docker-compose.prod.yml")
    if path.startswith("deploy/"):
        texts = {f"deploy/{name}": text for name, text in texts.items()}
    return texts | {path: Writer(draw, "compose").document(whole)}


def image_and_compose(draw: Draw, server: Server) -> dict[str, str]:
    """An image of its own, and the compose file that builds it."""
    texts = dockerfile(draw, server)
    own = {
        "build": draw.choose("build", ".", {"context": ".", "dockerfile": "Dockerfile"}),
        "ports": ["8500:8500", "8501:8501"],
    }
    services = {"tfs": own} | {
        name: OTHERS[name] for name in draw.some("other services", ["redis", "web", "prometheus"], 2)
    }
    return texts | {"docker-compose.yml": Writer(draw, "compose").document({"services": services})}
