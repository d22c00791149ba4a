# ruff: noqa: E501  (tables of texts, one a line)
"""What lint advises for a port at which nothing listens, and who else is told of a built server's ports."""

from tables import each_row

from playbook.lint.linter import examine

RUN = "docker run -d -p 8502:8502 -v $PWD/m:/models/m -e MODEL_NAME=m tensorflow/serving:2.20.0 {}\n"
ASKS = "import requests\nrequests.post('http://localhost:8502/v1/models/m:predict', json={})\n"


def _remedies(rule, files, tmp_path):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return [hit.remedy for hit in examine(tmp_path).findings if hit.rule == rule]


@each_row(("files", "remedy"), [
    ({"ask.py": ASKS}, "Publish 8502:8501, which leads to REST, or set --rest_api_port=8502."),
    ({"ask.sh": "curl http://localhost:8502/v1/models/m\n"}, "Publish 8502:8501, which leads to REST, or set --rest_api_port=8502."),
    ({}, "Use the server's ports, or set --port=8502."),
])  # fmt: skip
def test_a_published_port_that_is_asked_by_http_is_to_lead_to_rest(files, remedy, tmp_path):
    assert _remedies("port-nobody-listens", {"run.sh": RUN.format(""), **files}, tmp_path) == [remedy]


POD = """apiVersion: v1
kind: Pod
metadata: {name: m, labels: {app: m}}
spec:
  containers:
  - name: serving
    image: tensorflow/serving:2.20.0
    command: [tensorflow_model_server, --model_name=m, --model_base_path=/models/m]
    ports: [{containerPort: 8501}]
---
apiVersion: v1
kind: Service
metadata: {name: m}
spec:
  selector: {app: m}
  ports:
"""


@each_row(("port", "remedy"), [
    ("{port: 80, targetPort: 8501}", "Turn REST on: --rest_api_port=8501."),
    ("{port: 9000, name: http, targetPort: 9001}", "Turn REST on: --rest_api_port=9001."),
    ("{port: 9000, name: grpc, targetPort: 9001}", "Use targetPort 8500."),
])  # fmt: skip
def test_a_service_of_http_before_a_server_without_rest_has_it_turned_on(port, remedy, tmp_path):
    assert _remedies("service-port-closed", {"k8s.yaml": f"{POD}  - {port}\n"}, tmp_path) == [remedy]


BUILT = """services:
  scorer:
    build: ./scorer
    environment:
      - OWN_URL=http://localhost:8501/v1/models/m
  web:
    build: ./web
    environment:
      - PREDICT_URL=http://scorer:{}/v1/models/m:predict
"""
IMAGE = (
    'FROM tensorflow/serving:2.20.0\nCOPY m /models/m\nENV MODEL_NAME=m\nCMD ["--port=8501", "--rest_api_port=8502"]\n'
)


@each_row(("port", "said"), [("8501", ["Write port 8502."]), ("8502", [])])
def test_a_neighbour_of_a_server_that_compose_builds_asks_the_port_that_its_dockerfile_gives_rest(port, said, tmp_path):
    files = {"docker-compose.yml": BUILT.format(port), "scorer/Dockerfile": IMAGE}
    assert _remedies("client-wrong-port", files, tmp_path) == said


def test_an_address_in_a_program_is_held_against_a_built_server_too(tmp_path):
    files = {"docker-compose.yml": BUILT.format("8502"), "scorer/Dockerfile": IMAGE,
             "web/app.py": "import requests\nrequests.get('http://scorer:8501/v1/models/m')\n"}  # fmt: skip
    assert _remedies("client-wrong-port", files, tmp_path) == ["Write port 8502."]


LABELS = """model_config_list {{ config {{ name: "m" base_path: "/models/m" model_platform: "tensorflow" {}
  version_labels {{ key: "old" value: 1 }}
  version_labels {{ key: "now" value: 2 }}
  version_labels {{ key: "next" value: 3 }}
}} }}
"""
ALL = "Serve it: model_version_policy { specific { versions: 1 versions: 2 versions: 3 } }."


@each_row(("policy", "said"), [
    ("", ["'old'", "'now'"]),
    ("model_version_policy { latest { num_versions: 2 } }", ["'old'"]),
    ("model_version_policy { specific { versions: 2 versions: 3 } }", ["'old'"]),
    ("model_version_policy { all {} }", []),
])  # fmt: skip
def test_each_label_of_a_version_that_is_not_loaded_is_told_and_the_remedy_loses_none(policy, said, tmp_path):
    (tmp_path / "models.config").write_text(LABELS.format(policy))
    hits = [hit for hit in examine(tmp_path).findings if hit.rule == "label-version-not-served"]
    assert [hit.message.split()[1] for hit in hits] == said
    assert {hit.remedy for hit in hits} <= {ALL}


@each_row(("step", "said"), [
    ("RUN mkdir -p /app/models /app/config && chown -R nobody /app", False),
    ("RUN chown -R nobody /app", True),
])  # fmt: skip
def test_a_folder_that_the_same_step_makes_by_one_below_it_is_there(step, said, tmp_path):
    text = f"FROM tensorflow/serving:2.20.0\n{step}\nWORKDIR /app\nCOPY m /models/model\n"
    (tmp_path / "Dockerfile").write_text(text)
    assert ("used-before-made" in {hit.rule for hit in examine(tmp_path).findings}) == said


@each_row(("text", "lines"), [
    ("docker pull tensorflow/serving\ndocker run -p 8501:8501 -e MODEL_NAME=m -v $PWD/m:/models/m tensorflow/serving\n", [2]),
    ("docker pull tensorflow/serving:latest\ndocker run -p 8501:8501 -e MODEL_NAME=m -v $PWD/m:/models/m tensorflow/serving\n", [1, 2]),
    ("docker pull tensorflow/serving\n", [1]),
])  # fmt: skip
def test_an_image_that_is_pulled_and_run_is_told_of_once(text, lines, tmp_path):
    (tmp_path / "run.sh").write_text(text)
    assert [hit.line for hit in examine(tmp_path).findings if hit.rule == "image-not-pinned"] == lines


COMPOSE = "services:\n  m:\n    image: tensorflow/serving:2.20.0\n    environment: {MODEL_NAME: m}\n    volumes: ['./m:/models/m']\n    command: [serve, --port=8500]\n"


@each_row(("name", "text", "who"), [
    ("docker-compose.yml", COMPOSE, "The command names"),
    ("Dockerfile", 'FROM tensorflow/serving:2.20.0\nCOPY m /models/model\nCMD ["serve", "--port=8500"]\n', "CMD names"),
])  # fmt: skip
def test_a_word_over_the_entrypoint_is_told_of_by_where_it_stands(name, text, who, tmp_path):
    (tmp_path / name).write_text(text)
    (said,) = [hit.message for hit in examine(tmp_path).findings if hit.rule == "cmd-over-entrypoint"]
    assert said.startswith(who)
