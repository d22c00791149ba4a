"""Records against what they claim. Run alone: `python tests/benchmarks/bench_records.py [PART ...]`.

Parts: `percentiles` (10 million request rows), `listing` (200 records), `report` (analysis and page of a standard run),
`monitor` (its share of a core at one sample a second), `simulated` (comparisons and certificates on data whose truth is
known), `bucket` (a record read from a store that speaks S3). All by default. Real runs compared: `bench_compare.py`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import psutil

from loadgen import claim
from playbook import markdown
from playbook.analyze import analysis, capacity
from playbook.monitor import monitor
from playbook.promise import Promise
from playbook.records import queries, run_folder, store
from playbook.report import catalogue, report

sys.path.extend(
    f"{Path(__file__).parents[1]}/{room}" for room in ("helpers", "unit/analyze", "unit/loadgen", "unit/monitor")
)
import fake_run
import test_compare
import test_evidence
from peer_servers import environment
from test_monitor import Endpoint

HEADERS = ["figure", "measured", "peer", "ratio", "target", "met"]
ROWS = 10_000_000
REPOSITORY = Path(__file__).resolve().parents[2]


def timed(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of the best of some runs."""
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def percentiles(folder: Path) -> list[list]:
    """Exact p50, p95 and p99 by level over 10 million rows, beside pandas on the same file."""
    path = folder / "big" / "data" / "requests" / "stress_000" / "requests.parquet"
    path.parent.mkdir(parents=True)
    duckdb.sql(
        "SELECT (i % 20)::INTEGER AS level, 0 AS worker, i * 1000 AS scheduled_ns, i * 1000 + 50 AS sent_ns, "
        "i * 1000 + (exp(random() * 3 + 12))::BIGINT AS done_ns, 200 AS status, NULL::VARCHAR AS error, 300 AS bytes "
        f"FROM range({ROWS}) t(i)"
    ).write_parquet(str(path))
    ours = timed(lambda: store.query(queries.QUERIES["percentiles"].sql, folder))

    def pandas_way() -> None:
        frame = duckdb.sql(f"SELECT level, done_ns - scheduled_ns AS ns FROM '{path}' WHERE error IS NULL").df()
        frame.groupby("level")["ns"].quantile([0.5, 0.95, 0.99])

    peer = timed(pandas_way, 1)
    name = f"percentiles by level, {ROWS / 1e6:g} M rows"
    return [[name, f"{ours:.2f} s", f"pandas {peer:.2f} s", f"{peer / ours:.1f} × faster", "≤ 1 s", ours <= 1.0]]


def listing(folder: Path) -> list[list]:
    """200 records listed, and their index written."""
    fake_run.make(folder / "run000", seconds=1.0)
    for number in range(1, 200):
        (folder / f"run{number:03d}").mkdir()
        for path in (folder / "run000").glob("*.json"):
            shutil.copy(path, folder / f"run{number:03d}")
    seconds = timed(lambda: catalogue.listing(folder))
    return [["a folder of 200 records listed", f"{seconds:.2f} s", "–", "–", "≤ 1 s", seconds <= 1.0]]


def standard(folder: Path) -> list[list]:
    """Analysis and page of a run as large as params/standard.yml makes it: 11 levels of 20 s."""
    plan = [("closed", n, None) for n in (1, 2, 4, 8, 16, 32, 64)]
    plan += [("poisson", None, rate) for rate in (900.0, 1300.0, 1500.0, 1700.0)]
    run = fake_run.make(folder / "20260101T000000Z-standard", seconds=20.0, plan=plan)

    def work() -> None:
        found = run_folder.read(run)
        analysis.results(found, Promise(3.0))
        report.write(run)

    seconds = timed(work, 1)
    rows = store.query("SELECT count(*) AS n FROM requests", folder)["n"][0]
    name = f"analysis and report of a standard run ({rows / 1e3:.0f} k requests)"
    return [[name, f"{seconds:.1f} s", "–", "–", "≤ 20 s", seconds <= 20]]


def watching(folder: Path) -> list[list]:
    """CPU of the monitor's process at one sample a second of a page as long as TensorFlow Serving's."""
    from prometheus_client.parser import text_string_to_metric_families

    endpoint = Endpoint().start()
    endpoint.page = page()
    try:
        with monitor.watching(endpoint.handle, folder, every_s=1.0) as process:
            watcher = psutil.Process(process.pid)
            time.sleep(2)
            before, begun = sum(watcher.cpu_times()[:2]), time.monotonic()
            time.sleep(20)
            share = (sum(watcher.cpu_times()[:2]) - before) / (time.monotonic() - begun)
    finally:
        endpoint.stop()
    peer_s = timed(lambda: [list(family.samples) for family in text_string_to_metric_families(endpoint.page)], 5)
    lines = endpoint.page.count("\n")
    name = f"monitor at 1 s, {lines} lines a page"
    words = f"prometheus-client's parse alone {peer_s:.1%}"
    return [[name, f"{share:.1%} of a core", words, "–", "≤ 2 %", share <= 0.02]]


