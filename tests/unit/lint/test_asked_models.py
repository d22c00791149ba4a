# ruff: noqa: E501  (tables of texts, one a line)
"""Requests for a model that no server here has are named; where its models may be others, nothing is said."""

from tables import each_row

from playbook.lint.linter import examine

RUN = "docker run -p 8501:8501 -v $PWD/leaf:/models/leaf -e MODEL_NAME=leaf tensorflow/serving:2.20.0"
COMPOSE = "services:\n  s:\n    image: tensorflow/serving:2.20.0\n    ports: ['8501:8501', '8500:8500']\n    environment: [MODEL_NAME=leaf]\n    volumes: ['/srv/leaf:/models/leaf']\n"
URL = "http://localhost:8501/v1/models/{}:predict"
GRPC = "from tensorflow_serving.apis import predict_pb2\nrequest = predict_pb2.PredictRequest()\nrequest.model_spec.name = {}\n"
LIST = "model_config_list { config { name: 'leaf' base_path: '/models/leaf' model_platform: 'tensorflow' } }\n"
BY_LIST = "docker run -p 8501:8501 -v $PWD/leaf:/models/leaf -v $PWD/m.config:/m.config tensorflow/serving:2.20.0 --model_config_file=/m.config"
# what is read -> the files, the place of the finding
NAMED = {
    "a document's own request": (
        {"README.md": f"```\n{RUN}\ncurl -d @a {URL.format('tree')}\n```\n"},
        ("README.md", 3),
    ),
    "a program's, of a compose file": (
        {"compose.yaml": COMPOSE, "ask.py": f"import requests\nrequests.post('{URL.format('tree')}')\n"},
        ("ask.py", 2),
    ),
    "a name that the program gives once": (
        {
            "compose.yaml": COMPOSE,
            "ask.py": "import requests\nNAME = 'tree'\nrequests.post(f'http://localhost:8501/v1/models/{NAME}:predict')\n",
        },
        ("ask.py", 3),
    ),
    "by gRPC": ({"compose.yaml": COMPOSE, "ask.py": GRPC.format("'tree'")}, ("ask.py", 3)),
    "by gRPC, a name": ({"compose.yaml": COMPOSE, "ask.py": "MODEL = 'tree'\n" + GRPC.format("MODEL")}, ("ask.py", 4)),
    "of a container that is committed": (
        {
            "README.md": "```\ndocker run -d --name base tensorflow/serving:2.20.0\ndocker cp leaf base:/models/leaf\ndocker commit --change 'ENV MODEL_NAME leaf' base leaf\ndocker run -d -p 8501:8501 leaf\n```\n",
            "ask.py": f"import requests\nrequests.post('{URL.format('tree')}')\n",
        },
        ("ask.py", 2),
    ),
    "of a list": (
        {"README.md": f"```\n{BY_LIST}\ncurl -d @a {URL.format('tree')}\n```\n", "m.config": LIST},
        ("README.md", 3),
    ),
}
SILENT = {
    "the name that is served": {"README.md": f"```\n{RUN}\ncurl -d @a {URL.format('leaf')}\n```\n", "ask.py": GRPC.format("'leaf'")},
    "a name to fill in": {"README.md": f"```\n{RUN}\ncurl -d @a {URL.format('MODEL_NAME')}\n```\n"},
    "another server's": {"README.md": f"```\n{RUN}\ncurl -d @a {URL.format('tree').replace('8501', '9501')}\n```\n"},
    "a list that is read again": {"README.md": f"```\n{BY_LIST} --model_config_file_poll_wait_seconds=9\ncurl -d @a {URL.format('tree')}\n```\n", "m.config": LIST},
    "a list that is sent later": {"README.md": f"```\n{BY_LIST}\ncurl -d @a {URL.format('tree')}\n```\n", "m.config": LIST, "more.py": "from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest\n"},
    "a server whose model is not told": {"README.md": f"```\ndocker run -p 8501:8501 tensorflow/serving:2.20.0\ncurl -d @a {URL.format('tree')}\n```\n"},
    "a program's test": {"compose.yaml": COMPOSE, "tests/test_ask.py": GRPC.format("'tree'")},
    "a program among servers that differ": {"compose.yaml": COMPOSE, "README.md": f"```\n{RUN.replace('leaf', 'root')}\n```\n", "ask.py": GRPC.format("'tree'")},
    "a name that is not known": {"compose.yaml": COMPOSE, "ask.py": GRPC.format("args.model")},
}  # fmt: skip


def _asked(files, folder):
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(content)
    return [(hit.path, hit.line) for hit in examine(folder).findings if hit.rule == "client-wrong-model"]


@each_row("form", NAMED)
def test_a_request_for_a_model_that_no_server_here_has_is_named(form, tmp_path):
    files, place = NAMED[form]
    assert _asked(files, tmp_path) == [place]


@each_row("form", SILENT)
def test_a_request_that_may_be_answered_is_not_called_wrong(form, tmp_path):
    assert _asked(SILENT[form], tmp_path) == []
