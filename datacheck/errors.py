"""The exceptions for all reasons why datacheck could not do its job. Bad data is never an exception: it is a `Finding`.

DatacheckError
+-- SourceMissing       nothing lies at that path
+-- SourceUnknown       what lies there is not a store that datacheck reads
|   +-- PrototxtMalformed   it is a prototxt, but Caffe would not parse it
+-- SourceUnreadable    it is a store, but this machine may not read it
+-- UsageError          an option or argument does not make sense
+-- RecordMissing       the store has no record under that key
+-- RecordUnreadable    a record is there, and cannot be read or decoded
+-- PartUnread          a record was not found, and a part of the store where it may be could not be read
+-- ReportFailed        a report could not be written
+-- TargetExists        the target of a rebuild exists, and replacing it was not requested
+-- UnfitRecord         the kind of store that is written cannot hold a record
+-- RebuildFailed       a copy could not be written, or is not what it should be; nothing was published
+-- ValidatorFailed     a validator of the caller's own raised an exception
+-- EyesFailed          a worker cannot load the JPEG walker that the scan uses
+-- WorkersFailed       no process could be started that would read the data
|   +-- ClusterFailed       a cluster does not run the tasks that it is given
+-- NotClean            `Report.require_clean` on a report that is not clean
"""

from __future__ import annotations

DENIED = "may not be read: permission denied"
"""What is said of a file that this user may not read; the advice looks for it at the end of a message."""


class DatacheckError(Exception):
    """Base of everything datacheck raises on purpose."""


class SourceMissing(DatacheckError):
    """There is nothing at that path, or nothing at the `target` of the link there.

    `near` is a similar path that exists, if any.
    """

    def __init__(self, path: str, near: str | None = None, target: str | None = None) -> None:
        super().__init__(path, near, target)
        self.path, self.near, self.target = path, near, target

    def __str__(self) -> str:
        if self.target is not None:
            return f"{self.path}: is a link to {self.target}, where there is nothing"
        hint = "" if self.near is None else f"; did you mean {self.near}?"
        return f"{self.path}: there is nothing at this path{hint}"


class _SourceProblem(DatacheckError):
    """A path and what is wrong with it."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class SourceUnknown(_SourceProblem):
    """What is at that path is not a store that datacheck reads."""


class PrototxtMalformed(SourceUnknown):
    """It is a solver or network prototxt, but Caffe would not parse it: the line (None: not known) and why."""

    def __init__(self, path: str, line: int | None, reason: str) -> None:
        DatacheckError.__init__(self, path, line, reason)
        self.path, self.line, self.reason = path, line, reason

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.reason}"


class SourceUnreadable(_SourceProblem):
    """It is a store, but it cannot be read here (permission, device)."""


class UsageError(DatacheckError):
    """An option or argument does not make sense."""


class RecordMissing(_SourceProblem):
    """The store has no record under that key."""


class RecordUnreadable(DatacheckError):
    """A record is there, and cannot be read or decoded: its key, the code of what is wrong, and why."""

    def __init__(self, path: str, key: str, code: str, reason: str) -> None:
        super().__init__(path, key, code, reason)
        self.path, self.key, self.code, self.reason = path, key, code, reason

    def __str__(self) -> str:
        return f"{self.path}: the record {self.key} cannot be read: {self.code}: {self.reason}"


class PartUnread(DatacheckError):
    """A record was not found, but it may be in a part of the store that could not be read.

    `damaged` if that is broken.
    """

    def __init__(self, reason: str, damaged: bool) -> None:
        super().__init__(reason, damaged)
        self.reason, self.damaged = reason, damaged

    def __str__(self) -> str:
        return self.reason


class ReportFailed(_SourceProblem):
    """A report could not be written."""


class TargetExists(DatacheckError):
    """The target of a rebuild exists, and is replaced only with `force`, or never (`forceable` says which)."""

    def __init__(self, path: str, what: str = "target", *, forceable: bool = True) -> None:
        super().__init__(path)
        self.path, self.what, self.forceable = path, what, forceable

    def __str__(self) -> str:
        rather = ", or replace it with --force" if self.forceable else "; --force replaces only the target"
        return f"{self.path}: exists already; name another {self.what}{rather}"


class UnfitRecord(DatacheckError):
    """A record does not fit into the type of store that is written."""


class RebuildFailed(_SourceProblem):
    """A copy could not be written, or is not what it should be; nothing was published."""


class ValidatorFailed(DatacheckError):
    """A validator of the caller's own raised an exception; `traceback` is that exception's, as text."""

    def __init__(self, validator: str, key: str, reason: str, traceback: str = "") -> None:
        super().__init__(validator, key, reason, traceback)
        self.validator, self.key, self.reason, self.traceback = validator, key, reason, traceback

    def __str__(self) -> str:
        return f"the validator {self.validator} failed in the batch that begins with record {self.key}: {self.reason}"


class WorkersFailed(DatacheckError):
    """No process could be started that would read the data. It says nothing about the data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"no worker process could be started: {self.reason}"


class ClusterFailed(WorkersFailed):
    """A cluster does not run the tasks that it is given. It says nothing about the data."""

    def __str__(self) -> str:
        return self.reason


class EyesFailed(DatacheckError):
    """A worker cannot load the JPEG walker that the scan uses, so its verdicts would differ from other workers'."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"a worker cannot walk JPEGs as the others do: {self.reason}"


class NotClean(DatacheckError):
    """A report that had to be clean is not; the message is its summary."""
