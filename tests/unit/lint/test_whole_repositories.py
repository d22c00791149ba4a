# ruff: noqa: E501  (tables of texts, one a line)
"""What lies in whole repositories: configs that scripts write line by line, names that no image has, files of Keras'."""

from tables import each_row

from playbook.lint.linter import examine

WRITES = '#!/bin/bash\nprintf "max_batch_size { value: %s }\\n" $SIZE > b.txt\n'
STARTS = "tensorflow_model_server --rest_api_port=8501 --model_base_path=/models/oak --enable_batching --batching_parameters_file=b.txt\n"
RUN = "docker run -p 8501:8501 {} -e MODEL_NAME=oak tensorflow/serving:2.20.0\n"
IMAGE = "FROM tensorflow/serving:2.20.0\nENV MODEL_NAME=oak\nCOPY out/oak /models/oak\n"


def found(folder, files):
    """The rules of a folder's findings with their files and lines."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return {(hit.rule, hit.path, hit.line) for hit in examine(folder).findings}


@each_row(("line", "said"), [
    ('printf "Oak server\\n" >> b.txt', "batching-unknown-field"),
    ("echo '  ___ /\\ | oak |' >> b.txt", "config-file-broken"),
    ('echo "max_enqueued_batch { value: 4 }" >> b.txt', "batching-unknown-field"),
    ('echo "batch_timeout_micros: 10" >> b.txt', "batching-bare-field"),
    ('echo "num_batch_threads { value: $THREADS }" >> b.txt', ""),
    ('printf "num_batch_threads { value: %s }\\n" 4 >> b.txt', ""),
    ("echo $REST >> b.txt", ""),
    ('echo "# oak" >> b.txt', ""),
    ('echo "Oak server"', ""),
])  # fmt: skip
def test_each_line_that_a_script_appends_to_a_config_belongs_to_it(line, said, tmp_path):
    refused = {"config-file-broken", "batching-unknown-field", "batching-bare-field"}
    hits = {(rule, line) for rule, _, line in found(tmp_path, {"run.sh": WRITES + line + "\n" + STARTS})}
    assert {hit for hit in hits if hit[0] in refused} == ({(said, 3)} if said else set())


@each_row(("script", "said"), [
    ("echo 'max_batch_size { value: 4 }' > b.txt\ncat >> b.txt <<END\nOak server\nEND", 4),
    ("cat > b.txt <<END\nmax_batch_size { value: 4 }\nEND\necho 'Oak server' >> b.txt", 5),
    ("cat > b.txt <<END\nmax_batch_size {\nEND\necho 'value: 4' >> b.txt\necho '}' >> b.txt", None),
    ("echo 'max_batch_size {' > b.txt\ncat >> b.txt <<END\n  value: $SIZE }\nEND", None),
])  # fmt: skip
def test_what_here_documents_and_lines_write_into_one_file_is_one_text(script, said, tmp_path):
    hits = found(tmp_path, {"run.sh": f"#!/bin/bash\n{script}\n{STARTS}"})
    wrong = {(rule, line) for rule, _, line in hits if rule.startswith(("config-", "batching-unknown"))}
    assert wrong == ({("batching-unknown-field", said)} if said else set())


@each_row(("image", "right"), [
    ("tensorflow/serving-gpu:2.11.0", "tensorflow/serving:2.11.0-gpu"),
    ("tensorflow/serving-devel", "tensorflow/serving:latest-devel"),
    ("tensorflow/tensorflow-serving:2.11.0", "tensorflow/serving:2.11.0"),
    ("docker.io/tensorflow/tf-serving:latest-gpu", "tensorflow/serving:latest-gpu"),
    ("me/tensorflow-serving:1", ""),
    ("registry.example/tensorflow/serving-gpu:1", ""),
])  # fmt: skip
def test_a_name_that_the_servers_image_never_had_is_named(image, right, tmp_path):
    texts = {
        "run.sh": RUN.format("-v $PWD/oak:/models/oak").replace("tensorflow/serving:2.20.0", image),
        "compose.yaml": f"services:\n  oak:\n    image: {image}\n    ports: ['8501:8501']\n    volumes: ['./oak:/models/oak']\n    environment: [MODEL_NAME=oak]\n",
        "Dockerfile": IMAGE.replace("tensorflow/serving:2.20.0", image),
    }
    for name, text in texts.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text(text)
        hits = [hit for hit in examine(folder).findings if hit.rule == "image-tag-unknown"]
        assert [right in hit.remedy for hit in hits] == ([True] if right else []), name


def test_such_a_name_that_a_script_builds_is_its_own(tmp_path):
    script = "docker build -t tensorflow/serving-gpu .\n" + RUN.format("").replace("serving:2.20.0", "serving-gpu")
    assert "image-tag-unknown" not in {rule for rule, _, _ in found(tmp_path, {"run.sh": script})}


@each_row(("before", "options", "line"), [
    ('NAME="Oak server"', "--name $NAME", 1),
    ('NAME="Oak server"', "--name=${NAME}", 2),
    ('DIR="/srv/my oaks"', "-v $DIR:/models/oak", 2),
    ('DIR="/srv/my oaks"', '-v "$DIR":/models/oak', None),
    ('OPTIONS="--name oak -v /srv/oak:/models/oak"', "$OPTIONS", None),
    ('NAME="oak --rm"', "--name $NAME", None),
    ("NAME=oak", "--name $NAME", None),
    ("", "--name $NAME", None),
])  # fmt: skip
def test_a_blank_in_an_unquoted_variable_puts_a_word_in_the_images_place(before, options, line, tmp_path):
    hits = found(tmp_path, {"run.sh": f"{before}\n{RUN.format(options)}"})
    assert {hit for hit in hits if hit[0] == "docker-run-without-image"} == (
        {("docker-run-without-image", "run.sh", line)} if line else set())  # fmt: skip


def test_what_else_is_wrong_behind_such_a_blank_is_said_too(tmp_path):
    script = 'NAME="Oak server"\n' + RUN.format("--name $NAME").rstrip() + " --rest_api_prt=8501\n"
    assert {"docker-run-without-image", "unknown-flag"} <= {rule for rule, _, _ in found(tmp_path, {"run.sh": script})}


def test_a_variable_of_an_image_behind_a_command_is_a_command_of_its_own(tmp_path):
    script = RUN.format("-v /srv/oak:/models/oak") + 'OTHER="--rm tensorflow/serving:2.20.0"\n'
    assert "line-not-continued" not in {rule for rule, _, _ in found(tmp_path, {"run.sh": script})}


@each_row(("code", "line"), [
    ("m.save('x')\ntf.keras.models.save_model(m, 'out/oak/1/oak.keras')", 4),
    ("model.save(os.path.join('out/oak', str(step), 'oak.h5'))", 3),
    ("model.save('out/oak/1/oak.keras')\nmodel.export('out/oak/1')", None),
    ("model.save('out/elm/1/elm.keras')", None),
    ("model.save('out/oak.keras')", None),
])  # fmt: skip
def test_a_file_of_keras_in_a_version_that_is_served_is_no_model(code, line, tmp_path):
    program = f"import os\nimport tensorflow as tf\n{code}\n"
    hits = found(tmp_path, {"Dockerfile": IMAGE, "train.py": program})
    assert {hit for hit in hits if hit[0] == "model-other-format"} == (
        {("model-other-format", "train.py", line)} if line else set())  # fmt: skip


SCRIPT = (
    "#!/bin/sh\\n\\\ntensorflow_model_server --rest_api_port=8501 --rest_api_host=0.0.0.0 --model_base_path=/models/oak"
)


@each_row(("behind", "said"), [
    ("", {"printed-not-written", "unknown-flag"}),
    (" > /usr/bin/tf_serving_entrypoint.sh && chmod +x /usr/bin/tf_serving_entrypoint.sh", {"unknown-flag"}),
    (" | tee /usr/bin/tf_serving_entrypoint.sh", set()),
])  # fmt: skip
def test_a_script_that_a_build_prints_and_writes_nowhere_is_lost(behind, said, tmp_path):
    image = IMAGE + f"RUN echo '{SCRIPT}'{behind}\n"
    rules = {rule for rule, _, _ in found(tmp_path, {"Dockerfile": image})}
    assert rules & {"printed-not-written", "unknown-flag"} == said


@each_row(("printed", "said"), [
    ('prometheus_config { enable: true }', True),
    ("model_config_list { config { name: \"oak\" } }", True),
    ("the model is in place", False),
])  # fmt: skip
def test_a_config_that_a_build_prints_is_seen_by_no_server(printed, said, tmp_path):
    hits = found(tmp_path, {"Dockerfile": IMAGE + f"RUN echo '{printed}'\n"})
    assert ("printed-not-written" in {rule for rule, _, _ in hits}) == said


SHELL = "```sh\ndocker run -it -p 8602:8602 -v ./oaks:/served {options} tensorflow/serving:2.20.0\n```\n{between}\n```sh\n{serve}\n```\n"
SERVE = "tensorflow_model_server --rest_api_port=8602 --model_base_path={base}"


@each_row(("options", "between", "base", "missing"), [
    ("--entrypoint /bin/bash", "Then", "/oaks/elm", True),
    ("--entrypoint bash", "Then", "/oaks/elm", True),
    ("--entrypoint /bin/bash", "Then", "/served/elm", False),
    ("--entrypoint /bin/bash", "Then", "/tmp/elm", False),
    ("-e MODEL_NAME=oak", "Then", "/oaks/elm", False),
    ("--entrypoint /bin/bash", "Or `apt-get install tensorflow-model-server`, and", "/oaks/elm", False),
])  # fmt: skip
def test_a_document_that_opens_a_containers_shell_starts_the_server_in_it(options, between, base, missing, tmp_path):
    page = SHELL.format(options=options, between=between, serve=SERVE.format(base=base))
    hits = found(tmp_path, {"README.md": page})
    assert (("base-path-missing", "README.md", 6) in hits) == missing


POD = (
    "apiVersion: {version}\nkind: Deployment\nmetadata: {{name: oak}}\nspec:\n  selector: {{matchLabels: {{app: oak}}}}\n"
    "  template:\n    metadata: {{labels: {{app: {label}}}}}\n    spec:\n      containers:\n      - name: oak\n"
    "        image: {image}\n        ports: [{{containerPort: {port}}}]\n"
)
OWN = {"version": "apps/v1", "label": "oak", "image": "gcr.io/me/oak-detection:1", "port": 8501}


@each_row(("change", "beside", "said"), [
    ({}, "run", set()),
    ({"version": "extensions/v1beta1"}, "run", {"kubernetes-refuses"}),
    ({"label": "elm"}, "run", {"selector-mismatch"}),
    ({"version": "extensions/v1beta1"}, "nothing", set()),
    ({"version": "extensions/v1beta1"}, "streamlit run app.py", set()),
    ({"version": "extensions/v1beta1", "port": 8080}, "run", set()),
    ({"version": "extensions/v1beta1", "image": "nginx:1.27"}, "run", set()),
])  # fmt: skip
def test_a_pod_of_ones_own_image_with_the_servers_port_is_about_it_where_the_server_is_run(
    change, beside, said, tmp_path
):
    serve = RUN.format("-v $PWD/oak:/models/oak")
    script = {"run": serve, "nothing": "make oak\n"}.get(beside, f"{serve}{beside}\n")
    hits = found(tmp_path, {"pod.yaml": POD.format(**{**OWN, **change}), "run.sh": script})
    assert {rule for rule, path, _ in hits if path == "pod.yaml"} - {"no-drain", "no-probe"} == said


@each_row(("before", "name", "said"), [
    ("", "name-you-chose", True),
    ("```sh\ndocker build -t oak .\n```\n\nThen", "oak", True),
    ("", "me/name-you-chose", False),
    ("Run ```docker run -d my-proxy``` and", "name-you-chose", False),
    ("", "postgres", False),
])  # fmt: skip
def test_code_in_a_line_runs_the_one_image_that_is_built_here(before, name, said, tmp_path):
    page = f"# Oak\n\n{before} start it by ```bash docker run --rm -p 8051:8051 {name}```\n"
    hits = found(tmp_path, {"Dockerfile": IMAGE, "README.md": page})
    assert (("port-nobody-listens", "README.md") in {hit[:2] for hit in hits}) == said
