# ruff: noqa: E501  (tables of texts, one a line)
"""A script's order and its requests: a file written late or by another name, a request to a port where no REST is."""

from tables import each_row

from playbook.lint.linter import examine

SERVE = "tensorflow_model_server --rest_api_port=8501 --model_config_file=/c/m.config"
RUN = "docker run -d -p 8501:8501 -v $(pwd)/c:/c tensorflow/serving:2.20.0 --model_config_file=/c/m.config"
WRITE = "cat > {}m.config <<EOF\nmodel_config_list {{ }}\nEOF\n"

LATE = {
    "a process": f"{SERVE} &\n" + WRITE.format("/c/"),
    "a container, by its mount": f"{RUN}\n" + WRITE.format("c/"),
    "a container, by the folder's whole name": f"{RUN}\n" + WRITE.format("$PWD/c/"),
    "by tee": f"{RUN}\necho 'model_config_list {{ }}' | sudo tee c/m.config\n",
    "by a copy": f"{RUN}\ncp templates/m.config c/\n",
}
IN_TIME = {
    "written first": WRITE.format("c/") + f"{RUN}\n",
    "written first and again, to be read anew": WRITE.format("c/") + f"{RUN}\n" + WRITE.format("c/"),
    "read again as it changes": f"{RUN} --model_config_file_poll_wait_seconds=5\n" + WRITE.format("c/"),
    "another folder's": f"{RUN}\n" + WRITE.format("d/"),
    "a function that is called later": f"serve() {{\n  {RUN}\n}}\n" + WRITE.format("c/") + "serve\n",
    "its log": f"{SERVE} > /c/log\n",
}


@each_row("form", LATE)
def test_a_config_file_that_a_script_writes_after_the_start_is_named_at_its_flag(form, tmp_path):
    (tmp_path / "r.sh").write_text(LATE[form])
    late = [(hit.line, hit.severity) for hit in examine(tmp_path).findings if hit.rule == "config-file-late"]
    assert late == [(1, "error")]


@each_row("form", IN_TIME)
def test_a_config_file_that_is_there_in_time_is_not_called_late(form, tmp_path):
    (tmp_path / "r.sh").write_text(IN_TIME[form])
    assert "config-file-late" not in {hit.rule for hit in examine(tmp_path).findings}


def test_a_config_file_that_lies_beside_the_script_is_not_called_late(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "m.config").write_text("model_config_list { }\n")
    (tmp_path / "r.sh").write_text(f"{RUN}\n" + WRITE.format("c/"))
    assert "config-file-late" not in {hit.rule for hit in examine(tmp_path).findings}


WRITES = "with open('/tmp/c/{}', 'w') as f:\n    f.write('prometheus_config {{ enable: true }}')\n"
STARTS = "import docker\ndocker.from_env().containers.run('tensorflow/serving:2.20.0', volumes={{'/tmp/c': {{'bind': '/c'}}}}, command=['--monitoring_config_file=/c/{}'])\n"


@each_row(
    ("written", "asked", "more", "named"),
    [
        ("monitoring_config.txt", "monitoring.txt", "", True),
        ("monitoring.txt", "monitoring.txt", "", False),
        ("monitoring_config.txt", "monitoring.txt", "os.rename('/tmp/c/monitoring_config.txt', '/tmp/c/monitoring.txt')\n", False),
        ("a.txt", "monitoring.txt", WRITES.format("b.txt"), False),
    ],
)  # fmt: skip
def test_a_config_file_that_a_program_writes_by_another_name_is_named(written, asked, more, named, tmp_path):
    (tmp_path / "s.py").write_text(WRITES.format(written) + more + STARTS.format(asked))
    assert ("config-file-other-name" in {hit.rule for hit in examine(tmp_path).findings}) is named


def page(ports, asked, flags="", more=""):
    run = f"docker run {ports} -v /data/m:/models/m -e MODEL_NAME=m tensorflow/serving:2.20.0 {flags}"
    return f"# Serve\n\n```bash\n{run}\n```\n\nAsk:\n\n```bash\ncurl {asked}/v1/models/m:predict\n```\n{more}"


