# ruff: noqa: E501  (tables of texts, one a line)
"""Signatures that a client asks for, beside the program that exports the model."""

from tables import each_row

from playbook.lint.linter import examine

RUN = "docker run -d -p 8501:8501 -v $PWD/m:/models/m -e MODEL_NAME=m tensorflow/serving:2.20.0\n"
ASK = "requests.post(URL, json={'signature_name': 'NAME', 'instances': []})\n"
SPEC = "request.model_spec.signature_name = 'NAME'\n"


@each_row(("export", "client", "said"), [
    ("tf.saved_model.save(m, P, signatures={'score': m.score})", ASK.replace("NAME", "score"), False),
    ("tf.saved_model.save(m, P, signatures={'score': m.score})", ASK.replace("NAME", "serving_default"), True),
    ("tf.saved_model.save(m, P, signatures={'score': m.score})", SPEC.replace("NAME", "predict"), True),
    ("tf.saved_model.save(m, P, signatures={'a': f, 'b': g})", SPEC.replace("NAME", "b"), False),
    ("tf.saved_model.save(m, P, signatures=m.score)", SPEC.replace("NAME", "serving_default"), False),
    ("tf.saved_model.save(m, P, signatures=m.score)", SPEC.replace("NAME", "score"), True),
    ("tf.saved_model.save(m, P, signatures=make())", SPEC.replace("NAME", "score"), False),
    ("tf.saved_model.save(m, P, signatures=m.f.get_concrete_function())", SPEC.replace("NAME", "score"), True),
    ("tf.saved_model.save(m, P, signatures=signatures)", SPEC.replace("NAME", "score"), False),
    ("tf.saved_model.save(m, P, signatures={NAME: f})", SPEC.replace("NAME", "score"), False),
    ("builder.add_meta_graph_and_variables(s, [], signature_def_map={'images': f})", SPEC.replace("NAME", "predict"), True),
    ("model.save(P)", SPEC.replace("NAME", "score"), False),  # nobody here names signatures: the model may be another
    ("tf.saved_model.save(m, P, signatures={'a': f})\nestimator.export_saved_model(P, f)", SPEC.replace("NAME", "predict"), False),
])  # fmt: skip
def test_a_request_for_a_signature_that_is_not_exported_is_said(export, client, said, tmp_path):
    (tmp_path / "run.sh").write_text(RUN)
    (tmp_path / "export.py").write_text(export + "\n")
    (tmp_path / "client.py").write_text(f"import requests\n{client}")
    hits = [(hit.path, hit.line) for hit in examine(tmp_path).findings if hit.rule == "client-wrong-signature"]
    assert hits == ([("client.py", 2)] if said else [])
