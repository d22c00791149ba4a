"""PredictRequests and PredictResponses that come again and again, differing in the numbers of one tensor alone.

A client under load sends the same model, signature, alias, type and shape with every request. Written canonically, one
numeric tensor's numbers are the last bytes of such a message, so two messages of one length that begin with the same
bytes up to there say the same of everything else: the numbers can be taken from the bytes without parsing the message.
Replies are written the same way. What is not that plain goes through protobuf.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from model_server import tensorflow_package
from model_server.calls.predict import spec_of
from model_server.calls.tensor_proto import to_array
from model_server.deep_array import NUMPYS
from model_server.element_types import STRING
from model_server.errors import ServingError
from model_server.models.core import ModelSpec
from model_server.models.servable import DEFAULT_SIGNATURE

tensorflow_package.install()
from tensorflow_serving.apis import predict_pb2  # noqa: E402

_MOST_SIZES, _MOST_FORMS = 512, 4  # lengths that are remembered, and forms of one length
_LONGEST = 1 << 20  # bytes of a request that is worth remembering
_PACKED = {1: "float_val", 2: "double_val"}  # fields whose packed bytes are the numbers as numpy holds them
_DESCRIBED = {"dtype", "tensor_shape"}


@dataclass(frozen=True, slots=True)
class RequestForm:
    """What requests of `size` bytes say that begin with `prefix`; the numbers follow it."""

    prefix: bytes
    size: int
    spec: ModelSpec
    signature_name: str
    alias: str
    dtype: np.dtype
    shape: tuple[int, ...]
    count: int

    def array(self, message: bytes) -> np.ndarray:
        """The tensor of such a request, in the message's own memory."""
        return np.frombuffer(message, self.dtype, self.count, len(self.prefix)).reshape(self.shape)


class RequestForms:
    """The forms that were seen."""

    def __init__(self) -> None:
        self._forms: dict[int, list[RequestForm]] = {}

    def form_of(self, message: bytes) -> RequestForm | None:
        """The form of a request, None where it was not seen before."""
        for form in self._forms.get(len(message), ()):
            if message.startswith(form.prefix):
                return form
        return None

    def remember(self, message: bytes, request: Any) -> None:
        """Keep the form of a request that was parsed, where it has one."""
        form = form_of(message, request) if len(message) <= _LONGEST else None
        if form is None:
            return
        if len(self._forms) >= _MOST_SIZES:
            self._forms.clear()
        forms = self._forms.setdefault(form.size, [])
        forms.insert(0, form)
        del forms[_MOST_FORMS:]


def form_of(message: bytes, request: Any) -> RequestForm | None:
    """The form of one request and its bytes; None unless they are canonical and end with its only tensor's numbers."""
    if len(request.inputs) != 1 or request.output_filter:
        return None
    ((alias, proto),) = request.inputs.items()
    if not _ends_with_numbers(proto) or request.SerializeToString(deterministic=True) != message:
        return None
    try:
        spec, array = spec_of(request), to_array(proto)
    except (ServingError, ValueError, OverflowError, MemoryError):
        return None
    if array.ndim >= NUMPYS or not _says_all(proto, array):
        return None
    prefix, numbers = message[: -array.nbytes], message[-array.nbytes :]
    if numbers != array.tobytes():
        return None
    signature_name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    return RequestForm(
        prefix, len(message), spec, signature_name, alias, array.dtype, array.shape, math.prod(array.shape)
    )


def _ends_with_numbers(proto: Any) -> bool:
    """Whether the tensor says nothing but type, shape and, in the field with the highest number, numbers."""
    if proto.dtype == STRING:
        return False
    rest = {field.name for field, _ in proto.ListFields()} - _DESCRIBED
    return rest == {"tensor_content"} or rest == {_PACKED.get(proto.dtype, "")}


def _says_all(proto: Any, array: np.ndarray) -> bool:
    """Whether there are numbers, and none that the message leaves to be repeated."""
    return bool(array.size) and (bool(proto.tensor_content) or len(getattr(proto, _PACKED[proto.dtype])) == array.size)


@dataclass(frozen=True, slots=True)
class ReplyForm:
    """What stands before and behind the numbers of a reply with one tensor of a given type and shape."""

    before: bytes
    behind: bytes

    def write(self, array: np.ndarray) -> bytes:
        """The reply with these numbers."""
        return b"%b%b%b" % (self.before, array.tobytes(), self.behind)


def reply_form(response: Any, array: np.ndarray) -> ReplyForm | None:
    """The form of a reply that was written for `array`; None where its numbers are not in it as numpy holds them."""
    ((_, proto),) = response.outputs.items()
    if not _ends_with_numbers(proto) or not _says_all(proto, array):
        return None
    rest = predict_pb2.PredictResponse()
    rest.model_spec.CopyFrom(response.model_spec)  # it has the higher field number and stands behind the numbers
    message, numbers, behind = response.SerializeToString(), array.tobytes(), rest.SerializeToString()
    before = message[: len(message) - len(numbers) - len(behind)]
    return ReplyForm(before, behind) if before + numbers + behind == message else None
