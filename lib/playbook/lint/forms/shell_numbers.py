"""Numbers that a shell counts: `$((SUM))`, `((NAME++))`, `let NAME+=2`."""

from __future__ import annotations

import ast
import operator
import re

from playbook.lint.forms.simple import Simple

_COUNTED = re.compile(r"(?P<name>[A-Za-z_]\w*)\s*(?:(?P<step>\+\+|--)|(?P<sign>[-+*/%]?)=\s*(?P<given>.+))")
_INSIDE = re.compile(r"\$\(\(\s*(?P<name>[A-Za-z_]\w*)\s*(?P<step>\+\+|--)\s*\)\)")
_PLAIN = re.compile(r"[\d\s+*/%()-]+")
_OF_TWO = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Mod: operator.mod,
           ast.Div: operator.floordiv}  # fmt: skip


def number(sum_: str, values: dict[str, str]) -> str | None:
    """What `$((SUM))` is, where it reckons with known whole numbers; None for any other."""
    plain = re.sub(r"\$?\{?\b([A-Za-z_]\w*)\b\}?", lambda match: values.get(match[1], match[1]), sum_).strip()
    if not _PLAIN.fullmatch(plain) or "**" in plain or "//" in plain:
        return None
    try:
        return str(_reckoned(ast.parse(plain, mode="eval").body))
    except (SyntaxError, ValueError, ArithmeticError, RecursionError):
        return None


def _reckoned(part: ast.expr) -> int:
    """Raises ValueError for what is no whole number and no sum of such."""
    if isinstance(part, ast.Constant) and type(part.value) is int:
        return part.value
    if isinstance(part, ast.UnaryOp) and isinstance(part.op, (ast.USub, ast.UAdd)):
        return _reckoned(part.operand) * (-1 if isinstance(part.op, ast.USub) else 1)
    if isinstance(part, ast.BinOp) and type(part.op) in _OF_TWO:
        return _OF_TWO[type(part.op)](_reckoned(part.left), _reckoned(part.right))
    raise ValueError("no sum of whole numbers")


def counted(command: Simple, values: dict[str, str]) -> None:
    """Take in `((NAME++))`, `let NAME+=2` and the like: the name's value is the new one, or is not known any more."""
    lets = command.words[:1] == ["let"]
    words = command.words[1:] if lets else [" ".join(command.words)]
    steps = [match for word in words if (match := _COUNTED.fullmatch(word.strip()))]
    steps += [match for word in command.words for match in _INSIDE.finditer(word)]
    for match in steps:
        parts = match.groupdict()
        name, step, sign, given = (parts.get(part) or "" for part in ("name", "step", "sign", "given"))
        if not (step or lets or (sign and len(command.words) > 1)):
            continue  # `NAME=VALUE` and `NAME+=VALUE` put texts together
        before = values.pop(name, "")
        sum_ = f"{before}{step[0]}1" if step else f"{before}{sign}{given}" if sign else given
        after = number(sum_, values | {name: before}) if before or not (step or sign) else None
        values |= {name: after} if after is not None else {}
