"""The deployment bundle: templates of `docker/` filled with cited numbers, written as one folder that stands alone."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2

from playbook.deploy.manifest_numbers import loadgen_source
from playbook.tfserving.requests import write_mix

TEMPLATES = Path(__file__).resolve().parents[3] / "docker"
_SUFFIX = ".j2"
_RENAMED = {"dockerignore": ".dockerignore"}


def render(context: Mapping[str, Any]) -> dict[str, str]:
    """Every template filled, by its path in the bundle.

    Raises:
        jinja2.UndefinedError: a template asks for a name that is not there.
    """
    return render_only("", context)


def render_only(folder: str, context: Mapping[str, Any]) -> dict[str, str]:
    """The templates of one folder filled, by their paths in the bundle."""
    environment = _templates()
    names = (name for name in environment.list_templates() if name.endswith(_SUFFIX) and name.startswith(folder))
    return {_target(name): environment.get_template(name).render(context) for name in names}


def components() -> list[str]:
    """The optional parts of the manifests, as an overlay names them."""
    return sorted(path.parent.name for path in TEMPLATES.glob("kubernetes/components/*/kustomization.yaml.j2"))


def render_one(name: str, context: Mapping[str, Any]) -> str:
    """One template filled, by its path below `docker/`."""
    return _templates().get_template(name).render(context)


@functools.lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    """The templates, compiled once: that takes longer than filling them."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = _quoted
    return environment


def _quoted(value: object) -> str:
    """A text as YAML's single quotes hold it, in which PromQL stays readable."""
    return "'" + str(value).replace("'", "''") + "'"


def _target(name: str) -> str:
    path = name.removesuffix(_SUFFIX)
    return _RENAMED.get(path, path)


def write(
    run_dir: Path, context: Mapping[str, Any], configs: Mapping[str, str], model: Path, requests: Mapping[str, Any],
    further: Mapping[str, str],
) -> list[str]:  # fmt: skip
    """Write the whole bundle to `<run_dir>/deploy`, in place of an earlier one; returns its files, relative.

    Args:
        run_dir: The run folder.
        context: Names the templates may use.
        configs: The server's config files by name, as text protos.
        model: The version directory to copy (hard links where the file system allows).
        requests: `protocol`, `mix`, `model_name` and `count` of the load test's request bodies.
        further: Other files by their paths in the bundle, such as the chart's.
    """
    part, final = run_dir / ".deploy-part", run_dir / "deploy"
    shutil.rmtree(part, ignore_errors=True)
    texts = {**render(context), **further, **{f"config/{name}": text for name, text in configs.items()}}
    for name, text in texts.items():
        path = part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    copy_version(model, part / "models" / model.parent.name)
    _load_test(part / "loadtest", run_dir, requests)
    shutil.rmtree(final, ignore_errors=True)
    part.rename(final)
    return sorted(str(path.relative_to(run_dir)) for path in _told(final))


def copy_version(version: Path, target: Path) -> Path:
    """Copy a version directory below a base path; hard links cost no space, and published versions never change."""
    shutil.copytree(version, target / version.name, copy_function=_link)
    for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    return target / version.name


def _link(source: str, target: str) -> None:
    """Link where the image's user may read the file, else copy and let it."""
    if os.stat(source).st_mode & 0o004:
        try:
            return os.link(source, target)
        except OSError:  # another file system, or one without links
            pass
    shutil.copyfile(source, target)
    os.chmod(target, 0o644)


def _load_test(folder: Path, run_dir: Path, requests: Mapping[str, Any]) -> None:
    """The load generator's source and this run's requests, for an image of its own."""
    shutil.copytree(loadgen_source(), folder / "loadgen", ignore=shutil.ignore_patterns("__pycache__"))
    write_mix(folder / "bodies", run_dir, **requests)


def _told(bundle: Path) -> Iterator[Path]:
    """What the record lists: the bundle's own files, and of models, bodies and source only the folders."""
    bulk = [bundle / "models", bundle / "loadtest" / "bodies", bundle / "loadtest" / "loadgen"]
    yield from bulk
    for path in bundle.rglob("*"):
        if path.is_file() and not any(folder in path.parents for folder in bulk):
            yield path
