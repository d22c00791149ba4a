"""Records that were made from one that has been replaced since: marked, told, and unmarked when made anew."""

from pathlib import Path

import pytest

from playbook.records import record, run_folder, runs, stale
from playbook.report import opening


def kept(run: Path, verb: str, **results: object) -> None:
    record.save(run, verb, params={}, results=results, verdict=f"{verb} is done")


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    """A scratch run with six records, in the order of the chain."""
    run = tmp_path / "outputs" / "dev"
    kept(run, "export", fingerprint="a", model_name="m")
    kept(run, "serve", server="embedded", configuration="batching off", pid=1)
    for verb in ("stress", "tune", "prove", "deploy"):
        kept(run, verb, rate=1)
    return run


def test_a_rerun_marks_what_was_made_from_it_and_nothing_else(dev: Path) -> None:
    assert stale.told(dev) == {}
    kept(dev, "stress", rate=2)
    assert set(stale.told(dev)) == {"prove", "deploy"}
    assert stale.told(dev)["prove"]["because_of"] == "stress"


def test_a_record_made_anew_is_no_longer_stale(dev: Path) -> None:
    kept(dev, "tune", rate=2)
    kept(dev, "prove", rate=2)
    assert set(stale.told(dev)) == {"deploy"}
    kept(dev, "deploy", rate=1)
    assert not (dev / stale.FILE).exists()


def test_a_server_started_again_with_the_same_configuration_makes_nothing_stale(dev: Path) -> None:
    kept(dev, "serve", server="embedded", configuration="batching off", pid=2)
    assert stale.told(dev) == {}
    kept(dev, "serve", server="embedded", configuration="batching on", pid=3)
    assert set(stale.told(dev)) == {"stress", "prove", "deploy"}


def test_a_record_that_was_set_aside_counts_as_the_one_before(dev: Path) -> None:
    record.set_aside(dev, "tune")
    kept(dev, "tune", rate=3)
    assert set(stale.told(dev)) == {"prove", "deploy"}


def test_of_the_records_set_aside_the_one_with_the_highest_number_is_the_last(dev: Path) -> None:
    for number in range(1, 12):
        record.set_aside(dev, "tune")
        kept(dev, "tune", rate=number)
    record.set_aside(dev, "tune")
    assert [path.name for path in record.aside(dev, "tune")][-3:] == ["tune.10.json", "tune.11.json", "tune.12.json"]
    (dev / stale.FILE).unlink()
    kept(dev, "tune", rate=11)
    assert stale.told(dev) == {}


def test_deploy_needs_a_measured_rate_and_takes_it_from_whichever_record_has_one(tmp_path: Path) -> None:
    assert stale.missing(tmp_path, "deploy") == ["export", "serve", "stress"]
    kept(tmp_path, "export", fingerprint="a")
    assert stale.missing(tmp_path, "deploy") == ["serve", "stress"]
    kept(tmp_path, "tune", rate=1)
    assert stale.missing(tmp_path, "deploy") == []


def test_a_proof_made_anew_makes_the_deployment_stale_that_rests_on_it(dev: Path) -> None:
    kept(dev, "prove", rate=2)
    assert set(stale.told(dev)) == {"deploy"}


def test_the_page_of_a_run_says_what_is_out_of_date_and_what_to_run(dev: Path) -> None:
    kept(dev, "stress", rate=2)
    run = run_folder.read(dev)
    assert any(text.startswith("prove.json is stale: stress.json") for text in run.problems)
    assert "| out of date | prove.json is stale" in opening.opening(run)
    assert "Run prove again." in opening.opening(run)


def test_the_newest_run_of_ones_own_is_never_the_example(dev: Path) -> None:
    outputs = dev.parent
    kept(outputs / "20300101T000000Z-quick", "export", fingerprint="b")
    kept(outputs / "example", "export", fingerprint="c")
    assert [run.name for run in runs.own(outputs)] == ["20300101T000000Z-quick", "dev"]
    assert runs.find(outputs, "dev") == dev.resolve()


def test_every_verb_says_what_it_reads() -> None:
    assert set(record.VERBS) <= set(stale.READS)
