"""The ordinary call under load, Predict, without coroutines; in a form that came before also without protobuf."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from google.protobuf.message import DecodeError

from model_server import metrics, tensorflow_package
from model_server.batching.executors import as_serving_error
from model_server.batching.run_outputs import RunOutputs, Share
from model_server.calls import predict as predicting
from model_server.deep_array import NUMPYS
from model_server.errors import INTERNAL, ServingError
from model_server.grpc.stream import Stream
from model_server.models.core import Core
from model_server.models.servable import DEFAULT_SIGNATURE, PredictPlan, Servable
from model_server.predict_forms import ReplyForm, RequestForm, RequestForms, reply_form

tensorflow_package.install()
from tensorflow_serving.apis import predict_pb2  # noqa: E402

UNPARSABLE = "Error parsing the request message."
_MOST_SHAPES = 64  # reply forms of one plan
_KEY = "grpc_predict"


class _Notes:
    """What is kept with a plan: what counts its calls, made with the first one that was answered, and reply forms."""

    def __init__(self, model_name: str):
        self.ran: Callable[[float], None] = metrics.runtime_latency.at(model_name, "Predict", "TF1")
        self.took: Callable[[float], None] = metrics.request_latency.at(model_name, "Predict", "GRPC")
        self.answered: Callable[[], None] = metrics.request_count.at(model_name, "OK")
        self.forms: dict[tuple[int, ...], ReplyForm | None] = {}


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """What all calls share. `left`: called when a call is over, before its reply is sent."""

    core: Core
    forms: RequestForms
    left: Callable[[], None]
    check_method_names: bool
    tensor_content: bool


class PredictCall:
    """A Predict that is its own ticket: its rows of the run come to `answer`. All in the loop's thread."""

    __slots__ = ("_name", "_options", "_plan", "_servable", "_started_ns", "_stream", "_submitted_ns")

    def __init__(self, options: PredictOptions, stream: Stream):
        self._options, self._stream = options, stream
        self._name = ""

    def begin(self, message: bytes) -> None:
        """Answer, now or later."""
        self._started_ns = time.monotonic_ns()
        try:
            form = self._options.forms.form_of(message)
            if form is None:
                self._begin_parsed(message)
            else:
                self._begin_form(form, message)
        except Exception as error:
            self._end(as_serving_error(error))

    def _begin_form(self, form: RequestForm, message: bytes) -> None:
        self._name = form.spec.name
        servable = self._options.core.find(form.spec)
        try:
            plan = predicting.plan_of(servable, form.signature_name, (), self._options.check_method_names)
            array = form.array(message)
            if plan.inputs == (form.alias,):
                self._submit(servable, plan, [array])
            else:  # defaults of the signature may fill what is missing
                sent = {form.alias: predicting.to_proto(array)}
                self._submit(servable, plan, predicting.input_arrays(servable, plan, sent))
        except Exception:
            servable.release()
            raise

    def _begin_parsed(self, message: bytes) -> None:
        try:
            request = predict_pb2.PredictRequest.FromString(message)
        except DecodeError:
            raise ServingError(INTERNAL, UNPARSABLE) from None
        self._name = request.model_spec.name
        servable = self._options.core.find(predicting.spec_of(request))
        try:
            signature_name = request.model_spec.signature_name or DEFAULT_SIGNATURE
            check, wanted = self._options.check_method_names, request.output_filter
            plan = predicting.plan_of(servable, signature_name, wanted, check)
            self._submit(servable, plan, predicting.input_arrays(servable, plan, request.inputs))
        except Exception:
            servable.release()
            raise
        self._options.forms.remember(message, request)

    def _submit(self, servable: Servable, plan: PredictPlan, arrays: list[np.ndarray]) -> None:
        self._servable, self._plan = servable, plan
        self._submitted_ns = time.monotonic_ns()
        servable.executor.submit(plan.run, arrays, self._stream.deadline_ns, self)

    def answer(self, run: RunOutputs, start: int = 0, stop: int | None = None) -> None:
        """The run is over, and these rows of it are the answer."""
        servable, plan = self._servable, self._plan
        now_ns = time.monotonic_ns()
        notes = cast(_Notes | None, plan.notes.get(_KEY)) or _noted(plan, servable)
        notes.ran((now_ns - self._submitted_ns) / 1000)
        try:
            message = self._message(notes, run, start, stop)
        except Exception as error:
            self._end(as_serving_error(error))
            return
        finally:
            servable.release()
        self._options.left()
        notes.answered()
        notes.took((time.monotonic_ns() - self._started_ns) / 1000)
        self._stream.answer(message)

    def fail(self, error: ServingError) -> None:
        """There was no such run."""
        self._servable.release()
        self._end(error)

    def _message(self, notes: _Notes, run: RunOutputs, start: int, stop: int | None) -> bytes:
        if self._plan.only_output is not None:
            array = run.arrays[0] if stop is None else run.arrays[0][start:stop]
            form = notes.forms.get(array.shape)
            if form is not None:
                return form.write(array)
        outputs = Share(run, start, stop).arrays
        response = predicting.response_of(self._servable, self._plan, outputs, self._options.tensor_content)
        if len(outputs) == 1:
            _remember(notes, response, outputs[0])
        return response.SerializeToString()

    def _end(self, error: ServingError) -> None:
        self._options.left()
        metrics.request_count.add(self._name, error.code_name)
        self._stream.fail(error.code, error.message)


def _noted(plan: PredictPlan, servable: Servable) -> _Notes:
    notes = plan.notes[_KEY] = _Notes(servable.name)
    return notes


def _remember(notes: _Notes, response: Any, array: np.ndarray) -> None:
    if array.shape not in notes.forms and len(notes.forms) < _MOST_SHAPES and array.ndim < NUMPYS:
        notes.forms[array.shape] = reply_form(response, array)
