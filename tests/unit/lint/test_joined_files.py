# ruff: noqa: E501  (texts on one line)
"""The report counts a file as read whose objects were joined to a server; and where findings of such objects stand."""

from cluster_texts import DEPLOYMENT, INGRESS, REFUSED, SERVICE, hits
from tables import each_row

from playbook.lint.linter import examine

CLAIM = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: %s}\nspec: {accessModes: [ReadWriteMany]}\n"
SCALER = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: s}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: %s}, maxReplicas: 3}
"""
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: names}\ndata: {LEVEL: high}\n"
TAKES = DEPLOYMENT.replace("        args:", "        envFrom: [{configMapRef: {name: names}}]\n        args:")
KUSTOMIZATION = "kind: Kustomization\nresources: [server.yaml, more.yaml]\n"


def read(folder, files):
    for name, text in files.items():
        (folder / name).write_text(text)
    report = examine(folder)
    assert len(report.files) == len({*report.files})
    return {*report.files}


@each_row(
    ("more", "used"),
    [
        (SERVICE, True),
        (SERVICE.replace("app: scores", "app: shop").replace("850", "543"), False),
        (SCALER % "scores", True),
        (SCALER % "shop", False),
        (CLAIM % "models", True),
        (CLAIM % "backups", False),
        (MAP, True),
        (MAP.replace("name: names", "name: others"), False),
    ],
)
def test_a_file_beside_a_server_counts_as_read_where_its_object_is_the_servers(more, used, tmp_path):
    files = read(tmp_path, {"server.yaml": TAKES, "more.yaml": more, "kustomization.yaml": KUSTOMIZATION})
    assert files >= {"server.yaml", "kustomization.yaml"}
    assert ("more.yaml" in files) is used


def test_a_route_to_a_servers_service_counts_as_read(tmp_path):
    files = {"server.yaml": DEPLOYMENT, "service.yaml": SERVICE, "way.yaml": INGRESS}
    assert read(tmp_path, files) == {*files}


def test_kustomizations_that_take_in_a_folder_and_their_patches_count_as_read(tmp_path):
    files = {
        "base/server.yaml": DEPLOYMENT,
        "base/kustomization.yaml": "resources: [server.yaml]\n",
        "prod/kustomization.yaml": "kind: Kustomization\nresources: [../base]\npatches: [{path: more.yaml}]\n",
        "prod/more.yaml": DEPLOYMENT.partition("  selector:")[0] + "  replicas: 3\n",
    }
    for name in ("base", "prod"):
        (tmp_path / name).mkdir()
    assert read(tmp_path, files) == {*files}


BESIDE = "metadata:\n  name: scores\n  annotations:\n  example.com/team: red\n"


@each_row(
    ("old", "new", "line"),
    [
        ("metadata: {name: scores}\n", BESIDE, 6),
        ("metadata: {name: scores}\n", BESIDE.replace("annotations", "labels"), 6),
        ("    metadata: {labels: {app: scores}}\n", "    metadata:\n      labels: {app: scores}\n      image: a\n", 9),
        ("selector: {matchLabels: {app: scores}}\n", "selector:\n    matchLabels:\n    app: scores\n", 7),
    ],
)
def test_what_belongs_below_a_key_and_stands_beside_it_is_an_unknown_field(old, new, line, tmp_path):
    assert ("d.yaml", line, REFUSED) in hits(tmp_path, {"d.yaml": DEPLOYMENT.replace(old, new, 1)})


def test_what_a_cluster_writes_into_metadata_is_let_be(tmp_path):
    known = ("uid: a", "resourceVersion: '1'", "creationTimestamp: null", "generation: 1", "selfLink: a",
             "managedFields: []", "ownerReferences: []", "finalizers: []", "generateName: s-")  # fmt: skip
    text = DEPLOYMENT.replace("{name: scores}", f"{{name: scores, {', '.join(known)}}}", 1)
    assert not hits(tmp_path, {"d.yaml": text})


OWN = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: scores}
spec:
  replicas: 2
  selector: {matchLabels: {app: scores}}
  template:
    metadata: {labels: {app: scores}}
    spec:
      containers:
      - name: scores
        image: me/eyes:1
        args: ["--tensorflow_inter_op_parallelism=2", "--tensorflow_intra_op_parallelism=%s"]
        ports: [{containerPort: %s, name: %s}]
        resources: {limits: {cpu: %s}}
"""


@each_row(
    ("port", "name", "told"),
    [(8500, "a", True), (8500, "grpc", True), (9000, "grpc-api", True), (9000, "a", False), (8501, "rest", False)],
)
def test_the_port_of_grpc_of_an_image_of_ones_own_is_balanced_by_nobody(port, name, told, tmp_path):
    service = SERVICE.replace("8501", "7").replace("port: 8500, targetPort: 8500", f"port: 1, targetPort: {port}")
    for file, text in {"d.yaml": OWN % (2, port, name, 2), "s.yaml": service}.items():
        (tmp_path / file).write_text(text)
    found = {(hit.path, hit.line) for hit in examine(tmp_path).findings if hit.rule == "grpc-balancing"}
    assert found == ({("s.yaml", 8)} if told else set())


@each_row(
    ("threads", "cpus", "told"), [(8, "800m", True), (8, 4, True), (4, 4, False), (2, 2, False), (1, "250m", False)]
)
def test_threads_that_a_flag_asks_for_beyond_the_cpu_limit_are_told_by_its_name(threads, cpus, told, tmp_path):
    (tmp_path / "d.yaml").write_text(OWN % (threads, 8500, "grpc", cpus))
    (hit,) = [hit for hit in examine(tmp_path).findings if hit.rule == "cpu-limit-threads"]
    assert (f"--tensorflow_intra_op_parallelism={threads} asks for more threads" in hit.message) is told


def test_each_of_two_flags_has_its_own_line(tmp_path):
    (tmp_path / "r.sh").write_text(
        "tensorflow_model_server --model_base_path=/m \\\n  --grpc_channel_arguments=a=1 \\\n  --grpc_channel_arguments=b=2\n"
    )
    lines = [hit.line for hit in examine(tmp_path).findings if "'a=1'" in hit.message]
    assert lines == [2]


@each_row(("again", "told"), [("8500", False), ("9000", True)])
def test_a_flag_that_entrypoint_and_command_give_alike_is_no_fault(again, told, tmp_path):
    (tmp_path / "docker-compose.yml").write_text(
        "services:\n  s:\n    image: tensorflow/serving:2.20.0\n    entrypoint:\n    - /usr/bin/tf_serving_entrypoint.sh\n"
        f"    - --port=8500\n    command:\n    - --port={again}\n"
    )
    assert ("flag-repeated" in {hit.rule for hit in examine(tmp_path).findings}) is told
