# ruff: noqa: E501  (tables of files)
"""Lint tells of what is put into a container and never used, of what no build finds, and of fields in the wrong file."""

from tables import each_row

from playbook.lint.linter import examine

IMAGE = "tensorflow/serving:2.20.0"
RUN = "docker run -p 8501:8501 -v $PWD/m:/models/m -e MODEL_NAME=m %s tensorflow/serving:2.20.0 %s\n"
BATCHING = "max_batch_size { value: 32 }\nbatch_timeout_micros { value: 500 }\n"
MOUNT = "-v $PWD/b.txt:/c/b.txt"
COMPOSE = "services:\n  s:\n    image: tensorflow/serving:2.20.0\n    environment: [MODEL_NAME=m]\n    volumes:\n    - ./m:/models/m\n    - ./b.txt:/c/b.txt\n"
DOCKERFILE = f"FROM {IMAGE}\nCOPY m /models/m\nCOPY b.txt /c/b.txt\n"
CMD = 'CMD ["--model_base_path=/models/m", "--model_name=m"]\n'
COMMIT = "docker run -d --name base tensorflow/serving:2.20.0\ndocker cp m base:/models/m\ndocker cp b/batching.txt base:/b.txt\ndocker commit --change 'ENV MODEL_NAME m' base mine\ndocker run -p 8501:8501 mine%s\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: s\n    image: me/tf-serving:1\n    env: [{name: enable_batching, value: 'true'}]\n    resources: {limits: {%s}}\n"
SELDON = "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: a}\nspec:\n  predictors:\n  - name: d\n    graph: {name: c, implementation: TENSORFLOW_SERVER, modelUri: 'gs://b/m'}\n    componentSpecs: [{spec: {containers: [{name: c, image: 'tensorflow/serving:2.20.0'%s}]}}]\n"
RUNTIME = "apiVersion: serving.kserve.io/v1alpha1\nkind: ClusterServingRuntime\nmetadata: {name: t}\nspec:\n  annotations:\n    prometheus.kserve.io/path: %s\n  supportedModelFormats: [{name: tensorflow}]\n  containers: [{name: kserve-container, image: 'tensorflow/serving:2.20.0', args: [--rest_api_port=8080, --model_base_path=/mnt/models]}]\n"
UNUSED = "mounted-config-unused"
# what is wrong -> the files, the place and rule
FOUND = {
    "a batching file that docker mounts": ({"r.sh": RUN % (MOUNT, ""), "b.txt": BATCHING}, ("r.sh", 1, UNUSED)),
    "one of another machine, told by its name": ({"r.sh": RUN % ("-v /etc/tfs/batching_parameters.txt:/c/b.txt", "")}, ("r.sh", 1, UNUSED)),
    "a list of models beside a name": ({"r.sh": RUN % ("-v /etc/models.config:/models/models.config", "")}, ("r.sh", 1, UNUSED)),
    "one that compose mounts": ({"c.yaml": COMPOSE, "b.txt": BATCHING}, ("c.yaml", 7, UNUSED)),
    "one that a Dockerfile copies beside the flags it sets": ({"Dockerfile": DOCKERFILE + CMD, "b.txt": BATCHING}, ("Dockerfile", 3, UNUSED)),
    "one that a committed image holds": ({"r.sh": COMMIT % ""}, ("r.sh", 3, UNUSED)),
    "a source that COPY does not fetch": ({"Dockerfile": f"FROM {IMAGE}\nCOPY s3://b/m /models/model\n"}, ("Dockerfile", 2, "copy-of-url")),
    "a source in somebody's home": ({"Dockerfile": f"FROM {IMAGE}\nCOPY ~/m /models/model\n"}, ("Dockerfile", 2, "copy-of-url")),
    "a bucket that ADD does not know": ({"Dockerfile": f"FROM {IMAGE}\nADD gs://b/m /models/model\n"}, ("Dockerfile", 2, "copy-of-url")),
    "batching in a list of models that is JSON": ({"models.config": '{"model_config_list": {"config": [{"name": "a"}]},\n "batching_parameters": {"max_batch_size": 8}}\n'}, ("models.config", 2, "config-unknown-field")),
    "a flag given to the image's own script": ({"r.sh": "MODEL_NAME=m /usr/bin/tf_serving_entrypoint.sh --enable_batchin\n"}, ("r.sh", 1, "unknown-flag")),
    "a comment that YAML does not know": ({"p.yaml": POD % "nvidia.com/gpu: 1  // T4 GPU"}, ("p.yaml", 9, "kubernetes-refuses")),
    "half a GPU": ({"p.yaml": POD % "nvidia.com/gpu: 0.5"}, ("p.yaml", 9, "kubernetes-refuses")),
    "a variable of the one image that is made here": ({"p.yaml": POD % "", "Dockerfile": f"FROM {IMAGE}\nCOPY m /app/m\n"}, ("p.yaml", 8, "env-nobody-reads")),
    "a scrape of KServe's at another path": ({"r.yaml": RUNTIME % "/metrics"}, ("r.yaml", 6, "metrics-of-kserve")),
    "numbers of batching as flags": ({"r.sh": RUN % ("", "--max_batch_size=8")}, ("r.sh", 1, "unknown-flag")),
}  # fmt: skip
# what is right, or nobody can know -> the files
RIGHT = {
    "a flag that names it": {"r.sh": RUN % (MOUNT, "--enable_batching --batching_parameters_file=/c/b.txt"), "b.txt": BATCHING},
    "flags that come by a variable": {"r.sh": RUN % (MOUNT, "$FLAGS"), "b.txt": BATCHING},
    "a flag that names another of its kind": {"r.sh": RUN % (MOUNT + " -v $PWD/c.txt:/c/c.txt", "--enable_batching --batching_parameters_file=/c/c.txt"), "b.txt": BATCHING, "c.txt": BATCHING},
    "a folder that holds it": {"r.sh": RUN % ("-v $PWD/all:/c", ""), "all/b.txt": BATCHING},
    "an image that is run with flags elsewhere": {"Dockerfile": DOCKERFILE + "ENV MODEL_NAME=m\n", "b.txt": BATCHING},
    "a model's own batching": {"r.sh": RUN % ("-v /etc/m/batching_params.pbtxt:/models/m/1/batching_params.pbtxt", "--enable_batching --enable_per_model_batching_parameters")},
    "a committed image that is told of it": {"r.sh": COMMIT % " --enable_batching --batching_parameters_file=/b.txt"},
    "what ADD fetches": {"Dockerfile": f"FROM {IMAGE}\nENV MODEL_NAME=m\nADD https://example.com/m.pb /models/m/1/saved_model.pb\n"},
    "a placeholder for a quantity": {"p.yaml": POD % "nvidia.com/gpu: NUMBER"},
    "an image of somebody's who publishes such": {"p.yaml": (POD % "").replace("me/tf-serving", "bitnami/tensorflow-serving").replace("enable_batching", "BITNAMI_DEBUG"), "Dockerfile": f"FROM {IMAGE}\nENV MODEL_NAME=m\nCOPY m /models/m\n"},
    "a container whose arguments Seldon writes": {"s.yaml": SELDON % ""},
    "variables in flags that a list of models takes the place of": {"Dockerfile": f'FROM {IMAGE}\nENV MODEL_NAME=m\nCOPY c /c\nENTRYPOINT ["/usr/bin/tensorflow_model_server"]\nCMD ["--rest_api_port=8501", "--model_name=${{MODEL_NAME}}", "--model_config_file=/c/models.config"]\n'},
    "a scrape of KServe's at the server's path": {"r.yaml": RUNTIME % "/monitoring/prometheus/metrics"},
}  # fmt: skip
RULES = {rule for _, (_, _, rule) in FOUND.values()} | {"base-path-missing", "literal-variable"}


