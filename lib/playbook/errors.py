"""What can go wrong, as a tree. Each message says what was expected, what was seen and what to do.

PlaybookError
├── ParameterError        a parameters file or a parameter is wrong; nothing was started
├── ModelError            a model cannot be loaded, exported or served as asked
│   ├── UnsafeModel       a SavedModel holds operations that touch files, sockets or Python
│   └── PublishFailed     a new version could not be published, or the server did not take it
├── ServerError
│   ├── ServerNotReady    the server did not reach AVAILABLE
│   ├── ServerDied        the server ended while it was needed
│   │   └── ServerHung    the server lives and answers nothing
│   ├── VersionChanged    another version of the model answers, or lies there, than is measured
│   └── DockerUnavailable no engine, no permission, no image
├── PredictFailed         the server answered with an error; its text is kept
├── WarmupNotApplied      a warm-up file is present and the server did not replay it
├── LoadFailed            the load generator could not measure at all
│   └── WrongAnswers      the server answered under load, and not what the model answers
├── StageFailed           a notebook of the chain failed
├── SizingRefused         nothing measured keeps the promise, so nothing is sized or deployed
├── BundleBroken          a file of the deployment bundle is not what it must be
├── RunNotPublished       a model or its record could not be written where it was to go (deploy.publishing)
├── MonitorError          an endpoint does not give metrics, or the monitor could not run
└── RecordError
    ├── RecordExists      a record is written once
    ├── NotWritten        a file of a run could not be written: a full disk, a read-only folder
    ├── QueryFailed       SQL over the records is wrong, or its place cannot be reached
    ├── RecordUnreadable  missing, half written, or of a schema from the future
    │   └── RecordBroken  half written, or no JSON at all
    └── RecordMismatch    two records that must not be compared
"""


class PlaybookError(Exception):
    """Root of every error the playbook raises on purpose."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows of it: its sentence, no wall of calls (IPython asks for this)."""
        return [f"{type(self).__name__}: {self}"]


class ParameterError(PlaybookError, ValueError):
    """A parameters file or a parameter is wrong; nothing was started."""


class ModelError(PlaybookError):
    """A model cannot be loaded, exported or served as asked."""


class UnsafeModel(ModelError):
    """A SavedModel holds operations that touch files, sockets or Python."""


class ServerError(PlaybookError):
    """The server is not what the next step needs."""


class ServerNotReady(ServerError):
    """The server did not reach AVAILABLE."""


class ServerDied(ServerError):
    """The server ended while it was needed."""


class ServerHung(ServerDied):
    """The server lives and answers nothing, not even its status: for users it is as good as dead."""


class VersionChanged(ServerError):
    """Another version of the model answers, or lies in its folder, than is measured: somebody changed the folder."""


class DockerUnavailable(ServerError):
    """No Docker engine, no permission for it, or no image."""


class PredictFailed(PlaybookError):
    """The server answered with an error; its text is kept."""


class WarmupNotApplied(PlaybookError):
    """A warm-up file is present and the server did not replay it."""


class LoadFailed(PlaybookError):
    """The load generator could not measure at all."""


class WrongAnswers(LoadFailed):
    """The server answered under load, and not what the model answers."""


class StageFailed(PlaybookError):
    """A notebook of the chain failed."""


class RecordError(PlaybookError):
    """A record cannot be written, read or compared."""


class RecordExists(RecordError):
    """A record is written once; this one stands already."""


class NotWritten(RecordError, OSError):
    """A file of a run could not be written: a full disk, a read-only folder."""


class RecordUnreadable(RecordError):
    """A record is missing, half written, or of a schema from the future."""


class RecordBroken(RecordUnreadable):
    """A record is half written, or no JSON at all: its verb has to be run again."""


class RecordMismatch(RecordError):
    """Two records that must not be compared."""


class MonitorError(PlaybookError):
    """An endpoint does not give metrics, or the monitor could not run."""


class QueryFailed(RecordError, ValueError):
    """SQL over the records is wrong, or the place they lie in cannot be reached."""


class PublishFailed(ModelError):
    """A new version could not be published, or the server did not take it."""


class SizingRefused(PlaybookError):
    """Nothing measured keeps the promise, so nothing is sized or deployed."""


class BundleBroken(PlaybookError):
    """A file of the deployment bundle is not what it must be."""
