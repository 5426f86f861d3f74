"""Walk the groups of an HDF5 file, and describe each dataset: where its values lie, and why it must not be read.

Links out of the file are not followed. The library is passed in: only `datacheck.backends.hdf5.file` imports it.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from datacheck.backends.hdf5.columns import is_misread
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.declared import declared
from datacheck.backends.hdf5.file import filters_missing, may_need_filters, provide_filters
from datacheck.backends.hdf5.formats.frames import KIND
from datacheck.backends.hdf5.formats.matlab import matlab_class
from datacheck.backends.hdf5.library.alike_headers import AlikeHeaders, place_of
from datacheck.backends.hdf5.library.fork_guard import StepCounter
from datacheck.backends.hdf5.library.library_failures import failed, killed
from datacheck.backends.hdf5.library.listing import (
    Listing,
    address,
    attributes,
    links,
    open_attribute,
    read_attribute,
    text_of,
)
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.backends.hdf5.meaning import HIDING, Facts
from datacheck.backends.hdf5.recognition import NETCDF_DIMENSION, NETCDF_FILE
from datacheck.backends.hdf5.samples.attribute_values import (
    AttributeValues,
)
from datacheck.backends.hdf5.samples.scales import Dimensions
from datacheck.backends.hdf5.tables import TABLE
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.hdf5.values import unwritten
from datacheck.backends.hdf5.values.hindrances import Hindrances, unfollowed
from datacheck.backends.hdf5.values.placed import Places, trouble_of_index
from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace

DEEPEST = 256
"""Maximum depth of groups within groups. No real data is nested deeper; deeper groups could exhaust the library."""
NAMED = 10
"""Maximum number of lost links that are named."""


class TreeWalk:
    """One pass over the groups of a file, in the order of their names, that visits each object once."""

    def __init__(
        self,
        h5: Any,
        file: Any,
        size: int,
        trail: StepCounter,
        *,
        whole: bool = True,
        path: Path | None = None,
        descriptor: int | None = None,
        end: int = 0,
        alike: AlikeHeaders | None = None,
    ) -> None:
        self.findings: list[Finding] = []
        self.lengths: dict[bytes, int | None] = {}
        self.attribute_values = AttributeValues()
        self._h5 = h5
        self._file = file
        self._size, self._end = size, end
        self._trail = trail
        self._whole = whole
        self._alike = (AlikeHeaders() if alike is None else alike) if whole and end else None
        self._seen: dict[int, int | None] = {}
        self._links: dict[int, int] = defaultdict(lambda: 1)
        self._hindrances = Hindrances(h5, file, size, path)
        self._places = None if descriptor is None else Places(h5, file, descriptor, whole=whole)
        self._linked: set[bytes] = set()
        self._soft: dict[bytes, bytes] = {}
        self.unknown: set[bytes] = set()
        """The links that are not followed: what they lead to may have any number of rows."""
        self._dimensions = Dimensions(h5)
        self._frames: set[bytes] = set()
        self._attributes: dict[bytes, tuple[bytes, ...]] = {}
        """The names of the attributes of the objects that were opened, by path, unless some may be missing."""
        self._netcdf = False
        self._deeper = False

    def groups(self) -> Iterator[tuple[bytes, list[Dataset]]]:
        """Yield the path of each group (empty for the root) and its datasets, sorted by name."""
        todo: list[tuple[bytes, int]] = [(b"", 0)]
        while todo:
            path, depth = todo.pop()
            below: list[bytes] = []
            datasets: list[Dataset] = []
            if self._kills(path or b"/"):
                continue
            try:
                group = self._h5.h5g.open(self._file, path or b"/")
                if not path:
                    at = address(self._h5, group)
                    self._seen[at] = None
                    self._add_place(at)
                    self._netcdf = NETCDF_FILE in self._read_attributes(group, b"/")
                    self._check_link_index(at, b"/")
                for name in self._names(group, path or b"/"):
                    self._member(group, path, name, below, datasets)
            except TROUBLE as exc:
                self._report_unopened(path or b"/", exc)
            if depth < DEEPEST:
                todo += ((child, depth + 1) for child in reversed(below))
            else:
                self._deeper |= bool(below)
                self.findings += (unfollowed(child, f"more than {DEEPEST} groups deep") for child in below)
            yield path, datasets

    def placed(self, groups: Sequence[tuple[bytes, list[Dataset]]]) -> list[tuple[bytes, list[Dataset]]]:
        """Return the groups, with the rows of each dataset that cannot lie where the file says."""
        self.findings += self._dimensions.findings() if self._whole else ()
        wrong = {} if self._places is None else self._places.misplaced()
        if not wrong:
            return list(groups)
        return [(path, [replace(it, misplaced=wrong.get(it.path, ())) for it in datasets]) for path, datasets in groups]

    def _member(self, group: Any, above: bytes, name: bytes, below: list[bytes], datasets: list[Dataset]) -> None:
        path = above + b"/" + name
        if self._kills(path):
            return
        try:
            link = group.links.get_info(name)
            if link.type != self._h5.h5l.TYPE_HARD:
                self._linked.add(path)
                self._check_link(group, path, name, link.type)
                return
            if link.u in self._seen:
                self._linked.add(path)
                self.lengths[path] = self._seen[link.u]
                self._report_wrong_link(group, path, name, link.u)
                return
            self._seen[link.u] = None
            self._add_place(link.u)
            known = self._known_dataset(path, link.u)
            if known is not None:
                datasets.append(known)
                self._seen[link.u] = self.lengths[path] = known.rows
                return
            opened = self._h5.h5o.open(group, name)
            names = self._read_attributes(opened, path)
            if isinstance(opened, self._h5.h5g.GroupID):
                below.append(path)
                self._frames |= {path} if KIND in names else set()
                self._check_link_index(link.u, path)
            elif isinstance(opened, self._h5.h5d.DatasetID):
                self._netcdf |= NETCDF_DIMENSION in names
                dataset = self._dataset(opened, path, names, link.u)
                if dataset is None:
                    self._linked.add(path)  # it exists, but has no values to compare
                else:
                    datasets.append(dataset)
                    self._seen[link.u] = self.lengths[path] = dataset.rows
        except TROUBLE as exc:
            self._report_unopened(path, exc)

    def _known_dataset(self, path: bytes, at: int) -> Dataset | None:
        """Return the dataset at an address if its header is like one opened before, or None if it must be opened."""
        if self._places is None or self._alike is None:
            return None
        dataset = self._alike.dataset(path, self._places.begins(at), self._end)
        if dataset is None or not self._hindrances.allow(dataset.bytes):
            return None
        self._places.add_placed(dataset)
        return dataset

    def _check_link_index(self, at: int, path: bytes) -> None:
        """Report damage to the index of a group's links that the library does not notice."""
        trouble = self._places.links(at) if self._places is not None and self._whole else None
        if trouble is not None:
            escaped = escape(path)
            message = f"the index of the links of {escaped} is damaged at offset {trouble.at}: {trouble.what}"
            lost: dict[str, Any] = {"links": 0} if trouble.lost else {}
            self.findings.append(found("damaged-store", message, object=escaped, offset=trouble.at, **lost))

    def _add_place(self, at: int) -> None:
        if self._places is not None:
            self._places.header(at)

    def _report_wrong_link(self, group: Any, path: bytes, name: bytes, at: int) -> None:
        """Report an object that more links lead to than it counts: one of these links has a wrong address."""
        self._links[at] += 1
        if self._links[at] > self._h5.h5o.get_info(group, name).rc:
            escaped = escape(path)
            text = f"{escaped} leads to an object that has fewer links by its own count: it was meant to lead elsewhere"
            self.findings.append(found("damaged-store", text, object=escaped, links=self._links[at]))

    def facts(self, groups: Sequence[tuple[bytes, Sequence[Dataset]]], *, recovered: bool, heeded: bool) -> Facts:
        """Return the facts for interpreting the datasets; if `recovered`, those whose values are lost are left out."""
        hidden = not recovered and any(it.code in HIDING for it in self.findings)
        if recovered:
            lost = {unescape(it.details["path"]) for it in self.findings if it.field is not None and _is_loss(it)}
            groups = [(path, [it for it in some if it.path not in lost]) for path, some in groups]
        look = Looking(self._h5, self._file, self._trail, listed=self._attributes)
        addresses = None if self._deeper else self._seen
        return Facts(groups, self._linked, hidden, look, recovered, self._frames, addresses, self._netcdf, heeded)

    @property
    def by_path(self) -> bool:
        return bool(self._soft) or self._hindrances.virtual

    def lengths_by_links(self) -> dict[bytes, int | None]:
        """Return the number of rows of each dataset by its paths, including those of soft links."""
        return self.lengths | {path: self.lengths[to] for path, to in self._soft.items() if to in self.lengths}

    def _kills(self, path: bytes) -> bool:
        signal = self._trail.step()
        if signal is not None:
            self.findings.append(killed(signal, escape(path), path=escape(path)))
        return signal is not None

    def _names(self, group: Any, path: bytes) -> list[bytes]:
        """Return the sorted names of a group's links, and report damage to their list."""
        listing = links(self._h5, group)
        if (listing.lost is not None or listing.troubles) and filters_missing():  # links may be stored with a filter
            provide_filters()
            listing = links(self._h5, group)
        if listing.lost is not None and not listing.names:
            names = ", ".join(map(escape, listing.lost_names[:NAMED]))
            self._report_unopened(path, listing.lost, f"; among its names were {names}" if names else "")
        else:
            self._report_incomplete(listing, path, "links")
        return sorted(listing.names)

    def _read_attributes(self, opened: Any, path: bytes) -> list[bytes]:
        """Read the attributes of an object, which checks their checksums; report damage, and return their names."""
        escaped = escape(path)
        signal = self._trail.step()
        if signal is not None:
            self.findings.append(killed(signal, f"the attributes of {escaped}", attributes_of=escaped))
            return []
        listing = attributes(self._h5, opened)
        if not listing.troubles:
            self._attributes[path] = tuple(listing.names)
        self._report_incomplete(listing, path, "attributes")
        for name in listing.names:
            called = escape(name)
            try:
                values = read_attribute(self._h5, open_attribute(self._h5, opened, name, listing))
                if values is not None:
                    self.attribute_values.add(path, name, values)
            except TROUBLE as exc:
                text = f"the attribute {called} of {escaped} cannot be read"
                self.findings.append(failed(exc, text, object=escaped, attribute=called))
            except MemoryError:
                text = f"the attribute {called} of {escaped} needs more memory than there is"
                self.findings.append(found("too-large", text, verdict="unverifiable", object=escaped, attribute=called))
        return listing.names

    def _report_incomplete(self, listing: Listing, path: bytes, what: str) -> None:
        """Report a damaged index of links or attributes, or how many and which of them it has lost."""
        escaped = escape(path)
        if listing.lost is not None:
            lost = [escape(name) for name in listing.lost_names]
            count = f"{listing.missing}" if listing.missing else "some"
            called = f" ({', '.join(lost[:NAMED])}{' and others' if len(lost) > NAMED else ''})" if lost else ""
            message = f"{count} of the {what} of {escaped} are lost{called}"
            counted = {"links": listing.missing} if what == "links" else {}
            self.findings.append(failed(listing.lost, message, object=escaped, lost=lost[:NAMED], **counted))
            return
        for index, exc in listing.troubles:
            message = f"{escaped}: the index of its {what} {index} is damaged"
            self.findings.append(failed(exc, message, object=escaped))

    def _report_unopened(self, path: bytes, exc: Exception, lost: str = "") -> None:
        """Report an object that cannot be opened. Raise the exception again if it comes from a bug in datacheck."""
        escaped = escape(path)
        finding = failed(exc, f"{escaped} cannot be opened", path=escaped)
        self.findings.append(msgspec.structs.replace(finding, message=finding.message + lost))

    def _check_link(self, group: Any, path: bytes, name: bytes, kind: int) -> None:
        if kind == self._h5.h5l.TYPE_EXTERNAL:
            file, target = group.links.get_val(name)
            self.unknown.add(path)
            self.findings.append(self._hindrances.link(path, file, target))
        elif kind == self._h5.h5l.TYPE_SOFT:
            target = group.links.get_val(name)
            self._soft[path], why = self._hindrances.resolve(path.rpartition(b"/")[0], target)
            if why is not None:
                self.unknown.add(path)
                self.findings.append(unfollowed(path, f"a soft link that {why}", escape(target)))
        else:
            self.findings.append(unfollowed(path, f"a link of the unknown type {kind}"))

    def _dataset(self, opened: Any, path: bytes, names: Sequence[bytes], at: int) -> Dataset | None:
        """Return a dataset as the file describes it, or None if it cannot hold values or NumPy has no type for them.

        `at` is the address of its header.
        """
        shape = opened.shape
        if shape is None:
            return None
        created = opened.get_create_plist()
        chunked = created.get_layout() == self._h5.h5d.CHUNKED
        scale = False
        with contextlib.suppress(*TROUBLE):  # this reads an attribute, which may be damaged
            scale = bool(self._h5.h5ds.is_scale(opened))
        filters = tuple(created.get_filter(at)[0] for at in range(created.get_nfilters()))
        if may_need_filters(filters, stored_here=created.get_layout() != self._h5.h5d.VIRTUAL):
            provide_filters()
        try:
            stored = opened.get_type()
            dtype = stored.dtype
        except TypeError as exc:
            self.findings.append(unfollowed(path, f"not read, since its type has no equivalent in NumPy: {exc}"))
            return None
        if is_misread(dtype):
            why = "not judged, since h5py misreads numbers of varying length in another byte order than this machine's"
            self.findings.append(unfollowed(path, why))
        chunks = tuple(created.get_chunk()) if chunked else None
        table = text_of(self._h5, opened, TABLE) if TABLE in names else ""
        stated = declared(self._h5, opened, created, names)
        kind = matlab_class(self._h5, opened, names)
        placed = None if chunked else place_of(self._h5, opened, created, stored, self._end)
        dataset = Dataset(
            path, tuple(shape), dtype, chunks, filters, scale, table=table, declared=stated, matlab=kind, placed=placed
        )
        self._dimensions.add(opened, path, names)
        hindrances = list(self._hindrances.findings(opened, created, dataset))
        self.findings += hindrances
        if hindrances:
            return replace(dataset, readable=False)
        if self._places is not None:
            self._places.add(opened, created, dataset)
            index = self._places.index(created, dataset, at)
            if index is not None:
                self.findings += [] if index.trouble is None else [trouble_of_index(dataset, *index.trouble)]
                return replace(dataset, doubted=tuple(index.doubted)) if index.doubted else dataset
        never = unwritten.never_written(self._h5, opened, created, dataset) if self._whole else ()
        self.findings += unwritten.unwritten_findings(dataset, never)
        if self._whole:
            self.findings += unwritten.partly_written(self._h5, opened, created, dataset)
        if self._alike is not None and self._places is not None and placed is not None and not (names or never):
            self._alike.learn(self._places.begins(at), dataset)
        return replace(dataset, unwritten=never) if 0 < len(never) <= unwritten.RANGES else dataset


def _is_loss(finding: Finding) -> bool:
    return finding.code == "truncated-store" and "path" in finding.details
