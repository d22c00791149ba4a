"""A process that imports what kernels will import, and becomes a kernel when told: the notebook need not wait.

`python -m playbook.chain.warm '{"channel": 5, "modules": [...], "once": false}'`. An order comes over the socket
as a line of JSON, `{"argv": [...], "cwd": ..., "env": {...}}`, and is answered with `{"pid": ...}`. With `once` the
process itself becomes the kernel, otherwise a fork of it does. It ends when the other side closes the socket.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import warnings
from collections.abc import Iterable
from typing import Any

from playbook.imports import GRAMMARS, without

IPYTHON = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger", "matplotlib_inline.backend_inline")
DEBUGGER = "debugpy"  # half a second a kernel, and nobody steps through the cells of a chain


def main() -> None:
    """Warm up, then become the kernel that is ordered, in a fork or in person."""
    plan = json.loads(sys.argv[1])
    parent = os.getppid() if plan["once"] else os.getpid()  # of the kernel; asked now, as it may end at any moment
    if sys.path[0] in ("", os.getcwd()):  # as ipykernel does it: a file of the user must not replace a package
        del sys.path[0]
    warm_up(plan["modules"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended kernels leave no zombies
    channel = socket.socket(fileno=plan["channel"])
    order = next_order(channel, plan["once"])
    channel.close()
    if order:
        become_kernel(order, parent)


def warm_up(modules: Iterable[str]) -> None:
    """Import all of them; one that cannot be imported is left to the notebook, whose error says where.

    Meanwhile nothing is looked through for what may be freed: imports leave no such thing, and that is a tenth of them.
    """
    gc.disable()
    with without(GRAMMARS), without(DEBUGGER), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm misses a widget library; this process has the terminal's stderr
        for module in (*IPYTHON, *modules):
            with contextlib.suppress(Exception):
                importlib.import_module(module)
    gc.enable()
    gc.freeze()  # what is here stays: no fork looks through it again, so its pages stay shared


def next_order(channel: socket.socket, once: bool) -> dict[str, Any] | None:
    """The order this process is to carry out: its own when `once`, that of each fork otherwise; None at the end."""
    with channel.makefile() as orders:
        for line in orders:
            child = None if once else _fork()
            if child != 0:
                channel.sendall(json.dumps({"pid": child or os.getpid()}).encode() + b"\n")
            if not child:
                return json.loads(line)
    return None


def become_kernel(order: dict[str, Any], parent: int) -> None:
    """Run an IPython kernel here, as `python -m ipykernel_launcher` does in a fresh process.

    It ends with the process `parent`, also where that has ended already: asked for only now, the parent would be init,
    which ends for nobody.
    """
    if os.getppid() != parent:
        os._exit(1)
    from ipykernel.iostream import OutStream
    from ipykernel.kernelapp import IPKernelApp

    OutStream.flush_timeout = 1  # s; at times a kernel that ends waits for a thread of its own that has ended before
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with contextlib.suppress(PermissionError):  # a session of its own, so that a signal reaches it and its children
        os.setsid()
    os.chdir(order["cwd"])
    os.environ.update(order["env"])
    try:
        IPKernelApp.launch_instance(argv=[*order["argv"], f"--IPKernelApp.parent_handle={parent}"])
    except (RuntimeError, OSError, MemoryError) as error:  # no thread, no file, no memory: the machine's, not ours
        print(f"A kernel could not start: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about threads: the BLAS ends its own before a fork
        return os.fork()


if __name__ == "__main__":
    main()
