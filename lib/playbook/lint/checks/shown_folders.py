"""What a text itself shows of the folder that it serves: a tree, a list by `ls`, the line that saves a model there."""

from __future__ import annotations

from playbook.lint.checks.command import Command
from playbook.lint.checks.lookup import Lookup, Sources
from playbook.lint.forms.listings import listed_bare
from playbook.lint.forms.saved_models import as_named
from playbook.lint.forms.text import is_unknown
from playbook.lint.forms.trees import model_inside, numbered, one_level_off, without_version

_INTO_ONE = "The text shows saved_model.pb right in it: put the model into {bare}/1/."


def saved_otherwise(result: Lookup, command: Command, sources: Sources, base: str) -> str:
    """What mends a base path by where the text, or a program beside it, saves the model; "" where nothing is wrong."""
    return _saved_bare(result, command, sources, base) or _saved_below(result, command, sources, base)


def _saved_bare(result: Lookup, command: Command, sources: Sources, base: str) -> str:
    """What mends the folder that a model is saved into itself, where that is the one served; "" otherwise."""
    saved = _saved_beside(command.path, sources)
    named = base
    if command.place.container:
        mount = result.mount
        named = mount.named if mount is not None and mount.rest_of(command.place.absolute(base)) == "" else ""
        named = base if mount is not None and mount.claim else named  # a trainer mounts the claim alike
    folder = as_named(named)
    drawn = sources.drawn.get(command.path, {})
    shown = [names for path, names in drawn.items() if path.rpartition("/")[2] == folder.rpartition("/")[2]]
    return saved.get(folder, "") if not any(map(numbered, shown)) else ""


def _saved_beside(shown: str, sources: Sources) -> dict[str, str]:
    """The folders without versions that a text saves models into, or a program that lies beside it."""
    if own := sources.saved.get(shown):
        return own
    folder = shown.rpartition("/")[0]
    beside = [found for path, found in sources.saved.items() if path.rpartition("/")[0] == folder]
    return {name: remedy for found in beside for name, remedy in found.items()}


def _saved_below(result: Lookup, command: Command, sources: Sources, base: str) -> str:
    """What mends a folder without versions, below which the programs beside it save them; "" otherwise."""
    mount, own = result.mount, sources.exported.get(command.path, frozenset[str]())
    if mount is None and not command.place.container:
        served = as_named(base)
    elif mount is None or mount.claim or not mount.named or is_unknown(mount.named):
        return ""
    else:
        served = as_named(f"{mount.named.rstrip('/')}/{mount.rest_of(command.place.absolute(base)) or ''}".rstrip("/"))
    folder = command.path.rpartition("/")[0]
    beside = {each for path, found in sources.exported.items() if path.rpartition("/")[0] == folder for each in found}
    saved = {*own} if served.startswith("/") else beside  # another program may run on another machine
    below = {each for each in saved if each.startswith(f"{served}/")}
    if not below or below != saved:
        return ""
    return f"The versions are saved into {min(below)}: {'name it' if mount is None else f'let {base} be that folder'}."


def shown_bare(address: str, shown: str, sources: Sources) -> dict[str, str] | None:
    """The words of `no-version` for an address in a cloud that the same text lists a model right in; else None."""
    bare = listed_bare(sources.listed.get(shown, {}), address) if "://" in address else ""
    return {"path": bare, "remedy": _INTO_ONE.format(bare=bare)} if bare else None


def shown_wrong(result: Lookup, command: Command, sources: Sources, base: str) -> tuple[str, dict[str, str]] | None:
    """What a tree or a list in the same document shows to be wrong with a base path: the rule, and its words."""
    folders, listed = sources.drawn.get(command.path, {}), sources.listed.get(command.path, {})
    if not (folders or listed) or result.missing or (command.place.container and result.mount is None):
        return None
    rest = (result.mount.rest_of(command.place.absolute(base)) or "") if result.mount is not None else ""
    named = f"{result.mount.named.rstrip('/')}/{rest}" if result.mount is not None else base
    inside = base if result.mount is not None and result.mount.claim else named  # nobody lists a claim from outside
    if bare := without_version(folders, named) or listed_bare(listed, named) or listed_bare(listed, inside):
        return "no-version", {"path": bare, "remedy": _INTO_ONE.format(bare=bare)}
    if name := model_inside(folders, named):
        return "no-version", {"path": base, "remedy": f"Name the folder of the versions: {base.rstrip('/')}/{name}."}
    if above := one_level_off(folders, named):
        remedy = f"Put the versions into {above}/{base.rstrip('/').rpartition('/')[2]}/, or name their folder."
        where = f"in {above} as the text draws it, which holds versions alone"
        return "base-path-missing", {"path": base, "where": where, "remedy": remedy}
    return None
