"""SIGKILLs at random moments over whole chains, each resumed until it is whole."""

from __future__ import annotations

import json
import random
import shutil
import time
from pathlib import Path

import psutil
from fault_driver import SMOKE, Chain, left, stale_folders

from playbook.records import runs

VERBS = tuple(runs.NOTEBOOKS)
VICTIMS = {"chain": "", "kernel": "playbook.chain.warm", "server": "-m model_server", "load worker": "loadgen"}
LONGEST_S = 30.0
CHAIN_S = 900.0


def kills(outputs: Path, count: int, seed: int) -> list[str]:
    """Lines of the report: each kill, then what the chains came to."""
    rng, told, run, whole = random.Random(seed), [], None, 0
    while len(told) < count:
        chain = _chain(outputs, run)
        delay_s = rng.uniform(2.0, LONGEST_S)
        if chain.process.poll() is None and not _ends(chain, delay_s):
            victim = rng.choice(["chain", "chain", "kernel", "server", "load worker"])
            run = _newest(outputs) or run
            victim = _kill(chain, victim)
            remains = left(outputs)
            recorded = sum((run / f"{verb}.json").exists() for verb in VERBS) if run else 0
            told.append(f"| {len(told) + 1} | {victim} | {delay_s:.0f} | {recorded} of {len(VERBS)} | {remains} |")
            print(told[-1], flush=True)
            continue
        whole, run = whole + 1, None
    ended = _finished(outputs, run) if run else 0
    whole += ended == 0 and run is not None
    return [*told, "", _summary(outputs, whole, ended)]


def _summary(outputs: Path, whole: int, code: int | None) -> str:
    folders = sorted(path.parent for path in outputs.glob("*/run.json"))
    broken = [verb for run in folders for verb in VERBS if (run / f"{verb}.json").exists() and not _read(run, verb)]
    return (
        f"Chains that came to a whole record: {whole} of {len(folders)} (last exit code {code}); records that cannot "
        f"be read: {len(broken)}; processes, private copies and half-written files left at the end: {left(outputs)}; "
        f"temporary folders left: {stale_folders()}."
    )


def _chain(outputs: Path, run: Path | None) -> Chain:
    return Chain("run", SMOKE, "--outputs", outputs, *(("--resume", run.name) if run else ()))


def _ends(chain: Chain, within_s: float) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end and chain.process.poll() is None:
        time.sleep(0.1)
    return chain.process.poll() is not None


def _kill(chain: Chain, victim: str) -> str:
    """Kill the victim, or the chain where there is none at this moment; returns who it was."""
    word = VICTIMS[victim]
    target = chain.child(word, 0.1, grandchild=victim == "kernel") if word else None
    if target is not None:
        try:
            target.kill()
            if _ends(chain, 90.0):
                return victim
            return f"{victim} (replaced; then the chain)"
        except psutil.Error:
            victim = "chain"
        finally:
            if chain.process.poll() is None:
                chain.process.kill()
            chain.process.wait()
        return victim
    chain.process.kill()
    chain.process.wait()
    return "chain"


def _finished(outputs: Path, run: Path) -> int | None:
    return _chain(outputs, run).end(CHAIN_S)


def _newest(outputs: Path) -> Path | None:
    folders = sorted(path.parent for path in outputs.glob("*/run.json"))
    return folders[-1] if folders else None


def _read(run: Path, verb: str) -> bool:
    try:
        return bool(json.loads((run / f"{verb}.json").read_text())["verdict"])
    except (ValueError, KeyError):
        return False


def fresh(outputs: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(outputs, ignore_errors=True)
    outputs.mkdir(parents=True)
    return outputs
