"""One notebook executed by papermill in a kernel of its own, and the executed notebook as Markdown."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import psutil

from loadgen import temporary
from playbook.chain import environment, params
from playbook.chain.kernels import WarmStarter
from playbook.imports import GRAMMARS, without
from playbook.records import runs, whole_file

with without(GRAMMARS):
    import papermill
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_client.provisioning import LocalProvisioner
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

__all__ = ["DeadKernelError", "PapermillExecutionError", "execute", "to_markdown"]
LAUNCHER = "ipykernel_launcher"
logging.getLogger("papermill").setLevel(logging.CRITICAL + 1)  # what it would log is in the errors that are raised


def execute(
    notebook: Path,
    executed: Path,
    values: Mapping[str, Any],
    env: Mapping[str, str],
    starter: WarmStarter | None = None,
) -> None:
    """Execute a notebook in the notebooks folder; what came of it is written to `executed`, also when a cell fails.

    Args:
        notebook: Its source.
        executed: Where it goes with its outputs.
        values: Its parameters.
        env: Further environment variables of its kernel.
        starter: Makes the kernel; None starts it the ordinary way.

    Raises:
        PapermillExecutionError: a cell raised.
        DeadKernelError: the kernel died, while a cell ran or before the first one.
        OSError: the executed notebook, or a file of the kernel's, could not be written.
    """
    with (
        environment.holding(env),
        _sockets() as (transport, folder),
        _brought(folder / notebook.name, executed),
        _starting(),
    ):
        papermill.execute_notebook(
            str(notebook),
            str(folder / notebook.name),
            parameters=dict(values),
            cwd=str(runs.NOTEBOOK_DIR),
            kernel_name="python3",
            progress_bar=False,
            request_save_on_cell_execute=False,
            config=Config(KernelManager=transport, NotebookClient={"shutdown_kernel": _end(starter)}),
            kernel_manager_class=_manager(starter),
            extra_arguments=["--IPKernelApp.log_level=50"],  # its warnings would end up in our terminal
        )


def to_markdown(executed: Path) -> Path:
    """Write the executed notebook as Markdown beside it, its figures in `<name>_files/`."""
    with without(GRAMMARS):
        from nbconvert import MarkdownExporter

    settings = Config()
    settings.TagRemovePreprocessor.enabled = True
    settings.TagRemovePreprocessor.remove_input_tags = {"hide-input"}
    settings.TagRemovePreprocessor.remove_cell_tags = {"injected-parameters", "papermill-error-cell-tag"}
    page = _with_parameters(executed)
    exporter = MarkdownExporter(config=settings)
    exporter.register_preprocessor("nbconvert.preprocessors.TagRemovePreprocessor", enabled=True)
    resources = {"output_files_dir": f"{executed.stem}_files"}
    text, resources = exporter.from_notebook_node(page, resources=resources)
    figures = cast("dict[str, bytes]", resources.get("outputs") or {})
    for name, content in figures.items():
        path = executed.parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return whole_file.write_text(executed.with_suffix(".md"), _with_alt_texts(text, executed))


def _with_parameters(executed: Path) -> Any:
    """The executed notebook with a table of the parameters it was run with in place of the cell of defaults."""
    import nbformat

    page = nbformat.read(executed, as_version=4)
    values = page.metadata.get("papermill", {}).get("parameters", {})
    for place, cell in enumerate(page.cells):
        if "parameters" in cell.metadata.get("tags", []):
            text = f"## Parameters\n\n{params.table(executed, values)}"
            page.cells[place] = nbformat.v4.new_markdown_cell(text, id=cell.id)
    return page


def _end(starter: WarmStarter | None) -> str:
    """How a kernel ends: a fork of a warm starter at once, as what it did is written and it has nothing to tidy up.

    Asked politely it takes 0.2 s, and now and then two seconds, in which it waits for a thread that is gone.
    """
    return "immediate" if starter and not starter.once else "graceful"


class _Provisioner(LocalProvisioner):
    """Launches a kernel by a starter, and as Jupyter does where the starter cannot."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        manager, cwd = cast(_Manager, self.parent), kwargs.get("cwd") or os.getcwd()
        starter = cast(WarmStarter, manager.starter)
        kernel = starter.kernel(cmd[cmd.index(LAUNCHER) + 1 :], cwd, kwargs["env"])
        if kernel is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process, self.cwd = cast(Any, kernel), cwd
        self.pid = self.pgid = kernel.pid  # it makes a session of its own
        return self.connection_info


class _Manager(AsyncKernelManager):
    """A manager of one kernel that a starter makes."""

    starter: WarmStarter | None = None

    async def _async_pre_start_kernel(self, **kw: Any) -> Any:
        self.kernel_id = self.kernel_id or "starter"
        self.provisioner = _Provisioner(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
        return await super()._async_pre_start_kernel(**kw)


def _manager(starter: WarmStarter | None) -> type[AsyncKernelManager]:
    return type("WarmManager", (_Manager,), {"starter": starter}) if starter else AsyncKernelManager


def _with_alt_texts(text: str, executed: Path) -> str:
    """Give each figure the words that its output carries as plain text, in place of nbconvert's `svg`."""
    cells = json.loads(executed.read_text())["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    drawn = [data for data in outputs if "image/svg+xml" in data or "image/png" in data]
    words = iter(["".join(data.get("text/plain", "figure")).replace("]", ")").replace("\n", " ") for data in drawn])
    return re.sub(r"!\[(?:svg|png)\]", lambda _: f"![{next(words, 'figure')}]", text)


@contextlib.contextmanager
def _sockets() -> Iterator[tuple[dict[str, str], Path]]:
    """The kernel is spoken to over socket files of its own: no port to collide on, also with a second chain."""
    with temporary.folder("kernel-") as folder:
        yield {"transport": "ipc", "ip": f"{folder}/ipc"}, folder


@contextlib.contextmanager
def _brought(from_: Path, to: Path) -> Iterator[None]:
    """Bring the executed notebook to its place whole, also when a cell failed; that failure is what is told."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError, ValueError):
            json.loads(from_.read_text())  # papermill writes in place: on a full disk half of it is there
            whole_file.write_bytes(to, from_.read_bytes())
        raise
    whole_file.write_bytes(to, from_.read_bytes())


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    """A kernel that ends before it has said that it is there is told as one that died: nbclient has no word for it."""
    try:
        yield
    except PapermillExecutionError:
        raise
    except (RuntimeError, ProcessLookupError, psutil.NoSuchProcess) as error:
        raise DeadKernelError(str(error)) from error
