# ruff: noqa: E501  (tables of texts, one a line)
"""What health checks ask inside the container: a port that is open, a protocol spoken there, a model that is served."""

from tables import each_row

from playbook.lint.linter import examine

GPU = "tensorflow/serving:2.20.0-gpu"  # which has curl
RULES = {"health-asks-nobody", "request-wrong-port"}
ASKED = {
    "REST's own port": ("http://localhost:8501/v1/models/m", "", False),
    "another port": ("http://localhost:8080/v1/models/m", "", True),
    "gRPC's port": ("http://127.0.0.1:8500/v1/models/m", "", True),
    "a port moved by its flag": ("http://localhost:9001/v1/models/m", "--rest_api_port=9001", False),
    "the port that was moved": ("http://localhost:8501/v1/models/m", "--rest_api_port=9001", True),
    "REST that is off": ("http://localhost:8501/v1/models/m", "--rest_api_port=0", True),
    "another model": ("http://localhost:8501/v1/models/other", "", True),
    "a model whose name comes later": ("http://localhost:8501/v1/models/$NAME", "", False),
    "a port that comes later": ("http://localhost:$PORT/v1/models/m", "", False),
    "another program's page": ("http://localhost:8080/healthz", "", False),
    "another container": ("http://tfs:8080/v1/models/m", "", False),
}


def found(folder):
    """The rules met, with the last letter of their file and their line."""
    return {(hit.rule, hit.line) for hit in examine(folder).findings if hit.rule in RULES}


@each_row("what", ASKED)
def test_a_health_check_that_asks_where_the_server_does_not_answer_is_said_in_every_form(what, tmp_path):
    url, flag, said = ASKED[what]
    args = f', "{flag}"' if flag else ""
    forms = {
        "compose.yaml": (f"services:\n  tfs:\n    image: {GPU}\n    environment: [MODEL_NAME=m]\n    volumes: ['./m:/models/m']\n    command: [--grpc_max_threads=8{args}]\n    healthcheck:\n      test: curl -f {url}\n", 8),
        "Dockerfile": (f"FROM {GPU}\nENV MODEL_NAME=m\nCOPY m /models/m\nHEALTHCHECK --interval=5s \\\n  CMD curl -f {url}\nCMD [\"--grpc_max_threads=8\"{args}]\n", 4),
        "run.sh": (f"docker run -d -p 8501:8501 \\\n  --health-cmd 'curl -f {url}' -v $PWD/m:/models/m \\\n  -e MODEL_NAME=m {GPU} {flag}\n", 2),
        "pod.yaml": (f"apiVersion: v1\nkind: Pod\nmetadata: {{name: m}}\nspec:\n  containers:\n  - name: m\n    image: {GPU}\n    env: [{{name: MODEL_NAME, value: m}}]\n    args: [--grpc_max_threads=8{args}]\n    readinessProbe:\n      exec:\n        command: [sh, -c, 'curl -f {url}']\n", 12),
    }  # fmt: skip
    for name, (text, line) in forms.items():
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        (folder / name).write_text(text)
        assert found(folder) == ({("health-asks-nobody", line)} if said else set()), name
