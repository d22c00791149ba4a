"""What the text around a command tells of it: a variable that stays empty, a folder, where a model is saved."""

import pytest

from playbook.lint.linter import examine

RUN = "docker run -p 8501:8501 {options} -e MODEL_NAME=leaf tensorflow/serving:2.20.0{behind}"
SERVE = "tensorflow_model_server --rest_api_port=8501 --model_name=leaf --model_base_path={base}"
LABELS = (
    '```\nmodel_config_list {{ config {{ name: "leaf" base_path: "/models/leaf" model_platform: "tensorflow"\n'
    'version_labels {{ key: "stable" value: 1 }} }} }}\n```\n\n{told}\n'
)


def rules(folder, content, name="a.md"):
    """The rules of errors and warnings of a text, without those that nearly every text has."""
    (folder / name).write_text(content)
    common = {"monitoring-missing", "image-not-pinned", "base-path-not-here"}
    return {hit.rule for hit in examine(folder).findings if hit.severity != "note"} - common


@pytest.mark.parametrize(("given", "said"), [
    ("DIR = /srv/leaf", {"assignment-with-blanks"}),
    ("DIR =/srv/leaf", {"assignment-with-blanks"}),
    ("DIR=/srv/leaf", set()),
    ("OTHER = /srv/leaf", set()),
    ("test DIR = /srv/leaf", set()),
])  # fmt: skip
def test_a_variable_that_is_set_with_blanks_stays_empty(given, said, tmp_path):
    script = f"{given}\n{SERVE.format(base='${DIR}')}\n"
    assert rules(tmp_path, script, "run.sh") == said
    assert rules(tmp_path, f"```sh\n{script}```\n") | rules(tmp_path, script, "run.sh") == said


def test_python_beside_a_cells_shell_line_is_no_shell(tmp_path):
    page = f"```\nDIR = '/srv/leaf'\n!{SERVE.format(base='$DIR')}\n```\n"
    assert rules(tmp_path, page) == set()


@pytest.mark.parametrize(("told", "said"), [
    ("Export the model to the `leaves` folder.", {"mount-source-relative"}),
    ("Put it into the directory `leaves/`.", {"mount-source-relative"}),
    ("```sh\nmkdir -p leaves\n```", {"mount-source-relative"}),
    ("```sh\ndocker volume create leaves\nmkdir leaves\n```", set()),
    ("The leaves are in a bucket.", set()),
])  # fmt: skip
def test_a_volume_of_the_name_of_a_folder_is_a_folder_that_was_meant(told, said, tmp_path):
    run = RUN.format(options="-v leaves:/models/leaf", behind="")
    assert rules(tmp_path, f"{told}\n\n```sh\n{run}\n```\n") == said


@pytest.mark.parametrize(("saved", "base", "said"), [
    ("model.save('leaf')", "/path/to/leaf/", {"no-version"}),
    ("model.save('path/to/leaf')", "/path/to/leaf", {"no-version"}),
    ("tf_model.save_pretrained('leaf')", "/path/to/leaf", {"no-version"}),
    ("tf_model.save_pretrained('leaf', saved_model=True)", "/path/to/leaf", {"no-version"}),
    ("tokenizer.save_pretrained('leaf')", "/path/to/leaf", set()),
    ("model.save('leaf/1')", "/path/to/leaf", set()),
    ("model.save('leaf')", "/path/to/oak", set()),
    ("model.save('leaf')", "/srv/leaf", set()),
])  # fmt: skip
def test_a_model_saved_without_a_version_where_any_path_may_stand(saved, base, said, tmp_path):
    page = f"```python\n{saved}\n```\n\n```sh\n{SERVE.format(base=base)}\n```\n"
    assert rules(tmp_path, page) == said


def test_a_drawn_version_tells_that_a_saved_model_is_moved(tmp_path):
    tree = "```\nleaf\n└── 1\n    └── saved_model.pb\n```\n"
    page = f"```python\nmodel.save('leaf')\n```\n\n{tree}\n```sh\n{SERVE.format(base='/path/to/leaf')}\n```\n"
    assert rules(tmp_path, page) == set()


def test_labels_are_refused_unless_the_text_tells_the_flag(tmp_path):
    assert rules(tmp_path, LABELS.format(told="")) == {"labels-at-start"}
    told = "Start it with `--allow_version_labels_for_unavailable_models=true`."
    assert rules(tmp_path, LABELS.format(told=told)) == set()


def test_a_log_behind_a_command_is_none_of_its_words(tmp_path):
    run = RUN.format(options="-v /srv/leaf:/models/leaf", behind=" 2020-06-11 11:12:13.1: I server.cc:86] Building")
    assert rules(tmp_path, f"```\n{run}\n```\n") == set()


def test_a_build_that_a_blank_behind_a_backslash_ends_is_named_where_nothing_is_started(tmp_path):
    page = "Build it:\n\n    docker build -t $USER/tensorflow-serving \\ \n      -f Dockerfile.devel .\n"
    assert rules(tmp_path, page) == {"line-not-continued"}
    assert rules(tmp_path, page.replace("\\ \n", "\\\n")) == set()


def test_an_autoscaler_of_a_deployment_that_seldon_makes_is_read(tmp_path):
    graph = "  graph: {name: leaf, type: MODEL, endpoint: {type: GRPC, service_port: 7001}}\n"
    seldon = (
        "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: leaf}\nspec:\n"
        f"  predictors:\n  - name: default\n  {graph}    componentSpecs:\n    - spec:\n        containers:\n"
        "        - {name: leaf, image: 'tensorflow/serving:2.20.0', resources: {requests: {cpu: 1, memory: 1Gi}, "
        "limits: {memory: 1Gi}},\n           args: [--port=7001, --model_base_path=gs://b/leaf]}\n"
    )
    scaler = (
        "apiVersion: autoscaling/v2beta1\nkind: HorizontalPodAutoscaler\nmetadata: {name: leaf}\nspec:\n"
        "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: leaf-default-0-leaf}\n  maxReplicas: 4\n"
    )
    assert "kubernetes-refuses" in rules(tmp_path, f"{seldon}---\n{scaler}", "a.yaml")
    assert "kubernetes-refuses" not in rules(tmp_path, f"{seldon}---\n{scaler.replace('v2beta1', 'v2')}", "a.yaml")
