"""A flag that was to name the model and is not read: the server waits for the model of the image's script for ever."""

import signal
import socket
import subprocess
import sys

import pytest
from tables import each_row

from playbook.lint.linter import examine

IMAGE = "tensorflow/serving:2.20.0"
PAIR = '"--model_config_file", "/models/models.config"'
LINE = "--model_config_file /models/models.config"
POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - name: s\n    image: {image}\n"
    "    args: [{args}]\n    volumeMounts: [{{name: m, mountPath: {mount}}}]\n"
    "  volumes: [{{name: m, persistentVolumeClaim: {{claimName: m}}}}]\n"
)
RUN = "docker run -p 8501:8501 -v /srv/m:{mount} {options} {image} {flags}\n"
# where it stands -> its file, the text around the lost flag, the line
FORMS = {
    "CMD": ("Dockerfile", f"FROM {IMAGE}\nCOPY models /models\nCMD [{PAIR}]\n", 3),
    "compose": ("compose.yaml", f"services:\n  s:\n    image: {IMAGE}\n    command: [{PAIR}]\n", 4),
    "Kubernetes": ("pod.yaml", POD.format(image=IMAGE, args=PAIR, mount="/models"), 8),
    "docker run": ("run.sh", RUN.format(mount="/models", options="", image=IMAGE, flags=LINE), 1),
    "subprocess": ("x.py", f"import subprocess\nsubprocess.run(['docker', 'run', '{IMAGE}', {PAIR}])\n", 2),
    "docker SDK": ("x.py", f"import docker\ndocker.from_env().containers.run('{IMAGE}', command=[{PAIR}])\n", 2),
    "task of ECS": ("t.json", f'{{"containerDefinitions": [{{"image": "{IMAGE}", "command": [{PAIR}]}}]}}\n', 1),
    "another spelling": ("run.sh", RUN.format(mount="/models", options="", image=IMAGE, flags="-model_name=m"), 1),
    "a name that is lost": (
        "run.sh",
        RUN.format(mount="/models/m", options="", image=IMAGE, flags="--model_name m"),
        1,
    ),
}


@each_row("form", FORMS)
def test_a_lost_flag_that_names_the_model_is_fatal(form, tmp_path):
    name, text, line = FORMS[form]
    (tmp_path / name).write_text(text)
    hits = examine(tmp_path).findings
    assert [(hit.severity, hit.line) for hit in hits if hit.rule == "model-lost"] == [("error", line)]


# why the model is there all the same -> the files
FINE = {
    "the sign is there": {"run.sh": RUN.format(mount="/models", options="", image=IMAGE, flags=LINE.replace(" ", "="))},
    "it is mounted": {"run.sh": RUN.format(mount="/models/model", options="", image=IMAGE, flags=LINE)},
    "it is copied": {"Dockerfile": f"FROM {IMAGE}\nCOPY m /models/model/1\nCMD [{PAIR}]\n"},
    "a step fetches it": {"Dockerfile": f"FROM {IMAGE}\nRUN gsutil cp gs://b/m /models/model/1\nCMD [{PAIR}]\n"},
    "it is here": {
        "compose.yaml": FORMS["compose"][1] + "    volumes: ['./m:/models']\n",
        "m/model/1/saved_model.pb": "",
    },
    "its name is given beside it": {
        "run.sh": RUN.format(mount="/models", options="-e MODEL_NAME=m", image=IMAGE, flags=LINE)
    },
    "the name that is lost is the default": {
        "run.sh": RUN.format(mount="/models", options="", image=IMAGE, flags="--model_name model")
    },
    "another flag names it": {
        "run.sh": RUN.format(mount="/models", options="", image=IMAGE, flags="--model_base_path=/models/m " + LINE)
    },
}


@each_row("reason", FINE)
def test_a_lost_flag_is_not_fatal_where_the_model_is_there(reason, tmp_path):
    for name, text in FINE[reason].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert "model-lost" not in {hit.rule for hit in examine(tmp_path).findings}


def test_a_process_without_its_lost_flag_ends_at_once_as_lint_says(tmp_path):
    words = ["tensorflow_model_server", "--model_config_file", str(tmp_path / "models.config")]
    (tmp_path / "run.sh").write_text(" ".join(words) + "\n")
    done = subprocess.run([sys.executable, "-m", "model_server", *words[1:]], capture_output=True, check=False)
    assert done.returncode == 255
    assert b"unknown argument: --model_config_file" in done.stdout
    assert "no-model" in {hit.rule for hit in examine(tmp_path).findings if hit.severity == "error"}


def test_a_server_waits_for_the_model_of_the_images_script_as_lint_says(tmp_path):
    """What the script passes on is known, so it is passed on here; nobody opens a port while the model is missing."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = [f"--port={port}", "--model_name=model", f"--model_base_path={tmp_path}/model", "--model_config_file", "/x"]
    server = subprocess.Popen([sys.executable, "-m", "model_server", *flags], stderr=subprocess.PIPE, text=True)
    try:
        told = next(line for line in server.stderr if "No versions of servable" in line or "not find base path" in line)
        assert f"{tmp_path}/model" in told
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
        assert server.poll() is None
    finally:
        server.send_signal(signal.SIGKILL)
        server.communicate()


ALONE = "docker run -v %s tensorflow/serving:2.20.0 --model_name=leaf"


@each_row("mount", ["/srv/models:/models", "$PWD/all:/models"])
def test_a_name_as_a_flag_alone_does_not_move_the_base_path(mount):
    assert "name-without-path" in {hit.rule for hit in examine(ALONE % mount).findings}


@each_row("line", [
    ALONE % "/srv/leaf:/models/model",
    ALONE % "/srv/models:/models" + " --model_base_path=/models/leaf",
    ALONE.replace("-v", "-e MODEL_NAME=leaf -v") % "/srv/models:/models",
    ALONE.replace("leaf", "model") % "/srv/models:/models",
])  # fmt: skip
def test_a_name_beside_the_path_that_it_is_served_from_is_right(line):
    assert "name-without-path" not in {hit.rule for hit in examine(line).findings}
