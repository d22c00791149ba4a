"""A typical article's set-up, kept as files: each of its faults is found, at its line, with a remedy."""

from pathlib import Path

import pytest
from tables import each_row

from playbook.lint.linter import lint

ARTICLE = Path(__file__).parent / "article"


@pytest.fixture(scope="module")
def found():
    return {(hit.rule, hit.path, hit.line): hit for hit in lint(ARTICLE)}


@each_row(
    ("rule", "path", "line"),
    [
        ("unknown-flag", "Dockerfile", 12),
        ("flag-value-after-blank", "Dockerfile", 13),
        ("cmd-over-entrypoint", "Dockerfile", 7),
        ("monitoring-missing", "Dockerfile", 7),
        ("sysctl-in-dockerfile", "Dockerfile", 5),
        ("tool-not-in-image", "Dockerfile", 6),
        ("health-by-code", "Dockerfile", 6),
        ("image-not-pinned", "Dockerfile", 2),
        ("batching-bare-field", "batching.config", 4),
        ("batching-last-allowed", "batching.config", 5),
        ("batching-no-small-size", "batching.config", 5),
        ("batching-timeout-zero", "batching.config", 2),
        ("metrics-path-mismatch", "prometheus.yml", 3),
        ("batching-rewritten-in-place", "adjust_batching.py", 10),
    ],
)
def test_each_fault_of_the_article_is_found(found, rule, path, line):
    assert any(key[:2] == (rule, path) for key in found), f"{rule} is missing among {sorted(found, key=str)}"
    assert any(key[:2] == (rule, path) and abs((key[2] or 0) - line) <= 1 for key in found)


def test_nothing_else_is_said_of_the_article(found):
    assert len(found) == 14


def test_the_invented_flag_is_named_with_what_its_readers_wanted(found):
    hit = next(hit for (rule, *_), hit in found.items() if rule == "unknown-flag")
    assert "--enable_per_model_metrics" in hit.message
    assert "monitoring_config_file" in hit.remedy
