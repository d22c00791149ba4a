"""Records against what they claim. Run alone: `python tests/benchmarks/bench_records.py [PART ...] [--model RUN_DIR]`.

Parts: `percentiles` (10 million request rows), `listing` (200 records), `report` (analysis and page of a standard run),
`monitor` (its share of a core at one sample a second), `same` (two embedded servers of one configuration, compared),
`simulated` (comparisons and certificates on data whose truth is known). All by default; `same` needs a run folder with
an exported model, `outputs/dev` unless told.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import psutil

from playbook import analyze, markdown, monitor, record, report, serve, store, stress
from playbook.analyzing import capacity, runfolder, verdicts
from playbook.storing import queries

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
import fake_run
import test_certificate
import test_compare
from test_monitor import Endpoint

HEADERS = ["figure", "measured", "peer", "ratio", "target", "met"]
ROWS = 10_000_000
PAIRS, REPEATS = 12, 3  # of one server with itself


def timed(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of the best of some runs."""
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def percentiles(folder: Path, model: Path) -> list[list]:
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


def listing(folder: Path, model: Path) -> list[list]:
    """200 records listed, and their index written."""
    fake_run.make(folder / "run000", seconds=1.0)
    for number in range(1, 200):
        (folder / f"run{number:03d}").mkdir()
        for path in (folder / "run000").glob("*.json"):
            shutil.copy(path, folder / f"run{number:03d}")
    seconds = timed(lambda: report.list_runs(folder))
    return [["a folder of 200 records listed", f"{seconds:.2f} s", "–", "–", "≤ 1 s", seconds <= 1.0]]


def standard(folder: Path, model: Path) -> list[list]:
    """Analysis and page of a run as large as params/standard.yml makes it: 11 levels of 20 s."""
    plan = [("closed", n, None) for n in (1, 2, 4, 8, 16, 32, 64)]
    plan += [("poisson", None, rate) for rate in (900.0, 1300.0, 1500.0, 1700.0)]
    run = fake_run.make(folder / "20260101T000000Z-standard", seconds=20.0, plan=plan)

    def work() -> None:
        found = runfolder.read(run)
        analyze.analyze(found, analyze.Promise(3.0))
        report.write(run)

    seconds = timed(work, 1)
    rows = store.query("SELECT count(*) AS n FROM requests", folder)["n"][0]
    name = f"analysis and report of a standard run ({rows / 1e3:.0f} k requests)"
    return [[name, f"{seconds:.1f} s", "–", "–", "≤ 20 s", seconds <= 20]]


def watching(folder: Path, model: Path) -> list[list]:
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


def same(folder: Path, model: Path) -> list[list]:
    """Two servers of the same configuration, measured in turns: nothing may be found, pair after pair of runs."""
    server_cpus, client_cpus = serve.split_cpus([], [])
    wanted = {"server": "embedded", "model_name": "digits", "rest_api_num_threads": 16}
    base_path = (model / record.load(model, "export")["results"]["base_path"]).resolve()
    spec = serve.from_parameters(wanted, base_path, server_cpus)
    load = stress.Load(duration_s=0.6, ramp_up_s=0.1, client_cpus=client_cpus)
    with contextlib.ExitStack() as stack:
        sides = []
        for name in ("one", "two"):
            record.data_dir(folder / name)
            shutil.copy(model / "data" / "reference.npz", folder / name / "data")
            handle = stack.enter_context(serve.running(spec, folder / name))
            sides.append(stack.enter_context(stress.bench(handle, folder / name, load)))
        for turn in range(PAIRS * REPEATS):
            for side in sides[:: 1 if turn % 2 else -1]:  # ABBA, so that a drift meets both alike
                stress.sweep(side, concurrency=(4,), rates_rps=(), rate_shares=())
    read = [runfolder.read(folder / name) for name in ("one", "two")]
    found = [verdicts.judge({"4 clients": ({"arrival": "closed"}, *windows)}) for windows in taken(read)]
    alarms = [[row["name"] for row in rows if not row["low"] <= 1 <= row["high"]] for rows in found]
    seen = statistics.median(row["seen"] for rows in found for row in rows if row["name"] == "throughput")
    told = f"{sum(map(bool, alarms))} of {len(alarms)} {[names for names in alarms if names] or ''}".strip()
    name = f"false alarms, {len(alarms)} pairs of real runs in turns (would have seen {seen:.0%} of throughput)"
    return [[name, told, "–", "–", "≤ 5 %", sum(map(bool, alarms)) <= 0.05 * len(alarms)]]


def taken(read: list[runfolder.RunFolder]) -> list[list[list[runfolder.Rows]]]:
    """The windows of each pair of runs: REPEATS of the one server and as many of the other."""
    starts = range(0, PAIRS * REPEATS, REPEATS)
    return [[[run.rows(start + n) for n in range(REPEATS)] for run in read] for start in starts]


def simulated(folder: Path, model: Path) -> list[list]:
    """Comparisons and certificates where the truth is known."""
    rng = np.random.default_rng(99)
    calm = sum(bool(test_compare.significant(test_compare.judged(rng, 1.0, seed))) for seed in range(300)) / 300
    slow = [test_compare.judged(rng, 1.05, seed) for seed in range(60)]
    found = sum(any(row["high"] < 1 for row in rows) for rows in slow) / 60
    false = []
    for trace, count in test_certificate.KINDS.values():
        for _ in range(400):
            false.append(analyze.certificate.certify(trace(rng, count), 0.99 - 1e-9, 1000.0).proven)
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


PARTS = {
    "percentiles": percentiles,
    "listing": listing,
    "report": standard,
    "monitor": watching,
    "simulated": simulated,
    "same": same,
}


def main() -> int:
    """Print the table; exit 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART")
    parser.add_argument("--model", type=Path, default=Path("outputs/dev"), help="run folder with an exported model")
    parser.add_argument("--keep", type=Path, help="keep the folders that were measured here, one a part")
    asked = parser.parse_args()
    rows = []
    for name in asked.parts or PARTS:
        if name == "same" and not record.has(asked.model, "export"):
            print(f"`same` needs an exported model; {asked.model} has none (run 10_export, or --model).\n")
            continue
        with tempfile.TemporaryDirectory() as scratch:
            folder = asked.keep / name if asked.keep else Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            rows += PARTS[name](folder, asked.model)
    print(markdown.table(HEADERS, [[*row[:5], "yes" if row[5] else "NO"] for row in rows]))
    return 0 if all(row[5] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
