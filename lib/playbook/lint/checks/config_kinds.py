"""Which config file of the server a text is, by the fields it names."""

from __future__ import annotations

import re
from functools import lru_cache

from playbook.tfserving.config_messages import CONFIG_MESSAGES

_TRITON = {"backend", "platform", "instance_group", "dynamic_batching"}  # its config.pbtxt shares our field names
_ENTRY = ({"base_path", "model_platform"}, {"base_path", "model_version_policy"}, {"base_path", "version_labels"},
          {"model_platform", "model_version_policy"}, {"model_version_policy", "version_labels"})  # fmt: skip
_BATCHING = ("max_batch_size", "batch_timeout_micros", "num_batch_threads", "allowed_batch_sizes",
             "max_enqueued_batches")  # fmt: skip
_SSL, _SESSION = ("server_key", "server_cert"), ("intra_op_parallelism_threads", "inter_op_parallelism_threads",
                                                 "gpu_options", "graph_options")  # fmt: skip
# without one of these names a text is none of the config files, as most of a repository's texts are not
_TOLD_BY = ("model_config_list", "custom_model_config", "base_path", "model_platform", "version_labels",
            "platform_configs", *_BATCHING,
            "prometheus_config", *_SSL, *_SESSION)  # fmt: skip
_LOG = re.compile(r"(?m)^\S*\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d|^[IWEF]\d{4} \d\d:")  # lines that tell of a config
_BEGINS = re.compile(
    r"\s*((#|//).*\n\s*)*[{\[\s]*\"?(model_config_list|max_batch_size|num_batch_threads|batch_timeout_micros|allowed_batch_sizes|"
    r"max_enqueued_batches|prometheus_config|platform_configs)\"?\s*[:{<=]|\s*((#|//).*\n\s*)*\w+[ \t]*\{(?!\s*['\"])"
)


def is_batching(content: str) -> bool:
    """True for a text of nothing but fields of BatchingParameters, whatever stands between them and their values."""
    fields = CONFIG_MESSAGES["BatchingParameters"].DESCRIPTOR.fields_by_name
    if not any(name in content for name in fields):
        return False
    names: set[str] = set()
    for line in content.split("\n"):
        if not line.strip() or line.lstrip().startswith(("#", "//")):
            continue
        if (match := _SETTING.fullmatch(line)) is None or match[1] not in fields:
            return False
        names.add(match[1])
    return bool(names) and names != {"max_batch_size"}


_SETTING = re.compile(r"\s*(\w+)\s*[:=]?\s*(?:\{\s*value\s*[:=]\s*)?[\w.\"-]+\s*\}?[,;]?\s*(?:#.*)?")


def is_config(content: str) -> bool:
    """True for a text that is a config file from its first word on, not one that holds some of its words."""
    return bool(_BEGINS.match(content)) and kind_of(content) is not None


@lru_cache(maxsize=128)
def kind_of(content: str) -> str | None:
    """Which flag would name a text proto with these fields; None when it is none of them."""
    if not any(name in content for name in _TOLD_BY) or _LOG.search(content):
        return None
    bare = re.sub(r"(?m)(#|//).*$", "", content)
    names = set(re.findall(r"([a-z_]+)[\"']?\s*(?:[:{<]|=\s*\{)", bare))
    if names & {"model_config_list", "custom_model_config"}:
        return "model_config_file"
    if names & _TRITON:
        return None
    if any(each <= names for each in _ENTRY):
        return "model_config_file"
    if "platform_configs" in names:
        return "platform_config_file"
    if names & {*_BATCHING}:
        return "batching_parameters_file"
    if "prometheus_config" in names:
        return "monitoring_config_file"
    if names & {*_SSL}:
        return "ssl_config_file"
    if names & {*_SESSION}:
        return "tensorflow_session_config_file"
    return None


def names_no_model(content: str) -> bool:
    """True for a list of models without one, as a program makes it to fill it later."""
    return re.fullmatch(r"\s*model_config_list\s*:?\s*\{\s*\}\s*", content) is not None


def flags_of(flag: str, batches: bool = False) -> str:
    """What to write for a config file of this flag's kind to be in effect: one of batching asks for batching, too,
    unless the server batches already."""
    return f"--enable_batching --{flag}" if flag == "batching_parameters_file" and not batches else f"--{flag}"
