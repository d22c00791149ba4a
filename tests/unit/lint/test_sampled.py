# ruff: noqa: E501  (tables of texts, one a line)
"""What texts drawn by lot from the web showed lint not to read: each form with a fault in it, and its right sibling."""

import json

import pytest
from tables import each_row

from playbook.errors import ParameterError
from playbook.lint.linter import examine

LIST = 'model_config_list { config { name: "m" base_path: "%s" model_platform: "tensorflow" } }\n'
SDK = "import docker\nfrom docker.types import Mount\nclient = docker.from_env()\n"
POPEN = "import os, subprocess\nfrom pathlib import Path\n"
IMAGE = "tensorflow/serving:2.20.0"
COMMON = {"monitoring-missing", "batching-defaults", "base-path-not-here", "config-file-not-here"}


def said(folder, files):
    """Rules and lines of what lint finds in these files, apart from what is true of nearly every text."""
    for name, content in files.items():
        (folder / name).write_text(content)
    return {(hit.rule, hit.line) for hit in examine(folder).findings if hit.rule not in COMMON}


def cells(*sources):
    """A notebook of these cells."""
    made = [{"cell_type": "code", "metadata": {}, "source": source.splitlines(keepends=True)} for source in sources]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


START = '!tensorflow_model_server --rest_api_port=8501 --model_base_path="${MODEL_DIR}" &'
# what is wrong -> the files, the rule, the line
WRONG = {
    "a list of models as YAML": ({"models.yaml": "# all\nmodel_config_list:\n  - config:\n      name: m\n"}, "config-file-broken", 2),
    "monitoring as YAML": ({"mon.yml": "prometheus_config:\n  enable: true\n"}, "config-file-broken", 1),
    "batching as YAML": ({"batch.yaml": "max_batch_size:\n  value: 32\nnum_batch_threads:\n  value: 4\n"}, "config-file-broken", 1),
    "bare batching called YAML": ({"batch.yaml": "max_batch_size: 32\nnum_batch_threads: 4\n"}, "batching-bare-field", 1),
    "a base path in a version": ({"m.config": LIST % "/models/m/1/variables"}, "base-path-inside", 1),
    "a base path that is the graph": ({"m.config": LIST % "/models/m/1/saved_model.pb"}, "base-path-is-file", 1),
    "a frozen graph": ({"m.config": LIST % "/models/frozen.pb"}, "base-path-is-file", 1),
    "a frozen graph behind a name": ({"s.py": "import os\nHOME = '/srv/'\nos.system('tensorflow_model_server --model_base_path=%s' % (HOME + 'frozen.pb'))\n"}, "base-path-is-file", 3),
    "a command in a sentence": ({"issue.md": "I ran tensorflow_model_server --port 9000 --model_base_path=/m, and it waits.\n"}, "flag-value-after-blank", 1),
    "a mount as an object": ({"s.py": SDK + f"client.containers.run('{IMAGE}', environment={{'MODEL_NAME': 'm'}}, mounts=[Mount('/models/n', '/srv/n', type='bind')])\n"}, "base-path-missing", 4),
    "a mount as an object by a name": ({"s.py": SDK + f"here = Mount(target='/models', source='models')\nclient.containers.create('{IMAGE}', command=['--model_config_file=/etc/m.config'], mounts=[here])\n"}, "config-file-missing", 5),
    "whales' variables": ({"s.py": f"from python_on_whales import docker\ndocker.run('{IMAGE}', envs={{'MODEL_NAME': 'm', 'TF_SERVING_BATCH': '1'}}, volumes=[('/srv/m', '/models/m')])\n"}, "env-nobody-reads", 2),
    "whales' ports": ({"s.py": f"from python_on_whales import docker\ndocker.run('{IMAGE}', publish=[(8501, 9000)], volumes=[('/srv/m', '/models/model')])\n"}, "port-nobody-listens", 2),
    "Airflow's operator": ({"s.py": f"serve = DockerOperator(image='{IMAGE}', mounts=[Mount('/models/model', 'm')], command='--rest_api_port 8501')\n"}, "flag-value-after-blank", 1),
    "a dict by its maker": ({"s.py": POPEN + "given = dict(port=8500, rest_port=8501, model_base_path='/m')\nsubprocess.run(['tensorflow_model_server', *('--%s=%s' % (k, v) for k, v in given.items())])\n"}, "unknown-flag", 3),
    "a path of pathlib": ({"s.py": POPEN + "BASE = Path('models') / 'm'\nsubprocess.Popen(['tensorflow_model_server', f'--model_base_path={BASE}'])\n"}, "relative-base-path", 4),
    "a default that is kept": ({"s.py": POPEN + "def serve(base='models/m'):\n    subprocess.run(['tensorflow_model_server', f'--model_base_path={base}'])\n\nserve()\n"}, "relative-base-path", 4),
    "a line as one word": ({"s.py": POPEN + "subprocess.Popen(['tensorflow_model_server --port=8500 --model_base_path=/m'])\n"}, "flags-in-one-word", 3),
    "a variable of Python's": ({"s.py": POPEN + "os.environ['BASE'] = 'models'\nos.system('tensorflow_model_server --model_base_path=$BASE/m')\n"}, "relative-base-path", 4),
    "a notebook's variable of another cell": ({"n.ipynb": cells("path = 'models/m'\n", "import os\nos.environ['MODEL_DIR'] = path\n", START)}, "relative-base-path", 22),
    "a document's variable of another block": ({"a.md": f"```python\nimport os\nos.environ['MODEL_DIR'] = 'models'\n```\n\n```\n{START}\n```\n"}, "relative-base-path", 7),
    "a command that a script tells": ({"i.sh": 'BASE=models\necho "Start it by:"\necho "  tensorflow_model_server --rest_api_port=8501 \\\\"\necho "    --model_base_path=${BASE}"\n'}, "relative-base-path", 4),
    "one file's text in the other": ({"e.sh": 'echo "prometheus_config { enable: ${ON} }" > $BATCHING\ntensorflow_model_server --model_base_path=/m --enable_batching --batching_parameters_file=${BATCHING}\n'}, "config-file-broken", 1),
    "a branch's command in a variable": ({"r.sh": 'if [ "$HTTP" ]; then\n  CMD="tensorflow_model_server --port=0 --model_base_path=/m"\nelse\n  CMD="tensorflow_model_server --port=8500 --model_base_path=/m"\nfi\n$CMD &\n'}, "no-port", 2),
    "a value that is left empty": ({"r.sh": "tensorflow_model_server --rest_api_port=8501 --model_base_path= <your-path> > log\n"}, "no-model", 1),
    "an export that has no version": ({"a.md": f"```python\ntf.saved_model.save(model, 'export/')\n```\n\n```bash\ndocker run -v $(pwd)/export:/models/m -e MODEL_NAME=m {IMAGE}\n```\n"}, "no-version", 6),
    "a program's export that has no version": ({"s.py": POPEN + "model.export('/srv/m')\nsubprocess.run(['tensorflow_model_server', '--model_base_path=/srv/m'])\n"}, "no-version", 4),
    "Python's variable among a shell's lines": ({"a.md": "```python\np = 'out/m'\n```\n\n```bash\nos.environ[\"M\"] = f\"{p}\"\n\ntensorflow_model_server --port=8500 --model_base_path=$M\n```\n"}, "relative-base-path", 8),
    "a notebook's export that has no version": ({"n.ipynb": cells("path = '/srv/m'\ntf.keras.models.save_model(model, path)\n", "!tensorflow_model_server --rest_api_port=8501 --model_base_path=/srv/m &")}, "no-version", 15),
    "a list of models among notes": ({"notes.txt": "./grpcurl -plaintext get localhost:8501 proto.Request\n\nmodel_config_list {\n  config { name: 'm' base_path: '/m' model_plattform: 'tensorflow' }\n}\n"}, "config-unknown-field", 4),
    "a switch with yes": ({"r.sh": "tensorflow_model_server --model_base_path=/m --enable_batching yes\n"}, "flag-value-after-blank", 1),
    "a module of Python's": ({"s.sh": "python -m tensorflow_serving.server --port=8500 --model_base_path=/m\n"}, "no-module", 1),
    "a module in a program's line": ({"s.py": POPEN + "os.system(f'python3 -m tensorflow_serving.model_server.model_server --model_name=m --model_base_path={base} --port=8500')\n"}, "no-module", 3),
    "a module in a list": ({"s.py": POPEN + "subprocess.run(['python', '-m', 'tensorflow_model_server', '--port=8500', '--model_base_path=/m'])\n"}, "no-module", 3),
    "a module in a document": ({"a.md": "```bash\npython -m tensorflow_serving_core.start_server --port=8500 --model_base_path=/m\n```\n"}, "no-module", 2),
    "a near name": ({"s.sh": "/usr/bin/tensorflow_model_serving --port=8500 --model_base_path=/m\n"}, "binary-misspelt", 1),
    "a near name in a document": ({"a.md": "Run it:\n```\ntensorflow_model_serving --port={} --model_base_path={}\n```\n"}, "binary-misspelt", 3),
    "a near name in a list": ({"s.py": POPEN + "subprocess.run(['tensorflow-model-serving', '--port=8500', '--model_base_path=/m'])\n"}, "binary-misspelt", 3),
    "a printed dash in a span": ({"a.md": "Or `tensorflow_model_server –model_config_file=models.config`\n"}, "pasted-dash", 1),
    "a list that the sentence above calls by its name": ({"a.md": "创建`model.config`文件：\n\n```yaml\nmodel: \"m\"\nmodel_base_path: \"/m\"\n```\n\n```bash\ntensorflow_model_server --port=8500 --model_config_file=model.config\n```\n"}, "config-unknown-field", 4),
    "TLS files in JSON": ({"a.md": "```bash\ntensorflow_model_server --model_base_path=/m --port=8500 --ssl_config_file=ssl.json\n```\nssl.json配置示例:\n```json\n{\n\"ssl_cert_file\": \"/c.pem\"\n}\n```\n"}, "config-json", 6),
    "a unit's whole line in quotes": ({"tfs.service": "[Service]\nExecStart=\"/usr/bin/tensorflow_model_server --port=8500 --model_base_path=/m\"\n"}, "flags-in-one-word", 2),
    "a script's whole line in quotes": ({"s.sh": "#!/bin/sh\n'tensorflow_model_server --port=8500 --model_base_path=/m'\n"}, "flags-in-one-word", 2),
    "a list that a program writes by json": ({"s.py": POPEN + "import json\nmodels = {'model_config_list': {'config': [{'name': name, 'base_path': '/m'}]}}\nwith open('models.config', 'w') as out:\n    json.dump(models, out)\nsubprocess.run(['tensorflow_model_server', '--port=8500', '--model_config_file=models.config'])\n"}, "config-json", 6),
    "a list that a program writes as JSON's text": ({"s.py": POPEN + "import json\nPath('models.config').write_text(json.dumps({'model_config_list': {'config': [{'name': 'm', 'base_path': '/m'}]}}))\nsubprocess.run(['tensorflow_model_server', '--port=8500', '--model_config_file=models.config'])\n"}, "config-json", 4),
    "a path joined by a bare name": ({"s.py": POPEN + "from os.path import dirname, join\nserver = join(dirname(__file__), 'bin', 'tensorflow_model_server')\nline = (server + ' --model_base_path=' + join('/srv', 'm')\n        + ' --model_version_policy=ALL &')\nos.popen(line)\n"}, "unknown-flag", 6),
    "a grown list of models": ({"s.py": POPEN + "cfg = 'model_config_list {\\n'\ncfg += '  config { name: \"m\" base_path: \"/m\" model_plattform: \"tensorflow\" }\\n'\ncfg += '}'\nwith open('models.config', 'w') as out:\n    out.write(cfg)\n"}, "config-unknown-field", 4),
    "a module below the program's name": ({"a.md": "Then run\n\n    python3 -m tensorflow_model_server.main --port=8500 --model_base_path=/m\n"}, "no-module", 3),
    "the project's name": ({"a.md": "```bash\ntensorflow_serving --rest_api_port=8501 --model_name=m --model_base_path=/m\n```\n"}, "binary-misspelt", 2),
    "a short name": ({"s.sh": "nohup tf_serving --port=8500 --model_base_path=/m &\n"}, "binary-misspelt", 1),
    "a near name in an image": ({"Dockerfile": f"FROM {IMAGE}\nCOPY m /models/m/1\nENTRYPOINT [\"tensorflow_model_serving\", \"--port=8500\", \"--model_base_path=/models/m\"]\n"}, "binary-misspelt", 3),
    "a whole line in quotes behind nohup": ({"s.sh": "nohup \"tensorflow_model_server --port=8500 --model_base_path=/m\" &\n"}, "flags-in-one-word", 1),
    "the package's name behind its installation": ({"s.sh": "sudo apt-get install -y tensorflow-model-server\ntensorflow-model-server --port=8500 --model_base_path=/m\n"}, "binary-misspelt", 2),
    "a list of models as YAML by a program": ({"s.py": POPEN + "import yaml\nmodels = dict(model_config_list=dict(config=[dict(name='m', base_path='/m')]))\nwith open('models.config', 'w') as out:\n    yaml.safe_dump(models, out)\nsubprocess.run(['tensorflow_model_server', '--port=8500', '--model_config_file=models.config'])\n"}, "config-file-broken", 6),
}  # fmt: skip


