"""One loaded model version: its signatures, how it runs, and who still uses it."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model_server import metrics
from model_server.batching.run_outputs import RunTicket, Share


@dataclass(frozen=True)
class PredictPlan:
    """A signature made ready for requests: aliases in the order in which tensors are fed and fetched."""

    signature_name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    run: object

    @cached_property
    def only_output(self) -> str | None:
        """The output's alias where there is one output, else None."""
        return self.outputs[0] if len(self.outputs) == 1 else None

    @cached_property
    def notes(self) -> dict[str, object]:
        """What those who answer requests keep with the plan, each under a key of its own."""
        return {}


DEFAULT_SIGNATURE = "serving_default"


class Servable:
    """A version that answers requests.

    `input_types`: signature -> input alias -> DataType number.

    Args:
        model: A SavedModel or TfliteModel: `signatures`, `prepare`, `run`, `close`.
        executor: What runs a prepared request: a BatchingSession or a DirectSession. `submit(run, arrays, deadline_ns,
            ticket)` calls `ticket.answer(run, start, stop)` or `ticket.fail(error)`.
    """

    def __init__(self, name: str, version: int, path: str, model, executor):
        self.name, self.version, self.path = name, version, path
        self.signatures = model.signatures
        self._model, self.executor = model, executor
        self._plans: dict[tuple, PredictPlan] = {}
        self.input_types = {
            key: {alias: info.dtype for alias, info in signature.inputs.items()}
            for key, signature in model.signatures.items()
        }
        self.plain_type = _type_of_only_input(model.signatures.get(DEFAULT_SIGNATURE))
        self.plain_plan: PredictPlan | None = None  # the default signature's, made when it is first needed
        self._users = 0
        self._closing = False
        self._unused = threading.Condition()

    def on(self, executor) -> Servable:
        """This version with the same plans, run by another executor."""
        other = copy.copy(self)
        other.executor = executor
        return other

    def acquire(self) -> bool:
        """Count one more request in flight; the version stays loaded until release. False: it is being unloaded.

        Called, as `release`, in the loop's thread alone: counting needs no lock. It counts first and then looks, and
        `close` does it the other way round: at least one of the two sees the other.
        """
        self._users += 1
        if not self._closing:
            return True
        self.release()
        return False

    def release(self) -> None:
        """The request is over."""
        self._users -= 1
        if self._closing and not self._users:
            with self._unused:
                self._unused.notify_all()

    def plan(self, key: tuple, signature_name: str, inputs: dict[str, str], outputs: dict[str, str]) -> PredictPlan:
        """The plan kept under `key`, made from alias -> tensor name maps when it is asked for first.

        Tensors go in the order of their names, so that two signatures over the same tensors share a batching queue.
        """
        plan = self._plans.get(key)
        if plan is None:
            sent = sorted(inputs.items(), key=lambda item: item[1])
            fetched = sorted(outputs.items(), key=lambda item: item[1])
            run = self._model.prepare([name for _, name in sent], [name for _, name in fetched])
            plan = PredictPlan(signature_name, tuple(a for a, _ in sent), tuple(a for a, _ in fetched), run)
            self._plans[key] = plan
        return plan

    def known_plan(self, key: tuple) -> PredictPlan | None:
        """The plan made earlier under `key`, None where there is none."""
        return self._plans.get(key)

    async def run(
        self,
        plan: PredictPlan,
        arrays: Sequence[np.ndarray],
        deadline_ns: int | None,
        api: str = "",
        model_name: str = "",
    ) -> Share:
        """Run the plan on `arrays` (order of plan.inputs); the Share's arrays come in the order of plan.outputs.

        Args:
            api: The API's name in the run's latency metric; "" where the run has none.

        Raises:
            ServingError: from the batching rules or from TensorFlow.
        """
        started_ns, ticket = time.monotonic_ns(), RunTicket()
        self.executor.submit(plan.run, arrays, deadline_ns, ticket)
        share = await ticket
        if api:
            metrics.runtime_latency.add((time.monotonic_ns() - started_ns) / 1000, model_name, api, "TF1")
        return share

    def close(self) -> None:
        """Wait for the requests in flight, then free the model. Called by the manager when nothing new can come."""
        self._closing = True
        with self._unused:
            self._unused.wait_for(lambda: not self._users)
        self.executor.close()
        self._model.close()


def _type_of_only_input(signature) -> int | None:
    """DataType number of a signature's input where it has just one, else None."""
    if signature is None or len(signature.inputs) != 1:
        return None
    (info,) = signature.inputs.values()
    return info.dtype
