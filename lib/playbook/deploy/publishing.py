"""A run's model and record, written where servers read models: a folder, or a bucket through fsspec.

Layout: `<model>/<version>/` as TensorFlow Serving reads it, `<model>.records/<run id>/` beside it with the record. In a
folder a version appears whole or not at all, by a rename; a bucket has none, so there saved_model.pb, without which a
version is none, goes last. A server that polls the bucket itself may try the version before; it tries again after a
minute.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from loadgen import temporary
from playbook.deploy.bundle import copy_version
from playbook.errors import PlaybookError
from playbook.records import buckets, runs
from playbook.records.cited import Records
from playbook.tfserving import versions

_RECORD = ("*.json", "record.md", "record.html")
_LAST = "saved_model.pb"


class RunNotPublished(PlaybookError):
    """The model or its record could not be written where it was to go."""


def publish(run_dir: Path, destination: str) -> list[str]:
    """Write the version that a run exported, and the run's record, to a destination; returns the two places.

    Args:
        run_dir: The run folder, after export.
        destination: A folder, or a URL that fsspec knows (s3://bucket/models, gs://bucket/models).

    Raises:
        RecordUnreadable: export was not run.
        VersionChanged: the model's folder holds another version than export wrote.
        ParameterError: no such kind of place, or its package is not installed.
        RunNotPublished: this version stands there already, or the place refuses.
    """
    records = Records(run_dir)
    base_path = run_dir / records.need("export", "base_path").value
    name, wrote = records.need("export", "model_name").value, records.get("export", "version")
    with temporary.folder("publish-") as folder:
        version = copy_version(versions.exported(base_path, wrote.value if wrote else None), folder / name)
        record = folder / "record"
        record.mkdir()
        for path in (path for pattern in _RECORD for path in sorted(run_dir.glob(pattern))):
            if not path.name.startswith("."):  # a run keeps credentials and notes of its own in such files
                shutil.copyfile(path, record / path.name)
        parts = {f"{name}/{version.name}": version, f"{name}.records/{run_dir.resolve().name}": record}
        if "://" in destination:
            return _to_bucket(parts, destination.rstrip("/"))
        return _to_folder(parts, Path(destination))


def publish_found(outputs: Path, run_id: str, destination: str) -> list[str]:
    """`publish` of the run that an id, or a part of it, names."""
    return publish(runs.find(outputs, run_id), destination)


def _to_folder(parts: dict[str, Path], destination: Path) -> list[str]:
    """The record first, then the version: each under another name on the same disk, then renamed.

    A version that somebody else has put there meanwhile stays: a folder that holds something is not renamed onto.
    """
    version = next(iter(parts))
    if (destination / version).exists():
        raise RunNotPublished(_stands(destination / version))
    places = []
    for name, source in reversed(parts.items()):
        target = destination / name
        part = target.with_name(f".{target.name}.part")
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(source, part)
            if name != version:
                shutil.rmtree(target, ignore_errors=True)
            part.rename(target)
        except OSError as refused:
            if name == version and target.exists():
                raise RunNotPublished(_stands(target)) from refused
            raise RunNotPublished(
                f"{target} could not be written: {refused}. Nothing of this version stands there."
            ) from refused
        places.append(str(target))
    return places[::-1]


def _to_bucket(parts: dict[str, Path], destination: str) -> list[str]:
    system, root = buckets.opened(destination)
    version = next(iter(parts))
    try:
        if _exists(system, f"{root}/{version}/{_LAST}"):
            raise RunNotPublished(_stands(f"{destination}/{version}"))
        for name, source in reversed(parts.items()):
            files = sorted((path for path in source.rglob("*") if path.is_file()), key=lambda path: path.name == _LAST)
            buckets.put(system, [(path, f"{root}/{name}/{path.relative_to(source).as_posix()}") for path in files])
    except buckets.BucketRefused as refused:
        raise RunNotPublished(
            f"{destination} could not be written: {refused}. A version without {_LAST}, which goes last, is none; "
            "publish again when that is mended."
        ) from refused
    return [f"{destination}/{name}" for name in parts]


def _exists(system: Any, path: str) -> bool:
    try:
        return bool(system.exists(path))
    except Exception as refused:  # a store's client raises what its transport raises: no credentials, no such host
        raise buckets.BucketRefused(buckets.told(refused)) from refused


def _stands(place: object) -> str:
    return (
        f"{place} stands already, and a published version never changes. Export under the next number and publish that."
    )
