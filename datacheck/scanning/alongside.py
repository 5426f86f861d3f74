"""What else a scan does with every record: something in the workers, and what the caller makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from datacheck.model.blocks import AnyBlock
from datacheck.model.finding import Finding
from datacheck.model.profile import Profile

if TYPE_CHECKING:
    from datacheck.conventions.account import KeyWatch
    from datacheck.reporting.report import Report
    from datacheck.reporting.tally import Tally
    from datacheck.scanning.judge import View


class Working(Protocol):
    """What goes on in a worker beside one check; its `result` is something that can be pickled."""

    @property
    def view(self) -> View | None:
        """A view that the check is to have, if the job has none."""

    @property
    def result(self) -> Any: ...

    def take(self, block: AnyBlock, indexes: Sequence[int]) -> AnyBlock:
        """Take the records of a block, which are at `indexes` of the shard; return it, with more findings maybe."""
        ...


class BesideCheck(Protocol):
    """Goes to the workers, and begins anew for each check."""

    def begin(self, profile: Profile, watch: Mapping[str, KeyWatch] | None) -> Working: ...


class Alongside(Protocol):
    """Something that is done alongside a scan."""

    @property
    def beside(self) -> BesideCheck:
        """Return what does the work in the workers."""
        ...

    def collect(self, tally: Tally) -> None:
        """Take what a check came to (`tally.made`, None where there was none), in source order."""
        ...

    def conclude(self, report: Report) -> Iterator[Finding]:
        """Yield what is to be said of the store, when all checks are done."""
        ...


@runtime_checkable
class Marking(Protocol):
    """An Alongside whose part in a scan can be marked, so that a later run goes on with it."""

    def packed(self, made: Any) -> bytes:
        """Return what a check came to as bytes."""
        ...

    def unpacked(self, raw: bytes, records: int) -> Any:
        """Return what a check of so many records came to; nothing of it is executed.

        Raises ValueError, or an error of msgspec's, for what no check came to.
        """
        ...


@runtime_checkable
class Holding(Protocol):
    """An Alongside that holds files until it has concluded."""

    def close(self) -> None:
        """Close them: the scan came to nothing."""
        ...


class Together:
    """Several things that are done alongside one scan."""

    def __init__(self, parts: Sequence[Alongside]) -> None:
        self._parts = parts
        self.beside = BesideTogether(tuple(it.beside for it in parts))

    def collect(self, tally: Tally) -> None:
        """Give each its own."""
        made = tally.made
        for at, part in enumerate(self._parts):
            tally.made = None if made is None else made[at]
            part.collect(tally)
        tally.made = made

    def close(self) -> None:
        """Have each close its files."""
        for part in self._parts:
            if isinstance(part, Holding):
                part.close()

    def packed(self, made: Any) -> bytes:
        """Return what each came to."""
        raws = [part.packed(it) for part, it in zip(self._marking, made, strict=True)]
        return msgspec.msgpack.encode(raws)

    def unpacked(self, raw: bytes, records: int) -> Any:
        """Return what each came to."""
        raws = msgspec.msgpack.decode(raw, type=list[bytes])
        return [part.unpacked(it, records) for part, it in zip(self._marking, raws, strict=True)]

    @property
    def _marking(self) -> list[Marking]:
        return [it for it in self._parts if isinstance(it, Marking)]

    def conclude(self, report: Report) -> Iterator[Finding]:
        """Yield what each has to say."""
        for part in self._parts:
            yield from part.conclude(report)


class BesideTogether(msgspec.Struct, frozen=True):
    """What several things do in the workers."""

    parts: tuple[Any, ...]

    def begin(self, profile: Profile, watch: Mapping[str, KeyWatch] | None) -> WorkingTogether:
        return WorkingTogether([it.begin(profile, watch) for it in self.parts])


class WorkingTogether:
    """What several things do beside one check."""

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
