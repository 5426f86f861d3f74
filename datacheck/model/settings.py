"""The settings of a scan."""

from __future__ import annotations

from typing import Literal

import msgspec

CHECKS = ("finite", "range", "shape", "label", "format", "constant", "half-overflow")
"""The names of the checks, in the order in which they run; VALIDATORS in `datacheck.checks` has the validators."""
TIMEOUT = 10.0
"""Default time limit per record, in seconds."""
LONGEST_TIMEOUT = 1e9
"""Largest timeout that an alarm accepts, in seconds; infinity and NaN are not valid."""


Eyes = Literal["decoder", "walker", "strict"]
"""How JPEGs are examined: by a decoder that reports the errors it notices ("decoder"), by walking their Huffman data as
well ("walker"), or by a walk that also reports oddities that may be intended ("strict")."""


LOOKED: dict[Eyes | None, str] = {
    "walker": "the Huffman data of JPEGs was walked, too",
    "strict": "the Huffman data of JPEGs was walked, too, for what is odd in it as well",
}
"""Report sentences about picture checks that go beyond decoding, by mode."""
UNWALKED = "the Huffman data of JPEGs was not walked, only decoded"
"""Report sentence for JPEGs whose Huffman data should have been walked, but was not."""


class Bounds(msgspec.Struct, frozen=True):
    """The least and greatest value allowed, inclusive; None is no bound.

    `field` None means all fields except labels.
    """

    low: float | None = None
    high: float | None = None
    field: str | None = None


class Array(msgspec.Struct, frozen=True):
    """The type of raw arrays: a dtype by NumPy's short name or "bf16", and a shape, or None if any shape is allowed.

    `family` is the family of keys whose values these are, or None for all others. The dtype is empty if only the store
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
    """The file that options were read from, and those of its options that make the scan less strict.

    `not_there` are options that refer to a name that no source contains; they were left out.
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
    """The settings of a scan, as the report repeats them.

    `sample` and `max_bad` are "N" or "P%"; `timeout` and `max_time` are in seconds. `validators` are the reprs of the
    caller's own. `conventions` are the names of the conventions that the store is declared to follow, or "none"; if
    empty, they are detected. `paired` stores must hold the same keys. `decoder` applies to all values except those of
    the families in `decoders` and those that `array` declares to be arrays. `engine` is what ran the tasks; 0 `workers`
    means as many as it has room for. `strict_pictures` asks for the closest examination of JPEGs; `eyes` is the
    examination that was done, or None if there were no JPEGs. `ignore` are codes, or "CODE:FAMILY", of findings that do
    not count. `known` and `like` are the paths of earlier reports: findings in `known` do not count, and the profile of
    `like` is the expected one. `like_tolerance` is "P%" of a range. `checksums` is the path of a checksum file that the
    records are compared with; `duplicates` means that records are compared with each other. `config` is the command
    line's.
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

    def judges_by(self, check: str, validator: str) -> bool:
        """Return whether a built-in check runs: it is among the checks, or the caller passed its validator."""
        return check in self.checks or f"{validator}()" in self.validators


Pair = tuple[float | None, float | None]
