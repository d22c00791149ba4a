"""Lint of the values of single flags: numbers beyond their range, units mistaken, words that mean nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from playbook.lint.checks.command import Command, is_official
from playbook.lint.forms.text import is_unknown
from playbook.lint.rules.findings import Finding, finding
from playbook.tfserving.flags import FLAGS

_NEW = ("enable_grpc_healthcheck_service", "enable_serialization_as_tensor_content", "mixed_precision",
        "skip_initialize_tpu", "xla_gpu_compilation_enabled")  # fmt: skip
_SHORT_TIMEOUT_MS = 100
_TINY_RETRY_MICROS = 1000
_PORTS = 2**16
_ARGUMENTS = [f"grpc.{name}" for name in (
    "max_concurrent_streams", "max_receive_message_length", "max_send_message_length", "max_connection_idle_ms",
    "max_connection_age_ms", "max_connection_age_grace_ms", "max_metadata_size", "absolute_max_metadata_size",
    "keepalive_time_ms", "keepalive_timeout_ms", "keepalive_permit_without_calls", "http2.max_pings_without_data",
    "http2.max_ping_strikes", "http2.min_ping_interval_without_data_ms", "http2.min_recv_ping_interval_without_data_ms",
    "http2.max_frame_size", "http2.write_buffer_size", "http2.lookahead_bytes", "http2.bdp_probe", "so_reuseport",
    "server_handshake_timeout_ms", "default_compression_algorithm", "default_compression_level",
    "per_rpc_retry_buffer_size", "tcp_read_chunk_size", "enable_channelz", "use_cronet_packet_coalescing",
)]  # fmt: skip
_LONGEST_SOCKET = 107  # sun_path of sockaddr_un, less its end


def check_values(command: Command) -> Iterator[Finding]:
    """Findings of each flag's value by itself."""
    for check in (_numbers, _times, _grpc_arguments, _texts, _warmup, _credentials, _image):
        yield from check(command)


def _at(command: Command, rule: str, name: str = "", /, **words: object) -> Finding:
    return finding(rule, command.path, command.at(name), **words)


def _numbers(command: Command) -> Iterator[Finding]:
    for name in ("port", "rest_api_port"):
        port = command.number(name)
        if port != (taken := port % _PORTS):
            where = str(taken) if taken else "one that the system picks"
            yield _at(command, "port-out-of-range", name, flag=f"--{name}", port=port, taken=where)
    fraction = command.text("per_process_gpu_memory_fraction")
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", fraction) and not 0 <= float(fraction) <= 1:
        yield _at(command, "gpu-fraction-beyond", "per_process_gpu_memory_fraction", fraction=fraction)
    polled = command.number("model_config_file_poll_wait_seconds") > 0 and not command.partial
    if polled and not command.text("model_config_file"):
        yield _at(command, "config-poll-unused", "model_config_file_poll_wait_seconds")


def _times(command: Command) -> Iterator[Finding]:
    timeout_ms = command.number("rest_api_timeout_in_ms", 30_000)
    if 0 < timeout_ms < _SHORT_TIMEOUT_MS:
        yield _at(command, "rest-timeout-short", "rest_api_timeout_in_ms", timeout_ms=timeout_ms)
    retries = command.number("max_num_load_retries", 5)
    if retries < 0:
        yield _at(command, "retries-negative", "max_num_load_retries", retries=retries)
    micros = command.number("load_retry_interval_micros")
    if 0 < micros < _TINY_RETRY_MICROS and retries > 0:
        yield _at(command, "retry-interval-tiny", "load_retry_interval_micros", micros=micros)


def _grpc_arguments(command: Command) -> Iterator[Finding]:
    name = "grpc_channel_arguments"
    arguments = command.text(name)
    for part in arguments.split(",") if arguments and not is_unknown(arguments) else ():
        argument, equals, value = part.partition("=")
        if not equals:
            yield _at(command, "grpc-arguments-crash", name, part=repr(part) if part else "an empty part")
        elif problem := _argument_problem(argument, value):
            yield _at(command, "grpc-arguments-malformed", name, part=part, problem=problem)


def _argument_problem(name: str, value: str) -> str:
    near = get_close_matches(name, _ARGUMENTS, 1, 0.85)
    if name not in _ARGUMENTS and (f"grpc.{name}" in _ARGUMENTS or near):
        return f"is no argument of gRPC's, which calls it {near[0] if near else 'grpc.' + name}"
    wants_number = re.search(r"_(ms|length|size|bytes|pings|streams|time)$|\.max_|_without_", name)
    return "" if not wants_number or re.fullmatch(r"\s*[+-]?\d+\s*", value) else "wants a whole number"


