"""What else a scan does with every record: something in the workers, and what the caller makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from datacheck.model.blocks import AnyBlock
from datacheck.model.finding import Finding
from datacheck.model.profile import Profile

if TYPE_CHECKING:
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

    def begin(self, profile: Profile) -> Working: ...


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
