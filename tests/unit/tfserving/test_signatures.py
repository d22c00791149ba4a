"""The signature table says what saved_model_cli says."""

import re
from pathlib import Path

import export_models

from playbook.tfserving import signatures


def test_the_table_shows_method_types_shapes(tmp_path: Path) -> None:
    found = signatures.read(export_models.half_plus_two(tmp_path / "model"))
    table = signatures.table([one.described() for one in found])
    assert "| `serving_default` | Predict | `x` float32 (-1, 1) | `y` float32 (-1, 1) |" in table
    assert "| `regress_x_to_y` | Regress | `inputs` string (-1) | `outputs` float32 (-1, 1) |" in table


def test_it_agrees_with_saved_model_cli(tmp_path: Path) -> None:
    from playbook.tfserving.tensorflow import tensorflow

    tensorflow()
    from tensorflow.python.tools import saved_model_cli

    model = export_models.two_inputs(tmp_path / "model")
    shown = _shown_by_cli(saved_model_cli, model)
    (ours,) = signatures.read(model)
    for tensor in (*ours.inputs, *ours.outputs):
        size = ", ".join(str(n) for n in tensor.shape)
        assert re.search(rf"\['{tensor.alias}'\] tensor_info:\s+dtype: DT_\w+\s+shape: \({size},?\)", shown), shown


def _shown_by_cli(saved_model_cli, model: Path) -> str:
    import contextlib
    import io

    kept = io.StringIO()
    with contextlib.redirect_stdout(kept):
        saved_model_cli._show_inputs_outputs(str(model), "serve", "serving_default")
    return kept.getvalue()


def test_a_default_declared_in_the_signature_is_shown(tmp_path: Path) -> None:
    from playbook.tfserving.tensorflow import tensorflow

    tf = tensorflow()
    model = export_models.doubling(tmp_path / "model")
    proto = signatures.load_proto(model)
    definition = proto.meta_graphs[0].signature_def["serving_default"]
    definition.defaults["x"].CopyFrom(tf.make_tensor_proto([1.0, 2.0]))
    (model / "saved_model.pb").write_bytes(proto.SerializeToString())
    assert "`x` float32 (-1, 4), default [1.0, 2.0]" in signatures.table(
        [one.described() for one in signatures.read(model)]
    )


def test_unknown_rank_is_said(tmp_path: Path) -> None:
    (one,) = signatures.read(export_models.doubling(tmp_path / "model", None))
    assert one.inputs[0].shape is None
    assert "`x` float32 unknown rank" in signatures.table([one.described()])
