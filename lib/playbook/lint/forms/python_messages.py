"""Model configs that Python builds of protobuf's messages: constructors, fields that are set, `add()`, `CopyFrom()`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from playbook.lint.forms.python_data import called
from playbook.lint.forms.python_names import name_of
from playbook.lint.forms.python_values import Values
from playbook.lint.forms.text import UNKNOWN, Text
from playbook.lint.forms.written_messages import Message

_LISTED = ("model_config_list",)
# what holds a whole config, and the fields that lead to it
_WHOLE = {
    "ModelServerConfig": (),
    "ModelConfigList": _LISTED,
    "ModelConfig": (*_LISTED, "config"),
    "ReloadConfigRequest": (),
}
_PARTS = ("ServableVersionPolicy", "Latest", "Specific", "All", "LoggingConfig", "SamplingConfig", "LogCollectorConfig")
_NAMED = re.compile(r"ModelServerConfig|ModelConfigList|ReloadConfigRequest|model_server_config_pb2")
_RELOADS = re.compile(r"ReloadConfigRequest|request\w*\.config\.(?:CopyFrom|MergeFrom)\(")
_GROW = ("add", "append", "extend")
_TEXTS = ("MessageToString", "str", "repr", "format")


class Messages:
    """The config messages of a Python text by the names they are built under."""

    def __init__(self, nodes: Iterable[ast.AST], values: Values):
        self.values = values
        self._held: dict[str, Message] = {}
        self._roots: list[Message] = []
        self._used: set[int] = set()  # messages that stand in another, or in a file
        # whether they are sent to a server that runs, rather than read at its start
        self.reloads = bool(_RELOADS.search(values.text.content))
        if not _NAMED.search(values.text.content):
            return
        statements = [each for each in nodes if isinstance(each, (ast.Assign, ast.AnnAssign, ast.Expr, ast.Return))]
        for node in sorted(statements, key=lambda each: (each.lineno, each.col_offset)):
            self._statement(node)

    def text_of(self, node: ast.AST | None) -> Text | None:
        """What `text_format.MessageToString(CONFIG)` and `str(CONFIG)` write of a config that is known."""
        if not isinstance(node, ast.Call) or called(node) not in _TEXTS or not node.args:
            return None
        message = self._held.get(name_of(node.args[0]))
        if message is None or message.kind not in _WHOLE or not message.fields:
            return None
        self._used.add(id(message))
        return self._rendered(message)

    def rest(self) -> Iterator[Text]:
        """The configs that stand in no file: what a server is told while it runs, or by a program elsewhere."""
        yield from (self._rendered(each) for each in self._roots if id(each) not in self._used and each.fields)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            for target, value in _pairwise(node.targets[0], node.value):
                self._assign(target, value, node)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._assign(node.target, node.value, node)
        elif isinstance(node, (ast.Expr, ast.Return)) and isinstance(node.value, ast.Call):
            self._call(node.value)

    def _assign(self, target: ast.expr, value: ast.expr, node: ast.AST) -> None:
        line = self.values.line(node)
        if name := name_of(target):
            made = self._call(value) if isinstance(value, ast.Call) else self._at(value)
            self._held.pop(name, None)
            if made is not None:
                self._held[name] = made
        elif isinstance(target, ast.Attribute) and (owner := self._at(target.value)) is not None:
            owner.give(target.attr, self._value(value, target.attr), line)
        elif isinstance(target, ast.Subscript) and (held := self._owner(target.value)) is not None:
            if isinstance(target.slice, ast.Slice):  # `versions[:] = [1, 2]`
                self._given(held[0], held[1], value)
                return
            self._entry(held[0], held[1], target.slice, value)

    def _call(self, node: ast.Call) -> Message | None:
        """The message that a call makes, or that it adds; None for another call, such as one that fills a field."""
        if (made := self._made(node)) is not None:
            return made
        if not isinstance(node.func, ast.Attribute):
            return None
        owner, line = self._owner(node.func.value, node.func.attr in _GROW), self.values.line(node)
        if owner is None:
            return None
        message, name = owner
        if node.func.attr == "add":
            return self._fill(message.begin(name, line), node)
        for given in node.args[:1]:
            if node.func.attr == "append":
                self._add(message, name, given)
            elif node.func.attr == "extend":
                self._each(message, name, given)
            elif node.func.attr in ("CopyFrom", "MergeFrom"):
                message.give(name, self._value(given, name), line)
        return None

    def _owner(self, node: ast.AST | None, listed: bool = False) -> tuple[Message, str] | None:
        """The message whose field an expression is, and the field's name."""
        if not isinstance(node, ast.Attribute):
            return None
        owner = self._at(node.value)
        if owner is None and listed and node.attr == "config" and name_of(node.value):  # a list that is handed in
            owner = self._held[name_of(node.value)] = self._root("ModelConfigList", node)
        return (owner, node.attr) if owner is not None else None

    def _at(self, node: ast.AST) -> Message | None:
        """The message that an expression stands for: a name, or a field of one."""
        if (name := name_of(node)) in self._held:
            return self._held[name]
        owner = self._at(node.value) if isinstance(node, ast.Attribute) else None
        return owner.part(node.attr, self.values.line(node)) if isinstance(node, ast.Attribute) and owner else None

    def _root(self, kind: str, node: ast.AST) -> Message:
        message = Message(kind, self.values.line(node))
        if kind in _WHOLE:
            self._roots.append(message)
        return message

    def _made(self, node: ast.Call) -> Message | None:
        """What a constructor makes; None for another call."""
        if called(node) not in (*_WHOLE, *_PARTS):
            return None
        return self._fill(self._root(called(node), node), node)

    def _fill(self, message: Message, node: ast.Call) -> Message:
        for name, value in self.values.keywords(node).items():
            self._given(message, name, value)
        return message

    def _given(self, message: Message, name: str, value: ast.expr) -> None:
        """A field as a constructor is given it."""
        if isinstance(value, ast.Dict) and name == "version_labels":
            for key, each in zip(value.keys, value.values, strict=True):
                if key is not None:
                    self._entry(message, name, key, each)
        elif isinstance(value, (ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp)):
            self._each(message, name, value)
        else:
            self._add(message, name, value)

    def _each(self, message: Message, name: str, given: ast.expr) -> None:
        given = self.values.names.get(name_of(given), given)
        if isinstance(given, (ast.List, ast.Tuple)):
            for each in given.elts:
                self._add(message, name, each)
        else:
            self._add(message, name, given.elt if isinstance(given, (ast.ListComp, ast.GeneratorExp)) else given)

    def _entry(self, message: Message, name: str, key: ast.expr, value: ast.expr) -> None:
        entry = message.begin(name, self.values.line(key))
        self._add(entry, "key", key)
        self._add(entry, "value", value)

    def _add(self, message: Message, name: str, node: ast.expr) -> None:
        message.add(name, self._value(node, name), self.values.line(node))

    def _value(self, node: ast.expr, name: str) -> str | Message:
        """A field's value: a message, or a scalar as a text proto spells it."""
        made = self._made(node) if isinstance(node, ast.Call) else self._at(node)
        if made is not None:
            self._used.add(id(made))
            return made
        if isinstance(node, ast.Dict):
            message = Message("", self.values.line(node))
            for key, value in self.values.pairs(node):
                self._given(message, str(key), value)
            return message
        if isinstance(node, ast.Attribute) and name.endswith("_type"):  # of an enum
            return node.attr
        known = self.values.names.get(name_of(node), node)
        if isinstance(known, ast.Constant) and isinstance(known.value, (bool, int)):
            return str(known.value).lower()
        word = str(self.values.word(node) or UNKNOWN).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{word}"'

    def _rendered(self, message: Message) -> Text:
        whole = message.part("config", message.line) if message.kind == "ReloadConfigRequest" else message
        for name in reversed(_WHOLE[message.kind]):
            outer = Message("", whole.line)
            outer.add(name, whole, whole.line)
            whole = outer
        unseen = whole.drop_empty("config")  # what fills them is not seen
        # labels that a running server is told are right, whatever it serves by then
        content = whole.written({"version_labels"} if self.reloads else set())
        return Text(content, self.values.text.path, whole.first_line, templated=unseen or UNKNOWN in content)


def _pairwise(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """`a.x, a.y = 1, 2` as its single assignments."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]
