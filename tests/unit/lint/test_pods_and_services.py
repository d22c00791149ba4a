"""Small faults of pods and services: quotes, tabs, keys, names and ports that mean something else."""

from cluster_texts import ARGS, FLAGS, POD, deployed, hits
from tables import each_row

from playbook.lint.linter import examine


def test_a_tab_in_a_list_of_flags_is_told_and_the_flags_are_read(tmp_path):
    files = deployed(ARGS, "        args:\n        - --model_name=rank\n\t- --model_base_path=s3://b/m\n")
    assert hits(tmp_path, files) == {("d.yaml", 14, "unreadable"), ("d.yaml", 14, "s3-not-supported")}


@each_row(
    ("word", "found"),
    [('--model_name="rank"', True), ("--model_name='rank'", True), ("--model_name=rank", False)],
)
def test_quotes_inside_a_word_stay(word, found, tmp_path):
    files = deployed(ARGS, f"        args:\n        - {word}\n        - --model_base_path=gs://b/m\n")
    assert hits(tmp_path, files) == ({("d.yaml", 13, "quotes-kept")} if found else set())


@each_row(
    ("mounts", "found"),
    [
        ("", True),
        ("    volumeMounts: [{name: k, mountPath: /other}]\n", True),
        ("    volumeMounts: [{name: k, mountPath: /keys}]\n", False),
    ],
)
def test_a_key_of_googles_is_where_something_is_mounted(mounts, found, tmp_path):
    env = "    env:\n    - {name: GOOGLE_APPLICATION_CREDENTIALS, value: /keys/k.json}\n"
    text = POD.format(args=FLAGS) + env + mounts + "  volumes: [{name: k, secret: {secretName: s}}]\n"
    assert hits(tmp_path, {"k.yaml": text}) == ({("k.yaml", 10, "key-not-mounted")} if found else set())
    (tmp_path / "k.yaml").write_text(text.replace("gs://m", "/models"))  # nothing asks for the key
    assert "key-not-mounted" not in {hit.rule for hit in examine(tmp_path).findings}


@each_row(
    ("port", "found"),
    [
        ("{name: rest, port: 80, targetPort: 8500}", True),
        ("{name: grpc, port: 9000, targetPort: 8501}", True),
        ("{name: http2-grpc, port: 80, targetPort: 8500}", False),
        ("{name: http2, port: 80, targetPort: 8500}", False),
        ("{name: rest, port: 80, targetPort: 8501}", False),
        ("{name: http, port: 8500, targetPort: 8500}", True),  # whatever the numbers tell, others go by the name
    ],
)
def test_a_service_leads_a_port_of_a_protocols_name_to_that_protocol(port, found, tmp_path):
    text = POD.format(args=FLAGS) + (
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  selector: {a: b}\n"
        f"  ports:\n  - {port}\n"
    )
    assert hits(tmp_path, {"k.yaml": text}) == ({("k.yaml", 16, "service-port-misnamed")} if found else set())


def test_a_name_in_terraforms_language_is_checked_and_what_it_fills_in_is_not(tmp_path):
    text = """\
resource "kubernetes_deployment_v1" "serving" {
  metadata { name = "serving:v1.0" }
  spec { template { spec { container {
    name  = "serving"
    image = "tensorflow/serving:2.17.0"
    args  = ["--model_name=${var.model}", "--model_base_path=gs://b/${var.model}"]
  } } } }
}
"""
    assert hits(tmp_path, {"main.tf": text}) == {("main.tf", 2, "kubernetes-refuses")}


def test_a_name_that_jsonnet_keeps_in_an_object_is_filled_in(tmp_path):
    text = (
        'local params = { path: "null" };\n{ kind: "Pod", spec: { containers: [{ image: "tensorflow/serving:1.11.1",\n'
        '  args: ["--model_base_path=" + params.path] }] } }\n'
    )
    (tmp_path / "s.jsonnet").write_text(text)
    assert "relative-base-path" in {hit.rule for hit in examine(tmp_path).findings}
