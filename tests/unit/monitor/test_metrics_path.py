"""The path of the metrics page stands once in the playbook."""

from pathlib import Path

LIB = Path(__file__).parents[3] / "lib" / "playbook"


def test_the_metrics_path_stands_once() -> None:
    assert [path.name for path in LIB.rglob("*.py") if "/monitoring/prometheus" in path.read_text()] == ["knobs.py"]
