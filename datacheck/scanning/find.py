"""Find a record by its name. This runs in a worker, since the record may kill its reader."""

from __future__ import annotations

from dataclasses import dataclass

from datacheck.model.blocks import Shard
from datacheck.scanning.blame import blaming
from datacheck.scanning.tasks import Job, opening_seconds
from datacheck.workers.interface import Watch


@dataclass(frozen=True)
class Find:
    """Return the Shard of the one record with this escaped key, or None."""

    key: str

    def run(self, job: Job, watch: Watch) -> Shard | None:
        watch.timeout, watch.patience = opening_seconds(job.reader) + job.settings.timeout, 2
        watch.note(None)
        with blaming("unreadable"):
            return job.reader.find(self.key)
