"""What the text around a command tells of it: a variable that stays empty, a folder, where a model is saved."""

from tables import each_row

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


@each_row(("given", "said"), [
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


@each_row(("told", "said"), [
    ("Export the model to the `leaves` folder.", {"mount-source-relative"}),
    ("Put it into the directory `leaves/`.", {"mount-source-relative"}),
    ("```sh\nmkdir -p leaves\n```", {"mount-source-relative"}),
    ("```sh\ndocker volume create leaves\nmkdir leaves\n```", set()),
    ("The leaves are in a bucket.", set()),
])  # fmt: skip
def test_a_volume_of_the_name_of_a_folder_is_a_folder_that_was_meant(told, said, tmp_path):
    run = RUN.format(options="-v leaves:/models/leaf", behind="")
    assert rules(tmp_path, f"{told}\n\n```sh\n{run}\n```\n") == said


@each_row(("saved", "base", "said"), [
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


CONSOLE = (
    "```\nme@host:~$ cat /etc/models.config\nmodel_config_list {{ config {{ name: 'leaf' base_path: '{base}' "
    "model_platform: 'tensorflow' }} }}\nme@host:~$ ls /srv/leaf\n1\nme@host:~$ docker run {options} \\\n"
    "  -v /etc/models.config:/m.config -v /srv/leaf:/models/leaf tensorflow/serving:2.20.0 "
    "--model_config_file=/m.config\nstarted\n```\n"
)


@each_row(("base", "options", "said"), [
    ("/models/leaf", "-d", set()),
    ("models/leaf", "-d", {"relative-base-path"}),
    ("/models/leaf", "-d --gpu all", {"docker-option-unknown"}),
])  # fmt: skip
def test_a_console_shows_commands_and_the_file_that_cat_prints(base, options, said, tmp_path):
    assert rules(tmp_path, CONSOLE.format(base=base, options=options)) == said


@each_row(("set_", "said"), [
    ("MODEL_DIR=\"$(pwd)/leaf\"", {"variable-not-set"}),
    ("TESTDATA=\"$(pwd)/leaf\"", set()),
    ("MODEL_DIR=\"$(pwd)/leaf\"` and `ls $MODEL_DIR", set()),
    ("NUMBER=3", set()),
])  # fmt: skip
def test_a_variable_mounted_in_the_place_of_the_one_that_is_set(set_, said, tmp_path):
    run = RUN.format(options='-v "$TESTDATA:/models/leaf"', behind="")
    assert rules(tmp_path, f"- `{set_}`\n- `{run}`\n") == said


def test_flags_of_a_fork_are_not_unknown_where_the_text_names_it(tmp_path):
    page = "Built from [{}](https://github.com/{}/serving).\n\n```\n" + SERVE.format(base="/m --own_flag=1") + "\n```\n"
    assert rules(tmp_path, page.format("leaf/serving", "leaf")) == set()
    assert rules(tmp_path, page.format("tensorflow/serving", "tensorflow")) == {"unknown-flag"}


def test_python_and_a_shells_line_in_one_block_tell_of_one_model(tmp_path):
    page = f"```python\n{{}}\n{RUN.format(options='-v /path/to/leaf:/models/leaf', behind='')}\n```\n"
    assert rules(tmp_path, page.format("tf.saved_model.save(m, '/path/to/leaf')")) == {"no-version"}
    assert rules(tmp_path, page.format("tf.saved_model.save(m, '/path/to/leaf/1')")) == set()


def test_a_cells_mark_in_a_comment_is_no_part_of_the_command(tmp_path):
    code = f"model.save('leaf')\n# !{SERVE.format(base='/path/to/leaf')}\n"
    assert rules(tmp_path, code, "a.py") == {"no-version"}


@each_row(("line", "said"), [
    ("$docker run -e MODEL_NAME=leaf -v /srv/leaf:/models/leaf\n-p 8500:8500 own:1", {"line-not-continued"}),
    ("$docker run -e MODEL_NAME=leaf -v /srv/leaf:/models/leaf \\\n-p 8500:8500 own:1", set()),
])  # fmt: skip
def test_a_run_of_an_own_image_that_ends_before_it(line, said, tmp_path):
    assert rules(tmp_path, f"```\n{line}\n```\n") == said


def test_a_placeholder_may_begin_with_a_blank(tmp_path):
    options = "--mount type=bind,source=< Path to the model>,target=<where it lies/{MODEL}>"
    assert rules(tmp_path, f"```\n{RUN.format(options=options, behind='')}\n```\n") == set()


@each_row(("url", "said"), [
    ("http://localhost:8501/models/leaf:predict", {"request-wrong-path"}),
    ("http://127.0.0.1:8501/v1/model/leaf", {"request-wrong-path"}),
    ("http://localhost:8501/v1/models/leaf:predict", set()),
    ("http://localhost:8000/models/leaf:predict", set()),
    ("http://gateway:8501/models/leaf:predict", set()),
])  # fmt: skip
def test_a_request_to_a_path_that_rest_has_not(url, said, tmp_path):
    run = RUN.format(options="-v /srv/leaf:/models/leaf", behind="")
    assert rules(tmp_path, f"```sh\n{run}\ncurl {url}\n```\n") == said


@each_row(("command", "said"), [
    ("$ kubectl exec leaf-0 -n ml -c leaf -- ls /mnt/leaf/", {"no-version"}),
    ("$ kubectl exec leaf-0 -n ml\n-c leaf -- ls /mnt/leaf/", {"no-version"}),
    ("$ docker exec leaf ls -l /mnt/leaf", {"no-version"}),
    ("$ docker exec leaf ls /mnt/oak", set()),
])  # fmt: skip
def test_a_folder_listed_inside_a_container_is_the_servers(command, said, tmp_path):
    page = f"```sh\n{command}\nsaved_model.pb  variables\n```\n\n```sh\n{SERVE.format(base='/mnt/leaf')}\n```\n"
    assert rules(tmp_path, page) == said


def test_a_request_that_holds_a_list_of_models_is_no_config_file(tmp_path):
    page = "```bash\n# by REST\ncurl -X POST http://localhost:8501/v1/config -d '{\"model_config_list\": {}}'\n```\n"
    assert rules(tmp_path, page) == set()


def test_a_comment_may_say_run_before_the_command(tmp_path):
    code = "tf.saved_model.save(model, 'leaf')\n#run " + RUN.format(options="-v /path/to/leaf:/models/leaf", behind="")
    assert rules(tmp_path, f"{code}\n", "a.py") == {"no-version"}


@each_row(("given", "said"), [
    ("DIR=/srv/leaf/0001", {"base-path-version"}),
    ('$ export DIR="/srv/leaf/0001"', {"base-path-version"}),
    ("DIR=/srv/leaf", set()),
    ("DIR=/srv/leaf/0001\nDIR=/srv/leaf", set()),
])  # fmt: skip
def test_a_path_that_another_block_sets_is_known(given, said, tmp_path):
    assert rules(tmp_path, f"```\n{given}\n```\n\n```sh\n{SERVE.format(base='$DIR')}\n```\n") == said


@each_row("base", ["EXPORTPATH", "[Path_to_the_repo]/leaf", "[path to it]/leaf"])
def test_a_base_path_to_fill_in_is_not_relative(base, tmp_path):
    assert rules(tmp_path, f"```\n{SERVE.format(base=base)}\n```\n") == set()


@each_row(("rest", "said"), [
    ("--rest_api_port=8501 \\\n\n--model_base_path=/srv/leaf", set()),
    ("--rest_api_port = 8501 \\\n\n--model_base_path=/srv/leaf", {"flag-value-after-blank"}),
])  # fmt: skip
def test_a_command_whose_lines_stand_apart_in_a_block_is_one(rest, said, tmp_path):
    assert rules(tmp_path, f"```\nnohup tensorflow_model_server \\\n\n{rest} >server.log 2>&1\n```\n") == said


@each_row("page", [
    "```sh\npython -m tensorflow_serving.server.bin.server.py --model_base_path=/srv/leaf\n```\n",
    "```dockerfile\nFROM tensorflow/tensorflow\nRUN python -m tensorflow_serving.main --model_base_path=/leaf\n```\n",
    '```dockerfile\nFROM python:3.9\nCMD ["python", "-m", "tensorflow_serving.main", "--model_base_path=/leaf"]\n```\n',
])  # fmt: skip
def test_a_module_is_none_whatever_it_ends_in_and_wherever_it_is_run(page, tmp_path):
    assert rules(tmp_path, page) == {"no-module"}
