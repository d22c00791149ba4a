"""What a finding says to do does not lead into the next fault."""

from tables import each_row

from playbook.lint.linter import examine

FILES = {
    "batching_parameters_file": ('{"max_batch_size": {"value": 32}}', "max_batch_size { value: 32 }"),
    "model_config_file": ('{"model_config_list": {}}', "model_config_list { config {"),
    "monitoring_config_file": ('{"prometheus_config": {"enable": true}}', "prometheus_config { enable: true"),
}


@each_row("flag", FILES)
def test_a_file_in_json_is_told_the_form_of_its_own_kind(flag, tmp_path):
    written, right = FILES[flag]
    (tmp_path / "c.json").write_text(written)
    (tmp_path / "r.sh").write_text(f"tensorflow_model_server --enable_batching --{flag}=c.json\n")
    (hit,) = [hit for hit in examine(tmp_path).findings if hit.rule == "config-json"]
    assert right in hit.remedy


@each_row(("port", "right"), [(8501, "--port=8500"), (8500, "8501"), (9000, "8501")])
def test_one_port_for_both_is_told_one_that_is_free(port, right):
    line = f"--port={port} --rest_api_port={port} --model_base_path=/models/m"
    (hit,) = [hit for hit in examine(line).findings if hit.rule == "rest-port-is-grpc-port"]
    assert right in hit.remedy


@each_row(
    ("text", "rule", "right", "wrong"),
    [
        ("tensorflow_model_server --name=x --model_base_path=/models/x\n", "unknown-flag", "Drop it", "docker run"),
        ("docker run -v /d/leaf/1656000000:/models/leaf -e MODEL_NAME=leaf tensorflow/serving:2.14.1\n",
         "base-path-version", "mount its parent, /d/leaf", "\n"),
        ("docker run -v /d/m:/models/half tensorflow/serving:2.14.1\n", "base-path-missing", "MODEL_NAME=half", "\n"),
        ("docker run -e TF_INTRA_OP_PARALLELISM=4 -v /d/m:/models/model tensorflow/serving:2.14.1\n",
         "env-nobody-reads", "TF_NUM_INTRAOP_THREADS=4", "Drop it"),
        ("docker run -e BATCHING_PARAMETERS_FILE=/c/b.txt -v /d/m:/models/model tensorflow/serving:2.14.1 "
         "--enable_batching\n", "env-nobody-reads", "flag --batching_parameters_file=/c/b.txt", "--enable_batching "),
        ("docker run -v pwd/m:/models/model tensorflow/serving:2.14.1\n",
         "mount-source-relative", "$PWD/m:/models/model", "pwd/m:"),
        ("docker run -v /d/m:/models/model tensorflow/serving:2.14.1 /app/serve.sh\n",
         "cmd-over-entrypoint", 'ENTRYPOINT ["/app/serve.sh"]', "Keep only flags"),
        ("docker run -e BATCHING_PARAMETERS_FILE=/c/b.txt -v /d/m:/models/model tensorflow/serving:2.14.1\n",
         "env-nobody-reads", "--enable_batching --batching_parameters_file=/c/b.txt", "Drop it"),
        ("docker run -e TF_CPP_MIN_LOG_LEVL=3 -v /d/m:/models/model tensorflow/serving:2.14.1\n",
         "env-nobody-reads", "Write TF_CPP_MIN_LOG_LEVEL.", "Drop it"),
    ],
)  # fmt: skip
def test_a_remedy_is_of_the_kind_of_start(text, rule, right, wrong, tmp_path):
    (tmp_path / "run.sh").write_text(text)
    (hit,) = [hit for hit in examine(tmp_path).findings if hit.rule == rule]
    assert right in hit.remedy
    assert wrong not in hit.remedy


def test_pip_is_installed_by_the_name_of_its_package(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM tensorflow/serving:2.14.1\nRUN pip install requests\n")
    (hit,) = [hit for hit in examine(tmp_path).findings if hit.rule == "tool-not-in-image"]
    assert hit.remedy.endswith("apt-get install -y python3-pip.")


@each_row(
    ("more", "said"),
    [
        ({}, True),
        ({"run": "docker run -e TF_PORT=8501 rank\n"}, False),
        ({"run": "docker run --env-file settings.env rank\n"}, False),
        ({"script": "TF_PORT=$(cat /etc/port)\n"}, False),
        ({"script": ". /etc/ports.sh\n"}, False),
        ({"script": 'if [ -z "$TF_PORT" ]; then exit 1; fi\n'}, False),
        ({"image": "ARG TF_PORT\n"}, False),
        ({"image": "ENV TF_PORT=8501\n"}, False),
        ({"run": "echo built\n"}, False),
        ({"beside": "services: {rank: {image: rank, environment: [TF_PORT=8501]}}\n"}, False),
        ({"beside": "spec: {containers: [{image: other, env: [{name: TF_PORT, value: '1'}]}]}\n"}, False),
        ({"beside": "spec: {containers: [{image: other}]}\n"}, True),
    ],
)
def test_a_variable_of_the_images_script_is_empty_where_all_that_could_set_it_is_shown(more, said, tmp_path):
    start = "tensorflow_model_server --rest_api_port=$TF_PORT --model_base_path=/models/m\n"
    script = f"#!/bin/bash\n{more.get('script', '')}{start}"
    image = f"FROM tensorflow/serving:2.14.1\n{more.get('image', '')}COPY m /models/m\nCOPY go.sh /go.sh\n"
    (tmp_path / "go.sh").write_text(script)
    (tmp_path / "Dockerfile").write_text(image + 'ENTRYPOINT ["/go.sh"]\n')
    (tmp_path / "run.sh").write_text("docker build -t rank .\n" + more.get("run", "docker run -p 8501:8501 rank\n"))
    (tmp_path / "beside.yaml").write_text(more.get("beside", ""))
    rules = {hit.rule for hit in examine(tmp_path).findings}
    assert ("flag-variable-refused" in rules) == said


@each_row(("flags", "right"), [
    ("--allowed_size=8", "allowed_batch_sizes: ..., one line a size"),
    ("--batch_timeout=500", "batch_timeout_micros { value: ... }"),
    ("--tensorflow_session_parallelism_inter=4", "Write --tensorflow_inter_op_parallelism=4."),
    ("--rest_api_host=0.0.0.0", "Did you mean --rest_api_port?"),
    ("--rest_api_port=8501 --rest_api_host=0.0.0.0", "Drop it"),  # what it is like is given by itself
])  # fmt: skip
def test_an_unknown_flag_is_told_what_was_meant_by_it(flags, right):
    hits = [hit for hit in examine(f"--model_base_path=/models/m {flags}").findings if hit.rule == "unknown-flag"]
    assert [right in hit.remedy for hit in hits] == [True]


@each_row(("probe", "said"), [
    ("{tcpSocket: {port: 8500}}", True),
    ("{tcpSocket: {port: 8500}, initialDelaySeconds: 30}", True),
    ("{tcpSocket: {port: 8500}, initialDelaySeconds: 240, failureThreshold: 10}", False),
    ("{tcpSocket: {port: 8500}, periodSeconds: 60, failureThreshold: 5}", False),
])  # fmt: skip
def test_a_liveness_probe_that_lets_a_load_take_minutes_needs_no_other(probe, said, tmp_path):
    (tmp_path / "pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: m}\nspec:\n  containers:\n  - name: m\n"
        f"    image: tensorflow/serving:2.20.0\n    livenessProbe: {probe}\n"
    )
    assert ("liveness-without-startup" in {hit.rule for hit in examine(tmp_path).findings}) == said
