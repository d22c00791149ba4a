"""Configs that Python builds of messages or fills into texts, and command lines that programs put together by `+`."""

from tables import each_row

from playbook.lint.linter import examine

RELOAD = """from tensorflow_serving.config import model_server_config_pb2

def reload(stub, request):
    config = model_server_config_pb2.ModelServerConfig()
    models = model_server_config_pb2.ModelConfigList()
    one = models.config.add()
    one.name, one.base_path = "cats", "models/cats"
    two = models.config.add(name="dogs", base_path="/models/dogs", model_platform="tensorflow")
    two.version_labels["stable"] = 1
    config.model_config_list.CopyFrom(models)
    request.config.CopyFrom(config)
"""
FILE = """from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelConfigList, ModelServerConfig

config = ModelServerConfig(model_config_list=ModelConfigList(config=[
    ModelConfig(name="a", base_path="/models/a", model_platform="tensorflow"),
    ModelConfig(name="a", base_path="/models/b", model_platform="tensorflow",
                version_labels={"canary": 3}),
]))
with open("models.config", "w") as f:
    f.write(text_format.MessageToString(config))
"""
FILLED = """from tensorflow_serving.config import model_server_config_pb2
def entries(models, folder, names):
    for name in names:
        entry = models.config.add()
        fill(entry, name)
    other = models.config.add()
    other.name = folder.name
    other.base_path = str(folder)
    other.model_platform = "tensorflow"
"""
FORMAT = """MONITORING = \"\"\"
prometheus_config {{
  enable: {on},
  path: "{path}"
}}
\"\"\".format(on="false", path="/metrics")
open("monitoring.config", "w").write(MONITORING)
"""
ONE_LINE = (
    "text = \"model_config_list {{\\n config {{\\n name: '{0}'\\n base_path: 'data/{0}'\\n"
    ' model_platform: \'tensorflow\' }}\\n}}".format("m")\nprint("read by the server")\n'
    'open("models.config", "w").write(text)\n'
)
TEXTS = {
    "a field of a message": ("a.py", RELOAD, {("relative-base-path", 7), ("model-platform-missing", 6)}),
    "constructors inside constructors": ("a.py", FILE, {("model-twice", 6), ("labels-at-start", 7)}),
    "an entry that others fill": ("a.py", FILLED, set()),
    "a text that format fills in": ("a.py", FORMAT, {("monitoring-off", 3)}),
    "lines inside one line": ("a.py", ONE_LINE, {("relative-base-path", 1)}),
    "a quote left open in Python": (
        "a.py",
        'import os\nos.system("tensorflow_model_server --port=8500 --model_base_path=\'/models/m")\n',
        {("quote-not-closed", 2)},
    ),
    "a quote that a value stands in": (
        "a.go",
        'package a\nvar c = exec.Command("sh", "-c", "tensorflow_model_server --model_name=\'"+name+"\' '
        '--model_base_path=models/m")\n',
        {("relative-base-path", 2)},
    ),
    "an apostrophe of a message": (
        "A.java",
        'log.error("tensorflow_model_server --port=8500 --model_base_path=/models/m isn\'t running");\n',
        set(),
    ),
    "a program and its arguments as one text": (
        "a.cs",
        'var p = new ProcessStartInfo("tensorflow_model_server", $"--port={port} --model_base_path=models/m");\n',
        {("relative-base-path", 1)},
    ),
}
NOT_HELD = {"monitoring-missing", "image-not-pinned", "unknown-flag"}


@each_row("name", TEXTS)
def test_what_a_program_puts_together_is_judged_where_it_is_written(name, tmp_path):
    path, text, faults = TEXTS[name]
    (tmp_path / path).write_text(text)
    hits = examine(tmp_path).findings
    assert {(hit.rule, hit.line) for hit in hits if hit.rule not in NOT_HELD} == faults
