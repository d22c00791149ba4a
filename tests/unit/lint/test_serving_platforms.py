"""What KServe, Seldon, TFX and Helm refuse around a server, or leave undone without a word."""

from tables import each_row

from playbook.lint.forms.go_templates import rendered
from playbook.lint.linter import examine

RULES = {"kubernetes-refuses", "runtime-serves-nothing", "port-nobody-listens", "infra-validator-idle",
         "infra-validator-spec", "chart-refused", "chart-value-missing", "config-poll-subpath", "unreadable",
         "gpu-image-missing", "configmap-not-here", "s3-not-supported", "target-not-here", "env-nobody-reads",
         "unknown-flag", "not-understood", "no-model", "quotes-kept",
         "base-path-is-file", "literal-variable", "key-not-mounted", "chart-value-unread",
         "service-port-misnamed"}  # fmt: skip


def hits(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return {(hit.path, hit.line, hit.rule) for hit in examine(folder).findings if hit.rule in RULES}


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


def deployment(*predictors, spec=""):
    head = f"apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {{name: d}}\nspec:\n{spec}"
    return {"s.yaml": head + "  predictors:\n" + "".join(predictors)}


def unit(name="main", traffic="", more="modelUri: gs://b/m"):
    return f"  - name: {name}\n{traffic}    graph: {{name: m, implementation: TENSORFLOW_SERVER, {more}}}\n"


@each_row(
    ("files", "line"),
    [
        (deployment(unit()), None),
        (deployment(unit(more="children: []")), 7),
        (deployment(unit(), spec="  protocol: tensorflow_serving\n"), 5),
        (deployment(unit(traffic="    traffic: 100\n")), None),
        (deployment(unit(traffic="    traffic: 60\n")), 7),
        (deployment(unit(), unit("canary")), 8),
        (deployment(unit(traffic="    traffic: 60\n"), unit("b", "    traffic: 40\n")), None),
        (deployment(unit(), unit("b", "    shadow: true\n")), None),
        (deployment(unit(traffic="    traffic: 50\n"), unit(traffic="    traffic: 50\n")), 6),
        (deployment(unit(more="modelUri: gs://b/m, logger: {url: 'http://l'}")), 7),
        (deployment(unit(more="modelUri: gs://b/m, children: [{name: other, type: MODEL}]")), 7),
        (deployment(unit(more="modelUri: gs://b/m, endpoint: {type: GRPC}"), spec="  transport: rest\n"), 8),
    ],
)
def test_what_seldon_refuses_is_told_at_its_line(files, line, tmp_path):
    assert hits(tmp_path, files) == ({("s.yaml", line, "kubernetes-refuses")} if line else set())


VALIDATOR = """\
from tfx import v1 as tfx
validator = tfx.components.InfraValidator(
    model=trainer.outputs["model"],
    examples=examples,
    serving_spec=tfx.proto.ServingSpec(
        tensorflow_serving=tfx.proto.TensorFlowServing(tags=["2.15.1"]),
        local_docker=tfx.proto.LocalDockerConfig()),
    request_spec=tfx.proto.RequestSpec(
        tensorflow_serving=tfx.proto.TensorFlowServingRequestSpec(tag_set=["serve"])))
"""


@each_row(
    ("old", "new", "found"),
    [
        ("", "", set()),
        ("    examples=examples,\n", "", {(7, "infra-validator-idle")}),
        ('tags=["2.15.1"]', "", {(6, "infra-validator-idle")}),
        ('tags=["2.15.1"]', "tags=[]", {(6, "infra-validator-idle")}),
        ('tags=["2.15.1"]', "digests=DIGESTS", set()),
        ("LocalDockerConfig()", "LocalDockerConfig(timeout=3)", {(7, "infra-validator-spec")}),
    ],
)
def test_a_validator_that_tries_nothing_is_told(old, new, found, tmp_path):
    text = VALIDATOR.replace(old, new) if old else VALIDATOR
    assert hits(tmp_path, {"p.py": text}) == {("p.py", *each) for each in found}


CHART = {
    "Chart.yaml": "apiVersion: v2\nname: tfs\nversion: 0.1.0\n",
    "values.yaml": "model: {name: rank}\nbatching: {}\n",
    "templates/_h.tpl": '{{- define "tfs.name" -}}tfs{{- end -}}\n',
    "templates/d.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ include "tfs.name" . }}}
spec:
  selector: {matchLabels: {app: tfs}}
  template:
    metadata: {labels: {app: tfs}}
    spec:
      containers:
      - name: tfs
        image: tensorflow/serving:2.15.1
        args: [--model_name={{ .Values.model.name }}, --model_base_path=gs://b/m]
""",
}


def chart(old, new, **more):
    return {**CHART, "templates/d.yaml": CHART["templates/d.yaml"].replace(old, new), **more}


@each_row(
    ("files", "found"),
    [
        (CHART, None),
        (chart('"tfs.name"', '"tfs.fullname"'), (3, "chart-refused")),
        (chart('"tfs.name"', '"tfs.fullname"', **{"Chart.yaml": CHART["Chart.yaml"] + "dependencies: []\n"}), None),
        (chart(".Values.model.name", ".Values.models.name"), (12, "chart-value-missing")),
        (chart(".Values.model.name", ".Values.model.alias"), None),  # empty, and Helm goes on
        (chart(".Values.model.name", "(.Values.models).name"), None),
        (chart(".Values.model.name", "and .Values.models .Values.models.name"), None),
        (chart(".Values.model.name", "or .Values.model.name .Values.models.name"), None),
        (chart("spec:\n  sel", "# {{ if .Capabilities.A }}{{ .Values.models.name }}{{ end }}\nspec:\n  sel"), None),
        (chart(".Values.model.name", ".Values.models.name", **{"values-prod.yaml": "models: {name: a}\n"}), None),
        (chart(".Values.model.name", ".Values.models.name", **{"README.md": "--set models.name=rank\n"}), None),
        (chart(".Values.model.name", ".Values.global.models.name"), None),
    ],
)
def test_where_helm_stops_at_a_chart_is_told(files, found, tmp_path):
    assert hits(tmp_path, files) == ({("templates/d.yaml", *found)} if found else set())


def test_a_tab_in_a_list_of_flags_is_told_and_the_flags_are_read(tmp_path):
    text = CHART["templates/d.yaml"].replace('{{ include "tfs.name" . }}', "tfs")
    old = "args: [--model_name={{ .Values.model.name }}, --model_base_path=gs://b/m]"
    text = text.replace(old, "args:\n        - --model_name=rank\n\t- --model_base_path=s3://b/m")
    assert hits(tmp_path, {"d.yaml": text}) == {("d.yaml", 14, "unreadable"), ("d.yaml", 14, "s3-not-supported")}


def test_values_that_terraform_gives_a_release_are_read(tmp_path):
    values = "    args:\n      - --model_base_path=s3://b/m\n"
    text = f'resource "helm_release" "tfs" {{\n  values = [<<-EOT\n{values}  EOT\n  ]\n}}\n'
    assert ("main.tf", 4, "s3-not-supported") in hits(tmp_path, {"main.tf": text})


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


def test_single_values_that_terraform_gives_a_release_are_read(tmp_path):
    words = ("--model_base_path=gs://b/m", "--rest_api_prot=8501")
    given = "".join(f'  set {{\n    name  = "args[{n}]"\n    value = "{word}"\n  }}\n' for n, word in enumerate(words))
    assert hits(tmp_path, {"main.tf": f'resource "helm_release" "tfs" {{\n{given}}}\n'}) == {
        ("main.tf", 8, "unknown-flag")
    }


def test_variables_of_a_predictor_are_read_by_nobody(tmp_path):
    text = (
        "  predictor:\n"
        + MODEL
        + "      env:\n      - {name: MODEL_NAME, value: a}\n      - {name: HTTP_PROXY, value: b}\n"
    )
    assert hits(tmp_path, service(text)) == {("k.yaml", 11, "env-nobody-reads")}


@each_row(("name", "found"), [("ours", False), ("ourz", True), ("kserve-tensorflow-serving", False)])
def test_a_runtime_is_asked_for_by_its_name(name, found, tmp_path):
    asked = service(
        "  predictor:\n" + MODEL.replace("      storageUri", f"      runtime: {name}-2-15\n      storageUri")
    )
    files = {"r.yaml": RUNTIME.replace("name: ours", "name: ours-2-15"), **asked}
    assert hits(tmp_path, files) == ({("k.yaml", 9, "target-not-here")} if found else set())


def test_values_that_a_helmfile_gives_are_no_fault_of_the_chart(tmp_path):
    told = {"helmfile.yaml": "releases:\n- name: r\n  chart: ./c\n  values:\n  - models: {name: a}\n"}
    files = {f"c/{name}": text for name, text in chart(".Values.model.name", ".Values.models.name").items()}
    assert hits(tmp_path, {**files, **told}) == set()


@each_row(
    ("word", "found"),
    [('--model_name="rank"', True), ("--model_name='rank'", True), ("--model_name=rank", False)],
)
def test_quotes_inside_a_word_stay(word, found, tmp_path):
    text = CHART["templates/d.yaml"].replace('{{ include "tfs.name" . }}', "tfs")
    text = text.replace("--model_name={{ .Values.model.name }}", word)
    old = f"[{word}, --model_base_path=gs://b/m]"
    text = text.replace(old, f"\n        - {word}\n        - --model_base_path=gs://b/m")
    assert hits(tmp_path, {"d.yaml": text}) == ({("d.yaml", 13, "quotes-kept")} if found else set())


def test_a_validator_in_a_document_is_read(tmp_path):
    (tmp_path / "guide.md").write_text(f'# Guide\n\n```python hl_lines="4"\n{VALIDATOR}```\n')
    assert examine(tmp_path).counts["infra validators"] == 1


@each_row(
    ("asked", "model", "found"),
    [
        ("make_warmup=True, ", "", False),
        ("make_warmup=warm, ", "", False),
        ("", "", True),
        ("", "model=trainer.outputs['model'], ", False),
    ],
)
def test_a_pusher_of_a_blessing_needs_a_model_in_it(asked, model, found, tmp_path):
    text = VALIDATOR.replace("RequestSpec(\n", f"RequestSpec({asked}\n")
    pusher = f"pusher = tfx.components.Pusher({model}infra_blessing=validator.outputs['blessing'])\n"
    assert hits(tmp_path, {"p.py": text + pusher}) == ({("p.py", 10, "infra-validator-idle")} if found else set())


def test_a_table_that_a_chart_prints_as_go_does_is_told(tmp_path):
    old = "        args:"
    values = CHART["values.yaml"] + "resources: {limits: {cpu: 1}}\n"
    files = chart(old, "        resources: {{ .Values.resources }}\n" + old, **{"values.yaml": values})
    assert ("templates/d.yaml", 12, "kubernetes-refuses") in hits(tmp_path, files)


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


@each_row(
    ("action", "printed"),
    [
        ('mergeOverwrite (dict "a" (dict "b" 1 "c" 2)) (dict "a" (dict "b" 3)) | toJson', '{"a": {"b": 3, "c": 2}}'),
        ('dig "a" "b" "none" (dict "a" (dict "b" 1))', "1"),
        ('dig "a" "x" "none" (dict "a" (dict "b" 1))', "none"),
        ('concat (list 1) (list 2 3) | join ","', "1,2,3"),
        ('dict "b" (list 1 2) "a" "x"', "map[a:x b:[1 2]]"),
        ('"tfServing" | kebabcase', "tf-serving"),
        ('regexReplaceAll "a(.)" "abac" "${1}-"', "b-c-"),
        ("list 3 1 3 | uniq | toJson", "[3, 1]"),
        ('dict "a" 1 | toPrettyJson', '{\n  "a": 1\n}'),
    ],
)
def test_what_sprig_and_helm_add_is_filled_in(action, printed):
    assert rendered({"t.yaml": "{{ " + action + " }}"}, {}) == {"t.yaml": printed}


def test_a_name_that_jsonnet_keeps_in_an_object_is_filled_in(tmp_path):
    text = (
        'local params = { path: "null" };\n{ kind: "Pod", spec: { containers: [{ image: "tensorflow/serving:1.11.1",\n'
        '  args: ["--model_base_path=" + params.path] }] } }\n'
    )
    (tmp_path / "s.jsonnet").write_text(text)
    assert "relative-base-path" in {hit.rule for hit in examine(tmp_path).findings}


@each_row(("uri", "found"), [("gs://m/rank/1/saved_model.pb", True), ("gs://m/rank.pb.d", False)])
def test_a_predictors_model_is_a_folder(uri, found, tmp_path):
    text = "  predictor:\n" + MODEL.replace("pvc://m/rank", uri)
    assert hits(tmp_path, service(text)) == ({("k.yaml", 9, "base-path-is-file")} if found else set())


@each_row(
    ("parameter", "found"),
    [
        ("{name: model_name, type: STRING, value: rank}", False),
        ("{name: model_name, value: rank}", True),
        ("{type: STRING, value: rank}", True),
        ("{name: batch, type: INT, value: 8}", True),
        ("{name: batch, type: INT, value: '8'}", False),
    ],
)
def test_a_parameter_of_seldons_has_a_type_and_a_text(parameter, found, tmp_path):
    text = (
        "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: s}\nspec:\n"
        "  predictors:\n  - name: p\n    graph:\n      implementation: TENSORFLOW_SERVER\n      name: rank\n"
        f"      modelUri: gs://m/rank\n      parameters:\n      - {parameter}\n"
    )
    assert hits(tmp_path, {"s.yaml": text}) == ({("s.yaml", 12, "kubernetes-refuses")} if found else set())


POD = """apiVersion: v1
kind: Pod
metadata: {{name: serving, labels: {{a: b}}}}
spec:
  containers:
  - name: serving
    image: tensorflow/serving:2.16.1
    args: [{args}]
"""
FLAGS = "--model_name=rank, --model_base_path=gs://m/rank"


def whole_chart(values, template, **files):
    about = "apiVersion: v2\nname: c\nversion: 1.0.0\n"
    return {"c/Chart.yaml": about, "c/values.yaml": values, "c/templates/k.yaml": template, **files}


@each_row(
    ("name", "found"),
    [("{{ .Values.bucket }}", True), ("{{ $.Values.bucket }}", False), ("{{ .name }}", False)],
)
@each_row("models", ["[{name: rank}]", "[rank]"])
def test_a_range_asks_the_chart_for_its_values_and_not_its_item(models, name, found, tmp_path):
    path = FLAGS.replace("gs://m/", f"gs://{name}/")
    if name != "{{ .name }}" or "{" in models:
        text = "# {{ .Values.bucket }}\n{{- range .Values.models }}\n---\n" + POD.format(args=path) + "{{- end }}\n"
        files = whole_chart(f"bucket: m\nmodels: {models}\n", text)
        assert hits(tmp_path, files) == ({("c/templates/k.yaml", 11, "chart-refused")} if found else set())


@each_row(("action", "found"), [("toYaml .Values.args", True), ("tpl (toYaml .Values.args) .", False)])
def test_flags_in_values_hold_no_template_unless_tpl_fills_it_in(action, found, tmp_path):
    text = POD.format(args="").replace(" []", "\n      {{- " + action + " | nindent 6 }}")
    files = whole_chart("m: rank\nargs:\n- --model_name={{ .Values.m }}\n- --model_base_path=gs://m/rank\n", text)
    assert hits(tmp_path, files) == ({("c/values.yaml", 3, "literal-variable")} if found else set())


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
        ("{name: http, port: 8500, targetPort: 8500}", False),  # the numbers are those that everybody knows
    ],
)
def test_a_service_leads_a_port_of_a_protocols_name_to_that_protocol(port, found, tmp_path):
    text = POD.format(args=FLAGS) + (
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  selector: {a: b}\n"
        f"  ports:\n  - {port}\n"
    )
    assert hits(tmp_path, {"k.yaml": text}) == ({("k.yaml", 16, "service-port-misnamed")} if found else set())


@each_row(
    ("name", "path", "found"),
    [
        ("model.path", "./c", False),
        ("model.base", "./c", True),
        ("model.base", "${path.module}/c", True),
        ("model.base", "./elsewhere", False),
        ("resources.limits.cpu", "./c", False),  # printed whole
        ("extra[0].base", "./c", False),
    ],
)
def test_a_release_sets_what_its_chart_asks_for(name, path, found, tmp_path):
    release = f'resource "helm_release" "r" {{\n  chart = "{path}"\n  set {{\n    name = "{name}"\n  }}\n}}\n'
    text = POD.format(args=FLAGS.replace("gs://m/rank", "{{ .Values.model.path }}"))
    text += "    resources: {{ toJson .Values.resources }}\n"
    files = whole_chart("model: {path: gs://m/rank}\nresources: {}\n", text, **{"main.tf": release})
    assert hits(tmp_path, files) == ({("main.tf", 4, "chart-value-unread")} if found else set())
