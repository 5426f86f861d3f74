"""Decide whether a dataset of an HDF5 file can be read, by the place of its values, its filters and its size."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.known_filters import OTHERS, SHIPPED, inflates
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape, plain
from datacheck.model.finding import Finding, found

LINKS_FOLLOWED = 32
"""Maximum number of soft links, or of nested virtual datasets, that are followed."""
MOST_OPENED = 1 << 16
"""Maximum number of datasets that a virtual dataset may open. If virtual datasets are nested, the library opens a
source once per path that leads to it, so the number can double with each level."""
LARGE = 1 << 40
SPARSE = 1000
"""Limits on declared bytes. A dataset is not read if it declares more than LARGE bytes and more than SPARSE times the
bytes stored for it, since that would take hours. Nor is a dataset read that would raise the total
of its file above LARGE and SPARSE times the file's size. All other datasets are read piece by piece."""
LARGEST = 1 << 30
"""Largest row, or chunk that a filter has to decode in one piece, in bytes."""


class Hindrances:
    """Checks for what prevents reading the datasets of an open file of `size` bytes; declared sizes add up."""

    def __init__(self, h5: Any, file: Any, size: int, path: Path | None = None) -> None:
        self._h5 = h5
        self._file = file
        self._size = size
        self._declared = 0
        self.virtual = False
        """Whether any dataset is virtual."""
        self._opens: dict[bytes, int] = {}
        """Number of datasets that the library opens below each source of a virtual dataset, by path."""
        self._folder = None if path is None else path.parent

    def findings(self, opened: Any, created: Any, dataset: Dataset) -> Iterator[Finding]:
        """Yield the first reason, if any, why a dataset must not or cannot be read."""
        if created.get_layout() == self._h5.h5d.CONTIGUOUS and not created.get_external_count():
            offset = opened.get_offset()
            if offset is not None and dataset.bytes and self._size <= offset:
                escaped = escape(dataset.path)
                message = (
                    f"{escaped} is lost, since its values begin at offset {offset} and the file ends at {self._size}"
                )
                yield found(
                    "truncated-store", message, field=dataset.title, path=escaped, offset=offset, size=self._size
                )
                return
        if created.get_external_count():
            files = [created.get_external(at)[0] for at in range(created.get_external_count())]
            absent = next(filter(self._is_missing_file, files), None)
            yield elsewhere(
                dataset.path,
                "a dataset whose values lie in",
                absent or files[0],
                is_missing=absent is not None,
            )
            return
        if created.get_layout() == self._h5.h5d.VIRTUAL:
            self.virtual = True
            away = self._source_elsewhere(created)
            if away is not None:
                file, name, is_missing = away
                yield elsewhere(
                    dataset.path, "a virtual dataset with a source that is in", file, name, is_missing=is_missing
                )
                return
            target, reason, _ = self._unfollowed_source(created, LINKS_FOLLOWED)
            if reason is not None:
                yield unfollowed(dataset.path, f"a virtual dataset with a source that {reason}", target)
                return
        missing = self._missing_filter(opened, created, dataset)
        if missing is not None:
            yield missing
            return
        yield from self._size_findings(opened, created, dataset)

    def allow(self, declared: int) -> bool:
        """Check whether `declared` more bytes of values may be read, and if so, add them to the total."""
        allowed = self._declared + declared <= max(LARGE, SPARSE * self._size)
        self._declared += declared if allowed else 0
        return allowed

    def _unfollowed_source(self, created: Any, depth: int) -> tuple[str, str | None, int]:
        """Return the first source of a virtual dataset that is not simply in this file, and why it cannot be followed.

        The reason is None if there is no such source. The third value is the number of datasets that the library may
        have to open; a source counts as often as it is referenced.
        """
        opens = 0
        for at in range(created.get_virtual_count()):
            file, name = created.get_virtual_filename(at), created.get_virtual_dsetname(at)
            target = plain(f"{file}:{name}")
            if file != ".":
                return target, "is in another file", opens
            if "%" in name:
                return target, "is a pattern", opens
            path, reason = self.resolve(b"", name.encode("utf-8", "surrogateescape"))
            if reason is not None:
                return target, reason, opens
            if path not in self._opens:
                further, reason, below = self._unfollowed_below(path, target, depth)
                if reason is not None:
                    return further, reason, opens
                self._opens[path] = below
            opens += 1 + self._opens[path]
            if opens > MOST_OPENED:
                return target, f"leads to more than {MOST_OPENED:,} datasets one by one", opens
        return "", None, opens

    def _unfollowed_below(self, path: bytes, target: str, depth: int) -> tuple[str, str | None, int]:
        """Return the same three values as `_unfollowed_source` for the source at a path, called `target`."""
        source = self._h5.h5o.open(self._file, path or b"/")
        if not isinstance(source, self._h5.h5d.DatasetID):
            return target, "is no dataset", 0
        created = source.get_create_plist()
        if created.get_external_count():
            return target, "has its values in another file", 0
        if created.get_layout() != self._h5.h5d.VIRTUAL:
            return "", None, 0
        return self._unfollowed_source(created, depth - 1) if depth else (target, "is virtual in turn, without end", 0)

    def _source_elsewhere(self, created: Any) -> tuple[bytes, bytes, bool] | None:
        """Return the file and name of a virtual dataset's source in another file, and whether the file is missing.

        Prefer the first source whose file is missing, including sources of nested virtual datasets in this file. Return
        None if there is no source in another file.
        """
        sources = [it for it in _sources(created) if it[0] != b"."]
        missing_source = next(
            ((*it, True) for it in self._sources_elsewhere(created, set()) if self._is_missing_file(it[0])), None
        )
        return missing_source or next(((*it, False) for it in sources), None)

    def _sources_elsewhere(self, created: Any, seen: set[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Yield the file and name of each source in another file, also of nested virtual datasets not yet `seen`."""
        for file, name in _sources(created):
            if file != b".":
                yield file, name
                continue
            path, reason = (name, "is a pattern") if b"%" in name else self.resolve(b"", name)
            if reason is not None or path in seen or len(seen) > LINKS_FOLLOWED:
                continue
            seen.add(path)
            source = self._h5.h5o.open(self._file, path or b"/")
            if isinstance(source, self._h5.h5d.DatasetID):
                properties = source.get_create_plist()
                yield from ((properties.get_external(at)[0], b"") for at in range(properties.get_external_count()))
                if properties.get_layout() == self._h5.h5d.VIRTUAL:
                    yield from self._sources_elsewhere(properties, seen)

    def link(self, path: bytes, file: bytes, target: bytes) -> Finding:
        """Return the finding for an external link."""
        return elsewhere(path, "an external link to", file, target, is_missing=self._is_missing_file(file))

    def _is_missing_file(self, name: bytes) -> bool:
        """Check whether another file is missing, if its name is relative and would be below this file's folder.

        The library also resolves the name from the working directory. Other places are not checked.
        """
        if self._folder is None or name in (b"", b".") or b"%" in name:
            return False
        file = Path(os.fsdecode(name))
        if file.is_absolute() or ".." in file.parts:
            return False
        return not os.path.lexists(self._folder / file) and not os.path.lexists(file)

    def _missing_filter(self, opened: Any, created: Any, dataset: Dataset) -> Finding | None:
        for at, number in enumerate(dataset.filters):
            if self._h5.h5z.filter_avail(number) or not dataset.bytes:
                continue
            with contextlib.suppress(*TROUBLE):
                if opened.chunk_iter(lambda chunk, at=at: None if chunk.filter_mask >> at & 1 else True) is None:
                    continue  # an optional filter that was already missing when the chunks were written
            own_name = created.get_filter(at)[3].split(b"\0")[0].split(b";")[0].decode("utf-8", "surrogateescape")
            name = SHIPPED.get(number) or OTHERS.get(number) or plain(own_name)[:80]
            package = "hdf5plugin" if number in SHIPPED else None
            advice = f"; the package {package} brings it" if package else ""
            return found(
                "missing-filter",
                f"{escape(dataset.path)} needs the HDF5 filter {number}{f' ({name})' if name else ''}, "
                f"which is not installed{advice}",
                field=dataset.title,
                filter=number,
                name=name,
                package=package,
                dataset=escape(dataset.path),
            )
        return None

    def _size_findings(self, opened: Any, created: Any, dataset: Dataset) -> Iterator[Finding]:
        virtual = created.get_layout() == self._h5.h5d.VIRTUAL
        stored = self._size
        if not virtual:
            with contextlib.suppress(*TROUBLE):  # the chunk index may be damaged; reading the chunks reports that
                stored = min(opened.get_storage_size(), self._size)
        chunk = dataset.chunk_bytes if dataset.filters else 0
        declared = dataset.bytes
        reason = None
        verdict: Verdict = "unverifiable"
        if declared > max(LARGE, SPARSE * stored):
            reason = f"declares {declared} bytes, but {stored} are stored"
        elif dataset.row_bytes > LARGEST:
            reason = f"has rows of {dataset.row_bytes} bytes"
        elif chunk > LARGEST and 0 < inflates(dataset.filters, stored) < chunk:
            reason = f"has compressed chunks of {chunk} bytes, which the {stored} bytes stored cannot be"
            verdict = "bad"
        elif chunk > LARGEST:
            reason = f"has compressed chunks of {chunk} bytes"
        elif self._declared + declared > max(LARGE, SPARSE * self._size):
            reason = f"declares {declared} bytes beside {self._declared} others, but the file has {self._size}"
        if reason is None:
            self._declared += declared
            return
        escaped = escape(dataset.path)
        yield found(
            "too-large",
            f"{escaped} {reason}; not read",
            field=dataset.title,
            verdict=verdict,
            dataset=escaped,
            declared=declared,
            stored=stored,
        )

    def resolve(self, above: bytes, target: bytes) -> tuple[bytes, str | None]:
        """Resolve a path to hard links only. Return it and None, or the part that was resolved and why it fails."""
        parts = [part for part in (target if target.startswith(b"/") else above + b"/" + target).split(b"/") if part]
        path = b""
        followed = 0
        while parts:
            name = parts.pop(0)
            if name == b".":
                continue
            group = self._h5.h5o.open(self._file, path or b"/")
            if not isinstance(group, self._h5.h5g.GroupID) or not group.links.exists(name):
                return path, "leads nowhere"
            kind = group.links.get_info(name).type
            if kind == self._h5.h5l.TYPE_HARD:
                path += b"/" + name
                continue
            followed += 1
            if kind != self._h5.h5l.TYPE_SOFT:
                return path, "leads out of the file"
            if followed > LINKS_FOLLOWED:
                return path, "leads nowhere"
            onward = group.links.get_val(name)
            if onward.startswith(b"/"):
                path = b""
            parts[:0] = [part for part in onward.split(b"/") if part]
        return path, None


def _sources(created: Any) -> Iterator[tuple[bytes, bytes]]:
    """Yield the file and the name of each source of a virtual dataset."""
    for at in range(created.get_virtual_count()):
        names = created.get_virtual_filename(at), created.get_virtual_dsetname(at)
        yield names[0].encode("utf-8", "surrogateescape"), names[1].encode("utf-8", "surrogateescape")


def elsewhere(path: bytes, what: str, file: bytes, name: bytes = b"", *, is_missing: bool) -> Finding:
    """Return the finding for a reference to another file, which is not followed or, with `is_missing`, is not there."""
    escaped, escaped_file = escape(path), escape(file)
    target = f"{escaped_file}:{escape(name)}" if name else escaped_file
    details: dict[str, Any] = {"path": escaped, "target": target, "elsewhere": escaped_file}
    if is_missing:
        return found("missing", f"{escaped} is {what} a file that is not there: {target}", **details)
    return found("unsupported", f"{escaped} is {what} another file: {target}; not followed", **details)


def unfollowed(path: bytes, what: str, target: str | None = None) -> Finding:
    """Return the finding for an object that is not followed or not read."""
    escaped = escape(path)
    if target is None:
        return found("unsupported", f"{escaped}: {what}", path=escaped)
    return found("unsupported", f"{escaped} is {what}: {target}; not followed", path=escaped, target=target)
