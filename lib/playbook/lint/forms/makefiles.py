"""Makefiles as the shell text of their recipes, on the same lines; variables and `define` are filled in or laid out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_ASSIGNED = re.compile(r"^(?:export\s+|override\s+)*([A-Za-z_][\w.-]*)\s*(\?|\+|::?)?=\s*(.*?)\s*$")
_DEFINE = re.compile(r"^\s*(?:export\s+|override\s+)*define\s+([\w.-]+)\s*[:?+]*=?\s*$")
_BEHIND = re.compile(r"^[^\s#:=][^:=]*::?[^=;]*;\s*(.*)$")  # a recipe on its target's line
_ONE_LETTER = re.compile(r"(?<![$\\])\$([A-Za-z_])(\w+)")
_FOR_SHELL = re.compile(r"\$\$(?:\((\w+)\)|\{(\w+)\}|([A-Za-z_]\w*))")


def makefile_as_shell(content: str) -> str:
    """A Makefile's recipes as shell text on the same lines; its variables filled in.

    A `define` is a text that a recipe writes (`$$NAME`), laid out as a here-document, or lines of a recipe.
    """
    values: dict[str, str] = {}
    shells = _laid_out(content)
    result: list[str] = []
    continued = assigning = laid_out = False
    defined, fed = "", False
    for line in content.split("\n"):
        if defined:
            ended = line.strip() == "endef"
            recipe = _filled(line, values).replace("$$", "$")
            result.append(defined if ended and fed else "" if ended else recipe if fed else _bare(recipe))
            defined = "" if ended else defined
        elif begun := _DEFINE.match(line):
            defined, fed = begun[1], bool(re.search(rf"\$\$\{{?{re.escape(begun[1])}\b|\$\(file\s*>", content))
            result.append(f"cat <<'{defined}' > {_target(defined, content)}" if fed else "")
        elif assigning:
            name = next(reversed(values))
            piece = _filled(line.strip().removesuffix("\\").strip(), values)
            values[name] += " " + piece
            assigning = line.rstrip().endswith("\\")
            result.append(piece + (" \\" if assigning else '"') if laid_out else "")
        elif line.startswith("\t") or continued:
            result.append(_filled(line if continued else _bare(line), values, shells).replace("$$", "$"))
            continued = line.rstrip().endswith("\\")
        elif assigned := _ASSIGNED.match(line):
            _assign(assigned, values)
            assigning = line.rstrip().endswith("\\")
            laid_out = assigned[1] in shells
            before = f"${{{assigned[1]}}} " if assigned[2] == "+" else ""
            piece = _filled(assigned[3].removesuffix("\\").strip(), values, shells)
            result.append(f'{assigned[1]}="{before}{piece}' + (" \\" if assigning else '"') if laid_out else "")
        else:
            behind = _BEHIND.match(line)
            result.append(_filled(behind[1], values).replace("$$", "$") if behind else "")
            continued = bool(behind) and line.rstrip().endswith("\\")
    return "\n".join(result)


def _laid_out(content: str) -> set[str]:
    """Variables of flags, which a shell's variable of the same name stands for: their words keep their lines.

    Each is set once, or grown by `+=`, and holds neither quotes nor anything that a shell would fill in.
    """
    joined = re.sub(r"\\\n\s*", " ", content)
    lines = [match for line in joined.split("\n") if not line.startswith("\t") and (match := _ASSIGNED.match(line))]
    plain = {match[1] for match in lines if "--" in match[3] and re.fullmatch(r"\w+", match[1])}
    odd = {match[1] for match in lines if match[2] == "?" or re.search("[\"'`#;&|<>]|\\$\\$", match[3])}
    first = [match[1] for match in lines if match[2] != "+"]
    return {name for name in plain - odd if first.count(name) == 1}


def _bare(line: str) -> str:
    """A recipe's line without its tab and marks."""
    return re.sub(r"^[@+ ]*(-(?![-\w] |-))?[@+ ]*", "", line.lstrip("\t"))


