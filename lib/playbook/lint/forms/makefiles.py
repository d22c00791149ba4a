"""Makefiles as the shell text of their recipes, on the same lines; variables and `define` are filled in or laid out."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ASSIGNED = re.compile(r"^(?:export\s+|override\s+)*([A-Za-z_][\w.-]*)\s*(\?|\+|::?)?=\s*(.*?)\s*$")
_DEFINE = re.compile(r"^\s*(?:export\s+|override\s+)*define\s+([\w.-]+)\s*[:?+]*=?\s*$")
_BEHIND = re.compile(r"^[^\s#:=][^:=]*::?[^=;]*;\s*(.*)$")  # a recipe on its target's line
_FOR_SHELL = re.compile(r"\$\$(?:\((\w+)\)|\{(\w+)\}|([A-Za-z_]\w*))")


def makefile_as_shell(content: str) -> str:
    """A Makefile's recipes as shell text on the same lines; its variables filled in.

    A `define` is a text that a recipe writes (`$$NAME`), laid out as a here-document, or lines of a recipe.
    """
    values: dict[str, str] = {}
    result: list[str] = []
    continued = assigning = False
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
            values[name] += " " + _filled(line.strip().removesuffix("\\").strip(), values)
            assigning = line.rstrip().endswith("\\")
            result.append("")
        elif line.startswith("\t") or continued:
            result.append(_filled(line if continued else _bare(line), values).replace("$$", "$"))
            continued = line.rstrip().endswith("\\")
        elif assigned := _ASSIGNED.match(line):
            _assign(assigned, values)
            assigning = line.rstrip().endswith("\\")
            result.append("")
        else:
            behind = _BEHIND.match(line)
            result.append(_filled(behind[1], values).replace("$$", "$") if behind else "")
            continued = bool(behind) and line.rstrip().endswith("\\")
    return "\n".join(result)


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


def _filled(text: str, values: dict[str, str]) -> str:
    """The text with `$(NAME)` filled in; an unknown one becomes a shell's variable, `$$` is left to the shell."""
    fill = lambda match: values.get(match[1], "${" + re.sub(r"\W", "_", match[1]) + "}")  # noqa: E731
    return re.sub(r"(?<!\$)\$[({]([\w.-]+)[)}]", fill, text)


def lost_variables(content: str) -> Iterator[tuple[str, str, int, str]]:
    """Make's variables that a recipe asks its shell for, which does not know them.

    As written, by name, with the line and the whole command; those that are exported, or set in the command, are known.
    """
    assigned = {match[1]: match[2] for line in content.split("\n") if (match := _ASSIGNED.match(line))}
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


def _commands(content: str) -> Iterator[tuple[int, str]]:
    """The commands of recipes with their continuation lines, and the line each begins on."""
    begin, held = 0, ""
    for number, line in enumerate(content.split("\n"), 1):
        if held or line.startswith("\t"):
            begin, held = (begin, f"{held}\n{line}") if held else (number, line)
            if not line.rstrip().endswith("\\"):
                yield begin, held
                held = ""
