"""Where Helm stops at a chart, what it prints, and what a release sets."""

from cluster_texts import DEPLOYED, FLAGS, POD, hits
from tables import each_row

from playbook.lint.forms.go_templates import rendered

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: tfs\nversion: 0.1.0\n",
    "values.yaml": "model: {name: rank}\nbatching: {}\n",
    "templates/_h.tpl": '{{- define "tfs.name" -}}tfs{{- end -}}\n',
    "templates/d.yaml": DEPLOYED.replace("{name: tfs}", '{name: {{ include "tfs.name" . }}}', 1)
    + "        args: [--model_name={{ .Values.model.name }}, --model_base_path=gs://b/m]\n",
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


def test_values_that_a_helmfile_gives_are_no_fault_of_the_chart(tmp_path):
    told = {"helmfile.yaml": "releases:\n- name: r\n  chart: ./c\n  values:\n  - models: {name: a}\n"}
    files = {f"c/{name}": text for name, text in chart(".Values.model.name", ".Values.models.name").items()}
    assert hits(tmp_path, {**files, **told}) == set()


def test_a_table_that_a_chart_prints_as_go_does_is_told(tmp_path):
    old = "        args:"
    values = CHART["values.yaml"] + "resources: {limits: {cpu: 1}}\n"
    files = chart(old, "        resources: {{ .Values.resources }}\n" + old, **{"values.yaml": values})
    assert ("templates/d.yaml", 12, "kubernetes-refuses") in hits(tmp_path, files)


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


def test_values_that_terraform_gives_a_release_are_read(tmp_path):
    values = "    args:\n      - --model_base_path=s3://b/m\n"
    text = f'resource "helm_release" "tfs" {{\n  values = [<<-EOT\n{values}  EOT\n  ]\n}}\n'
    assert ("main.tf", 4, "s3-not-supported") in hits(tmp_path, {"main.tf": text})


def test_single_values_that_terraform_gives_a_release_are_read(tmp_path):
    words = ("--model_base_path=gs://b/m", "--rest_api_prot=8501")
    given = "".join(f'  set {{\n    name  = "args[{n}]"\n    value = "{word}"\n  }}\n' for n, word in enumerate(words))
    assert hits(tmp_path, {"main.tf": f'resource "helm_release" "tfs" {{\n{given}}}\n'}) == {
        ("main.tf", 8, "unknown-flag")
    }


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
