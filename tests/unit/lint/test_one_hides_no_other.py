"""Two faults in one text: the one that is met first hides nothing of the other, which is judged as it is meant."""

import random

from cluster_texts import DEPLOYED
from lint_pairs import forms, hidden, pairs
from tables import each_row

from playbook.lint.linter import examine

PIECES = "-v $PWD/m:/models/m \\\n  -e MODEL_NAME=m \\\n  tensorflow/serving:2.20.0 --rest_api_timeout_in_ms=30s \\\n"
PIECES += "  --enable_per_model_metrics=true\n"
EARLY_ENDS = {
    "a blank behind the backslash": "docker run -d -p 8501:8501 \\ \n  " + PIECES,
    "a comment in the middle": "docker run -d -p 8501:8501 \\\n  # the models\n  " + PIECES,
    "an empty line in the middle": "docker run -d -p 8501:8501 \\\n\n  " + PIECES,
    "no backslash": "docker run -d -p 8501:8501\n  " + PIECES,
    "twice": "docker run -d \\ \n  -p 8501:8501 \\ \n  " + PIECES,
}
BY_FLAGS = "        args: [--rest_api_port=8501, --model_name=m, --model_base_path=gs://b/m]\n"
PROBES = """        readinessProbe:
          httpGet: {path: /v1/models/m, port: 8080}
        startupProbe:
          httpGet: {path: /v1/models/other, port: 8501}
"""
SPLIT = """        command: [sh, -c]
        args: [tensorflow_model_server, --rest_api_port=8501, --model_name=m, --model_base_path=gs://b/m]
"""
SERVICE = """---
apiVersion: v1
kind: Service
metadata: {name: tfs}
spec:
  selector: {app: server}
  ports:
  - {name: a, port: 80, targetPort: 8502}
"""
LIST = 'model_config_list { config { name: "scorer" base_path: "gs://b/s" model_platform: "tensorflow" } }'


def told(tmp_path, text, name):
    (tmp_path / name).write_text(text)
    return {(hit.rule, hit.line) for hit in examine(tmp_path).findings}


@each_row("way", EARLY_ENDS)
def test_what_stands_behind_a_line_that_ends_too_early_is_judged_as_meant(way, tmp_path):
    text = EARLY_ENDS[way]
    last = text.count("\n")
    hits = told(tmp_path, text, "run.sh")
    assert hits >= {("flag-bad-value", last - 1), ("unknown-flag", last)}
    assert "line-not-continued" in {rule for rule, _ in hits}


def test_a_line_of_the_binary_that_ends_too_early_is_judged_as_it_runs_and_as_it_is_meant(tmp_path):
    text = "tensorflow_model_server --port=8500 \\ \n  --model_base_path=models/m \\\n  --num_load_threads=two\n"
    as_it_runs = {("no-model", 1), ("line-not-continued", 2)}
    assert told(tmp_path, text, "run.sh") == as_it_runs | {("relative-base-path", 2), ("flag-bad-value", 3)}


def test_options_before_an_early_end_are_judged_where_the_image_stands_behind_it(tmp_path):
    text = "docker run -v data/m:/models/m -p 8501:9000 \\ \n  -e MODEL_NAME=m tensorflow/serving:2.20.0\n"
    hits = told(tmp_path, text, "run.sh")
    assert hits >= {("mount-source-relative", 1), ("port-nobody-listens", 1), ("line-not-continued", 2)}


def test_a_script_in_a_pod_that_ends_too_early_is_judged_as_meant(tmp_path):
    script = "        command: [sh, -c]\n        args:\n        - |\n          tensorflow_model_server --port=8500\n"
    script += "            --model_base_path=models/m \\\n            --num_load_threads=two\n"
    hits = told(tmp_path, DEPLOYED + script, "d.yaml")
    assert hits >= {("line-not-continued", 16), ("relative-base-path", 16), ("flag-bad-value", 17)}


def test_probes_are_judged_where_a_shell_gets_its_words_apart(tmp_path):
    hits = told(tmp_path, DEPLOYED + SPLIT + PROBES, "d.yaml")
    assert hits >= {("shell-args-split", 13), ("probe-wrong-port", 15), ("probe-wrong-path", 17)}


