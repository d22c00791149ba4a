# ruff: noqa: E501  (tables of texts, one a line)
"""Ports of the host: crossed ones, those of two servers, those that a request or Prometheus asks in vain."""

from tables import each_row

from playbook.lint.forms.shell_loops import turns
from playbook.lint.linter import examine

RUN = "docker run {} -v /srv/m:/models/m -e MODEL_NAME=m tensorflow/serving:2.20.0\n"
SERVE = "tensorflow_model_server --rest_api_port={} --port={} --model_base_path=/models/m{}\n"


def said(folder, rules, **files):
    """The lines at which these rules are met, by rule."""
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    return {(hit.rule, hit.line) for hit in examine(folder).findings if hit.rule in rules}


CROSSED = {
    "REST's port alone leads to gRPC": (RUN.format("-p 8501:8500"), {("ports-crossed", 1)}),
    "both are swapped, and it is said once": (RUN.format("-p 8501:8500 -p 8500:8501"), {("ports-crossed", 1)}),
    "by an address": (RUN.format("-p 127.0.0.1:8500:8501"), {("ports-crossed", 1)}),
    "the text asks gRPC there": (RUN.format("-p 8501:8500") + "grpcurl localhost:8501 list\n", set()),
    "the text asks REST where gRPC is": (
        RUN.format("-p 8501:8500") + "client = post('http://localhost:8501/v1/models/m:predict')\n",
        {("ports-crossed", 1)},
    ),
    "the text asks REST there": (RUN.format("-p 8500:8501") + "curl http://localhost:8500/v1/models/m\n", set()),
    "a second gRPC port beside the first": (RUN.format("-p 8500:8500") + RUN.format("-p 8501:8500"), set()),
    "the server's own ports are such": (
        RUN.strip().format("-p 8501:8501") + " --port=8501 --rest_api_port=8500\n",
        set(),
    ),
}


@each_row("form", CROSSED)
def test_ports_that_are_published_one_for_the_other_are_said(form, tmp_path):
    script, lines = CROSSED[form]
    assert said(tmp_path, {"ports-crossed"}, r_sh=script) == lines


TWICE = {
    "two processes and one REST port": (SERVE.format(8501, 8500, " &") + SERVE.format(8501, 8600, " &"), {("server-port-twice", 2)}),
    "REST's is the other's gRPC": (SERVE.format(8501, 8500, " &") + SERVE.format(8502, 8501, " &"), {("server-port-twice", 2)}),
    "one gRPC port": (SERVE.format(8501, 8500, " &") + SERVE.format(8502, 8500, " &"), {("grpc-port-shared", 2)}),
    "ports of their own": (SERVE.format(8501, 8500, " &") + SERVE.format(8502, 8600, " &"), set()),
    "the first is waited for": (SERVE.format(8501, 8500, "") + SERVE.format(8501, 8500, ""), set()),
    "the first is ended": (SERVE.format(8501, 8500, " &") + "kill $!\n" + SERVE.format(8501, 8500, " &"), set()),
    "branches of an if": ("if true; then\n" + SERVE.format(8501, 8500, " &") + "else\n" + SERVE.format(8501, 8500, " &") + "fi\n", set()),
    "two containers": (RUN.format("-d -p 8501:8501") + RUN.format("-d -p 8501:8501"), {("host-port-twice", 2)}),
    "two containers at two addresses": (RUN.format("-d -p 127.0.0.1:8501:8501") + RUN.format("-d -p 10.0.0.1:8501:8501"), set()),
    "the first is removed": (RUN.format("-d --name a -p 8501:8501") + "docker rm -f a\n" + RUN.format("-d -p 8501:8501"), set()),
    "a loop with a port that stays": ("for i in 0 1; do\n" + SERVE.format("$((8601+i))", 8500, " &") + "done\n", {("grpc-port-shared", 2)}),
    "a loop that counts both": ("for i in $(seq 0 3); do\n" + SERVE.format("$((8601+i))", "$((8500+i))", " &") + "done\n", set()),
    "a loop whose turns wait": ("for i in 0 1; do\n" + SERVE.format("$((8601+i))", 8500, "") + "done\n", set()),
}  # fmt: skip


@each_row(("ports", "lines"), [
    ("ports={'8501/tcp': 8500}", {("ports-crossed", 3)}),
    ("ports={'8501/tcp': 8501}", set()),
    ("ports={'8501/tcp': port}", set()),
    ("ports={'8500/tcp': ('127.0.0.1', 8501)}", set()),
])  # fmt: skip
def test_ports_that_python_publishes_crossed_are_said(ports, lines, tmp_path):
    code = f"import docker\n\ndocker.from_env().containers.run('tensorflow/serving:2.20.0', {ports})\n"
    assert said(tmp_path, {"ports-crossed"}, run_py=code) == lines


