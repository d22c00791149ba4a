"""Published configurations, shortened: their faults are named at their lines, and little else is said."""

from collections import Counter

from lint_corpus import CASES
from tables import each_row

from playbook.lint.linter import examine
from playbook.lint.rules.findings import RULES

# True of nearly every published text, and no fault of its own.
COMMON = {"monitoring-missing", "image-not-pinned", "no-drain", "no-probe", "batching-defaults", "base-path-not-here",
          "rest-not-encrypted", "platform-warmup-off"}  # fmt: skip


def judge(folder, files, faults):
    """Faults that were missed, and findings that nobody listed."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    hits = examine(folder).findings
    seen = {(path, line, hit.rule) for hit in hits for path in (hit.path, "*") for line in (hit.line, None)}
    missed = [fault for fault in faults if fault not in seen]
    listed = {(path, rule) for path, _, rule in faults}
    false = [(hit.path, hit.line, hit.rule) for hit in hits
             if hit.rule not in COMMON and not {(hit.path, hit.rule), ("*", hit.rule)} & listed]  # fmt: skip
    return missed, false, len(hits)


@each_row("name", CASES)
def test_a_case_has_its_faults_named_and_no_others(name, tmp_path):
    files, faults, origin = CASES[name]
    assert origin
    missed, false, _ = judge(tmp_path, files, faults)
    assert (missed, false) == ([], [])


def test_the_corpus_is_large_and_its_rules_exist():
    assert len(CASES) >= 60
    assert {rule for _, faults, _ in CASES.values() for _, _, rule in faults} <= set(RULES)


def table(folder):
    """What the report gives: cases, faults by severity, found, missed, false alarms, findings."""
    total = Counter()
    for name, (files, faults, _) in CASES.items():
        missed, false, findings = judge(folder / name, files, faults)
        total.update(cases=1, false=len(false), findings=findings)
        for fault in faults:
            total.update({RULES[fault[2]].severity: 1, f"missed {RULES[fault[2]].severity}": fault in missed})
    return total