def _assign(assigned: re.Match, values: dict[str, str]) -> None:
    name, form, value = assigned[1], assigned[2], _filled(assigned[3].removesuffix("\\").strip(), values)
    before = values.pop(name, None)
    if form == "+" and before:
        value = f"{before} {value}"
    values[name] = before if form == "?" and before is not None else value


def _target(name: str, content: str) -> str:
    """The file that a recipe writes a `define` into; its name where that is not told."""
    written = re.search(rf"\$\$\{{?{re.escape(name)}\}}?[\"']?\s*>\s*(\S+)", content)
    made = re.search(rf"\$\(file\s*>+\s*([^,\s]+)\s*,\s*\$[({{]{re.escape(name)}[)}}]", content)
    found = written or made
    return found[1].replace("$", "") if found else name


def _filled(text: str, values: dict[str, str], shells: Iterable[str] = ()) -> str:
    """The text with `$(NAME)` filled in; an unknown one becomes a shell's variable, `$$` is left to the shell."""
    shown = lambda name: "${" + re.sub(r"\W", "_", name) + "}"  # noqa: E731
    fill = lambda match: shown(match[1]) if match[1] in shells else values.get(match[1], shown(match[1]))  # noqa: E731
    return re.sub(r"(?<!\$)\$[({]([\w.-]+)[)}]", fill, text)


_MAKES_OWN = ("CURDIR", "MAKEFILE_LIST", "MAKE")  # which it does not hand to a recipe's shell


def lost_variables(content: str) -> Iterator[tuple[str, str, int, str]]:
    """Make's variables that a recipe asks its shell for, which does not know them.

    As written, by name, with the line and the whole command; those that are exported, or set in the command, are known.
    """
    assigned = dict.fromkeys(_MAKES_OWN, "")
    assigned |= {match[1]: match[2] for line in content.split("\n") if (match := _ASSIGNED.match(line))}
    exported = set(re.findall(r"(?m)^export\s+([\w ]+?)\s*(?:[:?+]*=.*)?$", content))
    names = {word for each in exported for word in each.split()}
    if re.search(r"(?m)^(export\s*$|\.EXPORT_ALL_VARIABLES)", content):
        return
    for number, command in _commands(content):
        for place, line in enumerate(command.split("\n")):
            for match in _FOR_SHELL.finditer(line):
                name = match[1] or match[2] or match[3]
                known = name in names or assigned.get(name, "?") == "?" or re.search(rf"\b{name}=", command)
                if not known:
                    yield match.group(), name, number + place, command


def taken_by_make(content: str) -> Iterator[tuple[str, str, str, int, str]]:
    """What a recipe writes for its shell and make fills in: `$NAME` by its first letter, `$(pwd)` by nothing.

    As written, what becomes of it, what to write, with the line and the whole command.
    """
    assigned = {match[1] for line in content.split("\n") if (match := _ASSIGNED.match(line))}
    for number, command in _commands(content):
        for place, line in enumerate(command.split("\n")):
            for match in _ONE_LETTER.finditer(line):
                name = match[1] + match[2]
                effect = f"make takes its first letter alone, and {match[2]} is left"
                right = f"$({name}), or $${name} for a variable of the shell" if name in assigned else f"$${name}"
                yield match.group(), effect, right, number + place, command
            if "$(pwd)" in line and "pwd" not in assigned:
                effect = "make knows no variable called pwd, and nothing is left"
                yield "$(pwd)", effect, "$(CURDIR), or $$(pwd)", number + place, command


def _commands(content: str) -> Iterator[tuple[int, str]]:
    """The commands of recipes with their continuation lines, and the line each begins on."""
    begin, held = 0, ""
    for number, line in enumerate(content.split("\n"), 1):
        if held or line.startswith("\t"):
            begin, held = (begin, f"{held}\n{line}") if held else (number, line)
            if not line.rstrip().endswith("\\"):
                yield begin, held
                held = ""
