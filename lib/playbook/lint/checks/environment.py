"""Environment variables that look like settings of the server: who reads them, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from playbook.lint.checks.config_kinds import flags_of
from playbook.lint.forms.text import Word
from playbook.tfserving.config_messages import CONFIG_MESSAGES
from playbook.tfserving.flags import FLAGS

BATCHING_FIELDS = tuple(CONFIG_MESSAGES["BatchingParameters"].DESCRIPTOR.fields_by_name)
_READ_BY_SCRIPT = ("MODEL_NAME", "MODEL_BASE_PATH")
OURS_ALONE = re.compile(r"^(TF_SERVING|TENSORFLOW_SERVING|TFSERVING|TFS)_")  # other programs have none of these
_OURS = re.compile(r"^(TF_SERVING|TENSORFLOW_SERVING|TFSERVING|TFS|TF)_")
_STORE = re.compile(r"^(GCS|GS|S3|AWS|AZURE|MINIO|HDFS)_(?=MODEL_(PATH|DIR|BASE_PATH)$)")
READ_BY_PLATFORM = ("STORAGE_URI",)  # KServe fetches what it names, in the container's stead
# where a model is to be fetched from, as other servers are told
_FETCHED = re.compile(
    r"([A-Z0-9]+_)?(MODELS?|STORAGE|SAVED_MODEL)_(URI|URL|S3_(URI|PATH|URL))|MODEL_BUCKET|STORAGE_PATH"
)
_ALSO_NAMES = set(
    [
        "MODEL_CONFIG",
        "MODEL_CONF",
        "MODEL_CONFIG_PATH",
        "MODEL_PATH",
        "BATCHING_CONFIG",
        "BATCHING_PARAMETERS",
        "ENABLE_METRICS",
        "ENABLE_MONITORING",
        "BATCHING_CONFIG_FILE",
        "MONITORING_CONFIG",
        "BATCH_SIZE",
        "MODEL_DIR",
        "MODEL_VERSION",
        "MODEL_VERSION_POLICY",
        "REST_PORT",
        "GRPC_PORT",
        "GRPC_API_PORT",
        "HTTP_API_PORT",
    ]
)
_MEANT = re.compile(
    r"((GRPC|REST|HTTP|SERVER|SERVING)_)?(NUM|MAX|MIN|ENABLE|DISABLE)_"
    r"(\w+_)?(GPUS?|SERVERS?|WORKERS?|THREADS?|BATCH\w*|MODELS?|CONCURREN\w+)(_\w+)?"
    r"|(TF_)?(BATCH|BATCHING)_(ENABLED|TIMEOUT\w*|SIZE|THREADS|MAX_\w+)|(GRPC|REST|HTTP|SERVER|SERVING)_(WORKERS|THREADS)"
)
_THREADS = re.compile(r"(?:TF|TENSORFLOW)_\w*?(INTRA|INTER)_?OP_?(?:PARALLELISM|THREADS?|NUM_THREADS)\w*")
_OTHERS_READ = {"OMP_NUM_THREADS", "TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS"}


_KNOWN = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
    "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_LOG_LEVEL",
    "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_SDK_LOAD_CONFIG",
    "AWS_CA_BUNDLE", "AWS_DEFAULT_PROFILE", "AWS_ROLE_SESSION_NAME", "AWS_USE_HTTPS", "AWS_VERIFY_SSL",
    "S3_ENDPOINT", "S3_ENDPOINT_URL", "S3_REGION", "S3_USE_HTTPS", "S3_VERIFY_SSL", "S3_BUCKET", "S3_CA_FILE",
    "S3_CA_PATH", "S3_CONNECT_TIMEOUT_MSEC", "S3_REQUEST_TIMEOUT_MSEC", "S3_VIRTUAL_ADDRESSING", "S3_PATH_STYLE",
    "GOOGLE_APPLICATION_CREDENTIALS", "TF_FORCE_GPU_ALLOW_GROWTH", "TF_CPP_MIN_LOG_LEVEL", "TF_CPP_MAX_VLOG_LEVEL",
    "TF_CPP_MIN_VLOG_LEVEL", "TF_CPP_VMODULE", "TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS", "TF_GPU_ALLOCATOR",
    "TF_GPU_THREAD_MODE", "TF_GPU_THREAD_COUNT", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
    "TF_CUDNN_DETERMINISTIC", "TF_DETERMINISTIC_OPS", "TF_ENABLE_GPU_GARBAGE_COLLECTION", "TF_CUDNN_USE_AUTOTUNE",
)  # fmt: skip
_ALIKE = 0.93
_ALIKE_OF_SCRIPT = 0.86  # MODEL_NAME_PATH, MODELNAME
# what people call a flag otherwise
_OTHER_WORDS = {
    "model_config": "model_config_file",
    "model_config_path": "model_config_file",
    "rest_port": "rest_api_port",
    "http_port": "rest_api_port",
    "http_api_port": "rest_api_port",
    "grpc_port": "port",
    "grpc_api_port": "port",
}
_REST_BY_HABIT = "8501"


def filled_in(words: Sequence[Word], environment: Mapping[str, Word]) -> list[Word]:
    """Words in which Kubernetes has put the values of `$(NAME)`; a value that is not known leaves the name."""

    def fill(match: re.Match) -> str:
        if match[0].startswith("$$"):
            return match[0]
        value = environment.get(match[1], Word("$"))
        return match.group() if "$" in value or "{{" in value else value  # `<bucket>` is told, and to be filled in

    put = lambda text: re.sub(r"\$?\$\((\w+)\)", fill, text)  # noqa: E731
    return [Word(put(word), word.line, word.raw, put(word.written), word.path) for word in words]


def is_unread(name: str, referenced: str, by_script: bool) -> bool:
    """True for a variable meant as a setting that nobody reads.

    `referenced` is all text that may use it; `by_script`: the image's own script runs, and reads two of them.
    """
    if name != name.strip() or name.startswith("--"):
        return True  # a blank beside the equals sign belongs to the name; a flag is no variable
    if re.search(rf"\$[{{(]?{re.escape(name)}\b", referenced) or name in _OTHERS_READ:
        return False
    if name in _READ_BY_SCRIPT:
        return not by_script
    return _is_setting(name)


def _is_setting(name: str) -> bool:
    if OURS_ALONE.match(name) or _THREADS.fullmatch(name) or misspelt(name) or _meant_for_script(name):
        return True
    bare = _STORE.sub("", _OURS.sub("", name))
    settings = FLAGS.keys() - {"port", "version"} | set(BATCHING_FIELDS)
    tail = "_" in bare and any(flag.endswith("_" + bare.lower()) for flag in settings)
    threads = name.startswith("TENSORFLOW_") and name.lower().removesuffix("_threads") in settings
    meant = _MEANT.fullmatch(name) or _FETCHED.fullmatch(name)
    return bare.lower() in settings or tail or threads or bare in _ALSO_NAMES or bool(meant)


def _meant_for_script(name: str) -> str:
    """The one of the script's two variables that a name is a word or a letter away from; "" for none."""
    near = get_close_matches(name, _READ_BY_SCRIPT, 1, _ALIKE_OF_SCRIPT)
    return near[0] if near and name not in _READ_BY_SCRIPT else ""


