"""What serve says: the record of a server that is up, what is doubtful in it, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from playbook import markdown
from playbook.lint import linter
from playbook.serve import engine_facts
from playbook.serve.handle import Handle
from playbook.serve.spec import ServerSpec
from playbook.tfserving import mergeable

NOTHING = 1e-6  # a difference below is rounding, and is told in words
PLAIN_REST = (
    "ssl_config_file gives TLS to gRPC alone: TensorFlow Serving has none for REST, so its REST port and metrics page "
    "stay plain. For REST over TLS put a proxy before it and attach to that (rest_url: https://...)."
)


def results(
    handle: Handle,
    spec: ServerSpec,
    version: int,
    differences: dict[str, float],
    exported: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, object]:
    """The `results` of serve.json: the handle, the configuration in words, and the largest difference of answers.

    Of a container also `engine`: image, digest, processor, cores and the way it is asked. `doubts` says what its
    batching does to requests of this model that cannot be merged, by `results` of export.json; what has no TLS; and
    that another version answers than was exported.
    """
    doubts = [doubt] if (doubt := mergeable.doubt(exported, spec.batching)) else []
    doubts += [PLAIN_REST] if spec.ssl_config_file else []
    doubts += [doubt] if (doubt := _not_exported(handle, version, exported)) else []
    configured = {"configuration": spec.described(), "config_files": spec.config_files()}
    parity = {"parity": dict(differences), "parity_max_abs_diff": max(differences.values())}
    engine = {"engine": engine_facts.of(handle.container, handle.rest_url)} if handle.container_id else {}
    return {**asdict(handle), **configured, "version": version, **parity, **engine, "doubts": doubts}


def _not_exported(handle: Handle, version: int, exported: Mapping[str, Any]) -> str:
    """That another version answers than export wrote, where the server reads the folder that export wrote it to."""
    wrote = exported.get("version")
    if handle.server == "attach" or wrote in (None, version):
        return ""
    return (
        f"Version {version} answers, and export wrote version {wrote}: somebody else put it into "
        f"{handle.model_base_path}. Warmup and stress measure version {version}; tune, prove, adapt, drill and deploy "
        "want the exported one: put the folder back as it was, or run 'export' again, in a new run."
    )


def warnings(results: Mapping[str, Any]) -> list[str]:
    """What TensorFlow Serving accepts in these flags and gets wrong, by `playbook lint`; what cannot be measured.

    Of a container also what its engine does to the numbers.
    """
    if results["server"] == "attach" and not results["metrics_url"]:
        return [
            "Without metrics_url these figures are missing: time in the batching queue, batch sizes, padding, run "
            "time, rejections and the count balance; analyze can name no bottleneck inside the server."
        ]
    flags = results["flags"]
    hits = linter.lint(flags, cpus=len(results["cpus"]) or None) if flags else []
    told = [f"{hit.message} {hit.remedy}" for hit in hits if hit.severity in ("error", "warning")]
    engine = results.get("engine")
    told += results.get("doubts") or []
    if "rest" not in (results.get("parity") or ("rest",)):
        told.append("Answers were compared over gRPC alone: a type of this model does not travel as JSON there.")
    return told + (engine_facts.warnings(engine, results["cpus"]) if engine else [])


def verdict(results: Mapping[str, Any]) -> str:
    """One sentence: up, with which configuration, and how far its answers are from the model's own."""
    protocols = " and ".join({"rest": "REST", "grpc": "gRPC"}[name] for name in results["parity"])
    begun = f" after {results['start_s']:.1f} s" if results["start_s"] is not None else ""
    return (
        f"'{results['model_name']}' version {results['version']} is AVAILABLE on the {results['server']} server"
        f"{begun}, {results['configuration']}; {protocols} answered the model's own numbers "
        f"({_difference(results['parity_max_abs_diff'])})."
    )


def _difference(largest: float) -> str:
    if largest == 0:
        return "to the last digit"
    if largest < NOTHING:
        return "no difference above one millionth"
    return f"largest difference {markdown.number(largest)}"
