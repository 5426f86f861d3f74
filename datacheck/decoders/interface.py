"""The protocol of payload decoders, and the types of the values that they take and return."""

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
MISSING_MESSAGE = "it is not there, nearly all others have it"
"""The message of a finding for a field that a record lacks."""
LEADS_FROM = "leads_from"
"""The detail with the field by which numbers that lead to nothing are recognised, in findings of sampled records."""


class Decoder(Protocol):
    """Turns the records at `rows` of a block into batches of values, and findings by position in the block.

    Bad data is reported as a finding; decoders do not raise. `profile` is what the records of this family are expected
    to hold, or None while the profile is still being made. Without `pixels`, a decoder may verify that a picture is
    sound without decoding its pixels; its batch then has `pixels_skipped`.
    """

    name: str

    def knows(self, value: Value) -> bool:
        """Check whether a value is, or was before damage, a payload of this kind: cheap, and strict enough to vote."""
        ...

    def decode(
        self, block: Any, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        """Yield the batches and findings of the records at `rows` of `block`."""
        ...


@runtime_checkable
class HoldingPictures(Protocol):
    """A decoder of payloads that are or contain an encoded picture."""

    def stored_picture(self, value: Value) -> bytes | None:
        """Return the picture as stored, or None if this value has none."""
        ...


@runtime_checkable
class NamingClasses(Protocol):
    """A decoder of payloads that name the classes of the objects in them."""

    def classes(self, value: Value) -> frozenset[str]:
        """Return the dotted names of these classes."""
        ...


class Field(msgspec.Struct, frozen=True):
    """One field of one record: its values, an array of any shape or a number; see `Batch` for the other attributes."""

    name: str
    values: NDArray[Any]
    format: str = ""
    encoded: bool = False
    label: bool = False
    pixels_skipped: bool = False
    leaf: bool = False


class Reading(msgspec.Struct, frozen=True):
    """The content of one record. A record with a bad finding may have no fields at all.

    `lacks` are the labels that this record lacks and others have. If it is None, they are not known, and every field
    that most other records have is expected.
    """

    fields: Sequence[Field] = ()
    findings: Sequence[Finding] = ()
    lacks: Sequence[str] | None = None


Read = Callable[[Value, FamilyProfile | None], Reading]
