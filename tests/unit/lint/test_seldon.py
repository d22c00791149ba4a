"""What Seldon refuses of a deployment with TensorFlow Serving in it."""

from cluster_texts import hits
from tables import each_row


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