def test_a_list_that_python_hands_to_a_shell_is_judged_word_by_word(tmp_path):
    words = '"tensorflow_model_server", "--port=8500",\n  "--model_base_path=models/m",\n  "--num_load_threads=two"'
    hits = told(tmp_path, f"import subprocess\nsubprocess.Popen([{words}], shell=True)\n", "serve.py")
    assert hits >= {("shell-args-split", 2), ("relative-base-path", 3), ("flag-bad-value", 4)}


@each_row("path", ["/config/models.config", "/etc/tfs/models.config"])
def test_a_probe_asks_for_a_model_of_the_list_wherever_that_is_mounted(path, tmp_path):
    pod = f"        args: [--model_config_file={path}]\n{PROBES.replace('8080', '8501')}"
    pod += "        volumeMounts: [{name: c, mountPath: /etc/tfs}]\n      volumes: [{name: c, configMap: {name: c}}]\n"
    maps = f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  models.config: '{LIST}'\n"
    hits = told(tmp_path, DEPLOYED + pod + maps, "d.yaml")
    assert hits >= {("probe-wrong-path", 14), ("probe-wrong-path", 16)}
    assert ("config-file-missing" in {rule for rule, _ in hits}) == path.startswith("/config")
    right = (DEPLOYED + pod + maps).replace("/v1/models/m,", "/v1/models/scorer,").replace("/other,", "/scorer,")
    assert "probe-wrong-path" not in {rule for rule, _ in told(tmp_path, right, "d.yaml")}


def test_a_service_is_judged_by_the_one_server_that_its_wrong_selector_is_meant_for(tmp_path):
    hits = told(tmp_path, DEPLOYED + BY_FLAGS + SERVICE, "d.yaml")
    assert hits >= {("service-selects-nothing", 18), ("service-port-closed", 20)}
    route = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: way}\nspec:\n  defaultBackend:\n"
    route += "    service: {name: tfs, port: {number: 8080}}\n"
    assert ("route-wrong-port", 27) in told(tmp_path, DEPLOYED + BY_FLAGS + SERVICE + route, "d.yaml")
    redis = SERVICE.replace("name: tfs", "name: redis").replace("8502", "6379")
    assert "service-selects-nothing" not in {
        rule for rule, _ in told(tmp_path, DEPLOYED + BY_FLAGS + redis * 2, "d.yaml")
    }


@each_row("base", ["${MODEL_BASE_PATH}", "$MODEL_BASE_PATH"])
@each_row("env", ["", "ENV MODEL_BASE_PATH=/models\n"])
def test_a_literal_variable_hides_no_lost_version_folder(base, env, tmp_path):
    text = f"FROM tensorflow/serving:2.20.0\nCOPY m/1 /models/m\n{env}"
    text += f'ENTRYPOINT ["tensorflow_model_server", "--port=8500", "--model_base_path={base}/m"]\n'
    assert told(tmp_path, text, "Dockerfile") >= {("literal-variable", 3 + bool(env)), ("no-version", 2)}


def test_flags_in_one_word_are_judged_but_no_advice_is_given_on_what_does_not_exist(tmp_path):
    line = "tensorflow_model_server --enable_batching --model_base_path=models/m"
    for name, text in (
        ("Dockerfile", f'FROM tensorflow/serving:2.20.0\nENTRYPOINT ["{line}"]\n'),
        ("run.sh", f'"{line}"\n'),
    ):
        rules = {rule for rule, _ in told(tmp_path, text, name)}
        assert rules >= {"flags-in-one-word", "relative-base-path"}
        assert "batching-defaults" not in rules


def test_a_config_file_that_a_variable_was_to_name_leaves_the_server_without_a_model(tmp_path):
    run = "docker run -p 8501:8501 -v $PWD/models:/models -e MODEL_CONFIG_FILE=/models/m.config {}tensorflow/serving\n"
    errors = {hit.rule for hit in _errors(tmp_path, run.format(""))}
    assert errors == {"model-lost"}
    assert not _errors(tmp_path, run.format("-e MODEL_NAME=m "))  # which may lie there


def test_a_base_path_inside_a_version_is_an_error(tmp_path):
    run = "docker run -p 8501:8501 -v $PWD/models:/models tensorflow/serving:2.20.0 --model_base_path=/models/m/1\n"
    assert [hit.rule for hit in _errors(tmp_path, run)] == ["base-path-version"]


