# ruff: noqa: E501  (tables of texts, one a line)
"""A server's words in shells, images and compose files: the forms of one command line, and what stands around it."""

from __future__ import annotations

import json
import re
import textwrap

from lint_projects.draws import Draw, unmarked
from lint_projects.servers import BINARY, CONF, Server

_PLAIN = re.compile(r"[\w./:=,@%+-]+")
NOISE = ("# start it", "# --enable_batching is set below", "# see README.md", "# docker stop tfs")


def shell_word(draw: Draw, label: str, word: str) -> str:
    """A word as a shell reads it: bare or in quotes, whole or its value alone."""
    bare = unmarked(word)
    name, sign, value = word.partition("=")
    ways = [word] if _PLAIN.fullmatch(bare) and "–" not in bare else []
    ways += [f'"{word}"', f"'{word}'"] if ways or "$" not in bare else [f'"{word}"']
    if sign and value and ways[0] == word:
        ways += [f'{name}="{value}"', f"{name}='{value}'"]
    return draw.choose(label, *ways[:1], *ways)


def shell_line(draw: Draw, label: str, words: list[str], end: str = "\\") -> str:
    """Words on one line, or one to a line; the quotes are drawn for each."""
    quoted = [shell_word(draw, f"{label}/quotes {number}", word) for number, word in enumerate(words)]
    kept = [f"{quoted[n]}" for n in range(len(quoted))]
    pad = draw.choose(f"{label}/pad", "  ", "    ", "\t")
    lines = draw.choose(f"{label}/lines", "each", "one")
    return f" {end}\n{pad}".join(kept) if lines == "each" else " ".join(kept)


def exec_form(draw: Draw, label: str, words: list[str]) -> str:
    """A JSON array on one line or several, comments between where a Dockerfile allows them."""
    quoted = [json.dumps(word, ensure_ascii=False) for word in words]
    if draw.chance(f"{label}/lines"):
        inside = ", \\\n".join(f"    {word}" for word in quoted)
        if draw.chance(f"{label}/comment", 0.3):
            inside = inside.replace("\n", "\n# the next one was measured\n", 1)
        return f"[ \\\n{inside} \\\n]"
    return "[" + draw.choose(f"{label}/comma", ", ", ",").join(quoted) + "]"


def dockerfile(draw: Draw, server: Server) -> dict[str, str]:
    """An image with models and config files in it, and how it starts."""
    files = server.files(draw)
    way = draw.choose("start", "flags", "binary", "shell", "both", "script", *["flags"] * (server.model == "env"))
    if server.model == "env":
        way = "flags"
    lines = [f"FROM {server.image}"]
    if draw.chance("label", 0.3):
        lines.append('LABEL maintainer="me@example.org"')
    lines += [f"ENV {name}={value}" for name, value in server.env.items()]
    texts: dict[str, str] = {}
    lines.append(draw.choose("copy models", "COPY models/ /models/", "COPY models /models", "ADD ./models /models",
                             "COPY --chown=root:root models /models/"))  # fmt: skip
    if files and draw.chance("written here", 0.3):
        for name, text in files.items():
            lines.append(f"COPY <<'EOF' {CONF}/{name}\n{text}EOF")
    elif files:
        texts |= {f"conf/{name}": text for name, text in files.items()}
        each = [f"COPY conf/{name} {CONF}/{name}" for name in files]
        lines += draw.choose("copy conf", each, [f"COPY conf/ {CONF}/"], [f"COPY ./conf {CONF}"])
    lines += draw.choose("expose", [], ["EXPOSE 8500 8501"], ["EXPOSE 8501/tcp"], ["EXPOSE 8500", "EXPOSE 8501"])
    words = server.words(draw)
    if way == "flags":
        lines.append("CMD " + exec_form(draw, "cmd", words))
    elif way == "binary":
        lines.append("ENTRYPOINT " + exec_form(draw, "entrypoint", [f"/usr/bin/{BINARY}", *words]))
    elif way == "both":
        lines += [f'ENTRYPOINT ["{BINARY}"]', "CMD " + exec_form(draw, "cmd", words)]
    elif way == "shell":
        lines.append(
            draw.choose("which", "ENTRYPOINT ", "ENTRYPOINT exec ") + shell_line(draw, "cmd", [BINARY, *words])
        )
    else:
        texts["start.sh"] = script(draw, "#!/bin/bash\nset -e\n", ["exec", BINARY, *words], ' "$@"\n')
        lines += ["COPY --chmod=755 start.sh /start.sh", 'ENTRYPOINT ["/start.sh"]']
    return texts | {"Dockerfile": spaced(draw, "Dockerfile", lines)}


def script(draw: Draw, head: str, words: list[str], foot: str) -> str:
    """A shell script of one command."""
    first = draw.choose("script/comment", "", *(f"{each}\n" for each in NOISE))
    kept = words[:2] if words[0] == "exec" else words[:1]
    return head + first + " ".join(kept) + " " + shell_line(draw, "script", words[len(kept) :]) + foot


def spaced(draw: Draw, label: str, lines: list[str]) -> str:
    """The lines with comments and empty lines between some of them."""
    result = []
    for number, line in enumerate(lines):
        result += draw.choose(
            f"{label}/before {number}", [], [], [""], [draw.choose(f"{label}/comment {number}", *NOISE)]
        )
        result.append(line)
    return "\n".join(result) + "\n"


