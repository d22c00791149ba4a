"""The ordinary call under load, a Predict in a form that came before, without protobuf and coroutines."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from model_server import metrics
from model_server.batching.executors import as_serving_error
from model_server.batching.run_outputs import RunOutputs, Share
from model_server.calls import predict as predicting
from model_server.errors import ServingError
from model_server.grpc.stream import Stream
from model_server.models.core import Core
from model_server.models.servable import Plan, Servable
from model_server.predict_forms import ReplyForm, RequestForm, reply_form

_MOST_SHAPES = 64  # reply forms of one plan
_KEY = "grpc_predict"


class _Notes:
    """What is kept with a plan: what counts its calls, made with the first one that was answered, and reply forms."""

    def __init__(self, model_name: str):
        self.ran: Callable[[float], None] = metrics.runtime_latency.at(model_name, "Predict", "TF1")
        self.took: Callable[[float], None] = metrics.request_latency.at(model_name, "Predict", "GRPC")
        self.answered: Callable[[], None] = metrics.request_count.at(model_name, "OK")
        self.forms: dict[tuple[int, ...], ReplyForm | None] = {}


class PlainPredict:
    """A Predict that is its own ticket: its rows of the run come to `answer`. All in the loop's thread.

    Args:
        left: Called when the call is over, before its reply is sent.
    """

    __slots__ = ("_as_content", "_left", "_plan", "_servable", "_started_ns", "_stream", "_submitted_ns")

    def __init__(self, stream: Stream, left: Callable[[], None], as_content: bool):
        self._stream, self._left, self._as_content = stream, left, as_content

    def begin(self, core: Core, form: RequestForm, message: bytes, check_method: bool) -> None:
        """Answer, now or later; the form's alias and signature are checked as any request's."""
        self._started_ns = time.monotonic_ns()
        try:
            servable = self._servable = core.find(form.spec)
        except ServingError as error:
            self._end(form.spec.name, error)
            return
        try:
            plan = self._plan = predicting.plan_of(servable, form.signature_name, (), check_method)
            array = form.array(message)
            if plan.inputs == (form.alias,):
                arrays = [array]
            else:
                arrays = predicting.input_arrays(servable, plan, {form.alias: predicting.to_proto(array)})
            self._submitted_ns = time.monotonic_ns()
            servable.executor.submit(plan.run, arrays, self._stream.deadline_ns, self)
        except Exception as error:
            servable.release()
            self._end(form.spec.name, as_serving_error(error))

    def answer(self, run: RunOutputs, start: int = 0, stop: int | None = None) -> None:
        """The run is over, and these rows of it are the answer."""
        servable, plan = self._servable, self._plan
        now_ns = time.monotonic_ns()
        notes = cast(_Notes | None, plan.notes.get(_KEY)) or _noted(plan, servable)
        notes.ran((now_ns - self._submitted_ns) / 1000)
        try:
            message = self._message(notes, run, start, stop)
        except Exception as error:
            self._end(servable.name, as_serving_error(error))
            return
        finally:
            servable.release()
        self._left()
        notes.answered()
        notes.took((time.monotonic_ns() - self._started_ns) / 1000)
        self._stream.answer(message)

    def fail(self, error: ServingError) -> None:
        """There was no such run."""
        self._servable.release()
        self._end(self._servable.name, error)

    def _message(self, notes: _Notes, run: RunOutputs, start: int, stop: int | None) -> bytes:
        if self._plan.only_output is not None:
            array = run.arrays[0] if stop is None else run.arrays[0][start:stop]
            form = notes.forms.get(array.shape)
            if form is not None:
                return form.write(array)
        outputs = Share(run, start, stop).arrays
        response = predicting.response_of(self._servable, self._plan, outputs, self._as_content)
        if len(outputs) == 1:
            _remember(notes, response, outputs[0])
        return response.SerializeToString()

    def _end(self, model_name: str, error: ServingError) -> None:
        self._left()
        metrics.request_count.add(model_name, error.code_name)
        self._stream.fail(error.code, error.message)


def _noted(plan: Plan, servable: Servable) -> _Notes:
    notes = plan.notes[_KEY] = _Notes(servable.name)
    return notes


def _remember(notes: _Notes, response: Any, array: np.ndarray) -> None:
    if array.shape not in notes.forms and len(notes.forms) < _MOST_SHAPES:
        notes.forms[array.shape] = reply_form(response, array)