def _errors(tmp_path, text):
    (tmp_path / "run.sh").write_text(text)
    return [hit for hit in examine(tmp_path).findings if hit.severity == "error"]


def test_a_script_over_several_lines_of_yaml_is_judged_once(tmp_path):
    script = "        command: [sh, -c]\n        args:\n        - tensorflow_model_server\n          --port=8500\n"
    (tmp_path / "d.yaml").write_text(f"{DEPLOYED}{script}          --model_base_path=models/m\n")
    assert [hit.rule for hit in examine(tmp_path).findings].count("relative-base-path") == 1


def test_an_unknown_field_cites_the_proto_of_its_message(tmp_path):
    (tmp_path / "session.config").write_text("gpu_options { allow_grow: true }\n")
    (tmp_path / "run.sh").write_text(
        "tensorflow_model_server --port=8500 --model_base_path=/m --tensorflow_session_config_file=session.config\n"
    )
    hit = next(hit for hit in examine(tmp_path).findings if hit.rule == "config-unknown-field")
    assert "tensorflow/core/protobuf/config.proto" in hit.source
    assert "model_server_config" not in hit.source


SHARE = 8  # faults of each form; make fuzz ARGS=lint-pairs tries all


@each_row("form, texts, faults", forms())
def test_two_faults_of_a_text_are_both_named_whatever_its_form(form, texts, faults):
    drawn = {name: faults[name] for name in random.Random(form).sample(sorted(faults), SHARE)}
    alone, both = pairs(texts, drawn)
    assert both
    assert set().union(*(hidden(texts, pair, alone, faults) for pair in both)) == set()


@each_row("line, rules", [
    ("docker run -v $PWD/m: /models/m tensorflow/serving --port=x", {"docker-run-without-image", "flag-bad-value"}),
    ("docker run -v -p 80:9000 tensorflow/ serving --port=x",
     {"docker-run-without-image", "image-name-broken", "port-nobody-listens", "flag-bad-value"}),
    ("docker run --mount type=bind, source=m,target=/models/m tensorflow/serving --port=x",
     {"mount-without-source", "mount-source-relative", "flag-bad-value"}),
    ("docker run --mount type=bind,source=/m tensorflow/serving --port=x", {"mount-without-source", "flag-bad-value"}),
    ("docker run --port=x -e TF_ENABLE_BATCHING=1 tensorflow/serving --rest_api_num_threads=1",
     {"flag-before-image", "flag-bad-value", "env-nobody-reads", "rest-threads-one"}),
])  # fmt: skip
def test_a_line_that_misses_its_image_has_its_other_faults_named(line, rules, tmp_path):
    assert {rule for rule, _ in told(tmp_path, line + "\n", "run.sh")} >= rules


@each_row("text, rules", [
    ("model_config_list { config { name: 'm' base_path: 'models/m' model_platform: 'tensorflow' }",
     {"config-file-broken", "relative-base-path"}),
    ("model_config_list = { config { name: 'm' base_path: 'models/m' model_platform: 'tensorflow' } }",
     {"config-file-broken", "relative-base-path"}),
    ('{"model_config_list": {"config": [{"name": "m", "base_path": "models/m", "model_platform": "tensorflow"}]}}',
     {"config-json", "relative-base-path"}),
    ("model_config_lists { config { name: 'm' base_path: 'models/m' model_platform: 'tensorflow' } }",
     {"config-unknown-field", "relative-base-path"}),
])  # fmt: skip
def test_a_list_that_the_server_cannot_read_has_its_other_faults_named(text, rules, tmp_path):
    (tmp_path / "models.config").write_text(text + "\n")
    line = "tensorflow_model_server --port=8500 --model_config_file=models.config\n"
    assert {rule for rule, _ in told(tmp_path, line, "run.sh")} == {*rules}


def test_a_text_that_makes_no_sense_once_its_braces_close_is_told_as_one_that_does_not(tmp_path):
    (tmp_path / "tls.config").write_text('server_key: "-----BEGIN KEY-----\nMIIE+AQ\n-----END KEY-----"\n')
    line = "tensorflow_model_server --port=8500 --model_base_path=/m --ssl_config_file=tls.config\n"
    assert {rule for rule, _ in told(tmp_path, line, "run.sh")} & {"config-file-broken", "config-unknown-field"} == {
        "config-file-broken"
    }
