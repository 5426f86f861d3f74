"""Readers that fail in a worker, in their own module for the same reason as `worker_jobs`."""

import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from building import key, raw_records
from delegating import Delegating

from datacheck.model.blocks import Block, Layout, Position, Shard, ignore
from datacheck.workers.templates import WORKER_BYTES

RECORDS = raw_records(60)
FIELDS = list(RECORDS.items())


@dataclass(frozen=True)
class Fake:
    """A reader of records in memory, which calls its method `how` at the rows `places`."""

    how: str
    places: tuple[int, ...] = (7,)
    mark: Path | None = None
    backend = "fake"
    path = Path(__file__)

    def layout(self):
        shard = Shard("", records=len(FIELDS))
        return Layout([shard], [Shard("", Position(key(40)), Position(key(41)))], len(FIELDS), None)

    def blocks(self, shard, *, limit=None, note=ignore):
        low = (b"", 0) if shard.start is None else shard.start
        high = (b"\xff", 0) if shard.stop is None else shard.stop
        chosen = [row for row, (name, _) in enumerate(FIELDS) if low <= (name, 0) < high]
        note(shard.start or Position(b""), False)
        size = limit or 16
        for start in range(0, len(chosen), size):
            rows = chosen[start : start + size]
            note(Position(FIELDS[rows[0]][0]), limit == 1)
            for row in rows:
                if row in self.places:
                    getattr(self, self.how)(size)
            yield Block([FIELDS[row][0] for row in rows], [FIELDS[row][1] for row in rows])

    def find(self, name):
        return Shard("", Position(name.encode()), Position(name.encode(), 1))

    def name(self, shard, place, finding):
        return Block([place.key], [b""]).place(0, finding, None)

    def sleeps(self, size):
        time.sleep(3600)

    def spins(self, size):
        while True:
            pass

    def is_killed(self, size):
        os.kill(os.getpid(), signal.SIGKILL)

    def is_terminated(self, size):
        os.kill(os.getpid(), signal.SIGTERM)

    def runs_out_of_processor_time(self, size):
        os.kill(os.getpid(), signal.SIGXCPU)

    def crashes(self, size):
        os.kill(os.getpid(), signal.SIGSEGV)

    def raises(self, size):
        raise IndexError("no such thing in these bytes")

    def eats(self, size):
        bytearray(2 * WORKER_BYTES)

    def is_cut_off(self, size):
        raise OSError(errno.EIO, "Input/output error")

    def is_killed_among_others(self, size):
        if size > 1:
            os.kill(os.getpid(), signal.SIGKILL)

    def is_late_but_once(self, size):
        """Sleep for longer than allowed the first time, like a process on a busy machine; return the next time."""
        if not self.mark.exists():
            self.mark.touch()
            time.sleep(3600)


@dataclass(frozen=True)
class Leaving(Delegating):
    """A reader that exits its process at one record, always or only once."""

    mark: Path
    once: bool

    def blocks(self, shard, *, limit=None, note=ignore):
        for block in self.reader.blocks(shard, limit=limit, note=note):
            if b"00000007" in block.keys and not (self.once and self.mark.exists()):
                self.mark.touch()
                os._exit(9)
            yield block
