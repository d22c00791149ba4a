"""What a load runs beside the requests: operations that store, restore or read files there, by both who look for them.

The server's --reject_unsafe_ops and export's check stand on two sides of a wall; the same graphs are told to both.
"""

from __future__ import annotations

import pytest
from google.protobuf import text_format

from model_server.runtime import unsafe_ops
from playbook.export import safety

pytest.importorskip("tensorflow.core")
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

# A saver that restores from the file the loader names, as every model with variables has one.
SAVER = """
saver_def { filename_tensor_name: "file:0" restore_op_name: "restore_all" save_tensor_name: "saved:0" }
graph_def {
  node { name: "file" op: "Const" } node { name: "names" op: "Const" } node { name: "v" op: "VarHandleOp" }
  node { name: "saved" op: "SaveV2" input: "file" input: "names" }
  node { name: "restored" op: "RestoreV2" input: "file" input: "names" }
  node { name: "restore_all" op: "NoOp" input: "^restored" }
  node { name: "elsewhere" op: "Const" } node { name: "load" op: "NoOp" input: "^reached" }
"""
VOCABULARY = """
graph_def { node { name: "words" op: "Const" } node { name: "table" op: "HashTableV2" }
  node { name: "elsewhere" op: "Const" }
  node { name: "init" op: "InitializeTableFromTextFileV2" input: "table" input: "%s" } }
asset_file_def { tensor_info { name: "words:0" } filename: "%s" }
"""
MAIN, LEGACY = (
    f'collection_def {{ key: "{key}" value {{ node_list {{ value: "load" }} }} }}' for key in unsafe_ops._INIT
)
REACHED = 'node { name: "reached" op: "%s" input: "elsewhere" } }'
INSIDE = """
  node { name: "reached" op: "PartitionedCall" input: "elsewhere"
    attr { key: "f" value { func { name: "inner" } } } }
  library { function { signature { name: "inner" input_arg { name: "given" } }
    node_def { name: "deep" op: "%s" input: "given" } } } }
"""


def found(text: str) -> tuple[set[str], set[str]]:
    graph = text_format.Parse(text, MetaGraphDef())
    theirs = {told.partition(" (")[0] for told in unsafe_ops.unsafe(graph)}
    return theirs, {told.partition(":")[0] for told in safety.scan(graph)}


@pytest.mark.parametrize("collection", [MAIN, LEGACY])
@pytest.mark.parametrize("reaching", [REACHED, INSIDE])
@pytest.mark.parametrize("op", ["SaveV2", "RestoreV2", "MergeV2Checkpoints"])
def test_what_the_load_of_a_tf1_model_runs_must_not_store_or_restore(collection, reaching, op):
    assert found(SAVER + reaching % op + collection) == ({op}, {op})


def test_a_model_restores_its_own_variables_and_fills_its_tables():
    assert found(SAVER + REACHED % "NoOp" + MAIN) == (set(), set())
    assert found(SAVER + "}") == (set(), set())


def test_the_restoring_operation_must_restore_what_the_loader_names_and_store_nothing():
    written = SAVER.replace(
        'name: "restored" op: "RestoreV2" input: "file"', 'name: "restored" op: "RestoreV2" input: "v"'
    )
    assert found(written + "}") == ({"RestoreV2"}, {"RestoreV2"})
    stores = SAVER.replace('"^restored" }', '"^restored" input: "^saved" }')
    assert found(stores + "}") == ({"SaveV2"}, {"SaveV2"})


@pytest.mark.parametrize(
    ("source", "file", "is_own"),
    [("words", "words.txt", True), ("elsewhere", "words.txt", False), ("words", "../../../etc/passwd", False),
     ("words", "/etc/passwd", False)],
)  # fmt: skip
def test_a_vocabulary_is_the_models_own_only_as_an_asset_inside_it(source, file, is_own):
    told = set() if is_own else {"InitializeTableFromTextFileV2"}
    assert found(VOCABULARY % (source, file)) == (told, told)
