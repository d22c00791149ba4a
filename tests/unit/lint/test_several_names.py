"""A list of models where the server takes the name of one."""

from cluster_texts import DEPLOYMENT
from tables import each_row

from playbook.lint.linter import examine

RULE = "models-in-one-name"
RUN = "docker run -p 8501:8501 -v /srv/models:/models %stensorflow/serving:2.20.0%s\n"
POD = DEPLOYMENT.replace(
    'args: ["--model_name=scores", "--model_base_path=/models/scores"]',
    'env:\n        - {name: MODEL_NAME, value: "%s"}',
)
COMPOSE = """\
services:
  tfs:
    image: tensorflow/serving:2.20.0
    environment: [%s]
    volumes: ["models:/models"]
volumes: {models: {}}
"""


def found(folder, files):
    for name, text in files.items():
        (folder / name).write_text(text)
    return [hit for hit in examine(folder).findings if hit.rule == RULE]


@each_row(
    ("file", "text", "line"),
    [
        ("run.sh", RUN % ("-e MODEL_NAME=a,b,c ", ""), 1),
        ("run.sh", RUN % ('-e "MODEL_NAME=a;b" ', ""), 1),
        ("run.sh", RUN % ('-e MODEL_NAME="ranker scorer" ', ""), 1),
        ("run.sh", RUN % ("", " --model_name=a,b --model_base_path=/models/a"), 1),
        ("run.sh", "tensorflow_model_server --model_name=a,b --model_base_path=/models/a\n", 1),
        ("Dockerfile", "FROM tensorflow/serving:2.20.0\nCOPY models /models\nENV MODEL_NAME=a,b\n", 3),
        ("Dockerfile", 'FROM tensorflow/serving:2.20.0\nCOPY models /models\nENV MODEL_NAME="a b"\n', 3),
        ("docker-compose.yml", COMPOSE % '"MODEL_NAME=a,b"', 4),
        ("docker-compose.yml", COMPOSE % '\'MODEL_NAME=["a", "b"]\'', 4),
        ("pod.yaml", POD % "a, b", 13),
    ],
)
def test_a_list_of_models_where_one_is_named_is_an_error(file, text, line, tmp_path):
    hits = found(tmp_path, {file: text})
    assert [(hit.severity, hit.line) for hit in hits] == [("error", line)]
    assert "--model_config_file" in hits[0].remedy


@each_row(
    ("file", "text"),
    [
        ("run.sh", RUN % ("-e MODEL_NAME=ranker ", "")),
        ("run.sh", RUN % ("-e MODEL_NAME=ranker-v1.2 ", "")),
        ("run.sh", RUN % ('-e MODEL_NAME="$NAMES" ', "")),
        ("run.sh", RUN % ('-e MODEL_NAME="your model" ', "")),
        ("run.sh", RUN % ("-v /srv/ab:/models/a,b -e MODEL_NAME=a,b ", "")),
        ("run.sh", RUN % ("-e MODEL_NAME=a,b ", " --model_config_file=/models/models.config")),
    ],
)
def test_one_name_a_folder_of_that_name_and_a_file_of_models_are_let_be(file, text, tmp_path):
    assert not found(tmp_path, {file: text})


def test_a_list_with_a_base_path_of_its_own_serves_one_model_under_that_text():
    line = "tensorflow_model_server --model_name=a,b --model_base_path=/models/a"
    (hit,) = [hit for hit in examine(line).findings if hit.rule == RULE]
    assert "a client that asks for a is answered 404" in hit.message
