"""The one error the server answers with: a status code of gRPC and the text a client sees."""

from __future__ import annotations

OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15
UNAUTHENTICATED = 16

CODE_NAMES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)

HTTP_STATUS = (200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401)


class ServingError(Exception):
    """What went wrong, as TensorFlow Serving says it: `code` of gRPC and `message` for the client."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type, tuple[int, str]]:
        return type(self), (self.code, self.message)  # errors travel between processes

    def __str__(self) -> str:
        return f"{self.code_name}: {self.message}"

    @property
    def code_name(self) -> str:
        """The code as it is spelled in logs and metric labels, for example `NOT_FOUND`."""
        return CODE_NAMES[self.code] if 0 <= self.code < len(CODE_NAMES) else "UNKNOWN"

    @property
    def http_status(self) -> int:
        """The HTTP status TensorFlow Serving's REST API answers for this code."""
        return HTTP_STATUS[self.code] if 0 <= self.code < len(HTTP_STATUS) else 500


def invalid(message: str) -> ServingError:
    """INVALID_ARGUMENT with this text: the request, a file or a flag is wrong."""
    return ServingError(INVALID_ARGUMENT, message)


def not_found(message: str) -> ServingError:
    """NOT_FOUND with this text: a model, a version or a file does not exist."""
    return ServingError(NOT_FOUND, message)


def failed_precondition(message: str) -> ServingError:
    """FAILED_PRECONDITION with this text: the request is well formed, the state does not allow it."""
    return ServingError(FAILED_PRECONDITION, message)


def unimplemented(message: str) -> ServingError:
    """UNIMPLEMENTED with this text."""
    return ServingError(UNIMPLEMENTED, message)
