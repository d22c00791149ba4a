"""The ordinary request under load, a predict of plain numbers, without the coroutines every other call is made of."""

from __future__ import annotations

import time

from model_server import eager
from model_server.batching.run_outputs import RunOutputs, Share
from model_server.errors import ServingError
from model_server.json import fast, reply
from model_server.rest import predict
from model_server.rest.call import RestCall


class PlainPredict(RestCall):
    """A predict that is its own ticket: its rows of the run come to `answer`.

    What is not that plain (another signature or type, several inputs, compressed, long, or a mistake) is begun as any
    other call, which has all the rules and texts.
    """

    __slots__ = ("_plan", "_row_format", "_servable", "_submitted_ns")

    def begin(self) -> None:
        """Answer, now or later."""
        body, api, request = self._body, self._api, self._request
        if type(body) is not bytes or b"content-encoding" in request.headers:
            super().begin()
            return
        self._started_ns = time.monotonic_ns()
        try:
            servable = api.core.find(request.note.route.spec)
        except ServingError:
            super().begin()  # a body that is no JSON comes before a model that is not there
            return
        self._servable = servable
        try:
            plain = fast.read(body, servable.plain_type)
            if plain is not None:
                self._body = b""  # its memory, still in the cache, is the next body's
                self._row_format, array = plain
                plan = self._plan = servable.plain_plan or predict.plain_plan(servable, api.check_method_names)
                self._submitted_ns = time.monotonic_ns()
                servable.executor.submit(plan.run, [array], api.deadline_ns(self._started_ns), self)
                return
        except Exception as error:
            servable.release()
            self._end(error)
            return
        servable.release()
        super().begin()

    def answer(self, run: RunOutputs, start: int = 0, stop: int | None = None) -> None:
        """The run is over, and these rows of it are the answer."""
        self._servable.release()
        self._request.note.ran((time.monotonic_ns() - self._submitted_ns) / 1000)
        alias = self._plan.only_output
        result: bytes | Exception | None = None
        if stop is not None and alias and self._row_format:
            try:
                texts = run.texts.get(alias) or run.write(alias)
                result = None if texts is None else reply.row_reply_of(texts[start:stop])
            except Exception as error:
                result = error
        if result is None:
            share = Share(run, start, stop)
            eager.start(self._finish(predict.reply_of(self._plan, share, self._row_format, self._api.helper)))
        else:
            self._end(result)

    def fail(self, error: ServingError) -> None:
        """There was no such run."""
        self._servable.release()
        self._end(error)
