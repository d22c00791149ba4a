# ruff: noqa: E501  (tables of files)
"""What two examiners met at the end: lint knows what a text is meant to start, and says nothing of what it knows to be right."""

from tables import each_row

from playbook.lint.linter import examine

OLD, IMAGE = "tensorflow/serving:2.5.3", "tensorflow/serving:2.20.0"
UNIT = "[Service]\nEnvironment=MODEL_CONFIG_FILE=/etc/m.config\nExecStart=/usr/bin/tensorflow_model_server --port=8500 \\\n  --model_base_path=/m %s\n"
SLASHES = (
    '// the models\nmodel_config_list {\n  config { name: "a" base_path: "./a" model_platform: "tensorflow" }\n}\n'
)
MAKEFILE = "serve:\n\tdocker run -p 8501:8500 -e MODEL_NAME=m -v /m:/models/m tensorflow/serving:2.20.0 --rest_api_port=8080\nask:\n\tcurl http://localhost:8501/v1/models/m\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: spam-model, labels: {app: spam-model}}\nspec:\n  containers:\n  - name: s\n    image: me/spam-model:1\n    ports: [{containerPort: 8501}]\n    readinessProbe: {httpGet: {path: /v1/models/ham, port: 8501}}\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: spam-model}\nspec:\n  selector: {app: %s}\n  ports: [{port: 80, targetPort: 8080}]\n"
NAMED = f"FROM {IMAGE}\nCOPY m /models/spam\nENV MODEL_NAME=spam\n"
TREE = "```\nmodels/\n└── mood/\n    └── 1/\n        └── saved_model.pb\n```\n\n```bash\ndocker run -p 8501:8501 -v $PWD/models:/models tensorflow/serving:2.20.0 --model_base_path=%s\n```\n"
SCRIPT = "RUN echo '#!/bin/bash\\n\\\ntensorflow_model_server --model_base_path=/models/card \\\n--monitoring_config_file=${METRICS}' > /usr/bin/tf_serving_entrypoint.sh\n"
ONE_WORD = 'CMD ["tensorflow_model_server --rest_api_port=8501 --enable_batchin"]\n'
BUCKET = 'model_config_list { config { name: "a" base_path: "s3://b/a" model_platform: "tensorflow" } }\n'
SPLIT = "max_batch_size { value: 128 }\nallowed_batch_sizes: 64\nenable_large_batch_splitting { value: true }\n"
RELATIVE = 'prometheus_config { enable: true path: "metrics" }\n'
SCRAPE = (
    "scrape_configs:\n- job_name: serving\n  metrics_path: /metrics\n  static_configs: [{targets: ['serving:8501']}]\n"
)
COMPOSE = "services:\n  serving:\n    image: tensorflow/serving:2.20.0\n    environment: {MODEL_NAME: m}\n    volumes: ['./m:/models/m', './m.config:/m.config']\n    command: [--monitoring_config_file=/m.config]\n"
# what is wrong -> the files, the place and rule
FOUND = {
    "a model behind a comment that is none": ({"models.config": SLASHES}, ("models.config", 3, "relative-base-path")),
    "the comment itself": ({"models.config": SLASHES}, ("models.config", 1, "config-file-broken")),
    "a request of a Makefile's other target": ({"Makefile": MAKEFILE}, ("Makefile", 4, "request-wrong-port")),
    "a service's variable": ({"t.service": UNIT % ""}, ("t.service", 2, "env-nobody-reads")),
    "a shell's word without a shell": ({"t.service": UNIT % ">> /var/log/t.log"}, ("t.service", 4, "unit-without-shell")),
    "a probe of the image that is made beside it": ({"p.yaml": POD, "Dockerfile": NAMED}, ("p.yaml", 9, "probe-wrong-path")),
    "its Service in a file of its own": ({"p.yaml": POD, "Dockerfile": NAMED, "s.yaml": SERVICE % "spam"}, ("s.yaml", 5, "service-selects-nothing")),
    "a folder of models that a tree shows": ({"README.md": TREE % "/models"}, ("README.md", 9, "no-version")),
    "a model in another folder of the image": ({"Dockerfile": f"FROM {IMAGE}\nCOPY m /app/card\nENV MODEL_NAME=card\n"}, ("Dockerfile", 1, "base-path-missing")),
    "a file that a variable is to name": ({"Dockerfile": f"FROM {IMAGE}\nCOPY m /models/card\n{SCRIPT}"}, ("Dockerfile", 5, "flag-variable-unset")),
    "an entrypoint nearly of its name": ({"Dockerfile": f'FROM {IMAGE}\nENTRYPOINT ["/usr/bin/tf_serving_entrypoint"]\n'}, ("Dockerfile", 2, "entrypoint-not-there")),
    "a command line as one word": ({"Dockerfile": f"FROM {IMAGE}\nENV MODEL_NAME=m\nCOPY m /models/m\n{ONE_WORD}"}, ("Dockerfile", 4, "flags-in-one-word")),
    "a flag inside it": ({"Dockerfile": f"FROM {IMAGE}\nENV MODEL_NAME=m\nCOPY m /models/m\n{ONE_WORD}"}, ("Dockerfile", 4, "unknown-flag")),
    "a flag of a CMD whose shell form loses it": ({"Dockerfile": f"FROM {IMAGE}\nCOPY m /models/model\nCMD tensorflow_model_server --port=8500 \\\n  --grpc_api_port=1\n"}, ("Dockerfile", 4, "unknown-flag")),
    "what the image serves without that CMD": ({"Dockerfile": f"FROM {IMAGE}\nENV MODEL_NAME=m MODEL_BASE_PATH=/models/m\nCMD tensorflow_model_server --port=8500 --model_base_path=/models/m\n"}, ("Dockerfile", 2, "base-path-doubled")),
    "a bucket for a release without S3": ({"models.config": BUCKET, "Dockerfile": f"FROM {IMAGE}\nCOPY s.sh /s.sh\n"}, ("models.config", 1, "s3-not-supported")),
    "a metrics path without its slash": ({"c.yaml": COMPOSE, "m.config": RELATIVE, "prometheus.yml": SCRAPE}, ("m.config", 1, "monitoring-path")),
}  # fmt: skip
# what is right -> the files
RIGHT = {
    "a service that fills in its variable": {"t.service": (UNIT % "--model_config_file=${MODEL_CONFIG_FILE}").replace("--model_base_path=/m ", "")},
    "a shell that a service starts": {"t.service": "[Service]\nExecStart=/bin/sh -c \"exec tensorflow_model_server --model_base_path=/m >> /var/log/t.log\"\n"},
    "a probe of the model that the image serves": {"p.yaml": POD.replace("ham", "spam"), "Dockerfile": NAMED},
    "another's Service": {"p.yaml": POD.replace("ham", "spam"), "Dockerfile": NAMED, "s.yaml": SERVICE % "shop"},
    "the folder that a tree shows": {"README.md": TREE % "/models/mood"},
    "a bucket for a release with S3": {"models.config": BUCKET, "Dockerfile": f"FROM {OLD}\nCOPY s.sh /s.sh\n"},
    "an image that is built by that name": {"Makefile": "b:\n\tdocker build -t tf_serving_ann .\nr:\n\tdocker run tf_serving_ann --model_config_file=/models/models.config\n"},
    "an address with two slashes": {"models.config": BUCKET.replace("s3://", "gs://")},
}  # fmt: skip
RULES = {rule for _, (_, _, rule) in FOUND.values()} | {"image-not-pinned", "service-port-closed"}


def told(folder, files):
    for name, content in files.items():
        (folder / name).write_text(content)
    return {(hit.path, hit.line, hit.rule) for hit in examine(folder).findings}


@each_row("what", FOUND)
def test_what_is_wrong_is_told_at_its_line(what, tmp_path):
    files, expected = FOUND[what]
    assert expected in told(tmp_path, files)


@each_row("what", RIGHT)
def test_what_is_right_is_not_told_of(what, tmp_path):
    assert {hit for hit in told(tmp_path, RIGHT[what]) if hit[2] in RULES} == set()


def test_what_is_wrong_once_is_told_once(tmp_path):
    texts = {"c.yaml": COMPOSE, "m.config": RELATIVE, "prometheus.yml": SCRAPE, "b.txt": SPLIT}
    rules = {rule for _, _, rule in told(tmp_path, texts)}
    assert {"monitoring-path", "batching-last-allowed"} <= rules
    assert not {"metrics-path-mismatch", "batching-splitting-padded"} & rules
