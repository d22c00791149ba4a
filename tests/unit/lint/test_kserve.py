"""What KServe refuses of a predictor or a runtime, or leaves undone without a word."""

from cluster_texts import hits
from tables import each_row

from playbook.lint.linter import examine


def service(spec, name="rank"):
    head = f"apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata:\n  name: {name}\nspec:\n"
    return {"k.yaml": head + spec}


MODEL = "    model:\n      modelFormat: {name: tensorflow}\n      storageUri: pvc://m/rank\n"


@each_row(
    ("spec", "line"),
    [
        ("  minReplicas: 2\n  predictor:\n" + MODEL, 6),
        ("  predictor:\n    runtimeVersion: 2.15.1\n" + MODEL, 7),
        ("  predictor:\n" + MODEL + "      minReplicas: 2\n", 10),
        ("  predictor:\n    minReplicas: 3\n    maxReplicas: 2\n" + MODEL, 8),
        ("  predictor:\n    canaryTrafficPercent: 110\n" + MODEL, 7),
        ("  predictor:\n    canaryTrafficPercent: 100\n" + MODEL, None),
        ("  predictor:\n" + MODEL + "      readinessProbe: {httpGet: {path: /v1/models/rank}}\n", None),
        ("  predictor:\n    maxReplicas: 0\n    minReplicas: 3\n" + MODEL, None),  # 0: as many as it takes
        ("  predictor:\n" + MODEL + "    sklearn: {storageUri: pvc://m/other}\n", 10),
        ("  predictor:\n" + MODEL + "    containers: [{name: agent, image: a}]\n", None),  # beside it
        ("  predictor:\n" + MODEL + "    containers: [{name: kserve-container, image: a}]\n", 10),
        ("  predictor:\n" + MODEL + "      name: rank\n", 10),
        ("  predictor:\n    model: {modelFormat: tensorflow, storageUri: pvc://m/rank}\n", 7),
        ("  predictor:\n    minReplicas: 1\n    maxReplicas: 1\n    timeout: 60\n" + MODEL, None),
    ],
)
def test_what_kserve_refuses_is_told_at_its_line(spec, line, tmp_path):
    assert hits(tmp_path, service(spec)) == ({("k.yaml", line, "kubernetes-refuses")} if line else set())


@each_row(("name", "right"), [("rank-2", True), ("my_rank", False), ("2-rank", False), ("NAME", True)])
def test_an_inference_service_has_a_name_of_its_own_kind(name, right, tmp_path):
    assert (not hits(tmp_path, service("  predictor:\n" + MODEL, name))) == right


@each_row(
    ("version", "found"),
    [
        ("      image: tensorflow/serving:2.8.0\n", False),  # KServe makes it 2.8.0-gpu
        ("      image: tensorflow/serving:2.8.0\n      runtime: ours\n", True),
        ("      runtimeVersion: 2.8.0\n", True),
        ("      runtimeVersion: 2.8.0-gpu\n", False),
    ],
)
def test_kserve_adds_gpu_to_the_tag_of_its_own_runtime(version, found, tmp_path):
    text = "  predictor:\n" + MODEL + version + "      resources: {limits: {nvidia.com/gpu: 1}}\n"
    assert bool(hits(tmp_path, service(text))) == found


RUNTIME = """\
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterServingRuntime
metadata: {name: ours}
spec:
  containers:
  - name: kserve-container
    image: tensorflow/serving:2.15.1
    command: [/usr/bin/tensorflow_model_server]
    args:
    - --model_name={{.Name}}
    - --rest_api_port=8080
    - --model_base_path=/mnt/models
  supportedModelFormats: [{name: tensorflow}]
"""


@each_row(
    ("old", "new", "found"),
    [
        ("", "", set()),
        ("supportedModelFormats", "supportedModelTypes", {(13, "runtime-serves-nothing")}),
        ("  supportedModelFormats: [{name: tensorflow}]\n", "", set()),
        ("kserve-container", "serving", {(6, "runtime-serves-nothing")}),
        ("/mnt/models", "/models", {(12, "runtime-serves-nothing")}),
        ("/mnt/models", "/mnt/models/rank", set()),
        ("8080", "8501", {(11, "port-nobody-listens")}),
        ("8080\n", "8501\n    - --port=9000\n", {(11, "port-nobody-listens")}),
        ("    args:", "    ports: [{containerPort: 8080}]\n    args:", set()),
        ("    args:", "    ports: [{containerPort: 8081}]\n    args:", {(9, "port-nobody-listens")}),
        ("  containers:\n  - name: kserve-container", "  multiModel: true\n  containers:\n  - name: serving", set()),
    ],
)
def test_a_runtime_has_the_container_folder_and_port_that_kserve_uses(old, new, found, tmp_path):
    text = RUNTIME.replace(old, new, 1) if old else RUNTIME
    assert hits(tmp_path, {"r.yaml": text}) == {("r.yaml", *each) for each in found}


