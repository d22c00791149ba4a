# ruff: noqa: E501  (tables of faults, one a line)
"""Faults of a Dockerfile, a compose file or a script: changes to what was written."""

from __future__ import annotations

import re

from lint_projects.faults import Fault

IMAGES = frozenset(["image", "image and compose"])


def line_added(rule, path, behind, line, touches="", also="", forms=IMAGES, fits=lambda _: True, avoids=()):
    """A line behind the last one that a pattern meets."""

    def change(texts: dict[str, str], mark: str) -> None:
        lines = texts[path].split("\n")
        where = max(number for number, each in enumerate(lines) if re.match(behind, each))
        lines[where + 1 : where + 1] = [
            mark + each if not number else each for number, each in enumerate(line.split("\n"))
        ]
        texts[path] = "\n".join(lines)

    there = lambda texts: path in texts and re.search(f"(?m)^{behind}", texts[path]) and fits(texts)  # noqa: E731
    wide, also = frozenset(["line", *touches.split()]), frozenset(also.split())
    return Fault(rule, wide, change, there, also, room="texts", forms=forms, avoids=frozenset(avoids))


def replaced(rule, path, pattern, by, touches="", also="", forms=IMAGES, asked="", avoids=()):
    """The first text that a pattern meets, in another way; the mark goes before it, and before what asks for it."""

    def change(texts: dict[str, str], mark: str) -> None:
        put = by if callable(by) else lambda match: match.expand(by)
        texts[path] = re.sub(pattern, lambda match: mark + put(match), texts[path], count=1, flags=re.MULTILINE)
        for each in texts if asked else ():
            texts[each] = texts[each].replace(asked, mark + asked)

    there = lambda texts: path in texts and re.search(pattern, texts[path], re.MULTILINE)  # noqa: E731
    return Fault(
        rule,
        frozenset([*touches.split()]),
        change,
        there,
        frozenset(also.split()),
        room="texts",
        forms=forms,
        avoids=frozenset(avoids),
    )


def as_shell(match):
    """A CMD in exec form as a shell's words."""
    return "CMD tensorflow_model_server " + re.sub(r'"([^"]*)",? ?', r"\1 ", match[1]).strip()


RUNS = frozenset(["docker run", "told again"])
FROM = "FROM "
LOST = "entrypoint-replaced base-path-missing no-model rest-port-off port-nobody-listens monitoring-missing model-lost batching-file-unused name-without-path health-asks-nobody"
TEXT_FAULTS = [
    line_added("tool-not-in-image", "Dockerfile", FROM, "HEALTHCHECK CMD curl -f http://localhost:8501/v1/models/ranker || exit 1", touches="health", also="health-by-code", avoids=["has tools"]),
    line_added("sysctl-in-dockerfile", "Dockerfile", FROM, "RUN echo net.core.somaxconn=1024 >> /etc/sysctl.conf"),
    line_added("server-in-build", "Dockerfile", "(COPY|ADD) .*models /models|(COPY|ADD) models/", "RUN tensorflow_model_server --rest_api_port=8501 --model_base_path=/models/ranker"),
    line_added("port-told-closed", "Dockerfile", FROM, "EXPOSE 9000"),
    line_added("expose-not-a-port", "Dockerfile", FROM, "EXPOSE 8501 # REST"),
    line_added("comment-in-instruction", "Dockerfile", FROM, "WORKDIR /models # all of them"),
    line_added("unknown-instruction", "Dockerfile", FROM, "COPY./extra /extra"),
    line_added("env-nobody-reads", "Dockerfile", FROM, "ENV TF_SERVING_BATCHING_PARAMETERS_FILE=/etc/tfs/others.config"),
    replaced("config-file-not-copied", "Dockerfile", r"^(COPY conf/batching\.config) \S+", r"\1 /opt/", touches="conf", also="config-file-missing", asked="--batching_parameters_file"),
    replaced("cmd-over-entrypoint", "Dockerfile", r'^CMD \[(?= ?\\?\n? *"[\ue000-\ue0ff]?--)', r'CMD ["tensorflow_model_server", ', touches="cmd", forms=frozenset(["image", "image and compose"])),
    replaced("port-nobody-listens", "docker-compose.yml", r"""(["']?)8500:8500""", r"\g<1>9000:9000", touches="ports", forms=frozenset(["compose", "image and compose"]), also="port-told-closed"),
    replaced("port-nobody-listens", "compose.yaml", r"""(["']?)8500:8500""", r"\g<1>9000:9000", touches="ports", forms=frozenset(["compose"])),
    replaced("port-nobody-listens", "run.sh", r"8500:8500", "8500:9000", touches="ports", forms=RUNS),
    replaced("mount-source-relative", "run.sh", r'"?[^\s"]*models:/models"?', "data/models:/models", touches="mount", also="mount-not-bind", forms=RUNS),
    line_added("health-word-available", "Dockerfile", FROM, "HEALTHCHECK CMD bash -c 'exec 3<>/dev/tcp/127.0.0.1/8501 && printf \"GET /v1/models/ranker HTTP/1.0\\r\\n\\r\\n\" >&3 && grep -q AVAILABLE <&3'", touches="health"),
    line_added("expose-not-a-port", "Dockerfile", FROM, "EXPOSE rest"),
    line_added("comment-in-instruction", "Dockerfile", FROM, "ENV TF_CPP_MIN_LOG_LEVEL=1 # quiet"),
    replaced("exec-form-not-json", "Dockerfile", r'^(CMD|ENTRYPOINT) \["([^"\n]*)"', r"\1 ['\2'", touches="form cmd", also=LOST),
    replaced("exec-form-broken", "Dockerfile", r'^((?:CMD|ENTRYPOINT) \[) \\$', r"\1", touches="form cmd", also=LOST),
    replaced("cmd-shell-form", "Dockerfile", r'^CMD \[(.*)\]$', as_shell, touches="form cmd", also=LOST, forms=frozenset(["image"]), avoids=["flag"]),
    replaced("windows-line-ends", "start.sh", r"\A(#!.*)$", "\\1\r", touches="ends", forms=frozenset(["image", "script"])),
    replaced("mount-without-source", "run.sh", r"--mount type=bind,source=", "--mount type=bind,srce=", touches="mount", also="base-path-missing config-file-missing", forms=RUNS),
    replaced("mount-not-bind", "run.sh", r"--mount type=bind,(?=source=/|source=.?\$)", "--mount ", touches="mount", forms=RUNS),
    replaced("line-not-continued", "run.sh", r" \\\n([ \t]*--rest_api_port=8501)", r"\n\1", touches="cut", also=LOST, forms=RUNS),
    replaced("port-nobody-listens", "README.md", r"8500:8500", "8500:9000", touches="ports", forms=RUNS),
    replaced("port-nobody-listens", "Makefile", r"8500:8500", "8500:9000", touches="ports", forms=RUNS),
    replaced("make-variable-lost", "Makefile", r"\$\(CURDIR\)/models", "$$(CURDIR)/models", touches="mount", also="base-path-missing", forms=RUNS),
]  # fmt: skip
