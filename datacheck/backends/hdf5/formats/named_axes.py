"""Check sparse matrices whose group is called after the lists beside it: artist_user_plays, artist and user.

The datasets of implicit have the names of the rows and of the columns in lists, which are all that tells how many there
are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.model.cells import TEXTS
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

POINTERS, INDICES = b"indptr", b"indices"


def findings(groups: Sequence[tuple[bytes, Sequence[Dataset]]], look: Looking) -> Iterator[Finding]:
    """Yield findings for rows of another number than their names, and for columns without a name."""
    of_group = dict(groups)
    for group, some in groups:
        above, _, name = group.rpartition(b"/")
        row, _, rest = name.partition(b"_")
        column = rest.partition(b"_")[0]
        members = {it.name: it for it in some}
        if not column or POINTERS not in members or INDICES not in members:
            continue
        lists = {it.name: it for it in of_group.get(above, ()) if len(it.shape) == 1 and it.holds <= TEXTS}
        if row in lists and column in lists:
            yield from _compared(members, lists[row], lists[column], look)


def _compared(members: Mapping[bytes, Dataset], row: Dataset, column: Dataset, look: Looking) -> Iterator[Finding]:
    pointers, indices = members[POINTERS], members[INDICES]
    if pointers.rows == column.rows + 1:  # its columns are kept one after the other, or it is turned round
        row, column = column, row
    if pointers.rows != row.rows + 1:
        rows = {escape(it.path): it.rows for it in (pointers, row)}
        text = f"{escape(pointers.path)} is of {pointers.rows - 1:,} rows, and {escape(row.path)} names {row.rows:,}"
        fewer = pointers.rows <= row.rows  # the last rows may have no values
        yield found("row-count", text, verdict="suspicious" if fewer else None, rows=rows)
    if indices.dtype.kind not in "iu" or not look.fits(indices):
        return
    highest = max((int(it.max()) for it in look.pieces(indices) if it.size), default=-1)
    if highest >= column.rows:
        path = escape(indices.path)
        text = f"{path} leads to column {highest:,}, and {escape(column.path)} names {column.rows:,}"
        yield found("dangling", text, field=indices.title, dataset=path, number=highest)
