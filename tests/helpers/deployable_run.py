"""Run folders as deploy reads them, with known numbers: two cores' worth of records, samples, and a model.

`make` has a folder in the model's place; `real` has the default model, which a server can load.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from published_run import published

from playbook.records import record
from playbook.serve.cores import split_cpus
from playbook.tfserving.reference import Reference

BEST = {
    "enable_batching": True,
    "max_batch_size": 32,
    "batch_timeout_micros": 1000,
    "max_enqueued_batches": 100,
    "num_batch_threads": 2,
    "allowed_batch_sizes": [1, 8, 32],
    "rest_api_num_threads": 64,
    "grpc_max_threads": 0,
    "tensorflow_intra_op_parallelism": 1,
    "tensorflow_inter_op_parallelism": 0,
    "protocol": "rest",
}
LEVEL = {"throughput_rps": 800.0, "latency_p99_ms": 31.0, "latency_max_ms": 2400.0, "valid": True} | {
    "success_rate": 1.0
}


def make(run: Path, tuned=True, stress=None, samples=True, server="docker") -> Path:
    """Write the records that deploy reads; `stress` replaces the results of stress.json."""
    version = run / "models" / "digits" / "3"
    version.mkdir(parents=True)
    (version / "saved_model.pb").write_bytes(b"\x08\x01\x12\x09\x0a\x07\x22\x05serve")  # one graph, tagged serve
    rows = np.zeros((8, 4), np.float32)
    Reference("serving_default", {"inputs": rows}, {"outputs": rows[:, :2]}).save(run)
    exported = {"model_name": "digits", "version": 3, "fingerprint": "abc123", "base_path": "models/digits"}
    record.save(run, "export", params={}, results=exported, verdict="exported")
    served = {"server": server, "cpus": [0, 1], "start_s": 7.2}
    record.save(run, "serve", params={"enable_batching": False}, results=served, verdict="up")
    stressed = {"limit_ms": 50.0, "best": LEVEL, "levels": [LEVEL, {"throughput_rps": 900.0, "valid": True}]}
    record.save(run, "stress", params={"protocol": "rest"}, results=stress or stressed, verdict="stressed")
    if tuned:
        best = {"config": BEST, "rate_rps": 1800.0, "p99_ms": 41.0}
        record.save(run, "tune", params={}, results={"default": {"rate_rps": 800.0}, "best": best}, verdict="tuned")
    if samples:
        frame = pd.DataFrame({"who": ["server"] * 20, "cpu_cores": [1.72] * 20, "rss_bytes": [400 * 2**20] * 20})
        record.write_parquet(record.data_dir(run) / "resources" / "0.parquet", frame)
    return run


def real(run: Path, protocol="rest", **served) -> Path:
    """The default model, and records of its default flags at a rate that any machine carries.

    Args:
        run: The run folder.
        protocol: Over which stress measured.
        served: Parameters of 20_serve.
    """
    run.mkdir(parents=True)
    version = max(int(path.name) for path in published(run).glob("[0-9]*"))
    level = {**LEVEL, "throughput_rps": 150.0, "latency_p99_ms": 9.0, "latency_max_ms": 30.0}
    exported = {"model_name": "digits", "version": version, "fingerprint": "abc123", "base_path": "models/digits"}
    up = {"server": "embedded", "cpus": list(split_cpus()[0]), "start_s": 2.0}
    stressed = {"limit_ms": 500.0, "best": level, "levels": [level], "request_ms": 2.0}
    record.save(run, "export", params={}, results=exported, verdict="exported")
    record.save(run, "serve", params={"enable_batching": False, **served}, results=up, verdict="up")
    record.save(run, "stress", params={"protocol": protocol}, results=stressed, verdict="stressed")
    return run


def change(run: Path, verb: str, path: str, value: object) -> None:
    """Set one value below `results` of a record, as if it had been measured so."""
    file = run / f"{verb}.json"
    content = json.loads(file.read_text())
    *parents, last = path.split(".")
    place = content["results"]
    for name in parents:
        place = place[name]
    place[last] = value
    file.write_text(json.dumps(content))
