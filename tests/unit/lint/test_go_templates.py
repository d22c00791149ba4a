"""Helm's templates are filled in without Helm: what its guide says of blanks, scopes, ranges and functions holds."""

import pytest
from tables import each_row

from playbook.lint.forms.go_expressions import TemplateError
from playbook.lint.forms.go_templates import rendered
from playbook.lint.forms.text import UNKNOWN

VALUES = {"name": "m", "n": 4, "off": False, "none": None, "list": ["a", "b"], "table": {"y": 2, "x": 1}}
HELPERS = '{{- define "full" -}}\n{{ .Release.Name }}-{{ .Values.name }}\n{{- end -}}'


def made(template):
    root = {"Values": dict(VALUES), "Release": {"Name": "r"}}
    return rendered({"t/a.yaml": template, "t/_h.tpl": HELPERS}, root)["t/a.yaml"]


@each_row(
    ("template", "text"),
    [
        ("a: {{ .Values.name }}", "a: m"),
        ("a: {{ .Values.name | quote }}", 'a: "m"'),
        ("a: {{ .Values.gone }}", "a: "),
        ("a: {{ .Values.gone | default 64 }} {{ .Values.n | default 64 }}", "a: 64 4"),
        ("a\n{{- if .Values.off }}\nb\n{{- else if eq .Values.n 4 }}\nc\n{{- else }}\nd\n{{- end }}\ne", "a\nc\ne"),
        ("a\n{{- if and .Values.name (not .Values.off) }}\nb\n{{- end }}", "a\nb"),
        ("{{- range .Values.list }}\n- {{ . }}\n{{- end }}", "\n- a\n- b"),
        ("{{- range $k, $v := .Values.table }} {{ $k }}={{ $v }}{{ end }}", " x=1 y=2"),
        ("{{- range .Values.none }}x{{ else }}nothing{{ end }}", "nothing"),
        ("{{- with .Values.table }}{{ .x }} {{ $.Values.n }}{{ end }}", "1 4"),
        ("{{- $v := .Values.n }}{{ if true }}{{ $v = 5 }}{{ end }}{{ $v }}", "5"),
        ("a: {{- toYaml .Values.table | nindent 2 }}", "a:\n  x: 1\n  y: 2"),
        ('{{ include "full" . }}{{ template "full" . }}', "r-mr-m"),
        ('{{ printf "%s-%d" .Values.name .Values.n | trunc 2 }}', "m-"),
        ("{{ index .Values.list 1 }} {{ (index .Values.list 0) }}", "b a"),
        ('{{ omit .Values.table "x" | toYaml }} {{ pick .Values.table "x" | toYaml }}', "y: 2 x: 1"),
        ('{{ tpl "{{ .Values.name }}" . }}', "m"),
        ("a {{/* nothing */}} b", "a  b"),
        ("{{ .Values.table.x }}{{ `{{.Name}}` }}", "1{{.Name}}"),
        ("x: {{ lookup `v1` `Secret` `n` `s` }}", f"x: {UNKNOWN}"),
    ],
)
def test_a_template_makes_the_text_that_helm_makes(template, text):
    assert made(template) == text


def test_text_over_several_lines_stays_a_block():
    assert made('{{ toYaml (dict "a" "x: 1\\ny: 2\\n") }}') == "a: |\n  x: 1\n  y: 2"


@each_row("template", ["{{ if .Values.n }}", "{{ end }}", "{{ .Values.n + 1 }}", "{{ indent }}"])
def test_a_template_that_is_not_understood_is_said_to_be_so(template):
    with pytest.raises(TemplateError):
        made(template)


@each_row(
    "template",
    [
        "{{ range until 100000 }}{{ range until 100000 }}{{ range until 100000 }}x{{ end }}{{ end }}{{ end }}",
        '{{ define "a" }}{{ include "a" . }}{{ include "a" . }}{{ end }}{{ include "a" . }}',
    ],
)
def test_a_template_without_end_is_given_up(template):
    with pytest.raises(TemplateError):
        made(template)
