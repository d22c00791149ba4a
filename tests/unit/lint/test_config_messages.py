"""The config messages of lint are those of the pip packages, field by field, where these hold them."""

import subprocess
import sys

from tables import each_row

from playbook.tfserving.config_messages import CONFIG_MESSAGES

SCRIPT = """
from model_server import tensorflow_package
tensorflow_package.install()
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.config import model_server_config_pb2, platform_config_pb2
def walk(kind, path, depth):
    for field in kind.fields:
        print(path, field.name, field.number, field.type)
        if field.message_type is not None and depth < 6 and field.name != "tensor":
            walk(field.message_type, path + "/" + field.name, depth + 1)
models, platforms = model_server_config_pb2.ModelServerConfig, platform_config_pb2.PlatformConfigMap
for message in (config_pb2.ConfigProto, models, platforms):
    walk(message.DESCRIPTOR, message.DESCRIPTOR.name, 0)
"""


def ours(kind, path, depth, rows):
    for field in kind.fields:
        rows.add(f"{path} {field.name} {field.number} {field.type}")
        if field.message_type is not None and depth < 6:
            ours(field.message_type, f"{path}/{field.name}", depth + 1, rows)


@each_row("name", ["ConfigProto", "ModelServerConfig", "PlatformConfigMap"])
def test_every_field_is_the_packages_own(name):
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    official = {row for row in done.stdout.splitlines() if row.split()[0].split("/")[0] == name}
    official = {row for row in official if " tensor " not in row}  # an optimizer's parameter that nobody writes
    rows: set[str] = set()
    ours(CONFIG_MESSAGES[name].DESCRIPTOR, name, 0, rows)
    assert rows == official
