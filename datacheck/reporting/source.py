"""What a report says of its source."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from datacheck.model.finding import nothing


class FileStamp(msgspec.Struct, frozen=True):
    """One file of a store: its name, its size in bytes, its modification time in nanoseconds."""

    name: str
    size: int
    mtime_ns: int


class Fingerprint(msgspec.Struct, frozen=True):
    """The files of a store, and the SHA-256 of its roots: meta pages, CURRENT and MANIFEST, superblocks."""

    files: tuple[FileStamp, ...]
    roots: str


class SearchedFolder(msgspec.Struct, frozen=True):
    """The folder that a source was found in: how many there are in it, and how much is not read, by kind of file."""

    path: str
    sources: int
    not_read: dict[str, int]


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was scanned. `decoder` lists the payload kinds of the main families, joined by '+'; `bytes` is on disk.

    `fingerprint` tells whether a source is still the one that was scanned. `folder` is None if none was searched.
    """

    path: str
    backend: str
    decoder: str | None = msgspec.field(default_factory=nothing)
    records: int | None = msgspec.field(default_factory=nothing)
    bytes: int | None = msgspec.field(default_factory=nothing)
    fingerprint: Fingerprint | None = msgspec.field(default_factory=nothing)
    folder: SearchedFolder | None = None


class LayerSource(msgspec.Struct, frozen=True, omit_defaults=True):
    """The layer of a network that reads the source.

    `line` is that of the layer in the network's prototxt. `classes` is how many the classifier behind it tells apart,
    `classifier` that layer's name, `ignore_label` the label its loss passes over. `beside` says that the source was
    found beside the prototxt, or its mean file was, and not from the working directory, where Caffe looks for it.
    `solver` is the prototxt that named the network, where it was not asked for itself.
    """

    net: str
    line: int
    name: str
    type: str
    phases: tuple[str, ...]
    tops: tuple[str, ...]
    batch_size: int
    classes: int | None = None
    classifier: str | None = None
    ignore_label: int | None = None
    beside: bool = False
    solver: str | None = None


def utc_now() -> str:
    """Return the time as reports have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
