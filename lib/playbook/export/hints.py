"""What an input of a model is for, read from where it goes in the graph: a photo, a word, a row of a table.

No TensorFlow. Conventions that no graph tells (attention masks, token types) are read from the input's alias.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playbook.export.reach import Frame, Reach, TensorUse
from playbook.tfserving import examples
from playbook.tfserving.messages import MESSAGES, from_tensor_proto
from playbook.tfserving.signatures import Signature

_IMAGES = {
    **dict.fromkeys(("DecodeJpeg", "DecodePng", "DecodeImage", "DecodeAndCropJpeg", "ExtractJpegShape"), "JPEG"),
    "DecodeBmp": "BMP",
    "DecodeGif": "GIF",
    "DecodeWebP": "WEBP",
}
_SPLITS = {"StringSplit", "StringSplitV2"}
_GATHERS = {"Gather": 1, "GatherV2": 1, "ResourceGather": 1}
MASKS, TYPES = ("mask",), ("type_id", "token_type", "segment_id")


@dataclass(frozen=True)
class Hint:
    """What one input takes.

    `image` is the format of an encoded picture, `base64` says that it comes in that spelling, `words` is the vocabulary
    it is looked up in, `text` that it is split into words, `number` that it is read as one, `below` the rows of the
    table it indexes, `mask` and `zero` that its alias is an attention mask's or a token type's, `example` the features
    of the tf.Example it is parsed as and `features` the hints for them.
    """

    image: str | None = None
    base64: bool = False
    words: tuple[Any, ...] = ()
    text: bool = False
    number: bool = False
    below: int | None = None
    mask: bool = False
    zero: bool = False
    example: Mapping[str, examples.Feature] = field(default_factory=dict)
    features: Mapping[str, Hint] = field(default_factory=dict)


NOTHING = Hint()


def of_signature(meta_graph: Any, signature: Signature, saved_model: Path) -> dict[str, Hint]:
    """A hint for each input of a signature.

    Args:
        meta_graph: The MetaGraphDef of the serving tag.
        signature: Its inputs name tensors of that graph.
        saved_model: Where vocabulary files lie, under `assets/`.
    """
    reach, spec = Reach(meta_graph), _spec(meta_graph)
    reader = _Reader(reach, meta_graph, saved_model, spec)
    return {tensor.alias: reader.hint(reach.uses(tensor.name), tensor.alias) for tensor in signature.inputs}


def _spec(meta_graph: Any) -> dict[str, examples.Feature]:
    return examples.parsing_spec(meta_graph)


@dataclass(frozen=True)
class _Reader:
    reach: Reach
    meta_graph: Any
    saved_model: Path
    spec: Mapping[str, examples.Feature]

    def hint(self, uses: Sequence[TensorUse], alias: str) -> Hint:
        name = alias.lower()
        images = [_IMAGES[use.node.op] for use in uses if use.node.op in _IMAGES and use.position == 0]
        parsers = [use for use in uses if use.node.op in examples.PARSERS and use.position == 0]
        words = [word for use in uses if use.node.op.startswith("LookupTableFind") for word in self._vocabulary(use)]
        below = [size for use in uses if (size := self._below(use)) is not None]
        return Hint(
            image=images[0] if images else None,
            base64=any(use.node.op == "DecodeBase64" for use in uses),
            words=tuple(dict.fromkeys(words)),
            text=any(use.node.op in _SPLITS for use in uses),
            number=any(use.node.op == "StringToNumber" for use in uses),
            below=min(below) if below else None,
            mask=any(part in name for part in MASKS),
            zero=any(part in name for part in TYPES),
            example=self.spec if parsers else {},
            features=self._features(parsers[0]) if parsers else {},
        )

    def _features(self, parser: TensorUse) -> dict[str, Hint]:
        """Hints for the dense features of a tf.Example, where the parser stands in a function's body."""
        if parser.node.op != "ParseExampleV2":
            return {}
        keys = self._constant(parser.frame, parser.node.input[3])
        outputs = [f":dense_values:{number}" for number in range(len(keys))]
        used = [self.reach.outputs_used(parser.frame, parser.node, output) for output in outputs]
        names = [key.decode() for key in keys]
        return {name: self.hint(uses, name) for name, uses in zip(names, used, strict=True)}

    def _below(self, use: TensorUse) -> int | None:
        """The rows of the table that the value indexes."""
        if use.node.op == "OneHot" and use.position == 0:
            depth = self._constant(use.frame, use.node.input[1])
            return int(depth[0]) if depth else None
        if _GATHERS.get(use.node.op) != use.position:
            return None
        table = self.reach.source(use.frame, use.node.input[0])
        if table is None:
            return None
        attribute = table[1].attr
        if table[1].op in ("VarHandleOp", "VariableV2", "Placeholder"):
            dims = attribute["shape"].shape.dim
        else:
            dims = attribute["value"].tensor.tensor_shape.dim
        return dims[0].size if dims and dims[0].size > 0 else None

    def _vocabulary(self, use: TensorUse) -> list[Any]:
        """The keys of the table in which the value is looked up."""
        table = self.reach.source(use.frame, use.node.input[0])
        if use.position != 1 or table is None:
            return []
        filled = self.reach.uses(table[1].name)
        keys: list[Any] = []
        for one in filled:
            if one.node.op.startswith("LookupTableImport") and one.position == 0:
                keys += self._constant(one.frame, one.node.input[1])
            if one.node.op.startswith("InitializeTableFromTextFile") and one.position == 0:
                keys += self._lines(one)
        return [key for key in keys if key not in (b"", b"[UNK]")]

    def _lines(self, filled: TensorUse) -> list[bytes]:
        """The lines of the vocabulary file among the assets."""
        source = self.reach.source(filled.frame, filled.node.input[1])
        known = {info.tensor_info.name.partition(":")[0]: info.filename for info in self.meta_graph.asset_file_def}
        name = known.get(self._fed(source).name) if source else None
        path = self.saved_model / "assets" / name if name else None
        return path.read_bytes().splitlines() if path and path.is_file() else []

    def _fed(self, source: tuple[Frame, Any]) -> Any:
        """What a variable is filled with at load, where the value comes from one."""
        frame, node = source
        for user, position, _ in frame.consumers.get(node.name, ()):
            if node.op == "VarHandleOp" and user.op == "AssignVariableOp" and position == 0:
                filled = self.reach.source(frame, user.input[1])
                return filled[1] if filled else node
        return node

    def _constant(self, frame: Frame, reference: str) -> list[Any]:
        source = self.reach.source(frame, reference)
        if source is None or source[1].op != "Const":
            return []
        proto = MESSAGES["TensorProto"].FromString(source[1].attr["value"].tensor.SerializeToString())
        try:
            return from_tensor_proto(proto).ravel().tolist()
        except TypeError:
            return []