@each_row("what", WRONG)
def test_a_fault_is_named_in_the_form_it_was_drawn_in(what, tmp_path):
    files, rule, line = WRONG[what]
    found = said(tmp_path, files)
    assert (rule, line) in found
    assert {each for each, _ in found} == {rule}


RIGHT = {
    "an export with a version, told to the shell by Python": {"a.md": "```python\nmodel.export('/srv/m/3')\n```\n\n```bash\nos.environ[\"M\"] = '/srv/m'\ntensorflow_model_server --rest_api_port=8501 --model_base_path=$M\n```\n"},
    "a folder called variables": {"m.config": LIST % "/models/variables"},
    "a version's parent": {"m.config": LIST % "/models/m.pb.d"},
    "a custom optimizer": {"s.pbtxt": 'graph_options { rewrite_options { custom_optimizers { name: "x" parameter_map { key: "a" value { b: true } } parameter_map: { key: "n" value: { list { i: [1, 2] type: DT_HALF } } } } } }\n'},
    "a mount as an object": {"s.py": SDK + f"client.containers.run('{IMAGE}', environment={{'MODEL_NAME': 'm'}}, mounts=[Mount('/models/m', '/srv/m', type='bind')])\n"},
    "mounts that are not known": {"s.py": SDK + f"client.containers.run('{IMAGE}', environment={{'MODEL_NAME': 'm'}}, mounts=mounts)\n"},
    "an absolute path of pathlib": {"s.py": POPEN + "BASE = Path('models').resolve() / 'm'\nsubprocess.Popen(['tensorflow_model_server', f'--model_base_path={BASE}'])\n"},
    "a default that a call gives": {"s.py": POPEN + "def serve(base='models/m'):\n    subprocess.run(['tensorflow_model_server', f'--model_base_path={base}'])\n\nserve('/srv/m')\n"},
    "a default that nobody calls": {"s.py": POPEN + "def serve(base='models/m'):\n    subprocess.run(['tensorflow_model_server', f'--model_base_path={base}'])\n"},
    "a line as one word for a shell": {"s.py": POPEN + "subprocess.Popen(['tensorflow_model_server --port=8500 --model_base_path=/m'], shell=True)\n"},
    "a notebook's absolute path": {"n.ipynb": cells("import os\nos.environ['MODEL_DIR'] = os.path.abspath('models/m')\n", START)},
    "a wrapped command in a docstring": {"c.py": f'"""\nStart it by\n    docker run -v /srv/models:/models {IMAGE}\n        --model_config_file=/models/models.config\n"""\n'},
    "an export with a version": {"a.md": f"```python\ntf.saved_model.save(model, 'export/1')\n```\n\n```bash\ndocker run -v $(pwd)/export:/models/m -e MODEL_NAME=m {IMAGE}\n```\n"},
    "an export that gets its version later": {"a.md": f"```python\ntf.saved_model.save(model, 'export')\n```\n\n```bash\nmkdir export/1 && mv export/saved_model.pb export/variables export/1\ndocker run -v $(pwd)/export:/models/m -e MODEL_NAME=m {IMAGE}\n```\n"},
    "an export into another folder": {"a.md": f"```python\nmodel.save('export')\n```\n\n```bash\ndocker run -v $(pwd)/served:/models/m -e MODEL_NAME=m {IMAGE}\n```\n"},
    "a Keras file beside it": {"a.md": f"```python\nmodel.save('export.keras')\n```\n\n```bash\ndocker run -v $(pwd)/export:/models/m -e MODEL_NAME=m {IMAGE}\n```\n"},
    "words of another script to fill in": {"a.rst": "::\n\n    tensorflow_model_server --rest_api_port=端口号 --model_base_path=模型路径\n"},
    "cells as a text": {"c.py": "path = 1\n\n%%bash --bg\ntensorflow_model_server --rest_api_port=8501 --model_base_path=/srv/m\n\n!tail log\n"},
    "a batch size that a program fills in": {"b.py": "with open('b.txt', 'w') as f:\n    f.write('max_batch_size { value: ' + str(n) + ' }\\n')\n    f.write('max_enqueued_batches { value: 1000 }\\n')\n    f.write('num_batch_threads { value: 4 }\\nallowed_batch_sizes: 8\\nallowed_batch_sizes: 1')\n"},
    "a module that is an example's": {"s.sh": "python -m tensorflow_serving.example.mnist_client --port=8500 --num_tests=10\n"},
    "the server's words in another program's name": {"s.sh": "python tensorflow_serving.py --port=8500 --model_name=m\n"},
    "a dash of a sentence": {"a.md": "The `tensorflow_model_server – the program` is installed by apt.\n"},
    "a path to fill in, in words": {"a.md": "`tensorflow_model_server --port=9000 --model_name=<name of model> --model_base_path=<path where models are &> <log file path>`\n"},
    "places that a program fills in": {"a.md": "```\ntensorflow_model_server --port={} --rest_api_port={} --model_base_path={}\n```\n"},
    "ports of another's image": {"a.md": "```\ndocker run -p 9000:9000 -v /srv/m:/m somelab/tensorflow-serving:cpu --model_name=m --model_base_path=/m\n```\n"},
    "a part of a stack below a file's name": {"a.md": "A file named *models.config*:\n```yaml\n    command: --model_config_file=/models/models.config\n```\n"},
    "a quoted line for the eyes": {"a.md": "```\n\"tensorflow_model_server --port=8500 --model_base_path=/m\"\n```\n"},
    "a line for a shell's words": {"s.sh": "eval 'tensorflow_model_server --port=8500 --model_base_path=/m'\n"},
    "a grown list of models": {"s.py": POPEN + "cfg = 'model_config_list: {\\n' \\\n    '\\n'\nfor each in models:\n    part = '  config: {\\n' \\\n        f'    name: \"{each}\",\\n' \\\n        f'    base_path: \"/m/{each}\",\\n' \\\n        '    model_platform: \"tensorflow\"\\n  },\\n'\n    cfg += part\ncfg += '}'\nwith open('models.config', 'w') as out:\n    out.write(cfg)\n"},
    "JSON for another program": {"s.py": POPEN + "import json\nwith open('ports.json', 'w') as out:\n    json.dump({'port': 8500}, out)\nsubprocess.run(['tensorflow_model_server', '--port=8500', '--model_base_path=/m'])\n"},
    "a pod of the project's name": {"s.sh": f"kubectl run tensorflow-serving --image={IMAGE} --port=8501 -- --port=8500 --rest_api_port=8501 --model_base_path=gs://b/m --file_system_poll_wait_seconds=300\n"},
    "a name that the script makes": {"s.sh": "alias tf_serving=/opt/bin/start\ntf_serving --port=8500 --model_base_path=/m\n"},
    "a link to the program": {"s.sh": "ln -s /usr/bin/tensorflow_model_server /usr/local/bin/tf_server\ntf_server --port=8500 --model_base_path=/m\n"},
    "a script of a short name": {"s.sh": "./tf_serving --port=8500 --model_base_path=/m\n"},
    "a base path that is here": {"s.sh": "tensorflow_model_server --port=8500 --model_base_path=$PWD/m\n"},
    "a list whose inner part grows": {"s.py": POPEN + "cfg = ''\nfor n in ['a', 'b']:\n    cfg += f'config {{ name: \"{n}\" base_path: \"/m/{n}\" model_platform: \"tensorflow\" }}\\n'\nwith open('m.config', 'w') as out:\n    out.write('model_config_list {\\n' + cfg + '}\\n')\n"},
    "a dict that nobody knows": {"s.py": POPEN + "import json\nwith open('models.config', 'w') as out:\n    json.dump(models, out)\nsubprocess.run(['tensorflow_model_server', '--port=8500', '--model_config_file=models.config'])\n"},
}  # fmt: skip


