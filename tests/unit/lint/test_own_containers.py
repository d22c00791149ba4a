# ruff: noqa: E501  (tables of texts, one a line)
"""Programs in containers that cannot reach the server: by `localhost`, or from another network."""

from tables import each_row

from playbook.lint.linter import examine

SERVER = "services:\n  s:\n    image: tensorflow/serving:2.20.0\n    ports: ['8501:8501']\n    environment: [MODEL_NAME=leaf]\n    volumes: ['/srv/leaf:/models/leaf']\n"
APP = SERVER + "  app:\n    build: {}\n"
URL = "URL = 'http://localhost:8501/v1/models/leaf:predict'\n"
BY_URL = {"compose.yaml": APP.format("./app"), "app/ask.py": URL}
OTHER = SERVER + "    networks: [inner]\n  app:\n    build: ./app\n    {}\nnetworks: {{inner: {{}}, outer: {{}}}}\n"
NAMED = {
    "an address in a program": (BY_URL, "app/ask.py", 1, "client-wrong-port"),
    "a channel": (
        {**BY_URL, "app/ask.py": "import grpc\nchannel = grpc.insecure_channel('localhost:8500')\n"},
        "app/ask.py",
        2,
        "client-wrong-port",
    ),
    "a folder as its context": (
        {**BY_URL, "compose.yaml": APP.format("{context: app}")},
        "app/ask.py",
        1,
        "client-wrong-port",
    ),
    "a link to another network": (
        {"compose.yaml": OTHER.format("links: [s]")},
        "compose.yaml",
        10,
        "client-other-network",
    ),
    "an address in another network": (
        {"compose.yaml": OTHER.format("environment: ['URL=http://s:8501']")},
        "compose.yaml",
        10,
        "client-other-network",
    ),
}
SILENT = {
    "a default that the environment replaces": {
        "compose.yaml": APP.format("./app") + "    environment: ['URL=http://s:8501/v1/models/leaf']\n",
        "app/ask.py": "import os\nURL = os.getenv('URL', 'http://localhost:8501/v1/models/leaf')\n",
    },
    "a test of the program": {"compose.yaml": APP.format("./app"), "app/test_ask.py": URL},
    "a program beside the compose file": {"compose.yaml": APP.format("."), "ask.py": URL},
    "a program of no service": {"compose.yaml": APP.format("./app"), "client/ask.py": URL},
    "the host's network": {**BY_URL, "compose.yaml": APP.format("./app") + "    network_mode: host\n"},
    "a network that both have": {"compose.yaml": OTHER.format("links: [s]\n    networks: [outer, inner]")},
    "a service shown in part": {"compose.yaml": OTHER.format("links: [s]").replace("    build: ./app\n", "")},
    "a service of two files": {
        "compose.yaml": OTHER.format("links: [s]"),
        "more.yaml": "services:\n  app:\n    networks: [inner]\n",
    },
}
RULES = ("client-wrong-port", "client-other-network")


def _said(files, folder):
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(content)
    return [(hit.path, hit.line, hit.rule) for hit in examine(folder).findings if hit.rule in RULES]


@each_row("form", NAMED)
def test_a_program_that_cannot_reach_the_server_from_its_container_is_named(form, tmp_path):
    files, *place = NAMED[form]
    assert _said(files, tmp_path) == [tuple(place)]


@each_row("form", SILENT)
def test_a_program_that_may_reach_the_server_is_not(form, tmp_path):
    assert _said(SILENT[form], tmp_path) == []