def docker_words(draw: Draw, server: Server, files: bool, image: str | None = None) -> list[str]:
    """`docker run` up to its image, one option a word group."""
    options = [
        draw.choose("docker/detached", "-d", "--rm", "-it", "--rm -d"),
        *[draw.choose("docker/name", "", "--name tfs", "--name=tfs")],
    ]
    publish = draw.choose("docker/publish", "-p {}", "--publish {}", "--publish={}")
    options += [publish.format(each) for each in ("8500:8500", "8501:8501")]
    env = draw.choose("docker/env", "-e {}", "--env {}", "--env={}")
    options += [env.format(f"{name}={value}") for name, value in server.env.items()]
    here = draw.choose("docker/here", "$PWD", "$(pwd)", "/srv")
    if image is None:
        bind = draw.choose("docker/mount", '-v "{}:{}"', "-v {}:{}", '--volume="{}:{}"', "MOUNT", "-v {}:{}:ro")
        mounts = {f"{here}/{source}": target for source, target in server.mounts.items()}
        mounts |= {f"{here}/conf": CONF} if files else {}
        bind = "--mount type=bind,source={},target={}" if bind == "MOUNT" else bind
        options += [bind.format(*pair) for pair in mounts.items()]
    return [*draw.order("docker/order", [each for each in options if each]), image or server.image]


def docker_run(draw: Draw, server: Server) -> str:
    """`docker run` with its options, image and flags."""
    begin = draw.choose("docker/command", "docker run", "sudo docker run", "docker container run", "podman run")
    pad = draw.choose("docker/pad", " \\\n  ", " ")
    options = pad.join(docker_words(draw, server, bool(server.files(draw))))
    return f"{begin}{pad}{options}{pad}{shell_line(draw, 'docker/flags', server.words(draw))}\n"


def conf(draw: Draw, server: Server) -> dict[str, str]:
    """The config files beside a command."""
    return {f"conf/{name}": text for name, text in server.files(draw).items()}


def run_script(draw: Draw, server: Server) -> dict[str, str]:
    """`docker run` in a script, a Makefile, a page or a workflow, with the config files in a folder."""
    command = docker_run(draw, server)
    where = draw.choose("where", "run.sh", "README.md", "Makefile", ".github/workflows/t.yml", "here-documents")
    if where == "run.sh":
        noise = draw.choose("script/noise", "", "set -euo pipefail\n", "mkdir -p logs\n", "docker rm -f tfs || true\n")
        after = draw.choose("script/after", "", "sleep 3\ncurl -s localhost:8501/v1/models/ranker\n", "docker ps\n")
        after = after if " -d " in command else ""  # nothing is asked below a server in the foreground
        return conf(draw, server) | {"run.sh": f"#!/bin/bash\n{noise}{command}{after}"}
    if where == "README.md":
        fence = draw.choose("fence", "```bash", "```sh", "```", "```shell", "```console", "~~~bash")
        return conf(draw, server) | {
            "README.md": f"# Serve\n\nStart the server:\n\n{fence}\n{command}{fence[:3]}\n\nThen ask it.\n"
        }
    if where == "Makefile":
        command = command.replace("$PWD", "$(CURDIR)").replace("$(pwd)", "$(CURDIR)").replace("\n\t", "\n  ")
        return conf(draw, server) | {
            "Makefile": ".PHONY: serve\nserve:\n\t" + command.rstrip().replace("\n", "\n\t") + "\n"
        }
    if where == "here-documents":
        made = "".join(f"cat > conf/{name} <<'EOF'\n{text}EOF\n" for name, text in server.files(draw).items())
        return {"run.sh": f"#!/bin/sh\nmkdir -p conf\n{made}{command}"}
    step = textwrap.indent(command.replace("\t", "  "), " " * 8)
    return conf(draw, server) | {
        where: f"on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n    - uses: actions/checkout@v4\n    - run: |\n{step}"
    }


def unit(draw: Draw, server: Server) -> dict[str, str]:
    """A unit of systemd's that starts the binary."""
    words = [f"/usr/bin/{BINARY}", *server.words(draw)]
    line = (" \\\n  " if draw.choose("unit/lines", True, False) else " ").join(words)
    env = "".join(f"Environment={name}={value}\n" for name, value in server.env.items())
    head = "[Unit]\nDescription=Models\nAfter=network.target\n\n[Service]\n"
    return conf(draw, server) | {
        "tfs.service": f"{head}{env}ExecStart={line}\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n"
    }


def python(draw: Draw, server: Server) -> dict[str, str]:
    """A program that starts the binary."""
    quote = draw.choose("python/quote", '"', "'")
    words = [f"{quote}{word}{quote}" for word in [BINARY, *server.words(draw)]]
    inside = ",\n    ".join(words) + draw.choose("python/last", ",", "")
    call = draw.choose("python/call", "subprocess.Popen(command)", "subprocess.run(command, check=True)")
    text = f"import subprocess\n\n# the server\ncommand = [\n    {inside}\n]\n{call}\n"
    return conf(draw, server) | {"serve.py": text}


def shell_start(draw: Draw, server: Server) -> dict[str, str]:
    """A script that starts the binary, by a variable or at once."""
    way = draw.choose("shell/way", "line", "array", "variable", "background")
    words = server.words(draw)
    if way == "array":
        quoted = [shell_word(draw, f"array/{number}", word) for number, word in enumerate(words)]
        lines = "\n".join(f"  {word}" for word in quoted)
        text = f'#!/bin/bash\nargs=(\n{lines}\n)\nexec {BINARY} "${{args[@]}}"\n'
    elif way == "variable":
        inside = draw.choose("variable/between", " ", " \\\n  ").join(words)
        text = f'#!/bin/bash\nFLAGS="{inside}"\n\nexec {BINARY} $FLAGS\n'
    elif way == "background":
        text = script(draw, "#!/bin/sh\n", ["nohup", BINARY, *words], " > server.log 2>&1 &\n")
    else:
        text = script(draw, "#!/bin/sh\n", [BINARY, *words], "\n")
    return conf(draw, server) | {"start.sh": text}
