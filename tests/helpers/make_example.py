"""Make outputs/example anew from a run: `python tests/helpers/make_example.py RUN_DIR` (make example runs quick first).

Records, figures and the smaller raw files are copied with this machine's paths written as outputs/example; 50_analyze
is executed on them, so that the outputs it is committed with are theirs; the page is written from what is there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playbook.records import run_folder
from playbook.report import report, sections

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "outputs" / "example"
KEPT = (
    "metrics",
    "resources",
    "events",
    "adapt_seconds.parquet",
    "changes.parquet",
    "trials.parquet",
    "levels.json",
    "prove_levels.json",
)
OWN = ("faults.md",)  # of no run: `make faults` makes it
REQUESTS = ("stress_*", "prove_*", "adapt_policy-*")  # those of drills stay out: their seconds are in the record


def copy(run_dir: Path) -> None:
    """The parts of a run that the repository keeps."""
    kept = {name: (EXAMPLE / name).read_bytes() for name in OWN if (EXAMPLE / name).exists()}
    shutil.rmtree(EXAMPLE)
    (EXAMPLE / "data" / "requests").mkdir(parents=True)
    for name, content in kept.items():
        (EXAMPLE / name).write_bytes(content)
    for path in run_dir.glob("*.json"):
        if path.name != "analyze.json":
            text = path.read_text().replace(str(run_dir), "outputs/example")
            (EXAMPLE / path.name).write_text(text)
    names = [run_dir / "data" / name for name in KEPT]
    names += [path for pattern in REQUESTS for path in (run_dir / "data" / "requests").glob(pattern)]
    for path in names:
        target = EXAMPLE / path.relative_to(run_dir)
        if path.is_dir():
            shutil.copytree(path, target)
        elif path.exists():
            shutil.copy2(path, target)


def main(run_dir: Path) -> None:
    """Copy, analyse, write the page."""
    copy(run_dir.resolve())
    notebook = ROOT / "notebooks" / "50_analyze.ipynb"
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", str(notebook)]
    subprocess.run(command, check=True, env={**os.environ, "PLAYBOOK_RUN_DIR": "../outputs/example"})
    as_it_is = ["git", "-c", "filter.playbook-notebook.clean=cat", "add", str(notebook)]
    subprocess.run(as_it_is, cwd=ROOT, check=True)  # the filter of notebooks would give it the outputs committed before
    report.write(EXAMPLE)
    pictures: dict = {}
    sections.load_curve(run_folder.read(EXAMPLE), None, pictures)
    pictures["figures/throughput_p99.svg"].save_png(EXAMPLE / "figures", "throughput_p99")  # README shows it
    (EXAMPLE / "record.html").unlink()
    print(report.headline(EXAMPLE).strip("*"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
