"""Several faults at once in whole projects, among odd ways of writing: each is named, and nothing else is said."""

from cluster_texts import CONFIGURED
from lint_projects import judging
from lint_projects.draws import places, unmarked
from tables import each_row

from playbook.lint.report import Report

SEED, PROJECTS = 20261127, 120


@each_row("part", range(4))
def test_every_drawn_fault_is_named_and_nothing_else(part):
    share = range(SEED + part * PROJECTS // 4, SEED + (part + 1) * PROJECTS // 4)
    assert {seed: wrong for seed in share if (wrong := judging.judged(seed))} == {}


def told(tmp_path, text, name="k.yaml"):
    (tmp_path / name).write_text(text)
    hits = judging.examine(tmp_path).findings
    return {(hit.rule, hit.line) for hit in hits if hit.severity != "note" and hit.rule not in judging.COMMON}


def test_a_map_of_another_name_hides_nothing_of_what_stands_in_it(tmp_path):
    in_it = {("rest-threads-one", 14), ("configmap-key-missing", 17), ("config-bad-value", 27)}
    assert told(tmp_path, CONFIGURED % ("", "conf")) == in_it
    assert told(tmp_path, CONFIGURED % ("", "config")) == in_it | {("configmap-not-here", 19)}


def test_an_image_to_build_in_hides_no_other_fault(tmp_path):
    right = told(tmp_path, CONFIGURED % ("", "conf"))
    assert told(tmp_path, CONFIGURED % ("-devel", "conf")) == right | {("devel-image", 11)}


def test_flags_in_the_place_of_the_program_are_judged_as_arguments(tmp_path):
    right = told(tmp_path, CONFIGURED % ("", "conf"))
    assert told(tmp_path, (CONFIGURED % ("", "conf")).replace("args:", "command:")) == right | {("program-is-flag", 13)}


@each_row("entry", ['ENTRYPOINT ["/start.sh"]', "ENTRYPOINT tensorflow_model_server --rest_api_port=8501"])
def test_a_port_told_is_judged_where_a_script_ends_in_the_server(entry, tmp_path):
    (tmp_path / "start.sh").write_text(
        '#!/bin/bash\nset -e\nexec tensorflow_model_server --rest_api_port=8501 --model_base_path=/m "$@"\n'
    )
    text = f"FROM tensorflow/serving:2.20.0\nEXPOSE 8501\nEXPOSE 9000\nCOPY start.sh /start.sh\n{entry}\n"
    assert ("port-told-closed", 3) in told(tmp_path, text, "Dockerfile")
    (tmp_path / "start.sh").write_text("#!/bin/bash\nnginx &\nexec tensorflow_model_server --rest_api_port=8501\n")
    if "start" in entry:
        assert not {rule for rule, _ in told(tmp_path, text, "Dockerfile")} & {"port-told-closed"}


def test_one_port_for_both_hides_no_other_closed_port(tmp_path):
    text = 'FROM tensorflow/serving:2.20.0\nEXPOSE 8500 8501\n%sCOPY m /models/m\nCMD ["--rest_api_port=8500"]\n'
    assert told(tmp_path, text % "EXPOSE 9000\n", "Dockerfile") >= {("port-told-closed", 3)}
    assert "port-told-closed" not in {rule for rule, _ in told(tmp_path, text % "", "Dockerfile")}


def test_the_projects_are_of_every_form_and_hold_faults_of_most_kinds():
    drawn = [judging.project(seed) for seed in range(SEED, SEED + PROJECTS)]
    assert {each.form for each in drawn} == {*judging.TEXTS, "cluster"}
    assert sum(len(each.faults) for each in drawn) > PROJECTS * 2
    assert len({fault.rule for each in drawn for fault in each.faults.values()}) > 60
    assert all(places(each.texts).keys() == each.faults.keys() for each in drawn)


def test_a_lint_that_says_nothing_is_found_out(monkeypatch):
    monkeypatch.setattr(judging, "examine", lambda _: Report([]))
    drawn = judging.project(SEED)
    assert {f"missed {fault.rule}" for fault in drawn.faults.values()} <= set(judging.judged(SEED))


def test_what_lint_gets_wrong_is_told_by_the_least_text_that_shows_it(monkeypatch):
    seed = next(seed for seed in range(SEED, SEED + 50) if len(judging.project(seed).faults) > 2)
    rule = judging.project(seed).faults[0].rule
    monkeypatch.setattr(judging, "named", lambda fault, *_: fault.rule != rule)
    plain, kept = judging.shrunk(seed, f"missed {rule}")
    least = judging.project(seed, plain, kept)
    assert [fault.rule for fault in least.faults.values()] == [rule]
    whole = judging.project(seed)
    assert sum(map(len, least.texts.values())) < sum(map(len, whole.texts.values()))
    assert f"missed {rule}" in judging.least(seed, f"missed {rule}")
    assert "\ue000" not in unmarked("".join(least.texts.values()))
