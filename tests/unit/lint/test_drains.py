"""A pod's wait before its server ends, against the time that Kubernetes gives it."""

from tables import each_row

from playbook.lint.linter import examine

POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {{name: m}}\nspec:\n{grace}  containers:\n  - name: m\n"
    "    image: tensorflow/serving:2.20.0\n    args: [--model_name=m, --model_base_path=gs://b/m]\n"
    "    lifecycle:\n      preStop: {hook}\n"
)
GRACE = "  terminationGracePeriodSeconds: {}\n"


@each_row(("grace", "hook", "said"), [
    ("", "{exec: {command: [sleep, '10']}}", False),
    ("", "{exec: {command: [sleep, '30']}}", True),
    ("", "{exec: {command: [sh, -c, 'sleep 45']}}", True),
    ("", "{sleep: {seconds: 40}}", True),
    (GRACE.format(60), "{exec: {command: [/bin/sleep, '30']}}", False),
    (GRACE.format(60), "{exec: {command: [sleep, '60']}}", True),
    (GRACE.format(10), "{sleep: {seconds: 15}}", True),
    ("", "{exec: {command: [/drain.sh]}}", False),
])  # fmt: skip
def test_a_pod_that_sleeps_through_the_time_it_is_given_is_told(grace, hook, said, tmp_path):
    (tmp_path / "pod.yaml").write_text(POD.format(grace=grace, hook=hook))
    hits = [hit for hit in examine(tmp_path).findings if hit.rule == "drain-beyond-grace"]
    assert bool(hits) == said


def test_what_kserve_gives_a_runtime_is_not_known_here(tmp_path):
    runtime = POD.format(grace="", hook="{exec: {command: [sleep, '51']}}").replace("kind: Pod", "kind: ServingRuntime")
    (tmp_path / "runtime.yaml").write_text(runtime.replace("apiVersion: v1", "apiVersion: serving.kserve.io/v1alpha1"))
    assert "drain-beyond-grace" not in {hit.rule for hit in examine(tmp_path).findings}
