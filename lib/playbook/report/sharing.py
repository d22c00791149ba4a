"""One file to hand on: a run as a zip, or its page as HTML with the data inside."""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Iterator
from html import escape
from pathlib import Path

from playbook.errors import NotWritten, ParameterError
from playbook.records import buckets, whole_file
from playbook.report import report

LEFT_OUT = ("models", "logs", "servers", "config")  # and what is hidden: credentials, copies of the model in work
LEFT_OUT_BELOW = ("data/.changes.lock", "deploy/models")  # the bundle's model is large, and not everybody's
MOST_INSIDE = 20 * 2**20  # bytes of data inside an HTML page; more is slow to open and refused by mail


def share(run_dir: Path, target: Path) -> Path:
    """Write the run's page anew and put the run into one file; returns it.

    A `.zip` holds page, records, notebooks, figures, raw data and bundle; not the model (neither `models/` nor the
    bundle's copy of it), logs or credentials. A `.html` is the page with records and raw data, up to 20 MiB of them,
    to be saved from links at its end.

    Raises:
        ParameterError: another ending, or a folder.
        NotWritten: the file could not be written.
    """
    target = Path(target)
    if target.suffix not in (".zip", ".html") or target.is_dir():
        raise ParameterError(f"A file ending in .zip or .html was expected, {str(target)!r} was given.")
    whole_file.sweep(target.parent)  # what a killed one left
    page = report.write(run_dir)
    if target.suffix == ".html":
        return whole_file.write_text(target, _with_data(page.with_suffix(".html").read_text(), Path(run_dir)))
    with whole_file.writing(target) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as file:
        for path in _files(Path(run_dir)):
            file.write(path, Path(Path(run_dir).resolve().name) / path.relative_to(run_dir))
    return target


def upload(run_dir: Path, bucket: str) -> str:
    """Copy a run folder, without the model, logs and credentials, to a location; returns its place there.

    `run.json`, by which it is found, goes last.

    Raises:
        NotWritten: the place refuses; the run folder here is whole.
    """
    run_dir = Path(run_dir).resolve()
    system, root = buckets.opened(bucket)
    files = sorted(_files(run_dir), key=lambda path: path.name == "run.json")
    try:
        buckets.put(system, [(path, f"{root}/{run_dir.name}/{path.relative_to(run_dir).as_posix()}") for path in files])
    except buckets.BucketRefused as refused:
        raise NotWritten(f"{bucket} could not be written: {refused}. The run lies whole in {run_dir}.") from refused
    return f"{bucket.rstrip('/')}/{run_dir.name}"


def _files(run_dir: Path) -> Iterator[Path]:
    for path in sorted(run_dir.rglob("*")):
        name = path.relative_to(run_dir)
        left_out = name.parts[0] in LEFT_OUT or name.parts[0].startswith(".")
        left_out = left_out or any(name.is_relative_to(folder) for folder in LEFT_OUT_BELOW)
        if path.is_file() and not left_out and not whole_file.half_written(path):
            yield path


def _with_data(page: str, run_dir: Path) -> str:
    links, left, room = [], [], MOST_INSIDE
    wanted = [path for path in _files(run_dir) if path.suffix in (".json", ".parquet")]
    for path in sorted(wanted, key=lambda path: (path.suffix != ".json", path.stat().st_size)):
        name = path.relative_to(run_dir).as_posix()
        room -= (size := path.stat().st_size)
        if room < 0:
            left.append(name)
            continue
        data = base64.b64encode(path.read_bytes()).decode()
        file = escape(name.replace("/", "_"))
        address = f"data:application/octet-stream;base64,{data}"
        links.append(f'<li><a download="{file}" href="{address}">{escape(name)}</a> ({size:,} bytes)</li>')
    missing = f"<p>Left out, being too large: {escape(', '.join(left))}. The zip has them.</p>" if left else ""
    return page.replace("</main>", f"<h2>Data</h2><ul>{''.join(links)}</ul>{missing}</main>")
