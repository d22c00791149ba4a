# ruff: noqa: E501  (a table of texts, one a line)
"""Lint reads what several files say together, and texts that stand inside others; what it could not read, it tells."""

import json

from tables import each_row

from playbook.lint.linter import examine
from playbook.lint.output import what_was_read

THREADS, BARE, RELATIVE, PLATFORM = (
    "rest-threads-one",
    "batching-bare-field",
    "relative-base-path",
    "model-platform-missing",
)
POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: s}\nspec:\n  containers:\n  - name: s\n    image: %s\n    args: [%s]\n"
)
SERVICE = "services:\n  s:\n    image: tensorflow/serving:2.20.0\n"
START = "tensorflow_model_server --rest_api_port=8501 --rest_api_num_threads=1 --model_base_path=/m"
CHART = "apiVersion: v2\nname: c\nversion: 1.0.0\n"
# what is read -> the files, the place of the finding, its rule
PLACES = {
    "variables of .env": ({"compose.yaml": SERVICE + "    command: --model_base_path=${BASE}\n", ".env": "# where\nBASE='m/a'\n"}, ("compose.yaml", 4), RELATIVE),
    "a default inside a default": ({"compose.yaml": SERVICE + "    command: ['--model_base_path=${A:-${B:-m}}']\n"}, ("compose.yaml", 4), RELATIVE),
    "a default that a script keeps": ({"run.sh": ': "${B:=models/a}"\n: ${P:=8501}\ntensorflow_model_server --rest_api_port=$P --model_base_path=$B\n'}, ("run.sh", 3), RELATIVE),
    "a default of a default in a script": ({"run.sh": 'N=${N:-leaf}\nB=${B:-"m/${N}"}\ntensorflow_model_server --model_base_path=${B}\n'}, ("run.sh", 3), RELATIVE),
    "a default that compose fills in": ({"compose.yaml": SERVICE + "    command: ['--model_base_path=${BASE:-m}']\n"}, ("compose.yaml", 4), RELATIVE),
    "a variable of an env_file": ({"compose.yaml": SERVICE + "    env_file: [a.env, {path: b.env}]\n", "a.env": "MODEL_NAME=a\n", "b.env": "\nMODEL_CONFIG_FILE=/c\n"}, ("b.env", 2), "env-nobody-reads"),
    "a name that compose fills in": ({"compose.yaml": SERVICE + "    environment: [MODEL_BASE_PATH, MODEL_NAME]\n    volumes: ['/srv/a:/models/a']\n", ".env": "MODEL_NAME=a\nMODEL_BASE_PATH=/models/a\n"}, ("compose.yaml", 4), "base-path-doubled"),
    "a stage that a service names": ({"compose.yaml": "services:\n  s:\n    build: {context: ., target: live}\n", "Dockerfile": "FROM tensorflow/serving:2.20.0 AS live\nCMD [\"--rest_api_num_threads=1\"]\nFROM python:3\nCMD [\"app\"]\n"}, ("Dockerfile", 2), THREADS),
    "a stage that is built on another": ({"Dockerfile": "FROM tensorflow/serving:2.20.0 AS base\nENV MODEL_NAME=a\nFROM base\nCMD [\"--rest_api_num_threads=1\"]\n"}, ("Dockerfile", 4), THREADS),
    "flags of a Dockerfile in a compose file": ({"compose.yaml": "services:\n  s:\n    build:\n      dockerfile_inline: |\n        FROM tensorflow/serving:2.20.0\n        CMD [\"--rest_api_num_threads=1\"]\n"}, ("compose.yaml", 6), THREADS),
    "values for a chart inside a chart": ({"Chart.yaml": CHART, "values.yaml": "inner:\n  threads: 1\n", "charts/inner/Chart.yaml": CHART.replace("name: c", "name: inner"), "charts/inner/values.yaml": "threads: 8\n", "charts/inner/templates/p.yaml": POD % ("tensorflow/serving:2.20.0", "--rest_api_num_threads={{ .Values.threads }}"), "templates/x.yaml": "kind: Namespace\n"}, ("charts/inner/templates/p.yaml", 8), THREADS),
    "what stands below a rule of Markdown": ({"README.md": f"# Serving\n-----\nSome words.\n\n## Start\n```bash\n# now\n{START}\n```\n"}, ("README.md", 8), THREADS),
    "a table in Markdown": ({"README.md": f"| what | how |\n|---|---|\n| run | {START} |\n"}, ("README.md", 3), THREADS),
    "a task in JSON with comments": ({"tasks.json": '{\n  // serve\n  "tasks": [{"command": "' + START + '"}]\n}\n'}, ("tasks.json", 3), THREADS),
    "two commands on a line of JSON": ({"d.json": '{"image": "tensorflow/serving:2.20.0", "after": "' + START + '"}\n'}, ("d.json", 1), THREADS),
    "a file that compose puts over another": ({"compose.yaml": SERVICE + "    command: [--port=8500]\n", "compose.override.yaml": "services:\n  s:\n    ports: ['9000:9000']\n"}, ("compose.override.yaml", 3), "port-nobody-listens"),
    "a word of the service that is extended": ({"compose.yaml": "services:\n  s:\n    extends: {file: base/b.yaml, service: b}\n    ports: ['8501:8501']\n", "base/b.yaml": "services:\n  b:\n    image: tensorflow/serving:2.20.0\n    command:\n    - --rest_api_num_threads=1\n"}, ("base/b.yaml", 5), THREADS),
    "an endpoint of Azure ML": ({"d.yml": "environment_variables:\n  MODEL_NAME: a\n  TF_ENABLE_BATCHING: '1'\nenvironment:\n  image: tensorflow/serving:2.20.0\n"}, ("d.yml", 3), "env-nobody-reads"),
    "a ConfigMap in JSON": ({"c.json": '{"apiVersion": "v1", "kind": "ConfigMap",\n "data": {"b": "# tuned\\nnum_batch_threads { value: 2 }\\nmax_batch_size: 4"}}\n'}, ("c.json", 2), BARE),
    "kubectl patch": ({"run.sh": "kubectl patch deployment s --type=json -p '[{\n  \"op\": \"add\", \"path\": \"/spec/containers/0/args/-\",\n  \"value\": \"--model_base_path=m\"}]'\n"}, ("run.sh", 3), RELATIVE),
    "kubectl set image": ({"run.sh": "kubectl set image deployment/s s=tensorflow/serving:latest\n"}, ("run.sh", 1), "image-not-pinned"),
    "a file that a script sources": ({"run.sh": "#!/bin/sh\n. ./s.env\ntensorflow_model_server --model_base_path=$BASE\n", "s.env": "BASE=models/a\n"}, ("run.sh", 3), RELATIVE),
    "the EnvironmentFile of a unit": ({"s.service": "[Service]\nEnvironmentFile=/etc/tfs/s.env\nExecStart=/usr/bin/tensorflow_model_server --model_base_path=${BASE}\n", "s.env": "BASE=models/a\n"}, ("s.service", 3), RELATIVE),
    "a variable of docker's --env-file": ({"run.sh": "docker run --env-file e.env tensorflow/serving:2.20.0\n", "e.env": "TF_SERVING_X=1\n"}, ("e.env", 1), "env-nobody-reads"),
    "a service of another file": ({"compose.yaml": "services:\n  s:\n    extends: {file: base.yaml, service: b}\n    ports: ['9000:9000']\n", "base.yaml": SERVICE.replace(" s:", " b:")}, ("compose.yaml", 4), "port-nobody-listens"),
    "a Dockerfile in a compose file": ({"compose.yaml": "services:\n  s:\n    build:\n      dockerfile_inline: |\n        FROM tensorflow/serving:2.20.0\n        CMD tensorflow_model_server --port=8500\n"}, ("compose.yaml", 6), "cmd-shell-form"),
    "ports of such an image": ({"compose.yaml": "services:\n  s:\n    build:\n      dockerfile_inline: |\n        FROM tensorflow/serving:2.20.0\n        CMD ['--port=9000']\n    ports: ['8500:8500']\n".replace("['--port=9000']", '["--port=9000"]')}, ("compose.yaml", 7), "port-nobody-listens"),
    "the Dockerfile that a service names": ({"compose.yaml": "services:\n  s:\n    build: {context: ., dockerfile: b.Dockerfile}\n    ports: ['9000:9000']\n", "Dockerfile": "FROM python:3\nCMD [\"app\"]\n", "b.Dockerfile": "FROM tensorflow/serving:2.20.0\n"}, ("compose.yaml", 4), "port-nobody-listens"),
    "values of Argo CD as a text": ({"a.yaml": "kind: Application\nspec:\n  source:\n    helm:\n      values: |\n        extra:\n        - --model_base_path=m\n"}, ("a.yaml", 7), RELATIVE),
    "parameters of Argo CD": ({"a.yaml": "kind: Application\nspec:\n  source:\n    helm:\n      parameters:\n      - {name: 'a[0]', value: --model_base_path=m}\n"}, ("a.yaml", 6), RELATIVE),
    "values of a HelmChart": ({"a.yaml": "kind: HelmChart\nspec:\n  valuesContent: |-\n    image: {repository: tensorflow/serving, tag: 2.20.0}\n    args: [--rest_api_num_threads=1]\n"}, ("a.yaml", 5), THREADS),
    "values in a ConfigMap": ({"a.yaml": "kind: ConfigMap\nmetadata: {name: v}\ndata:\n  values.yaml: |\n    more: [--model_base_path=m]\n"}, ("a.yaml", 5), RELATIVE),
    "values that kustomize gives a chart": ({"kustomization.yaml": "helmCharts:\n- name: c\n  valuesInline:\n    flags: [--model_base_path=m]\n"}, ("kustomization.yaml", 4), RELATIVE),
    "a second file of values": ({"Chart.yaml": CHART, "values.yaml": "threads: 8\n", "values-live.yaml": "threads: 1\n", "templates/p.yaml": POD % ("tensorflow/serving:2.20.0", "--rest_api_num_threads={{ .Values.threads }}")}, ("templates/p.yaml", 8), THREADS),
    "a list that a second file of values gives": ({"Chart.yaml": CHART, "values.yaml": "more: []\n", "ci/one.yaml": "more:\n- --rest_api_num_threads=1\n", "templates/p.yaml": (POD % ("tensorflow/serving:2.20.0", "")).replace("[]", "{{ toYaml .Values.more | nindent 6 }}")}, ("ci/one.yaml", 2), THREADS),
    "an image that kustomize names": ({"kustomization.yaml": "resources: [p.yaml]\nimages:\n- {name: server, newName: tensorflow/serving, newTag: 2.20.0}\n", "p.yaml": POD % ("server", "--rest_api_num_threads=1")}, ("p.yaml", 8), THREADS),
    "an image of an overlay": ({"base/kustomization.yaml": "resources: [p.yaml]\n", "base/p.yaml": POD % ("server", "--model_base_path=m"), "live/kustomization.yaml": "resources: [../base]\nimages:\n- name: server\n  newName: tensorflow/serving\n"}, ("base/p.yaml", 8), RELATIVE),
    "a tag that kustomize moves": ({"kustomization.yaml": "resources: [p.yaml]\nimages:\n- name: tensorflow/serving\n  newTag: latest\n", "p.yaml": POD % ("tensorflow/serving:2.20.0", "--model_name=m")}, ("kustomization.yaml", 4), "image-not-pinned"),
    "JSON operations on one line": ({"kustomization.yaml": "patchesJson6902:\n- patch: '[{\"op\": \"add\", \"path\": \"/spec/containers/0/args/-\", \"value\": \"--model_base_path=m\"}]'\n"}, ("kustomization.yaml", 2), RELATIVE),
    "JSON operations in a file": ({"kustomization.yaml": "patches: [{path: o.json}]\n", "o.json": '[\n {"op": "replace", "path": "/spec/containers/0/args",\n  "value": ["--rest_api_num_threads=1"]}\n]\n'}, ("o.json", 3), THREADS),
    "an image by JSON operations": ({"o.yaml": "- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: tensorflow/serving:latest\n"}, ("o.yaml", 3), "image-not-pinned"),
    "a patch in JSON": ({"p.json": '{"spec": {"containers": [{"name": "s",\n "args": ["--rest_api_num_threads=1"]}]}}\n'}, ("p.json", 2), THREADS),
    "a literal of kustomize": ({"kustomization.yaml": "configMapGenerator:\n- name: c\n  literals:\n  - 'b.config=max_batch_size: 4'\n"}, ("kustomization.yaml", 4), BARE),
    "a literal of kubectl": ({"run.sh": "kubectl create configmap c \\\n  --from-literal=b.config='max_batch_size: 4'\n"}, ("run.sh", 2), BARE),
    "a container group of Azure": ({"g.yaml": "apiVersion: '2021-10-01'\ntype: Microsoft.ContainerInstance/containerGroups\nproperties:\n  containers:\n  - name: s\n    properties:\n      image: tensorflow/serving:2.20.0\n      command: [tensorflow_model_server, --model_base_path=m]\n"}, ("g.yaml", 8), RELATIVE),
    "variables of such a container": ({"g.yaml": "properties:\n  containers:\n  - name: s\n    properties:\n      image: tensorflow/serving:2.20.0\n      environmentVariables:\n      - {name: MODEL_CONFIG_FILE, value: /c}\n"}, ("g.yaml", 7), "env-nobody-reads"),
    "Bicep": ({"m.bicep": "resource g 'x' = {\n  image: 'tensorflow/serving:2.20.0'\n  command: [\n    'tensorflow_model_server'\n    '--model_base_path=m'\n  ]\n}\n"}, ("m.bicep", 5), RELATIVE),
    "az container create": ({"run.sh": "az container create -n s --image tensorflow/serving:2.20.0 --ports 8501 8600 \\\n  --environment-variables MODEL_NAME=m TF_ENABLE_BATCHING=1\n"}, ("run.sh", 2), "env-nobody-reads"),
    "a diff in Markdown": ({"README.md": "```diff\n docker run \\\n- tensorflow/serving:2.20.0\n+ tensorflow/serving:2.20.0 --rest_api_num_threads=1\n```\n"}, ("README.md", 4), THREADS),
    "a config in a diff": ({"README.md": "```diff\n-max_batch_size { value: 4 }\n+max_batch_size: 4\n num_batch_threads { value: 2 }\n```\n"}, ("README.md", 3), BARE),
    "a command in several code spans": ({"README.md": "Run `docker run -p 8501:8501`\n`tensorflow/serving:2.20.0`\n`--rest_api_num_threads=1`.\n"}, ("README.md", 3), THREADS),
    "a variable of make's that its shell is asked for": ({"Makefile": "BASE = /models/m\nrun:\n\ttensorflow_model_server \\\n\t  --model_base_path=$$(BASE)\n"}, ("Makefile", 4), "make-variable-lost"),
    "a variable of make's over several lines": ({"Makefile": "FLAGS = --rest_api_port=8501 \\\n  --rest_api_num_threads=1\nFLAGS += --model_base_path=/m\nrun:\n\ttensorflow_model_server $(FLAGS)\n"}, ("Makefile", 2), THREADS),
    "a config by define": ({"Makefile": "define C\nmax_batch_size: 4\nendef\nexport C\nrun:\n\techo \"$$C\" > b.config\n"}, ("Makefile", 2), BARE),
    "a recipe by define": ({"Makefile": f"define run\n{START.replace(' --rest_api_num', ' ' + chr(92) + chr(10) + '  --rest_api_num')}$(1)\nendef\nall:\n\t$(call run,a)\n"}, ("Makefile", 3), THREADS),
    "Python in a here-document": ({"run.sh": f"python3 - <<'X'\nimport os\nos.system('{START}')\nX\n"}, ("run.sh", 3), THREADS),
    "Python behind -c": ({"run.sh": f'python -c "\nimport os\nos.system(\'{START}\')"\n'}, ("run.sh", 3), THREADS),
    "Python that a script writes": ({"run.sh": f"cat > s.py <<X\nimport os\nos.system('{START}')\nX\n"}, ("run.sh", 3), THREADS),
    "batching parameters in a file of any name": ({"tuned.params": "# tuned\nmax_batch_size = 64\nbatch_timeout_micros = 1000\n"}, ("tuned.params", 2), "config-file-broken"),
    "a notebook on one line": ({"n.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": ["x = 1\n", "y = 2\n"]}, {"cell_type": "code", "source": ["!" + START]}]})}, ("n.ipynb", 1), THREADS),
    "a notebook with a cell a line": ({"n.ipynb": '{"cells": [\n{"cell_type": "code", "source": "x = 1\\n\\ny = 2"},\n{"cell_type": "code", "source": "z = 3\\n!' + START + '"}\n]}'}, ("n.ipynb", 3), THREADS),
    "flags of a dict of Python": ({"x.py": "f = {'rest_api_port': 8501, 'rest_api_num_threads': 1, 'model_base_path': '/m'}\nrun(['tensorflow_model_server'] + [f'--{k}={v}' for k, v in f.items()])\n"}, ("x.py", 1), THREADS),
    "flags that a loop of Python adds": ({"x.py": "f = {'rest_api_port': 8501, 'rest_api_num_threads': 1, 'model_base_path': '/m'}\nc = ['tensorflow_model_server']\nfor k, v in sorted(f.items()):\n    c.append('--%s=%s' % (k, v))\nrun(c)\n".replace("'--%s=%s' % (k, v)", "f'--{k}={v}'")}, ("x.py", 1), THREADS),
    "a config whose flag lost it": ({"Dockerfile": 'FROM tensorflow/serving:2.20.0\nCOPY list.x /list.x\nCMD ["--model_config_file", "/list.x"]\n', "list.x": "model_config_list {\n  config { name: 'm' base_path: '/models/m' }\n}\n"}, ("list.x", 2), PLATFORM),
}  # fmt: skip


