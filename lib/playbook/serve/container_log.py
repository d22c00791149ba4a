"""`python -m playbook.serve.container_log ID FILE`: follow a container's log into a file until the container ends."""

from __future__ import annotations

import sys

import docker

FOREVER_S = 10**9  # a quiet server writes nothing for days


def follow(container_id: str, path: str) -> None:
    """Copy the log, from its beginning, as it comes; a container or an engine that goes away ends it."""
    try:
        lines = docker.from_env(timeout=FOREVER_S).api.logs(container_id, stream=True, follow=True)
        with open(path, "wb", buffering=0) as file:
            for line in lines:
                file.write(line)
    except (docker.errors.DockerException, OSError):
        return


if __name__ == "__main__":
    follow(*sys.argv[1:3])
