"""What a scan is asked to do."""

from __future__ import annotations

from typing import Literal

import msgspec

CHECKS = ("finite", "range", "shape", "label", "format", "constant", "half-overflow")
"""The names of the checks, in the order in which they judge; VALIDATORS in `datacheck.checks` has what they are."""
TIMEOUT = 10.0
"""Seconds that one record may take."""
LONGEST_TIMEOUT = 1e9
"""Seconds: what an alarm takes; infinity and NaN are none."""


Eyes = Literal["decoder", "walker", "strict"]
"""How JPEGs are looked at: by a decoder that objects to what it notices, by a walk over their Huffman data beside it,
or by one that also tells what is odd and may be meant."""


LOOKED: dict[Eyes | None, str] = {
    "walker": "the Huffman data of JPEGs was walked, too",
    "strict": "the Huffman data of JPEGs was walked, too, for what is odd in it as well",
}
"""What is said of a look that is closer than a decoder's."""
UNWALKED = "the Huffman data of JPEGs was not walked, only decoded"
"""What is said where it was to be walked."""


class Bounds(msgspec.Struct, frozen=True):
    """The least and greatest value allowed, inclusive; None is no bound. `field` None is every field but labels."""

    low: float | None = None
    high: float | None = None
    field: str | None = None


class Array(msgspec.Struct, frozen=True):
    """What raw values are arrays of: a dtype by NumPy's short name or "bf16", and a shape, None where any may be.

    `family` is the family of keys whose values these are, None all others. The dtype is empty where only the store
    says how many items there are.
    """

    dtype: str
    shape: tuple[int, ...] | None = None
    family: str | None = None


class FamilyDecoder(msgspec.Struct, frozen=True):
    """The name of the decoder of one family of keys."""

    family: str
    decoder: str


class Configuration(msgspec.Struct, frozen=True, omit_defaults=True):
    """The file that options were taken from, and those of them that judge less than without it.

    `not_there` are options with a name that is in no source, which were left out.
    """

    path: str
    loosened: tuple[str, ...]
    not_there: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        loosened = f"; it loosens: {', '.join(self.loosened)}" if self.loosened else ""
        left_out = f"; not there, and left out: {', '.join(self.not_there)}" if self.not_there else ""
        return f"settings from {self.path}{loosened}{left_out}"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan was asked to do, as the report repeats it.

    `sample` and `max_bad` are "N" or "P%", `timeout` is in seconds; `validators` are the reprs of the caller's own.
    `conventions` are the names of those that the store is said to keep, or "none"; empty, they are recognised.
    `paired` stores are to hold the same keys.
    `decoder` is that of all values but those of the families in `decoders`, and of those that `array` says are arrays.
    `engine` is what ran the tasks, of which 0 `workers` means as many as it has room for. `max_time` is in seconds.
    `strict_pictures` asks for the closest look at JPEGs; `eyes` is the look that was taken, None where there were none.
    `ignore` are codes, or "CODE:FAMILY", of findings that do not count. `known` and `like` are the paths of earlier
    reports: whose findings do not count, and whose profile is what is expected; `like_tolerance` is "P%" of a range.
    `checksums` is the path of a checksum file that the records are held against; `duplicates` says that records
    are compared with each other. `config` is the command line's.
    """

    checks: tuple[str, ...] = CHECKS
    range: tuple[Bounds, ...] | None = None
    labels: Bounds | None = None
    label_field: str | None = None
    shape: tuple[int, ...] | None = None
    allow_nan: tuple[str, ...] = ()
    together: tuple[tuple[str, ...], ...] = ()
    conventions: tuple[str, ...] = ()
    paired: bool = False
    validators: tuple[str, ...] = ()
    sample: str | None = None
    stats: bool = False
    batch_size: int | None = None
    backend: str | None = None
    decoder: str | None = None
    decoders: tuple[FamilyDecoder, ...] = ()
    array: tuple[Array, ...] = ()
    workers: int = 1
    engine: str = "local"
    max_time: float | None = None
    timeout: float = TIMEOUT
    max_bad: str | None = None
    strict: bool = False
    strict_pictures: bool = False
    eyes: Eyes | None = None
    ignore: tuple[str, ...] = ()
    known: str | None = None
    like: str | None = None
    like_tolerance: str | None = None
    checksums: str | None = None
    duplicates: bool = False
    config: Configuration | None = None


Pair = tuple[float | None, float | None]