def is_told(name: str, value: str, args: Sequence[str]) -> bool:
    """True for a name of somebody's own for a file that a flag names, too: nobody takes it for the server's."""
    flag = flag_meant(name)
    return flag not in ("", _bare(name)) and flag.endswith("_file") and f"--{flag}={value}" in args


def misspelt(name: str) -> str:
    """The variable of TensorFlow's or of the AWS SDK's that a name is a letter or two away from; "" for none."""
    if name in _KNOWN or not name.startswith(("TF_", "AWS_", "S3_", "GOOGLE_")):
        return ""
    return next(iter(get_close_matches(name, _KNOWN, 1, _ALIKE)), "")


def flag_meant(name: str) -> str:
    """The flag that a variable was to set; "" for none."""
    bare = _bare(name)
    flag = next((flag for flag in FLAGS if flag in (bare, bare + "_file", bare.replace("_config", "_parameters"))), "")
    return flag or _OTHER_WORDS.get(bare, "")


def _bare(name: str) -> str:
    return _OURS.sub("", name.strip().lstrip("-")).lower()


def instead_of(name: str, value: str, batches: bool = False) -> str:
    """What to do with a variable that nobody reads; `batches`: the server is told to batch by a flag."""
    if name != name.strip():
        return f"Write {name.strip()}={value.strip()}, without the blanks: they belong to the name."
    if right := misspelt(name):
        return f"Write {right}."
    if right := _meant_for_script(name):
        return f"Write {right}, or give the flag --{right.lower()}."
    if threads := _THREADS.fullmatch(name):
        return (f"Write TF_NUM_{threads[1]}OP_THREADS={value or 'N'}, or append the flag "
                f"--tensorflow_{threads[1].lower()}_op_parallelism={value or 'N'}.")  # fmt: skip
    if _FETCHED.fullmatch(name):
        return "The server fetches nothing: put the model where --model_base_path leads before it starts."
    bare, flag = _bare(name), flag_meant(name)
    flag = "rest_api_port" if (flag, value) == ("port", _REST_BY_HABIT) else flag
    if name in _READ_BY_SCRIPT:
        return f"The entrypoint is replaced, so give --{name.lower()} as a flag."
    if flag:
        flags = flags_of(flag, batches)
        return f"Append the flag{'s' if ' ' in flags else ''} {flags}={value or '<value>'} to the arguments."
    if bare in BATCHING_FIELDS:
        return f"Write {bare} {{ value: {value or 'N'} }} into the batching_parameters_file."
    return "Drop it; settings are flags, appended to the arguments."