def found_in(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return examine(folder)


@each_row("place", PLACES)
def test_lint_reads(place, tmp_path):
    files, where, rule = PLACES[place]
    report = found_in(tmp_path, files)
    assert where in [(hit.path, hit.line) for hit in report.findings if hit.rule == rule]
    assert "not-understood" not in {hit.rule for hit in report.findings}


# what is right -> the files, and the rule that would be wrong
RIGHT = {
    "a tag for GPUs that kustomize sets": ({"kustomization.yaml": "resources: [p.yaml]\nimages: [{name: tensorflow/serving, newTag: 2.20.0-gpu}]\n", "p.yaml": POD % ("tensorflow/serving", "--model_name=m") + "    resources: {limits: {nvidia.com/gpu: 1}}\n"}, "gpu-image-missing"),
    "a variable that make exports": ({"Makefile": "export BASE = /m\nrun:\n\ttensorflow_model_server --model_base_path=$$BASE\n"}, "make-variable-lost"),
    "a variable that the recipe sets": ({"Makefile": "BASE = /m\nrun:\n\tBASE=/m; tensorflow_model_server --model_base_path=$$BASE\n"}, "make-variable-lost"),
    "a variable of .env": ({"compose.yaml": SERVICE + "    ports: ['8501:${P}']\n", ".env": "P=8501\n"}, "port-nobody-listens"),
    "a model's name in an env_file that is not here": ({"compose.yaml": SERVICE + "    env_file: gone.env\n    volumes: ['/srv/a:/models/a']\n"}, "base-path-missing"),
    "flags of a dict that is not here": ({"x.py": "def f(d):\n    run(['tensorflow_model_server', '--port=8500'] + [f'--{k}={v}' for k, v in d.items()])\n"}, "no-model"),
    "flags of a loop over what is not here": ({"x.py": "def f(d):\n    c = ['tensorflow_model_server', '--port=8500']\n    for k, v in d.items():\n        c.append(f'--{k}={v}')\n    run(c)\n"}, "no-model"),
    "words of a sentence": ({"README.md": "Start `tensorflow_model_server --port=8500` with `--model_base_path=/m`.\n"}, "no-model"),
    "a platform without quotes, said once": ({"m.config": 'model_config_list { config { name: "m" base_path: "/m" model_platform: TENSORFLOW } }\n'}, "model-platform-unknown"),
    "the server's path in a variable": ({"run.sh": "S=/usr/bin/tensorflow_model_server\n$S --model_base_path=/m\n"}, "no-model"),
    "a task that runs docker": ({"t.yml": "- hosts: a\n  tasks:\n  - command: docker run -p 8501:8501 tensorflow/serving:2.20.0 --model_name=m\n"}, "cmd-over-entrypoint"),
    "JSON with comments": ({"tasks.json": '{\n  // serve\n  "tasks": [{"command": "' + START + '"}]\n}\n'}, "unreadable"),
    "a chart inside a chart that is off": ({"Chart.yaml": CHART + "dependencies: [{name: i, condition: i.use}]\n", "values.yaml": "i: {use: false}\n", "charts/i/Chart.yaml": CHART.replace("name: c", "name: i"), "charts/i/templates/p.yaml": POD % ("tensorflow/serving:2.20.0", "--rest_api_num_threads=1"), "templates/x.yaml": "kind: Namespace\n"}, THREADS),
    "a default that holds another variable": ({"run.sh": 'N=${N:-"leaf"}\nB=${B:-"/models/${N}"}\ntensorflow_model_server --rest_api_port=${P:-8501} --model_base_path=${B}\n'}, RELATIVE),
    "a path that Python puts together": ({"x.py": "import os\nc = os.path.join(HERE, 'tensorflow_model_server')\nc += ' --port=' + str(p)\nif m:\n    c += ' --model_config_file=' + m\n"}, "no-model"),
    "a lock file that names a repository": ({"x.lock": "GITHUB\n  remote: tensorflow/serving\n"}, "not-understood"),
    "settings of another program": ({"app.ini": "[server]\nmax_batch_size = 64\n"}, "config-file-broken"),
}  # fmt: skip


@each_row("case", RIGHT)
def test_lint_says_nothing_wrong_of(case, tmp_path):
    files, rule = RIGHT[case]
    report = found_in(tmp_path, files)
    assert rule not in {hit.rule for hit in report.findings}


@each_row(
    ("name", "text"),
    [
        (
            "x.py",
            "def f(d):\n    run(['tensorflow_model_server', '--port=8500'] + [f'--{k}={v}' for k, v in d.items()])\n",
        ),
        ("run.sh", 'tensorflow_model_server --port=8500 "$@"\n'),
    ],
)
def test_flags_that_are_not_here_are_told_as_passed_over(name, text, tmp_path):
    report = found_in(tmp_path, {name: text})
    assert f"flags that are filled in elsewhere: {name}:" in what_was_read(report)


def test_a_command_of_flags_that_nobody_knows_is_not_called_clean(tmp_path):
    text = "def f(d):\n    run(['tensorflow_model_server'] + [f'--{k}={v}' for k, v in d.items()])\n"
    assert [hit.rule for hit in found_in(tmp_path, {"x.py": text}).findings] == ["not-understood"]


def test_files_that_others_are_read_by_count_as_read(tmp_path):
    files = {
        "compose.yaml": SERVICE + "    env_file: s.env\n",
        "s.env": "MODEL_NAME=m\n",
        ".env": "X=1\n",
        "other": "x\n",
    }
    report = found_in(tmp_path, files)
    assert {"compose.yaml", "s.env", ".env"} <= {*report.files}
    assert report.passed["names no server"] == ["other"]


SHAPES = {
    "d.yaml": (POD % ("tensorflow/serving:2.20.0", "--port=8500")) + "---\nkind: Service\nmetadata: true\nspec: 5\n",
    "s.yaml": "kind: Deployment\nmetadata: tensorflow/serving\nspec: {template: [1]}\n",
    "kustomization.yaml": "images: true\npatches: 5\nresources: tensorflow/serving\n",
    "values.yaml": "image: {repository: tensorflow/serving}\nports: 8501\nenv: live\nargs: 5\n",
    "Dockerfile": "FROM\nCMD tensorflow_model_server\n",
    "n.ipynb": '{"cells": [5, {"source": 7}], "x": "tensorflow/serving"}',
    "r.yaml": "a: &a\n  image: tensorflow/serving\n  more: *a\n",
}  # fmt: skip


@each_row("name", SHAPES)
def test_a_shape_that_no_schema_allows_ends_nothing(name, tmp_path):
    """Another file of the folder is read all the same."""
    report = found_in(tmp_path, {name: SHAPES[name], "z.sh": START + "\n"})
    assert ("z.sh", 1) in [(hit.path, hit.line) for hit in report.findings if hit.rule == THREADS]


def test_a_notebook_that_is_no_json_is_not_called_clean(tmp_path):
    report = found_in(tmp_path, {"n.ipynb": '{"cells": [{"source": "!tensorflow_model_server --port=1",}]}'})
    assert [hit.rule for hit in report.findings] == ["unreadable"]


def test_a_config_file_that_is_not_here_is_told_as_passed_over(tmp_path):
    report = found_in(tmp_path, {"run.sh": "tensorflow_model_server --model_config_file=/etc/tfs/models.config\n"})
    assert "config files that are not here: /etc/tfs/models.config" in what_was_read(report)