@each_row("form", TWICE)
def test_two_servers_of_a_script_that_want_one_port_are_said(form, tmp_path):
    script, lines = TWICE[form]
    assert said(tmp_path, {"server-port-twice", "grpc-port-shared", "host-port-twice"}, r_sh=script) == lines


@each_row(("more", "lines"), [
    ("", {("host-port-twice", 3)}),
    (", profiles: [gpu]", set()),
    (", network_mode: host", set()),
])  # fmt: skip
def test_two_services_with_one_port_of_the_host_are_said_where_both_are_started(more, lines, tmp_path):
    one = "{{image: 'tensorflow/serving:2.20.0', ports: ['8501:8501']{}}}\n"
    text = "services:\n  a: " + one.format("") + "  b: " + one.format(more)
    assert said(tmp_path, {"host-port-twice"}, compose_yaml=text) == lines


@each_row(("more", "lines"), [
    ("scale: 2, ports: ['8501:8501']", {("port-of-copies", 2)}),
    ("deploy: {replicas: 3}, ports: ['8501:8501']", {("port-of-copies", 2)}),
    ("deploy: {replicas: 3}, container_name: tfs", {("port-of-copies", 2)}),
    ("deploy: {replicas: 3}, ports: ['8501-8503:8501']", set()),
    ("deploy: {replicas: 3}, ports: ['8501']", set()),
    ("deploy: {replicas: 1}, ports: ['8501:8501']", set()),
    ("deploy: {replicas: 3, update_config: {parallelism: 1}}, ports: ['8501:8501']", set()),  # a swarm's
])  # fmt: skip
def test_copies_of_a_service_that_want_one_port_or_one_name_are_said(more, lines, tmp_path):
    text = f"services:\n  a: {{image: 'tensorflow/serving:2.20.0', {more}}}\n"
    assert said(tmp_path, {"port-of-copies"}, compose_yaml=text) == lines


@each_row(("port", "lines"), [("8501", {("request-wrong-port", 6)}), ("9501", set())])
def test_a_job_of_ci_that_asks_another_port_than_it_publishes_is_told(port, lines, tmp_path):
    (tmp_path / ".github/workflows").mkdir(parents=True)
    script = RUN.format("-d -p 9501:8501") + f"curl http://localhost:{port}/v1/models/m\n"
    steps = "".join(f"        {line}\n" for line in script.splitlines())
    (tmp_path / ".github/workflows/test.yml").write_text(f"jobs:\n  test:\n    steps:\n    - run: |\n{steps}")
    report = examine(tmp_path)
    assert {(hit.rule, hit.line) for hit in report.findings if hit.rule == "request-wrong-port"} == lines


def test_ports_are_published_as_spans_too(tmp_path):
    script = RUN.format("-p 8500-8501:8500-8501") + "curl http://localhost:8501/v1/models/m\n"
    assert said(tmp_path, {"request-wrong-port", "ports-crossed"}, r_sh=script) == set()


SCRAPE = "scrape_configs:\n- job_name: serving\n  metrics_path: /monitoring/prometheus/metrics\n  static_configs:\n  - targets: ['{}']\n"
COMPOSE = "services:\n  tfs:\n    image: tensorflow/serving:2.20.0\n    ports: ['9501:8501']\n"


@each_row(("target", "found"), [
    ("localhost:9501", set()),
    ("localhost:8501", {("metrics-port-closed", 5)}),
    ("host.docker.internal:8501", {("metrics-port-closed", 5)}),
    ("tfs:8501", set()),
    ("tfs:9501", {("metrics-port-closed", 5)}),
    ("elsewhere:8501", set()),
])  # fmt: skip
def test_a_scrape_must_go_where_rest_is_led(target, found, tmp_path):
    rules = {"metrics-port-closed", "metrics-from-inside"}
    assert said(tmp_path, rules, compose_yaml=COMPOSE, p_yml=SCRAPE.format(target)) == found


def test_a_loop_is_read_turn_by_turn():
    text = "for i in {1..3}; do\n  serve --port=$((8500+i)) \\\n    --name=m$i\ndone\n"
    (turn,) = turns(text, 2)
    assert [" ".join(each.split()) for each in turn] == [f"serve --port={8500 + i} --name=m{i}" for i in (1, 2, 3)]
    assert turns("for m in $(ls); do\n  serve --name=$m\ndone\n", 2) == []
