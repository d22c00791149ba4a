"""Programs that compose runs beside a server ask it by its name there: `localhost` is their own container."""

from tables import each_row

from playbook.lint.linter import examine

SERVER = """services:
  leaf:
    image: tensorflow/serving:2.20.0
    ports: ['9001:8501', '8500:8500']
    environment: [MODEL_NAME=leaf]
    volumes: ['/srv/leaf:/models/leaf']
"""
WEB = SERVER + "  web:\n    build: web/\n"
SHARED = SERVER + "  web:\n    build: .\n"
ASKS = "import requests\nrequests.post('http://localhost:9001/v1/models/leaf:predict')\n"
RPC = (
    "import grpc\nfrom tensorflow_serving.apis import predict_pb2\nCHANNEL = grpc.insecure_channel('localhost:8500')\n"
)
READS = "import os\nURL = os.getenv('LEAF_URL', 'http://localhost:8501/v1/models/leaf')\n"
STARTS = "FROM python:3.12\nCOPY . .\nCMD ['python', 'app.py']\n"
# what is read -> the files, the place of the finding
NAMED = {
    "the port inside": ({"compose.yaml": WEB, "web/app.py": ASKS.replace("9001", "8501")}, ("web/app.py", 2)),
    "the port of the machine": ({"compose.yaml": WEB, "web/app.py": ASKS}, ("web/app.py", 2)),
    "by gRPC": ({"compose.yaml": WEB, "web/app.py": RPC}, ("web/app.py", 3)),
    "a variable that nobody sets": ({"compose.yaml": WEB, "web/app.py": READS}, ("web/app.py", 2)),
    "a folder that all share, by what is started": (
        {"compose.yaml": SHARED, "Dockerfile": STARTS, "app.py": ASKS},
        ("app.py", 2),
    ),
    "a folder that all share, by what that imports": (
        {"compose.yaml": SHARED, "Dockerfile": STARTS, "app.py": "from asking import ask\n", "asking.py": ASKS},
        ("asking.py", 2),
    ),
    "a service's command": (
        {"compose.yaml": SHARED + "    command: uvicorn main:app\n", "main.py": ASKS},
        ("main.py", 2),
    ),
    "a variable that no program reads": (
        {"compose.yaml": WEB + "    environment: [TF_SERVING_HOST=leaf:8500]\n", "web/app.py": RPC},
        ("web/app.py", 3),
    ),
}
SILENT = {
    "the machine's network": {"compose.yaml": WEB + "    network_mode: host\n", "web/app.py": ASKS},
    "hosts that are told": {"compose.yaml": WEB + "    extra_hosts: ['localhost:host-gateway']\n", "web/app.py": ASKS},
    "a variable that is set": {
        "compose.yaml": WEB + "    environment: [LEAF_URL=http://leaf:8501/v1/models/leaf]\n",
        "web/app.py": READS,
    },
    "a file of variables": {"compose.yaml": WEB + "    env_file: .env\n", "web/app.py": READS},
    "a variable that its image sets": {
        "compose.yaml": WEB,
        "web/Dockerfile": "FROM python:3.12\nCOPY . .\nENV LEAF_URL=http://leaf:8501/v1/models/leaf\n",
        "web/app.py": READS,
    },
    "an option's default": {
        "compose.yaml": WEB,
        "web/app.py": "parser.add_argument(\n    '--url', default='http://localhost:8501/v1/models/leaf')\n",
    },
    "one of two branches": {
        "compose.yaml": WEB,
        "web/app.py": "URL = 'http://localhost:8501/v1/models/leaf'\nif DOCKER:\n    URL = f'http://{NAME}:8501/v1/models/leaf'\n",
    },
    "a program that names the server, too": {"compose.yaml": WEB, "web/app.py": ASKS + "OTHER = 'http://leaf:8501'\n"},
    "another program in a folder that all share": {
        "compose.yaml": SHARED,
        "Dockerfile": STARTS,
        "app.py": "print()\n",
        "ask.py": ASKS,
    },
    "a program that is not copied": {
        "compose.yaml": WEB,
        "web/Dockerfile": "FROM python:3.12\nCOPY app.py /\n",
        "web/other.py": ASKS,
    },
    "a page in a browser": {"compose.yaml": WEB, "web/app.js": "fetch('http://localhost:9001/v1/models/leaf')\n"},
    "a program of the machine": {"compose.yaml": WEB, "ask.py": ASKS},
    "a test": {"compose.yaml": WEB, "web/tests/test_app.py": ASKS},
    "another port": {"compose.yaml": WEB, "web/app.py": ASKS.replace("9001", "5000")},
    "a program that serves in its own container": {
        "compose.yaml": SERVER,
        "web/app.py": ASKS,
    },
}


def _told(files, folder, rule="client-wrong-port"):
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(content)
    return [(hit.path, hit.line) for hit in examine(folder).findings if hit.rule == rule]


@each_row("form", NAMED)
def test_a_program_that_asks_its_own_container_is_told_the_servers_name(form, tmp_path):
    files, place = NAMED[form]
    assert _told(files, tmp_path) == [place]


@each_row("form", SILENT)
def test_a_program_that_may_reach_a_server_by_localhost_is_left_alone(form, tmp_path):
    assert _told(SILENT[form], tmp_path) == []


def test_a_model_that_a_list_does_not_have_is_named_where_a_server_is_asked_by_its_containers_name(tmp_path):
    listed = "services:\n  s:\n    image: tensorflow/serving:2.20.0\n    container_name: trees\n    volumes: ['./m.config:/m.config']\n    command: [--model_config_file=/m.config]\n"  # noqa: E501
    models = "model_config_list { config { name: 'oak' base_path: '/models/oak' model_platform: 'tensorflow' } }\n"
    asks = "import requests\nrequests.get('http://{}:8501/v1/models/{}')\n"
    files = {"compose.yaml": listed, "m.config": models, "wrong.py": asks.format("trees", "elm"),
             "right.py": asks.format("s", "oak"), "other.py": asks.format("shrubs", "elm")}  # fmt: skip
    assert _told(files, tmp_path, "client-wrong-model") == [("wrong.py", 2)]


def test_a_container_that_publishes_no_port_is_named_where_a_program_asks_for_it_on_this_machine(tmp_path):
    run = "docker run {}-v /srv/leaf:/models/leaf -e MODEL_NAME=leaf tensorflow/serving:2.20.0\n"
    asks = ASKS.replace("9001", "8501")
    ways = {"no": ("", asks), "published": ("-p 8501:8501 ", asks), "host": ("--network host ", asks), "none": ("", "")}
    for name, (options, program) in ways.items():
        (tmp_path / name).mkdir()
        told = _told({"run.sh": run.format(options), "app.py": program}, tmp_path / name)
        assert told == ([("run.sh", 1)] if name == "no" else [])