def page() -> str:
    """A metrics page with the histograms of a server that has run for a while."""
    limits = [f"{10 * 1.8**power:.6g}" for power in range(33)] + ["+Inf"]
    lines = []
    for number in range(13):
        name, labels = f":tensorflow:serving:latency_{number}", 'model_name="digits",API="predict",entrypoint="REST"'
        lines.append(f"# TYPE {name} histogram")
        lines += [f'{name}_bucket{{{labels},le="{limit}"}} {place * 10}' for place, limit in enumerate(limits)]
        lines += [f"{name}_sum{{{labels}}} 1.23456e+06", f"{name}_count{{{labels}}} 330"]
    return "\n".join(lines) + "\n"


def simulated(folder: Path) -> list[list]:
    """Comparisons and certificates where the truth is known."""
    rng = np.random.default_rng(99)
    calm = sum(bool(test_compare.significant(test_compare.judged(rng, 1.0, seed))) for seed in range(300)) / 300
    slow = [test_compare.judged(rng, 1.05, seed) for seed in range(60)]
    found = sum(any(row["high"] < 1 for row in rows) for rows in slow) / 60
    false = []
    for trace, count in test_evidence.KINDS.values():
        for _ in range(400):
            false.append(claim(trace(rng, count), 0.99 - 1e-9, 1000.0)["proven"])
    lies = sum(false) / len(false)
    law = capacity.Scalability(1000.0, 0.05, 0.0005, None, None, 1.0)
    n = np.array([1, 2, 4, 8, 16, 32, 64])
    fits = [capacity.fit_scalability(n, law.rate_rps(n) * rng.normal(1, 0.02, 7)) for _ in range(100)]
    off = statistics.median(abs(fit.peak_in_flight / np.sqrt(0.95 / 0.0005) - 1) for fit in fits)
    return [
        ["false alarms, 300 simulated pairs", f"{calm:.1%}", "–", "–", "≤ 5 %", calm <= 0.05],
        ["a 5 % slow-down found, 60 simulated pairs", f"{found:.0%}", "–", "–", "≥ 90 %", found >= 0.9],
        [f"false certificates, {len(false):,} traces", f"{lies:.2%}", "–", "–", "≤ 1 %", lies <= 0.01],
        ["USL peak from levels with 2 % noise, median error", f"{off:.1%}", "–", "–", "≤ 10 %", off <= 0.1],
    ]


def bucket(folder: Path) -> list[list]:
    """The example record copied to a bucket and asked there: every file, every view row by row as from the folder."""
    python = environment("bucket", "s3fs", "moto[server]", "boto3", "duckdb==1.5.5", "duckdb-extension-httpfs==1.5.5")
    packages = [sysconfig.get_path("purelib"), str(REPOSITORY / "lib"), str(REPOSITORY / "tests" / "helpers")]
    command = [str(python), str(Path(__file__).with_name("bucket_store.py")), str(REPOSITORY / "outputs" / "example")]
    done = subprocess.run([*command, *packages], capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout.splitlines()[-1])
    same = sum(equal for _, equal in seen["views"])
    rows = sum(number for number, _ in seen["views"])
    files, there, keys = seen["same"]
    named = f"views read from a bucket as from the folder ({rows:,} rows)"
    last = seen["published"] and "digits/3/saved_model.pb" in " ".join(seen["published"])
    told = len(seen["refused"]) == 2 and "s3://recrods/team cannot be written" in seen["refused"][0]
    return [
        ["files of a run in a bucket, byte by byte", f"{files} of {there}", "–", "–", "all", files == there == keys],
        [named, f"{same} of {len(seen['views'])}", "–", "–", "all", same == len(seen["views"])],
        ["files of a published version", str(len(seen["published"])), "–", "–", "whole", bool(last)],
        ["a bucket that is not there is told and not made", "yes" if told else "no", "–", "–", "yes", told],
    ]


PARTS = {
    "percentiles": percentiles,
    "listing": listing,
    "report": standard,
    "monitor": watching,
    "simulated": simulated,
    "bucket": bucket,
}


def main() -> int:
    """Print the table; exit 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART")
    parser.add_argument("--keep", type=Path, help="keep the folders that were measured here, one a part")
    asked = parser.parse_args()
    rows = []
    for name in asked.parts or PARTS:
        with tempfile.TemporaryDirectory() as scratch:
            folder = asked.keep / name if asked.keep else Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            rows += PARTS[name](folder)
    print(markdown.table(HEADERS, [[*row[:5], "yes" if row[5] else "NO"] for row in rows]))
    return 0 if all(row[5] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