def told(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return {(hit.path, hit.line, hit.rule) for hit in examine(folder).findings if hit.rule in RULES}


@each_row("what", FOUND)
def test_what_is_lost_is_told_at_its_line(what, tmp_path):
    files, expected = FOUND[what]
    assert expected in told(tmp_path, files)


@each_row("what", RIGHT)
def test_what_is_used_or_may_be_is_not_told_of(what, tmp_path):
    assert told(tmp_path, RIGHT[what]) == set()


SETTINGS = "max_batch_size { value: 64 }\nbatch_timeout_micros { value: 2000 }\n"
STARTED = "docker run -v $PWD/m:/models/m -e MODEL_NAME=m tensorflow/serving:2.14.1 {}\n"


@each_row(
    ("files", "lost"),
    [
        ({"run.sh": STARTED.format("--enable_batching")}, True),
        ({"run.sh": STARTED.format("")}, True),
        ({"run.sh": STARTED.format("$FLAGS")}, False),
        ({"run.sh": STARTED.format("--enable_batching --batching_parameters_file=/models/m/b.config")}, False),
        ({"run.sh": STARTED.format(""), "notes.md": "Add --batching_parameters_file for batches.\n"}, False),
        ({"run.sh": STARTED.format(""), "Dockerfile": "FROM a\nCOPY b.config /etc/\n"}, False),
        ({"notes.md": "Settings of a server that somebody else starts.\n"}, False),
    ],
)
def test_batching_settings_are_given_by_a_flag_or_lost(files, lost, tmp_path):
    for name, content in {**files, "b.config": SETTINGS}.items():
        (tmp_path / name).write_text(content)
    hits = {(hit.path, hit.line) for hit in examine(tmp_path).findings if hit.rule == "config-never-given"}
    assert hits == ({("b.config", 1)} if lost else set())


@each_row(
    ("path", "lost"),
    [("m/1/assets.extra/batching_params.pbtxt", True), ("m/1/batching_params.pbtxt", False)],
)
def test_a_models_own_batching_file_lies_beside_its_graph(path, lost, tmp_path):
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(SETTINGS)
    (tmp_path / "run.sh").write_text(STARTED.format("--enable_batching --enable_per_model_batching_parameters"))
    assert ("per-model-misplaced" in {hit.rule for hit in examine(tmp_path).findings}) is lost
    (tmp_path / "m" / "1" / "saved_model.pb").touch()  # then it is read as a model's folder
    assert ("per-model-misplaced" in {hit.rule for hit in examine(tmp_path).findings}) is lost