REFUSED = {
    "gRPC's port alone is published": (page("-p 8500:8500", "http://localhost:8500"), "gRPC's"),
    "both, and gRPC's is asked": (page("-p 8500:8500 -p 8501:8501", "http://localhost:8500"), "Ask port 8501"),
    "under another number": (page("-p 80:8501", "http://localhost:8501"), "Ask port 80"),
    "gRPC's under another number": (page("-p 9000:8500 -p 9001:8501", "http://host:9000"), "Ask port 9001"),
    "without http in front": (page("-p 8500:8500", "localhost:8500"), "gRPC's"),
    "behind it a second server takes the port": (page("-p 8501:8500", "http://localhost:8501", more="\nOr:\n\n```bash\ndocker run -p 8501:8501 -v /data/m:/models/model tensorflow/serving:2.20.0 $MORE\n```\n"), "gRPC's"),
    "a server's own port, which is not published": (page("-p 8501:8501", "http://127.0.0.1:9090", "--rest_api_port=8501 --port=9090"), "not published"),
}  # fmt: skip
ANSWERED = {
    "REST's": page("-p 8501:8501", "http://localhost:8501"),
    "REST's, under another number": page("-p 80:8501", "http://localhost:80"),
    "another host's": page("-p 8501:8501", "http://gateway:9000"),
    "a port that docker chooses": page("-p 8501", "http://localhost:32768"),
    "from inside the container": page("-p 80:8501", "http://localhost:80", more="\n    docker exec c curl http://localhost:8501/v1/models/m\n"),
    "through a proxy in front": page("-p 8501:8501", "http://localhost:8080", more="nginx listens on 8080.\n"),
    "of a second server": page("-p 8501:8501", "http://localhost:9001", more="\n```bash\ndocker run -p 9001:8501 -v /data/m:/models/model tensorflow/serving:2.20.0\n```\n"),
    "flags that stand elsewhere": page("-p 8500:8500", "http://localhost:8500", "$FLAGS"),
}  # fmt: skip


@each_row("form", REFUSED)
def test_a_request_that_a_documents_server_cannot_answer_is_named_at_its_line(form, tmp_path):
    text, why = REFUSED[form]
    (tmp_path / "README.md").write_text(text)
    (hit,) = [hit for hit in examine(tmp_path).findings if hit.rule == "request-wrong-port"]
    assert hit.line == next(number for number, line in enumerate(text.split("\n"), 1) if line.startswith("curl"))
    assert why in f"{hit.message} {hit.remedy}"


@each_row(
    ("flags", "rule"),
    [("", "rest-port-off"), ("--rest_api_port=8601", "request-wrong-port"), ("--rest_api_port=8501", None)],
)
def test_a_script_that_asks_its_own_server_where_nothing_listens_is_named(flags, rule, tmp_path):
    (tmp_path / "r.sh").write_text(
        f"tensorflow_model_server --port=8500 --model_base_path=/srv/m {flags} &\nsleep 9\ncurl -s localhost:8501/v1/models/default\n"
    )
    assert {"rest-port-off", "request-wrong-port"} & {hit.rule for hit in examine(tmp_path).findings} == {rule} - {None}


@each_row(
    ("url", "found"),
    [
        ("http://localhost:8501/metrics", True),
        ("http://localhost:8501/monitoring/metrics", True),
        ("http://localhost:8501/monitoring/prometheus/metrics", False),
        ("http://localhost:9090/metrics", False),  # Prometheus' own, say
    ],
)
def test_a_document_that_asks_for_metrics_elsewhere_than_the_server_shows_them_is_named(url, found, tmp_path):
    (tmp_path / "README.md").write_text(page("-p 8501:8501", "http://localhost:8501", more=f"\n`curl {url}`\n"))
    hits = [hit.line for hit in examine(tmp_path).findings if hit.rule == "metrics-path-mismatch"]
    assert hits == ([13] if found else [])


@each_row("form", ANSWERED)
def test_a_request_that_may_be_answered_is_not_blamed(form, tmp_path):
    (tmp_path / "README.md").write_text(ANSWERED[form])
    assert "request-wrong-port" not in {hit.rule for hit in examine(tmp_path).findings}


def test_a_batching_file_that_comes_too_late_is_not_called_rewritten(tmp_path):
    start = (
        "tensorflow_model_server --model_base_path=/m --enable_batching --batching_parameters_file=/tmp/batching.conf &"
    )
    (tmp_path / "s.sh").write_text(f"{start}\necho 'max_batch_size {{ value: 8 }}' > /tmp/batching.conf\nsleep 5\n")
    rules = {hit.rule for hit in examine(tmp_path).findings}
    assert rules & {"config-file-late", "batching-rewritten-in-place"} == {"config-file-late"}