@each_row("what", RIGHT)
def test_the_right_sibling_is_not_called_wrong(what, tmp_path):
    found = {rule for rule, _ in said(tmp_path, RIGHT[what])}
    assert found - {"batching-allowed-order"} == set()


@each_row(
    ("given", "rule"),
    [
        ("—port=8500 --model_base_path=/m", "pasted-dash"),
        ("--model_name=“m” --model_base_path=/m", "pasted-quote"),
        ("tensorflow-model-server --port=8500 --model_base_path=/m", "binary-misspelt"),
        ("--rest_api_port=8501 --model_base_path=/models/m/1", "base-path-version"),
    ],
)
def test_a_pasted_line_is_read_as_it_was_meant(given, rule):
    assert rule in {hit.rule for hit in examine(given).findings}


def test_files_of_a_pasted_line_belong_to_another_machine_and_those_of_flags_to_this_one():
    line = "--model_base_path=/m --ssl_config_file=/nowhere/tls"
    pasted, typed = ({hit.rule: hit.severity for hit in examine(given).findings} for given in (line, line.split()))
    assert (pasted["config-file-not-here"], typed["config-file-missing"]) == ("note", "error")
    with pytest.raises(ParameterError):
        examine("no flags")


def test_a_script_names_its_models_from_where_it_is_run(tmp_path):
    (tmp_path / "m" / "1" / "named").mkdir(parents=True)
    (tmp_path / "m" / "1" / "named" / "saved_model.pb").touch()
    hits = [hit for base in ("$PWD", "${PWD}") for hit in _half_copied(tmp_path, base)]
    assert hits == ["m/1", "m/1"]


def _half_copied(folder, base):
    (folder / "run.sh").write_text(f"tensorflow_model_server --port=8500 --model_base_path={base}/m\n")
    return [hit.path for hit in examine(folder).findings if hit.rule == "version-half-copied"]
