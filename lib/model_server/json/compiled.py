"""The modules compiled from C when this is installed: None where they could not be, and Python does their work."""

from __future__ import annotations

import importlib
from typing import Any


def _module(name: str) -> Any:
    try:
        return importlib.import_module(f"model_server.{name}")
    except ImportError:
        return None


float_reader = _module("float_reader")
float_writer = _module("float_writer")
