"""The messages of tensorflow.ProfilerService, which the pip package has compiled into its library alone.

Source: tsl/profiler/protobuf/profiler_service.proto. `opts` is a ProfileOptions message, `xspace` an XSpace message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from model_server.run_time_messages import classes

if TYPE_CHECKING:
    from typing import TypeAlias

_MESSAGES = {
    "ProfileRequest": (
        (1, "duration_ms", "uint64"),
        (4, "opts", "bytes"),
        (5, "repository_root", "string"),
        (6, "session_id", "string"),
        (7, "host_name", "string"),
        (9, "emit_xspace", "bool"),
    ),
    "ProfileResponse": ((7, "empty_trace", "bool"), (8, "xspace", "bytes")),
    "TerminateRequest": ((1, "session_id", "string"),),
    "TerminateResponse": (),
    "MonitorRequest": ((1, "duration_ms", "uint64"), (2, "monitoring_level", "int32"), (3, "timestamp", "bool")),
    "MonitorResponse": ((1, "data", "string"),),
}

if TYPE_CHECKING:  # classes made at run time: a type checker knows none of their fields
    ProfileRequest: TypeAlias = Any
    ProfileResponse: TypeAlias = Any
    TerminateRequest: TypeAlias = Any
    TerminateResponse: TypeAlias = Any
    MonitorRequest: TypeAlias = Any
    MonitorResponse: TypeAlias = Any
else:
    _CLASSES = classes("tensorflow", _MESSAGES)
    ProfileRequest = _CLASSES["ProfileRequest"]
    ProfileResponse = _CLASSES["ProfileResponse"]
    TerminateRequest = _CLASSES["TerminateRequest"]
    TerminateResponse = _CLASSES["TerminateResponse"]
    MonitorRequest = _CLASSES["MonitorRequest"]
    MonitorResponse = _CLASSES["MonitorResponse"]
