"""The source of a scan as its report describes it."""

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
    """The folder that a source was found in: its number of sources, and how much is not read, by kind of file."""

    path: str
    sources: int
    not_read: dict[str, int]


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was scanned. `decoder` lists the payload kinds of the main families, joined by '+'.

    `bytes` is the size on disk. `fingerprint` shows whether a source is still the one that was scanned. `folder` is
    None if none was searched. `lists` are the texts that the files were compared with.
    """

    path: str
    backend: str
    decoder: str | None = msgspec.field(default_factory=nothing)
    records: int | None = msgspec.field(default_factory=nothing)
    bytes: int | None = msgspec.field(default_factory=nothing)
    fingerprint: Fingerprint | None = msgspec.field(default_factory=nothing)
    folder: SearchedFolder | None = None
    lists: tuple[FileStamp, ...] = ()


class NotScanned(msgspec.Struct, frozen=True):
    """A source of a run that was not scanned: its path, and the sentence that says why.

    It could not be opened, or the run ended before its turn.
    """

    source: str
    message: str


class LayerSource(msgspec.Struct, frozen=True, omit_defaults=True):
    """The layer of a network that reads the source.

    `line` is that of the layer in the network's prototxt. `classes` is the number of classes of the classifier behind
    it, `classifier` the name of that layer, `ignore_label` the label that its loss ignores. `beside` says that the
    source, or its mean file, was found beside the prototxt and not from the working directory, where Caffe looks for
    it. `solver` is the prototxt that named the network, if the network was not named itself.
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
    """Return the current time in UTC as reports write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
