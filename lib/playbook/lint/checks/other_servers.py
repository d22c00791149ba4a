"""Config files of OpenVINO's model server, which are JSON and share TensorFlow Serving's names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from playbook.lint.forms.text import Text

_JSON = re.compile(r"\s*[{\[]\s*\"?(model|mediapipe|pipeline)_config_list\b|\s*\{\s*\"(config|monitoring)\"")
_OURS = '"model_platform"'  # a field that only TensorFlow Serving has
_FIELDS = re.compile(
    r"\"(mediapipe_config_list|pipeline_config_list|custom_node_library_config_list|custom_loader_config_list|batch_size|"
    r"plugin_config|target_device|nireq|shape|layout|graph_path|subconfig|stateful|allow_cache|monitoring)\"\s*:"
)
_NAMED = re.compile(r"openvino|\bovms\b|\bOVMS", re.IGNORECASE)
OPENVINO = "OpenVINO Model Server's"


def names_openvino(text: Text) -> bool:
    """True for a text that tells of OpenVINO's model server, in it or in its name."""
    return bool(_NAMED.search(text.content) or _NAMED.search(text.path))


def is_openvinos(text: Text, around: Iterable[Text]) -> bool:
    """True for a model list of OpenVINO's server: by its fields, or by what the texts around it tell of."""
    if not _JSON.match(text.content.replace("\\", "").replace("^", "")) or _OURS in text.content:
        return False
    return bool(_FIELDS.search(text.content)) or any(map(names_openvino, (text, *around)))
