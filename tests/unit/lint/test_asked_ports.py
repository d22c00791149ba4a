# ruff: noqa: E501  (tables of texts, one a line)
"""Programs beside a server that ask a port of this machine at which it does not answer."""

from tables import each_row

from playbook.lint.linter import examine

RUN = "docker run -d {} -v $PWD/m:/models/m -e MODEL_NAME=m tensorflow/serving:2.20.0 {}\n"
GRPC = "import grpc\nfrom tensorflow_serving.apis import prediction_service_pb2_grpc\nchannel = grpc.insecure_channel('{}')\n"
REST = "import requests\n\nrequests.post('http://{}/v1/models/m:predict', json={{}})\n"
BOTH = "-p 8500:8500 -p 8501:8501"


@each_row(("published", "flags", "client", "said"), [
    (BOTH, "", GRPC.format("localhost:8500"), False),
    (BOTH, "", REST.format("localhost:8501"), False),
    (BOTH, "", GRPC.format("localhost:8501"), True),
    (BOTH, "", REST.format("127.0.0.1:8500"), True),
    ("-p 8501:8501", "", GRPC.format("localhost:8500"), True),
    ("-p 9000:8500", "", GRPC.format("0.0.0.0:8500"), True),
    ("-p 9000:8500", "", GRPC.format("localhost:9000"), False),
    ("-p 9501:9501", "--rest_api_port=9501", REST.format("localhost:9501"), False),
    ("-p 9501:9501", "--rest_api_port=9501", REST.format("localhost:8501"), True),
    (BOTH, "", REST.format("serving.example.com:9000"), False),
    (BOTH, "", "#" + REST.format("localhost:9000").replace("\n", "\n#"), False),
    ("-p 8080:8080", "", REST.format("localhost:8080"), False),  # said of what is published
])  # fmt: skip
def test_a_program_that_asks_a_port_at_which_no_server_here_answers_is_told(published, flags, client, said, tmp_path):
    (tmp_path / "run.sh").write_text(RUN.format(published, flags))
    (tmp_path / "client.py").write_text(client)
    hits = {(hit.path, hit.line) for hit in examine(tmp_path).findings if hit.rule == "request-wrong-port"}
    assert hits == ({("client.py", 3)} if said else set())


@each_row("files", [
    {"forward.sh": "kubectl port-forward svc/tfs 9000:8500\n"},  # another way to it
    {"other.sh": RUN.format("-p 9000:8500", "")},  # several servers: one of them, or one that is not here
    {"Dockerfile": "FROM tensorflow/serving:2.20.0\nENV MODEL_NAME=m\nCOPY m /models/m\n"},  # whose ports who runs it tells
])  # fmt: skip
def test_nothing_is_said_where_a_server_may_be_reached_otherwise(files, tmp_path):
    for name, text in {"run.sh": RUN.format(BOTH, ""), "client.py": GRPC.format("localhost:9000"), **files}.items():
        (tmp_path / name).write_text(text)
    assert "request-wrong-port" not in {hit.rule for hit in examine(tmp_path).findings}


@each_row(("port", "said"), [("8500", True), ("9000", True), ("8501", False), ("7000", False)])
def test_of_several_servers_the_ports_of_the_other_protocol_count_alone(port, said, tmp_path):
    (tmp_path / "run.sh").write_text(RUN.format(BOTH, "") + RUN.format("-p 9000:8500 -p 9001:8501", ""))
    (tmp_path / "client.py").write_text(REST.format(f"localhost:{port}"))
    assert ("request-wrong-port" in {hit.rule for hit in examine(tmp_path).findings}) == said


STUBS = "from tensorflow_serving.apis import prediction_service_pb2_grpc\n"
FLAG = STUBS + "DEFINE_string('server', 'localhost:{}', 'host:port')\n"
OPTION = STUBS + "parser.add_argument('-s', '--server', default='localhost:{}')\n"
VARIABLE = "URL = os.getenv('URL', 'http://localhost:{}')\nrequests.post(f'{{URL}}/v1/models/m:predict')\n"


@each_row(("client", "others", "said"), [
    (FLAG.format(8501), {}, True),
    (FLAG.format(8500), {}, False),
    (FLAG.format(9000), {}, False),  # who starts it may give another
    (OPTION.format(8501), {}, True),
    (OPTION.format(8501), {"ask.sh": "python client.py --server=localhost:8500\n"}, False),
    (OPTION.format(8501) + "requests.get('http://example.com')\n", {}, False),  # who speaks both may mean either
    (VARIABLE.format(8500), {}, True),
    (VARIABLE.format(8501), {}, False),
    (VARIABLE.format(8500), {".env": "URL=http://localhost:8501\n"}, False),
])  # fmt: skip
def test_a_default_address_leads_to_the_protocol_that_the_program_speaks(client, others, said, tmp_path):
    for name, text in {"run.sh": RUN.format(BOTH, ""), "client.py": client, **others}.items():
        (tmp_path / name).write_text(text)
    assert ("request-wrong-port" in {hit.rule for hit in examine(tmp_path).findings}) == said


@each_row(
    ("client", "read"),
    [(GRPC.format("localhost:8500"), True), (REST.format("localhost:8501"), True), ("print(1)\n", False)],
)
def test_a_program_that_asks_a_server_here_counts_as_read(client, read, tmp_path):
    (tmp_path / "run.sh").write_text(RUN.format(BOTH, ""))
    (tmp_path / "client.py").write_text(client)
    assert ("client.py" in examine(tmp_path).files) == read


SDK = "import docker\nimport requests\ndocker.from_env().containers.run('tensorflow/serving:2.20.0', environment={{'MODEL_NAME': 'm'}}, detach=True{})\n"


@each_row(("given", "said"), [
    ("", True), (", ports={'8501/tcp': 8501}", False), (", network_mode='host'", False), (", publish_all_ports=True", False),
])  # fmt: skip
def test_a_program_that_starts_a_container_without_ports_and_asks_it_is_told(given, said, tmp_path):
    program = SDK.format(given) + "requests.get('http://localhost:8501/v1/models/m')\n"
    (tmp_path / "deploy.py").write_text(program)
    assert ("client-wrong-port" in {hit.rule for hit in examine(tmp_path).findings}) == said