def _texts(command: Command) -> Iterator[Finding]:
    for name, value in command.given.items():
        if FLAGS.get(name) == "text" and value != value.strip() and value.strip():
            yield _at(command, "value-with-blank", name, field=f"--{name}", value=str(value))
        if FLAGS.get(name) == "text" and len(value) > 2 and value[0] == value[-1] and value[0] in "\"'":
            yield _at(command, "quotes-kept", name, flag=f"--{name}", value=value, bare=value[1:-1])
    precision = command.text("mixed_precision")
    if precision not in ("", "bfloat16") and not is_unknown(precision):
        yield _at(command, "mixed-precision-unknown", "mixed_precision", value=precision)
    socket = command.text("grpc_socket_path")
    if socket.startswith("unix:") and "/" in socket:
        problem = "begins with unix:, which the server puts in front itself"
        right = "/" + socket.removeprefix("unix:").lstrip("/")
        yield _at(command, "socket-path", "grpc_socket_path", path=socket, problem=problem, remedy=f"Write {right}.")
    elif len(socket.encode()) > _LONGEST_SOCKET and not is_unknown(socket):
        words = {"path": socket, "problem": f"is longer than {_LONGEST_SOCKET} bytes", "remedy": "Use a shorter path."}
        yield _at(command, "socket-path", "grpc_socket_path", **words)
    yield from _tags(command)
    named, base = command.text("model_name"), command.text("model_config_file")
    if (letter := divides_url(named)) and not base and (command.number("rest_api_port") or command.partial):
        yield _at(command, "name-in-url", "model_name", name=named, letter=letter)


def divides_url(name: str) -> str:
    """The letter of a model's name that a URL of REST's cannot hold; "" for none."""
    return next((letter for letter in "/:?#" if letter in name), "") if re.fullmatch(r"[\w./:?# -]+", name) else ""


def _tags(command: Command) -> Iterator[Finding]:
    tags = command.text("saved_model_tags")
    for tag in tags.split(",") if tags and not is_unknown(tags) else ():
        if not tag or tag != tag.strip() or re.search(r"[\[\]\"'{}]", tag):
            yield _at(command, "tags-odd", "saved_model_tags", tags=tags, tag=tag)
            return


def _warmup(command: Command) -> Iterator[Finding]:
    count = command.number("num_request_iterations_for_warmup")
    off = not command.on("enable_model_warmup") and "enable_model_warmup" in command.given
    if count and (count < 0 or (off and command.knows("enable_model_warmup"))):
        why = "enable_model_warmup is false" if off else "it is used above 0 alone"
        yield _at(command, "warmup-iterations-unused", "num_request_iterations_for_warmup", count=count, why=why)
    lite = command.on("prefer_tflite_model") or not command.knows("prefer_tflite_model") or command.partial
    for name in ("num_tflite_pools", "num_tflite_interpreters_per_pool"):
        if name in command.given and not lite:
            yield _at(command, "tflite-unused", name, flag=f"--{name}")


def _credentials(command: Command) -> Iterator[Finding]:
    if command.on("use_alts_credentials") and command.text("ssl_config_file"):
        yield _at(command, "ssl-with-alts", "use_alts_credentials")
    elif command.on("use_alts_credentials"):
        yield _at(command, "alts-outside", "use_alts_credentials")
    port = command.number("rest_api_port")
    if command.text("ssl_config_file") and port:
        yield _at(command, "rest-not-encrypted", "ssl_config_file", port=port)


def _image(command: Command) -> Iterator[Finding]:
    """What this binary does not have, or does instead of serving."""
    image = command.place.image
    release = re.search(r"tensorflow/serving:(\d+)\.(\d+)", image)
    for name in _NEW if release and (int(release[1]), int(release[2])) < (2, 12) else ():
        if name in command.given:
            yield _at(command, "flag-too-new", name, flag=f"--{name}", image=image)
    if command.on("version"):
        yield _at(command, "server-ends", "version", flag="--version", what="two version lines")
    if command.text("thread_pool_factory_config_file") and (not image or is_official(image)):
        yield _at(command, "thread-pool-factory", "thread_pool_factory_config_file")
