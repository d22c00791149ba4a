"""What a program of Python's is given: defaults of its command line, what a function's one call hands it, mounts."""

from tables import each_row

from playbook.lint.linter import examine

ARGPARSE = """import argparse, subprocess
parser = argparse.ArgumentParser()
parser.add_argument("-d", "--model-dir"{model})
parser.add_argument("--rest-port", type=int, default={rest})
args = parser.parse_args()
subprocess.Popen(
    f"tensorflow_model_server --port=8500 --rest_api_port={{args.rest_port}} "
    f"--model_base_path={{args.model_dir}}",
    shell=True)
"""
FLAGS = """from absl import app, flags
flags.DEFINE_string("model_dir", "export/m", "where it lies")
FLAGS = flags.FLAGS
def main(_):
    os.system(f"tensorflow_model_server --port=8500 --model_base_path={FLAGS.model_dir}")
app.run(main)
"""
CALLED = """import subprocess
def start(model_dir, port=8501):
    subprocess.Popen(["tensorflow_model_server", "--port=8500", f"--model_base_path={{model_dir}}"])
start({})
"""


def found(folder, code):
    (folder / "s.py").write_text(code)
    return {(hit.rule, hit.line) for hit in examine(folder).findings if hit.rule != "monitoring-missing"}


@each_row(
    ("model", "rest", "hits"),
    [
        (', default="./export"', 8501, {("relative-base-path", 8)}),
        (', default="/srv/m"', 8500, {("rest-port-is-grpc-port", 7)}),
        (', default="/srv/m"', 8501, set()),
        ("", 8501, set()),
        (', default=""', 8501, set()),
        (', default=None, required=True', 8501, set()),
    ],
)  # fmt: skip
def test_defaults_of_argparse_are_what_the_server_gets(model, rest, hits, tmp_path):
    assert found(tmp_path, ARGPARSE.format(model=model, rest=rest)) == hits


def test_a_default_that_the_program_changes_is_not_known(tmp_path):
    code = ARGPARSE.format(model=', default="./export"', rest=8501)
    changed = code.replace(
        "subprocess.Popen(\n", "args.model_dir = os.path.abspath(args.model_dir)\nsubprocess.Popen(\n"
    )
    assert found(tmp_path, changed) == set()


def test_defaults_of_absl_are_what_the_server_gets(tmp_path):
    assert found(tmp_path, FLAGS) == {("relative-base-path", 5)}


@each_row(
    ("given", "hits"),
    [('"models/m"', {("relative-base-path", 3)}), ('"/srv/m"', set()), ("path", set()), ("*paths", set()),
     ('"models/m")\nstart("/srv/m"', set())],
)  # fmt: skip
def test_what_a_functions_one_call_gives_it_is_known(given, hits, tmp_path):
    assert found(tmp_path, CALLED.format(given)) == hits


def test_a_mount_is_known_by_its_target_wherever_it_lies_on_the_host(tmp_path):
    code = (
        "import os, docker\n"
        "docker.from_env().containers.run('tensorflow/serving:2.20.0', environment={'MODEL_NAME': 'leaf'},\n"
        "    volumes={os.path.abspath('export'): {'bind': '/models/%s', 'mode': 'ro'}})\n"
    )
    assert ("base-path-missing", 2) in found(tmp_path, code % "leafs")
    assert found(tmp_path, code % "leaf") == set()
