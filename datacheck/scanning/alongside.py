"""Interfaces for work that a scan does on every record in addition to its checks, in the workers and in the caller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from datacheck.model.blocks import AnyBlock
from datacheck.model.finding import Finding
from datacheck.model.profile import Profile

if TYPE_CHECKING:
    from datacheck.conventions.keys.account import KeyWatch
    from datacheck.reporting.report import Report
    from datacheck.reporting.tally import Tally
    from datacheck.scanning.judging.judge import View


class Working(Protocol):
    """The additional work beside one check, in a worker. Its `result` can be pickled."""

    @property
    def view(self) -> View | None:
        """A view for the check to use if the job has none, or None."""

    @property
    def result(self) -> Any: ...

    def take(self, block: AnyBlock, indexes: Sequence[int]) -> AnyBlock:
        """Process the records of a block, which are at `indexes` of the shard; return it, with any new findings."""
        ...


class BesideCheck(Protocol):
    """The factory of the additional work: it is sent to the workers, and begins anew for each check."""

    def begin(self, profile: Profile, watch: Mapping[str, KeyWatch] | None) -> Working: ...


class Alongside(Protocol):
    """Additional work during a scan."""

    @property
    def beside(self) -> BesideCheck:
        """Return the part that runs in the workers."""
        ...

    def collect(self, tally: Tally) -> None:
        """Take the result of a check in source order: `tally.made`, or None if it has none."""
        ...

    def conclude(self, report: Report) -> Iterator[Finding]:
        """Yield the findings about the store after all checks are done."""
        ...


@runtime_checkable
class Marking(Protocol):
    """An Alongside whose results can be saved in marks, so that a later run can continue from them."""

    def packed(self, result: Any) -> bytes:
        """Return the result of a check as bytes."""
        ...

    def unpacked(self, raw: bytes, records: int) -> Any:
        """Return the result of a check of this number of records from its bytes; nothing in them is executed.

        Raises ValueError, or an error of msgspec, if the bytes cannot come from a check.
        """
        ...


@runtime_checkable
class Holding(Protocol):
    """An Alongside that holds files until it has concluded."""

    def close(self) -> None:
        """Close the files after a scan that failed."""
        ...


class Together:
    """Several kinds of additional work during one scan."""

    def __init__(self, parts: Sequence[Alongside]) -> None:
        self._parts = parts
        self.beside = BesideTogether(tuple(it.beside for it in parts))

    def collect(self, tally: Tally) -> None:
        """Give each part its own result."""
        results = tally.made
        for at, part in enumerate(self._parts):
            tally.made = None if results is None else results[at]
            part.collect(tally)
        tally.made = results

    def close(self) -> None:
        """Close the files of each part."""
        for part in self._parts:
            if isinstance(part, Holding):
                part.close()

    def packed(self, result: Any) -> bytes:
        """Return the results of all parts as bytes."""
        raws = [part.packed(it) for part, it in zip(self._marking, result, strict=True)]
        return msgspec.msgpack.encode(raws)

    def unpacked(self, raw: bytes, records: int) -> Any:
        """Return the results of all parts from their bytes."""
        raws = msgspec.msgpack.decode(raw, type=list[bytes])
        return [part.unpacked(it, records) for part, it in zip(self._marking, raws, strict=True)]

    @property
    def _marking(self) -> list[Marking]:
        return [it for it in self._parts if isinstance(it, Marking)]

    def conclude(self, report: Report) -> Iterator[Finding]:
        """Yield the findings of each part."""
        for part in self._parts:
            yield from part.conclude(report)


class BesideTogether(msgspec.Struct, frozen=True):
    """The factory of several kinds of additional work in the workers."""

    parts: tuple[Any, ...]

    def begin(self, profile: Profile, watch: Mapping[str, KeyWatch] | None) -> WorkingTogether:
        return WorkingTogether([it.begin(profile, watch) for it in self.parts])


class WorkingTogether:
    """Several kinds of additional work beside one check."""

    def __init__(self, parts: Sequence[Working]) -> None:
        self._parts = parts
        self.view = next((it.view for it in parts if it.view is not None), None)

    @property
    def result(self) -> list[Any]:
        return [it.result for it in self._parts]

    def take(self, block: AnyBlock, indexes: Sequence[int]) -> AnyBlock:
        for part in self._parts:
            block = part.take(block, indexes)
        return block
