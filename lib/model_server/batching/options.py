"""BatchingParameters as the server uses them: defaults filled in, and the checks of start and of load."""

from __future__ import annotations

from dataclasses import dataclass

from model_server.config_messages import BatchingParameters
from model_server.errors import invalid
from model_server.flags import CPUS

MAX_BATCH_SIZE = 1000
MAX_ENQUEUED_BATCHES = 10


@dataclass(frozen=True)
class QueueOptions:
    """How the batches of one model version are formed. Rows, microseconds and batches."""

    max_batch_size: int = MAX_BATCH_SIZE
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = MAX_ENQUEUED_BATCHES
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int = MAX_BATCH_SIZE

    @property
    def execution_limit(self) -> int:
        """Most rows one executed batch may have, before padding."""
        return self.max_execution_batch_size if self.enable_large_batch_splitting else self.max_batch_size

    def padded_size(self, rows: int) -> int:
        """`rows` rounded up to the first allowed batch size that holds it; `rows` itself where there is none."""
        return next((size for size in self.allowed_batch_sizes if size >= rows), rows)


def num_batch_threads(parameters: BatchingParameters) -> int:
    """Threads that run batches, for the whole server.

    Raises:
        ServingError: INVALID_ARGUMENT when it is not positive; the server does not start then.
    """
    number = parameters.num_batch_threads.value if parameters.HasField("num_batch_threads") else CPUS
    if number < 1:
        raise invalid(f"num_batch_threads must be positive; was {number}")
    return number


def queue_options(parameters: BatchingParameters) -> QueueOptions:
    """The options of a version's queues, checked as TensorFlow Serving checks them when it loads a version.

    Raises:
        ServingError: INVALID_ARGUMENT; the load of the version fails.
    """

    def value(name: str, default: int) -> int:
        return getattr(parameters, name).value if parameters.HasField(name) else default

    max_batch_size = value("max_batch_size", MAX_BATCH_SIZE)
    splitting = parameters.enable_large_batch_splitting.value
    options = QueueOptions(
        max_batch_size=max_batch_size,
        batch_timeout_micros=value("batch_timeout_micros", 0),
        max_enqueued_batches=value("max_enqueued_batches", MAX_ENQUEUED_BATCHES),
        allowed_batch_sizes=tuple(parameters.allowed_batch_sizes),
        pad_variable_length_inputs=parameters.pad_variable_length_inputs,
        enable_large_batch_splitting=splitting,
        max_execution_batch_size=value("max_execution_batch_size", parameters.max_batch_size.value),
    )
    return _checked(options)


def _checked(options: QueueOptions) -> QueueOptions:
    sizes = options.allowed_batch_sizes
    if sizes and sizes[-1] != options.max_batch_size:
        raise invalid(
            "Last entry in allowed_batch_sizes must match max_batch_size; "
            f"last entry was {sizes[-1]}; expected {options.max_batch_size}"
        )
    if options.max_batch_size <= 0:
        raise invalid(f"input_batch_size_limit must be positive; was {options.max_batch_size}")
    if options.batch_timeout_micros < 0:
        raise invalid(f"batch_timeout_micros must be non-negative; was {options.batch_timeout_micros}")
    if options.max_enqueued_batches < 0 or (options.enable_large_batch_splitting and not options.max_enqueued_batches):
        raise invalid(f"max_enqueued_batches must be positive; was {options.max_enqueued_batches}")
    if options.enable_large_batch_splitting:
        _check_splitting(options)
    return options


def _check_splitting(options: QueueOptions) -> None:
    if options.max_execution_batch_size > options.max_batch_size:
        raise invalid(
            "When enable_large_batch_splitting is true, input_batch_size_limit must be greater than or equal to "
            f"max_execution_batch_size.1{options.max_batch_size}{options.max_execution_batch_size}"
        )
    if options.max_execution_batch_size <= 0:  # TensorFlow Serving accepts it and then cannot form a batch
        raise invalid(f"max_execution_batch_size must be positive; was {options.max_execution_batch_size}")
