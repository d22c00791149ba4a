"""A server that answers: what questions ask it over REST and gRPC, and its counters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from playbook.monitor.scrape import Parser, Series
from playbook.records import trust
from playbook.records.sessions import connection, session_to
from playbook.serve import client
from playbook.serve.handle import Handle
from playbook.tfserving.messages import MESSAGES
from playbook.verify import probe_model

LONG_S, CONNECT_S = 30.0, 5.0
# no answer at all, or half of one; an answer that is no JSON, or an error's, is another matter
UNREACHED = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_KEPT_OUT = {401, 403, 407, 502}  # of a gateway before the server: TensorFlow Serving has no such answers
_CUT = ("failed to connect", "socket closed", "connection reset", "connection refused", "broken pipe", "goaway")


class CouldNotAsk(Exception):
    """A question cannot be put to this server; the text says why."""


class NoAnswer(CouldNotAsk):
    """The server did not answer, though it was there before or should be."""


def _no_log() -> str:
    raise CouldNotAsk("its log cannot be read from here")


@dataclass
class Reached:
    """Where a server answers; `log`, `ended`, `terminate` and `end` are for those that were started here."""

    rest_url: str
    grpc_target: str
    metrics_path: str
    model: str = probe_model.NAME
    folder: Path | None = None
    log: Callable[[], str] = _no_log
    end: Callable[[], Any] = lambda: None
    ended: Callable[[], int | None] = lambda: None
    terminate: Callable[[], Any] | None = None
    _session: requests.Session | None = None
    _turns_s: float | None = None

    @property
    def is_probe(self) -> bool:
        """Whether it serves the probe model; an attached server serves somebody's own."""
        return self.folder is not None

    def need_probe(self) -> None:
        """Raise CouldNotAsk where another model is served."""
        if not self.is_probe:
            raise CouldNotAsk("it takes the probe model's signatures: playbook verify --image, or --server binary")

    def get(self, path: str) -> requests.Response:
        """GET a path of the REST port."""
        return self._ask("GET", path)

    def post(self, path: str, body: Any) -> requests.Response:
        """POST text, or an object as JSON."""
        key = "data" if isinstance(body, (str, bytes)) else "json"
        return self._ask("POST", path, **{key: body})

    def predict(self, body: Any, model: str = "") -> requests.Response:
        """Predict over REST."""
        return self.post(f"/v1/models/{model or self.model}:predict", body)

    def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        url = self.rest_url + path
        self._session = self._session or session_to(self.rest_url)
        reply = self._session.request(method, url, timeout=LONG_S, **more)
        if reply.status_code in _KEPT_OUT:
            raise CouldNotAsk(f"what stands before it answers HTTP {reply.status_code} to {method} {path}")
        return reply

    def metrics(self) -> dict[str, Series]:
        """The series of the metrics page by name and labels.

        Raises:
            CouldNotAsk: there is no such page.
        """
        if not self.metrics_path:
            raise CouldNotAsk("no metrics_url was given")
        if self.metrics_path.startswith("/"):
            reply = self.get(self.metrics_path)
        else:
            with connection(self.metrics_path) as session:
                reply = session.get(self.metrics_path, timeout=LONG_S)
        if reply.status_code != 200 or reply.text.lstrip().startswith("<"):
            raise CouldNotAsk(f"there is no metrics page at {self.metrics_path} (HTTP {reply.status_code})")
        return {series.key: series for series in Parser().parse(reply.text)[0]}

    def counted(self, name: str) -> tuple[float, float]:
        """Count and sum of a histogram over all its labels; zeros where it has no series yet."""
        series = [one for one in self.metrics().values() if one.name == f":tensorflow:serving:{name}"]
        return sum(one.count or 0.0 for one in series), sum(one.sum or 0.0 for one in series)

    def grpc(self, method: str, request: Any, reply: str = "", service: str = "PredictionService", **more: Any) -> Any:
        """Call a method; the reply as a message where it is named, else its bytes.

        Raises:
            grpc.RpcError: the server answered with an error.
            CouldNotAsk: no gRPC address was given, or nobody answers there (NoAnswer).
        """
        import grpc

        if not self.grpc_target:
            raise CouldNotAsk("no gRPC address was given")
        where = Handle("attach", self.model, "", self.rest_url, self.grpc_target, "", [], [])
        with client.channel(where) as channel:
            try:
                grpc.channel_ready_future(channel).result(CONNECT_S)
            except grpc.FutureTimeoutError as error:
                why = trust.problem(where.grpc_url) or f"plain text, {CONNECT_S:g} s"
                raise NoAnswer(f"nobody speaks gRPC at {self.grpc_target} ({why})") from error
            call = channel.unary_unary(f"/tensorflow.serving.{service}/{method}")
            try:
                data = call(request.SerializeToString(), **{"timeout": LONG_S, **more})
            except grpc.RpcError as error:
                self._check_answered(error.code().name, error.details() or "", "timeout" in more)
                raise
        return MESSAGES[reply].FromString(data) if reply else data

    def _check_answered(self, code: str, text: str, has_limit: bool) -> None:
        """Raise NoAnswer where gRPC's own client gave the status, and not the server."""
        is_cut = code == "UNAVAILABLE" and any(words in text.lower() for words in _CUT)
        if is_cut or (code == "DEADLINE_EXCEEDED" and not has_limit) or code == "UNAUTHENTICATED":
            raise NoAnswer(f"no answer of the server came over gRPC: {code}, {text}")

    def refused(self, *args: Any, **more: Any) -> tuple[str, str]:
        """Code name and text of a gRPC call that fails; ("OK", "") where it does not."""
        import grpc

        try:
            self.grpc(*args, **more)
        except grpc.RpcError as error:
            return error.code().name, error.details() or ""
        return "OK", ""

    def spin(self, seconds: float, rows: int = 1) -> dict[str, Any]:
        """The body of a request that keeps a core busy for so long."""
        return {"signature_name": "spin", "instances": [float(int(seconds / self._turn_s()))] * rows}

    def _turn_s(self) -> float:
        if self._turns_s is None:
            turns = 5000.0
            times = []
            for _ in range(3):
                begun = time.monotonic()
                self.predict({"signature_name": "spin", "instances": [turns]}).raise_for_status()
                times.append(time.monotonic() - begun)
            self._turns_s = max(1e-7, min(times) / turns)
        return self._turns_s

    def post_alone(self, body: Any) -> requests.Response:
        """Predict from a connection of its own, so that others may ask at the same time."""
        url = f"{self.rest_url}/v1/models/{self.model}:predict"
        with connection(url) as session:
            return session.post(url, json=body, timeout=LONG_S)


def predict_request(inputs: Mapping[str, Any], signature: str = "", model: str = probe_model.NAME, **spec: Any) -> Any:
    """A PredictRequest; a `version` goes into its model_spec."""
    from playbook.tfserving.messages import to_tensor_proto

    request = MESSAGES["PredictRequest"]()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    if "version" in spec:
        request.model_spec.version.value = spec["version"]
    for alias, value in inputs.items():
        request.inputs[alias].CopyFrom(to_tensor_proto(value))
    return request
