"""A file of changes is held to what it adds: what stands around it is context, what it takes away is gone."""

from tables import each_row

from playbook.lint.linter import examine
from playbook.lint.output import exit_code

IMAGE = "tensorflow/serving:2.20.0"
HEAD = "From 1234 Mon Sep 17\nSubject: [PATCH] serve\n\n---\n"
CHANGED = "diff --git a/{0} b/{0}\nindex 1..2 100644\n--- a/{0}\n+++ b/{0}\n@@ -1,3 +1,4 @@\n"
THREADS = "rest-threads-one"
# the file that is changed -> its hunk, and what is found, with the lines of the hunk
HUNKS = {
    "Dockerfile": (
        f' FROM {IMAGE}\n COPY m /models/model\n-CMD ["--port=8500"]\n+CMD ["--port=8500", \\\n'
        '+  "--rest_api_num_threads=1"]\n',
        {(THREADS, 5)},
    ),
    "k8s/serving.yaml": (
        f"       - name: s\n         image: {IMAGE}\n         args:\n         - --enable_batchin\n"
        "+        - --rest_api_num_threads=1\n+        - --model_base_path=m\n",
        {(THREADS, 5), ("relative-base-path", 6)},
    ),
    "run.sh": (
        " tensorflow_model_server --rest_api_port=8501 \\\n-  --model_base_path=/m\n+  --model_base_path=/m \\\n"
        "+  --rest_api_num_threads=1\n",
        {(THREADS, 4)},
    ),
    "b.config": ("+max_batch_size: 64\n num_batch_threads { value: 2 }\n", {("batching-bare-field", 1)}),
}


def found(folder, text, name="a.patch"):
    (folder / name).write_text(text)
    report = examine(folder)
    return {(hit.rule, hit.line) for hit in report.findings}, report


@each_row("name", HUNKS)
def test_what_a_diff_adds_is_read_at_its_lines(name, tmp_path):
    hunk, expected = HUNKS[name]
    head = HEAD + CHANGED.format(name)
    hits, report = found(tmp_path, head + hunk)
    assert hits == {(rule, head.count("\n") + line) for rule, line in expected}
    assert report.files == ["a.patch"]


def test_a_new_file_is_whole_and_a_deleted_one_is_gone(tmp_path):
    new = "diff --git a/b.sh b/b.sh\n--- /dev/null\n+++ b/b.sh\n@@ -0,0 +1 @@\n+tensorflow_model_server --port=8500\n"
    old = "diff --git a/c.sh b/c.sh\n--- a/c.sh\n+++ /dev/null\n@@ -1 +0,0 @@\n-tensorflow_model_server --port=8501\n"
    assert found(tmp_path, new + old, "x.diff")[0] == {("no-model", 5)}


def test_a_diff_that_only_mends_is_clean(tmp_path):
    hunk = HUNKS["Dockerfile"][0].replace("threads=1", "threads=9").replace('["--port=8500"]', '["--rest_api_port"]')
    hits, report = found(tmp_path, CHANGED.format("Dockerfile") + hunk)
    assert (hits, exit_code(report)) == (set(), 0)


def test_a_diff_of_other_things_is_passed_over(tmp_path):
    text = CHANGED.format("app.py") + f" # see {IMAGE}\n-x = 1\n+x = 2\n"
    hits, report = found(tmp_path, text)
    assert (hits, report.files) == (set(), [])
