"""What a payload's decoder has to offer, and the values it works with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from datacheck.model.batch import Batch
from datacheck.model.finding import Finding
from datacheck.model.profile import FamilyProfile

if TYPE_CHECKING:
    from numpy.typing import NDArray


Value = bytes | memoryview


class Decoder(Protocol):
    """Turns the records at `rows` of a block into batches of values, and findings by position in the block.

    Bad data is a finding; a decoder raises nothing. `profile` is what the family of these records is meant to hold,
    None while that is being found out. Without `pixels`, a decoder may find out that a picture is sound and yet not
    make its pixels: its batch then has `pixels_skipped`.
    """

    name: str

    def knows(self, value: Value) -> bool:
        """Say whether one value is, or once was, a payload of this kind: cheap, and strict enough to vote."""
        ...

    def decode(
        self, block: Any, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        """Yield the batches and findings of the records at `rows` of `block`."""
        ...


@runtime_checkable
class HoldingPictures(Protocol):
    """A decoder of payloads that are an encoded picture, or have one in them."""

    def stored_picture(self, value: Value) -> bytes | None:
        """Return the picture as it is stored, None where this value has none."""
        ...


@runtime_checkable
class NamingClasses(Protocol):
    """A decoder of payloads that name the classes of what is in them."""

    def classes(self, value: Value) -> frozenset[str]:
        """Return their dotted names."""
        ...


class Field(msgspec.Struct, frozen=True):
    """One field of one record: its values, an array of any shape or a number; see `Batch` for the rest."""

    name: str
    values: NDArray[Any]
    format: str = ""
    encoded: bool = False
    label: bool = False
    pixels_skipped: bool = False
    leaf: bool = False


class Reading(msgspec.Struct, frozen=True):
    """What one record turned out to hold. A record with a bad finding may have no fields at all.

    `lacks` are the labels that it lacks and the others have; None where they are not known, but all fields that most
    others have are to be there.
    """

    fields: Sequence[Field] = ()
    findings: Sequence[Finding] = ()
    lacks: Sequence[str] | None = None


Read = Callable[[Value, FamilyProfile | None], Reading]
