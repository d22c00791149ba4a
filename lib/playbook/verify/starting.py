"""Questions about the command line: version, flags, what ends a start, and how a server ends."""

from __future__ import annotations

import time

from playbook.tfserving.flags import ENTRYPOINT, FLAGS
from playbook.verify import probe_model, setups
from playbook.verify.asking import Question
from playbook.verify.places import ENV, Place
from playbook.verify.reached import CouldNotAsk

_BAD = "num_batch_threads { value: 0 }"
_BARE = "max_batch_size: 128"
GRACE_S = 5.0
Seen = tuple[bool, str]


def _version(place: Place) -> Seen:
    code, text = place.once(["--version"])
    lines = [line for line in text.splitlines() if line.startswith("TensorFlow ")]
    names = [line.split(":")[0] for line in lines]
    return code == 0 and names == [
        "TensorFlow ModelServer",
        "TensorFlow Library",
    ], f"exit {code}: {'; '.join(lines) or text}"


def _architecture(place: Place) -> Seen:
    facts = place.facts()
    if "architecture" not in facts:
        raise CouldNotAsk("what it runs on cannot be seen from here")
    return not facts.get("emulated"), facts.get("emulated") or facts["architecture"]


def _entrypoint(place: Place) -> Seen:
    facts = place.facts()
    if "entrypoint" not in facts:
        raise CouldNotAsk("it is no image")
    names = {name: facts["env"].get(name) for name in ENV}
    as_known = facts["entrypoint"] == ["/usr/bin/tf_serving_entrypoint.sh"] and names == {
        "MODEL_NAME": ENTRYPOINT["model_name"],
        "MODEL_BASE_PATH": "/models",
    }
    return as_known, f"entrypoint {facts['entrypoint']}, {names}"


def _flags(place: Place) -> Seen:
    log = place.server("flags").log()
    unknown = [
        line for line in log.splitlines() if "unknown argument:" in line.lower() and setups.NOT_A_FLAG not in line
    ]
    return not unknown, "; ".join(unknown) or f"{len(setups.every_flag())} of {len(FLAGS)} flags given, none unknown"


def _unknown_flag(place: Place) -> Seen:
    log = place.server("flags").log()
    said = f"unknown argument: {setups.NOT_A_FLAG}" in log
    return (
        said,
        "the start went on, and the flag was named" if said else "the start went on, and no line names the flag",
    )


def _bad_value(place: Place) -> Seen:
    code, text = place.once(["--port=abc"])
    return code == 255 and "Couldn't interpret value abc for flag port." in text, f"exit {code}: {text[:200]}"


def _no_batching(place: Place) -> Seen:
    flags = [f"--model_base_path=/{probe_model.NAME}", "--batching_parameters_file={folder}/b.txt"]
    code, text = place.once(flags, {"b.txt": _BAD})
    wanted = "batching_parameters_file is set without setting server_options.enable_batching to true"
    return code == 255 and wanted in text, f"exit {code}: {text[-200:]}"


def _bare_value(place: Place) -> Seen:
    flags = [f"--model_base_path=/{probe_model.NAME}", "--enable_batching", "--batching_parameters_file={folder}/b.txt"]
    code, text = place.once(flags, {"b.txt": _BARE})
    return code == 255 and "Invalid protobuf file" in text, f"exit {code}: {text[-200:]}"


def _no_threads(place: Place) -> Seen:
    flags = [f"--model_base_path=/{probe_model.NAME}", "--enable_batching", "--batching_parameters_file={folder}/b.txt"]
    code, text = place.once(flags, {"b.txt": _BAD})
    return code == 255 and "num_batch_threads must be positive; was 0" in text, f"exit {code}: {text[-200:]}"


def _sigterm(place: Place) -> Seen:
    reached = place.server("flags")
    if reached.terminate is None:
        raise CouldNotAsk("it was not started here")
    begun = time.monotonic()
    reached.terminate()
    while reached.ended() is None and time.monotonic() - begun < GRACE_S:
        time.sleep(0.02)
    took = time.monotonic() - begun
    return reached.ended() is not None and took < GRACE_S / 2, f"ended after {took:.2f} s, with code {reached.ended()}"


_ADVICE = "lint's reading of flags, and every command line the playbook writes"
QUESTIONS = [
    Question(
        "version",
        "start",
        "--version prints two lines, the server's and TensorFlow's, and exits 0",
        "which release a record is about",
        _version,
    ),
    Question(
        "architecture",
        "start",
        "it is built for the processor it runs on",
        "every rate that is measured on it",
        _architecture,
    ),
    Question(
        "entrypoint",
        "start",
        "the image starts tf_serving_entrypoint.sh with MODEL_NAME=model and MODEL_BASE_PATH=/models",
        "the Dockerfile and manifests that deploy writes",
        _entrypoint,
    ),
    Question("flags", "start", "it takes every flag the playbook writes", _ADVICE, _flags),
    Question(
        "unknown_flag", "start", "an unknown flag is named on stdout and the start goes on", _ADVICE, _unknown_flag
    ),
    Question("bad_value", "start", "a flag's bad value ends the start with exit code 255", _ADVICE, _bad_value),
    Question(
        "batching_file_alone", "start", "a batching file without enable_batching ends the start", _ADVICE, _no_batching
    ),
    Question(
        "bare_value", "start", "a bare `max_batch_size: 128` in the batching file ends the start", _ADVICE, _bare_value
    ),
    Question("no_batch_threads", "start", "num_batch_threads 0 ends the start", _ADVICE, _no_threads),
]
LAST = [
    Question(
        "sigterm",
        "end",
        "SIGTERM ends it at once, without draining",
        "the preStop hook and grace period that deploy writes",
        _sigterm,
    ),
]
