"""List what a copy of an HDF5 file cannot keep, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacheck.backends.hdf5.copying.builder import uncopyable
from datacheck.backends.hdf5.copying.objects import Tree, holds_references, numpy_type
from datacheck.backends.hdf5.copying.values import attributes
from datacheck.backends.hdf5.tables import Contents
from datacheck.model.escaping import escape

IF = "if rows are dropped or filled"


def losses_of_file(
    h5: Any, file: Any, contents: Contents, skip: frozenset[str], lost: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Yield a sentence for each thing that a copy of a file loses.

    Paths that cannot be opened are left out if they are in `lost`, since the scan has reported them.
    """
    tree = Tree(h5, file, skip)
    known = {dataset.path: table for table in contents.tables for dataset in table.datasets}
    tall = {
        (dataset.path.rpartition(b"/")[0], table.rows): table
        for table in contents.tables
        for dataset in table.judged
        if not table.each
    }
    readable = {*known, *(dataset.path for dataset in contents.single)}
    paths = [b"/", *(link.leads for link in tree.links() if link.first)]
    yield from (f"{path} cannot be opened; not in the copy {IF}" for path in tree.lost if path not in lost)
    for path in paths:
        opened = tree.open(path)
        if isinstance(opened, h5.h5d.DatasetID):
            if path not in known and uncopyable(h5, opened):
                yield f"{escape(path)} cannot be read; not in the copy {IF}"
                continue
            yield from _losses_of_dataset(h5, opened, path, path in readable, path in known)
            shape = opened.shape
            table = tall.get((path.rpartition(b"/")[0], shape[0])) if shape else None
            if table is not None and path not in known:
                yield (
                    f"{escape(path)} has as many rows as the table {table.name}, but cannot be read, "
                    "and keeps all of them if rows of that are dropped"
                )
        yield from _losses_of_attributes(tree, opened, path)


def _losses_of_dataset(h5: Any, opened: Any, path: bytes, readable: bool, in_table: bool) -> Iterator[str]:
    escaped = escape(path)
    created, kind = opened.get_create_plist(), opened.get_type()
    if created.get_external_count():
        yield f"{escaped}: its values lie in another file, which is not copied; the copy refers to it"
    if created.get_layout() == h5.h5d.VIRTUAL:
        if readable:
            yield f"{escaped} is a virtual dataset; it holds its values itself {IF}"
        else:
            yield f"{escaped} is a virtual dataset of other files, which are not copied; the copy refers to them"
    if holds_references(h5, kind) and numpy_type(opened) is None:
        yield f"{escaped} has references of a kind that h5py does not read; they are empty {IF}"
    elif _has_regions(h5, kind):
        yield f"{escaped} has references to regions; those of a table point to nothing if rows of it are dropped"
    for at in range(created.get_nfilters() if in_table else 0):
        number = created.get_filter(at)[0]
        if h5.h5z.filter_avail(number) and not h5.h5z.get_filter_info(number) & h5.h5z.FILTER_CONFIG_ENCODE_ENABLED:
            yield f"{escaped} has the filter {number}, which can be read here but not written; no rows can be dropped"


def _losses_of_attributes(tree: Tree, opened: Any, path: bytes) -> Iterator[str]:
    h5 = tree.h5
    for name, attribute in attributes(tree, path, opened):
        title = f"the attribute {escape(name)} of {escape(path)}" if name else f"the attributes of {escape(path)}"
        if attribute is None:
            yield f"{title} cannot be read, at least by h5py; not in the copy {IF}"
            continue
        if _has_regions(h5, attribute.kind):
            yield f"{title} has references to regions; those of a table point to nothing if rows of it are dropped"
        if h5.h5a.get_info(opened, name).cset != h5.h5t.CSET_ASCII and not name.isascii():
            yield f"the name of {title} is marked as UTF-8; the mark may be lost {IF}"


def _has_regions(h5: Any, kind: Any) -> bool:
    is_a = kind.get_class()
    if is_a == h5.h5t.COMPOUND:
        return any(_has_regions(h5, kind.get_member_type(at)) for at in range(kind.get_nmembers()))
    if is_a in (h5.h5t.ARRAY, h5.h5t.VLEN):
        return _has_regions(h5, kind.get_super())
    return is_a == h5.h5t.REFERENCE and bool(kind.equal(h5.h5t.STD_REF_DSETREG))