@each_row(("name", "found"), [("ours", False), ("ourz", True), ("kserve-tensorflow-serving", False)])
def test_a_runtime_is_asked_for_by_its_name(name, found, tmp_path):
    asked = service(
        "  predictor:\n" + MODEL.replace("      storageUri", f"      runtime: {name}-2-15\n      storageUri")
    )
    files = {"r.yaml": RUNTIME.replace("name: ours", "name: ours-2-15"), **asked}
    assert hits(tmp_path, files) == ({("k.yaml", 9, "target-not-here")} if found else set())


@each_row(
    ("more", "rule"),
    [
        ("      resources: {requests: {nvidia.com/gpu: 1}, limits: {nvidia.com/gpu: 2}}\n", "gpu-requests"),
        ("      resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}\n", "request-above-limit"),
        ("      resources: {limits: {memory: 2 GB}}\n", "kubernetes-refuses"),
        ("      env: [{name: TF_CPP_MIN_LOG_LEVEL, value: 1}]\n", "kubernetes-refuses"),
    ],
)
def test_a_predictors_model_is_a_container_with_all_that_a_cluster_refuses(more, rule, tmp_path):
    (tmp_path / "k.yaml").write_text(service("  predictor:\n" + MODEL + more)["k.yaml"])
    assert (rule, 10) in {(hit.rule, hit.line) for hit in examine(tmp_path).findings}


@each_row(("uri", "found"), [("gs://m/rank/1/saved_model.pb", True), ("gs://m/rank.pb.d", False)])
def test_a_predictors_model_is_a_folder(uri, found, tmp_path):
    text = "  predictor:\n" + MODEL.replace("pvc://m/rank", uri)
    assert hits(tmp_path, service(text)) == ({("k.yaml", 9, "base-path-is-file")} if found else set())


def test_variables_of_a_predictor_are_read_by_nobody(tmp_path):
    text = (
        "  predictor:\n"
        + MODEL
        + "      env:\n      - {name: MODEL_NAME, value: a}\n      - {name: HTTP_PROXY, value: b}\n"
    )
    assert hits(tmp_path, service(text)) == {("k.yaml", 11, "env-nobody-reads")}


CLIENT = """\
from kserve import V1beta1InferenceService, V1beta1InferenceServiceSpec, V1beta1PredictorSpec, V1beta1TFServingSpec
isvc = V1beta1InferenceService(
    api_version=constants.KSERVE_V1BETA1,
    kind=constants.KSERVE_KIND,
    metadata=client.V1ObjectMeta(name="rank", namespace="models"),
    spec=V1beta1InferenceServiceSpec(predictor=V1beta1PredictorSpec(
        tensorflow=V1beta1TFServingSpec(
            storage_uri="pvc://models/rank", args=["--grpc_max_threads=64"]))))
"""


@each_row(
    ("old", "new", "found"),
    [
        ("", "", set()),
        ("--grpc_max_threads=64", "--model_base_path=/mnt/pvc", {(8, "runtime-serves-nothing")}),
        ("--grpc_max_threads=64", "--model_base_path=/mnt/models/rank", set()),
        ("--grpc_max_threads", "--grpc_max_thread", {(8, "unknown-flag")}),
        ('name="rank"', 'name="rank_2"', {(5, "kubernetes-refuses")}),
    ],
)
def test_kserves_client_in_python_is_read_as_its_objects_are(old, new, found, tmp_path):
    text = CLIENT.replace(old, new) if old else CLIENT
    assert hits(tmp_path, {"p.py": text}) == {("p.py", *each) for each in found}
    assert examine(tmp_path).counts["predictors"] == 1


def test_a_predictor_in_terraforms_language_is_read(tmp_path):
    text = """\
resource "kubernetes_manifest" "rank" {
  manifest = {
    apiVersion = "serving.kserve.io/v1beta1"
    kind       = "InferenceService"
    metadata   = { name = "rank" }
    spec = { predictor = { model = {
      modelFormat = { name = "tensorflow" }
      storageUri  = "gs://b/rank"
      args        = ["--enable_batchin"]
    } } }
  }
}
"""
    assert hits(tmp_path, {"main.tf": text}) == {("main.tf", 9, "unknown-flag")}
