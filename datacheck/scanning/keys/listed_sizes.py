"""Compare the sizes of pictures with a list that gives them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from datacheck.conventions.interface import Convention, KeyList
from datacheck.conventions.values.side_files import side_file
from datacheck.conventions.values.stored_values import FORMS, MetaLine
from datacheck.model.blocks import Block, Shard
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.scanning.blame import blamed
from datacheck.scanning.tasks import Job, own_seconds
from datacheck.workers.interface import PATIENCE, Watch

NAMED = 3
"""Maximum number of pictures with a wrong size that are named."""


class CompareSizes(msgspec.Struct, frozen=True):
    """A task that compares the sizes of pictures with those in a list.

    It returns a finding, or None if all sizes match. Pictures whose size cannot be read are left to their decoder.
    """

    shards: tuple[Shard, ...]
    of: KeyList

    def run(self, job: Job, watch: Watch) -> Finding | None:
        watch.timeout, watch.patience = own_seconds(job.settings), PATIENCE
        watch.note(None)
        wrong: list[str] = []
        count = compared = 0
        for key, size, true in self._sizes(job, watch):
            compared += 1
            if true != size:
                count += 1
                if len(wrong) < NAMED:
                    wrong.append(f"{escape(key)} is {true[1]}x{true[0]}, and not {size[1]}x{size[0]}")
        if not count:
            return None
        more = f", and {count - len(wrong):,} more" if count > len(wrong) else ""
        name = escape(self.of.key)
        are = "is" if count == 1 else "are"
        text = f"{count:,} of {compared:,} pictures {are} not of the size in {name}: {'; '.join(wrong)}{more}"
        return found("shape", text, verdict="suspicious", list=name, count=count)

    def _sizes(self, job: Job, watch: Watch) -> Iterator[tuple[bytes, tuple[int, int], tuple[int, int]]]:
        """Yield the key of each picture in the list with the size that the list gives and the one that it has."""
        from datacheck.decoders.pictures.dimensions import dimensions

        lines = FORMS[self.of.form].read(side_file(job.reader.path, self.of.key) or b"") or []
        listed = {line.key: line.size for line in lines if isinstance(line, MetaLine)}
        for shard in self.shards:
            for block in blamed("unreadable", job.reader.blocks, shard):
                watch.note(None)
                if not isinstance(block, Block) or block.database is not None:
                    continue
                for key, value in zip(block.keys, block.values, strict=True):
                    size = listed.get(key)
                    true = None if size is None else dimensions(value)
                    if size is not None and true is not None:
                        yield key, size, true


def compare_sizes(conventions: Sequence[Convention], shards: Sequence[Shard]) -> list[CompareSizes]:
    """Return the tasks that compare the sizes of pictures with the lists of conventions."""
    lists = [it for convention in conventions for it in convention.lists if it.sizes]
    return [CompareSizes(tuple(shards), it) for it in lists]
