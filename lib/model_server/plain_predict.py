"""The ordinary request under load, a predict of plain numbers, without the coroutines every other call is made of."""

from __future__ import annotations

import time

import numpy as np

from model_server import eager, fast_json, json_reply, metrics, rest_predict
from model_server.errors import ServingError
from model_server.rest_call import RestCall
from model_server.run_outputs import Share
from model_server.servable import Plan, Servable


class PlainPredict(RestCall):
    """A predict that waits in the batch queue by itself: the run's Share comes to `resolve`.

    What is not that plain (another signature or type, several inputs, compressed, long, or a mistake) is begun as any
    other call, which has all the rules and texts.
    """

    __slots__ = ("_plan", "_row_format", "_servable", "_submitted_ns")

    def begin(self) -> None:
        """Answer, now or later."""
        self._started_ns = time.monotonic_ns()
        body, api = self._body, self._api
        if len(body) > rest_predict.LONG or b"content-encoding" in self._request.headers:
            super().begin()
            return
        try:
            servable = api.core.find(self._request.note.spec)
        except ServingError:
            super().begin()  # a body that is no JSON comes before a model that is not there
            return
        plain = fast_json.read(body, servable.plain_type)
        if plain is None:
            servable.release()
            super().begin()
            return
        self._servable, self._body = servable, b""  # its memory, still in the cache, is the next body's
        try:
            self._submit(servable, *plain)
        except Exception as error:
            servable.release()
            self._end(error)

    def _submit(self, servable: Servable, row_format: bool, array: np.ndarray) -> None:
        plan: Plan = servable.plain_plan or rest_predict.plain_plan(servable)
        self._plan, self._row_format = plan, row_format
        self._submitted_ns = time.monotonic_ns()
        servable.executor.submit(plan.run, [array], self._started_ns + self._api.timeout_ns, self)

    def resolve(self, share: Share | ServingError) -> None:
        """The run is over; called in the loop's thread."""
        self._servable.release()
        try:
            if isinstance(share, ServingError):
                raise share
            micros = (time.monotonic_ns() - self._submitted_ns) / 1000
            metrics.runtime_latency.add(micros, self._request.note.spec.name, "Predict", "TF1")
            alias = self._plan.only_output
            texts = share.row_texts(alias) if alias and self._row_format else None
            result = None if texts is None else json_reply.row_reply_of(texts)
        except Exception as error:
            result = error
        if result is None:
            eager.start(self._finish(rest_predict.reply_of(self._plan, share, self._row_format)))
        else:
            self._end(result)
