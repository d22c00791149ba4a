"""TensorFlow's public C API (c_api.h), loaded with ctypes: 0.3 s and no Python of TensorFlow.

Calls that may take long (load, run, close) release the interpreter lock, so a running graph never holds up the event
loop. The short ones keep it: giving it up means waiting for it again, up to a whole switch interval each time.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import types
from ctypes import POINTER, Structure, c_char_p, c_int, c_int64, c_size_t, c_ubyte, c_void_p

from model_server import tensorflow_package
from model_server.errors import ServingError

STRING_SIZE = 24  # sizeof(TF_TString), tsl/platform/ctstring_internal.h


class Output(Structure):
    """TF_Output: one output of one operation."""

    _fields_ = (("operation", c_void_p), ("index", c_int))


class Buffer(Structure):
    """TF_Buffer: bytes with their length, for serialized messages."""

    _fields_ = (("data", c_void_p), ("length", c_size_t), ("deallocator", c_void_p))


_SIGNATURES = {
    "TF_Version": (c_char_p, ()),
    "TF_NewStatus": (c_void_p, ()),
    "TF_SetStatus": (None, (c_void_p, c_int, c_char_p)),
    "TF_GetCode": (c_int, (c_void_p,)),
    "TF_Message": (c_char_p, (c_void_p,)),
    "TF_NewGraph": (c_void_p, ()),
    "TF_DeleteGraph": (None, (c_void_p,)),
    "TF_GraphOperationByName": (c_void_p, (c_void_p, c_char_p)),
    "TF_OperationNumOutputs": (c_int, (c_void_p,)),
    "TF_NewSessionOptions": (c_void_p, ()),
    "TF_DeleteSessionOptions": (None, (c_void_p,)),
    "TF_SetConfig": (None, (c_void_p, c_char_p, c_size_t, c_void_p)),
    "TF_NewBuffer": (POINTER(Buffer), ()),
    "TF_NewBufferFromString": (POINTER(Buffer), (c_char_p, c_size_t)),
    "TF_DeleteBuffer": (None, (POINTER(Buffer),)),
    "TF_LoadSessionFromSavedModel": (
        c_void_p,
        (c_void_p, POINTER(Buffer), c_char_p, POINTER(c_char_p), c_int, c_void_p, POINTER(Buffer), c_void_p),
    ),
    "TF_CloseSession": (None, (c_void_p, c_void_p)),
    "TF_DeleteSession": (None, (c_void_p, c_void_p)),
    "TF_SessionRun": (
        None,
        (
            *(c_void_p, POINTER(Buffer)),
            *(POINTER(Output), POINTER(c_void_p), c_int),
            *(POINTER(Output), POINTER(c_void_p), c_int),
            *(POINTER(c_void_p), c_int, POINTER(Buffer), c_void_p),
        ),
    ),
    "TF_AllocateTensor": (c_void_p, (c_int, POINTER(c_int64), c_int, c_size_t)),
    "TF_DeleteTensor": (None, (c_void_p,)),
    "TF_TensorData": (c_void_p, (c_void_p,)),
    "TF_TensorByteSize": (c_size_t, (c_void_p,)),
    "TF_TensorType": (c_int, (c_void_p,)),
    "TF_NumDims": (c_int, (c_void_p,)),
    "TF_Dim": (c_int64, (c_void_p, c_int)),
    "TF_StringInit": (None, (c_void_p,)),
    "TF_StringCopy": (None, (c_void_p, c_char_p, c_size_t)),
    "TF_StringGetDataPointer": (POINTER(c_ubyte), (c_void_p,)),
    "TF_StringGetSize": (c_size_t, (c_void_p,)),
}


_LONG = {"TF_LoadSessionFromSavedModel", "TF_CloseSession", "TF_DeleteSession", "TF_DeleteGraph", "TF_SessionRun"}


def _load() -> types.SimpleNamespace:
    folder = tensorflow_package.folder()
    suffix = "2.dylib" if sys.platform == "darwin" else "so.2"
    ctypes.CDLL(str(folder / f"libtensorflow_framework.{suffix}"))
    path = str(folder / f"libtensorflow_cc.{suffix}")
    releasing, keeping = ctypes.CDLL(path), ctypes.PyDLL(path)
    functions = {}
    for name, (result, arguments) in _SIGNATURES.items():
        functions[name] = getattr(releasing if name in _LONG else keeping, name)
        functions[name].restype, functions[name].argtypes = result, arguments
    return types.SimpleNamespace(**functions)


tf = _load()
_local = threading.local()


def status() -> int:
    """This thread's TF_Status handle, set to OK: some calls leave it untouched when they succeed."""
    handle = getattr(_local, "status", None)
    if handle is None:
        handle = _local.status = tf.TF_NewStatus()
    tf.TF_SetStatus(handle, 0, b"")
    return handle


def check(handle: int) -> None:
    """Raise ServingError with TensorFlow's own code and text unless the status is OK."""
    code = tf.TF_GetCode(handle)
    if code:
        raise ServingError(code, (tf.TF_Message(handle) or b"").decode("utf-8", "replace"))


def version() -> str:
    """The version of the TensorFlow library, for example `2.21.0`."""
    return tf.TF_Version().decode()
