"""Queries of metrics that the server does not have find nothing, and lint says what it has."""

from tables import each_row

from model_server import metrics
from playbook.lint.checks.server_metrics import SERIES
from playbook.lint.linter import examine

ALERT = "groups: [{name: s, rules: [{alert: a, expr: 'rate(NAME[5m]) > 1'}]}]\n"
BLOCK = "groups:\n- rules:\n  - alert: a\n    expr: |\n      rate(\n        NAME[5m]) > 1\n"
SCALER = (
    "kind: ScaledObject\nspec:\n  triggers:\n  - metadata:\n      metricName: NAME\n      query: sum(rate(NAME[1m]))\n"
)
PANEL = '{"panels": [{"targets": [{"expr": "rate(NAME[5m])"}]}]}\n'
GUIDE = "# Metrics\n\n```promql\n# how many\nrate(NAME[5m])\n```\n"
OF_OTHERS, OWN = "tensorflow_serving_request_count", ":tensorflow:serving:request_count"


def asked(folder, files, name):
    """Lines at which lint says that a metric is not the server's."""
    for path, content in files.items():
        (folder / path).write_text(content.replace("NAME", name))
    hits = [hit for hit in examine(folder).findings if hit.rule == "metric-unknown"]
    return [(hit.path, hit.line) for hit in hits], " ".join(hit.remedy for hit in hits)


FORMS = {
    "a rule in one line": ({"r.yml": ALERT}, ("r.yml", 1)),
    "a rule over several lines": ({"r.yml": BLOCK}, ("r.yml", 6)),
    "KEDA's query": ({"k.yaml": SCALER}, ("k.yaml", 6)),
    "a panel": ({"d.json": PANEL}, ("d.json", 1)),
    "a document": ({"m.md": GUIDE}, ("m.md", 5)),
}


@each_row("form", FORMS)
def test_a_query_by_a_name_of_others_is_told_whatever_holds_it(form, tmp_path):
    files, place = FORMS[form]
    assert asked(tmp_path, files, OF_OTHERS) == ([place], f"Write {OWN}.")


@each_row("form", FORMS)
def test_a_query_by_the_servers_own_name_is_right(form, tmp_path):
    assert asked(tmp_path, FORMS[form][0], OWN) == ([], "")


MADE = {
    "a rule records it": "groups: [{rules: [{record: tensorflow_serving_request_count, expr: 'vector(1)'}]}]\n",
    "an adapter names it so": "rules:\n- seriesQuery: ':tensorflow:serving:request_count'\n"
    "  name: {as: tensorflow_serving_request_count}\n",
    "metrics are renamed as they are scraped": "metric_relabel_configs:\n- {source_labels: [__name__], "
    "regex: ':(.*)', target_label: __name__}\n",
    "a program exports it": 'C = Counter("tensorflow_serving_request_count", "requests")\n',
}


@each_row("how", MADE)
def test_a_name_that_somebody_here_makes_is_no_mistake(how, tmp_path):
    name = "p.py" if "program" in how else "m.yaml"
    assert asked(tmp_path, {"r.yml": ALERT, name: MADE[how]}, OF_OTHERS)[0] == []


REMEDIES = {
    ":tensorflow:serving:request_latency": "It is a histogram",
    "tensorflow_serving_request_latency_bucket": "Write :tensorflow:serving:request_latency_bucket (in microseconds).",
    "tensorflow_serving_request_duration_seconds_sum": "Write :tensorflow:serving:request_latency_sum (in micro",
    "tensorflow_serving_batch_size_bucket": "Write :tensorflow:serving:batching_session:processed_batch_size_bucket.",
    ":tensorflow:serving:model_handle": "Ask the server itself",
}


@each_row("name", REMEDIES)
def test_the_remedy_names_the_metric_that_is_meant(name, tmp_path):
    places, remedy = asked(tmp_path, {"r.yml": ALERT}, name)
    assert places
    assert REMEDIES[name] in remedy


def test_the_names_are_those_of_the_embedded_server():
    own = [each for each in vars(metrics).values() if isinstance(each, (metrics.Counter, metrics.Histogram))]
    names = {metrics.exported(each.name): each for each in own if "tensorflow/serving" in each.name}
    parts = {name: [""] if isinstance(each, metrics.Counter) else ["_bucket", "_sum", "_count"]
             for name, each in names.items()}  # fmt: skip
    series = {name + part for name, each in parts.items() for part in each}
    assert series == {f":tensorflow:serving:{name}" for name in SERIES}
