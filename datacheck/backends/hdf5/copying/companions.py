"""What lies in the folder of an HDF5 source beside its HDF5 files: other files, links, and what cannot be copied."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.model.escaping import escape

MOST_LINKS = 40
"""So many links one after the other are followed, as the system does."""


Lost = frozenset[tuple[str | None, str]]
"""The file and the escaped path in it of each thing that a scan found damaged; no path where it is all of the file."""


def beside(reader: Hdf5Reader, lost: Lost) -> list[Path]:
    """Return the files below a folder that are none of its source's HDF5 files, relative to it, in order.

    Those that are `lost` are not among them, nor what lies in a folder that is.
    """
    there = [it.relative_to(reader.path) for it in _entries(reader) if not it.is_symlink() and it.is_file()]
    return [it for it in there if not left_out(it, lost)]


def folders(reader: Hdf5Reader, lost: Lost) -> list[Path]:
    """Return the folders below a source's, relative to it, those above others first, but for those that are `lost`."""
    there = [Path(folder).relative_to(reader.path) for folder, _, _ in os.walk(reader.path)]
    return [it for it in there if not left_out(it, lost)]


def left_out(relative: Path, lost: Lost) -> bool:
    """Say whether something, or a folder that it lies in, should be a store and is none."""
    return bool(lost) and any((escape(os.fsencode(it)), "") in lost for it in (relative, *relative.parents))


def links(reader: Hdf5Reader) -> dict[Path, str]:
    """Return the links below a folder that lead to something in it, relative to it, and what each says in a copy.

    That is the way from the link to where it leads, so that the link of a copy leads to what is in the copy. A link
    that is one of the source's HDF5 files is not among them: the copy holds the file.
    """
    root, copied = reader.path.resolve(), _copied(reader)
    found = {}
    for link in _entries(reader):
        goal = _goal(root, copied, root / link.relative_to(reader.path)) if link.is_symlink() else None
        if goal is not None:
            within = link.relative_to(reader.path)
            found[within] = os.path.relpath(goal, root / within.parent)
    return found


def not_copied(reader: Hdf5Reader) -> Iterator[str]:
    """Yield a sentence for each thing in a folder that no copy of it has."""
    root, copied = reader.path.resolve(), _copied(reader)
    for entry in _entries(reader):
        within = entry.relative_to(reader.path)
        name = escape(os.fsencode(within))
        if entry.is_symlink() and os.path.exists(entry):  # noqa: PTH110  (False, too, where nobody may look)
            if _goal(root, copied, root / within) is None:
                yield f"{name}: a link that leads out of the folder, or to nothing that is copied; not copied"
        elif not os.path.isfile(entry):  # noqa: PTH113  (the same)
            yield f"{name}: neither a file nor a folder; not copied"


def _entries(reader: Hdf5Reader) -> list[Path]:
    """Return what is in a folder and those below it, in order, but for real folders and the source's HDF5 files."""
    ours = set(reader.files)
    found = []
    for folder, folders, names in os.walk(reader.path):
        found += [Path(folder) / it for it in names if Path(folder) / it not in ours]
        found += [Path(folder) / it for it in folders if (Path(folder) / it).is_symlink()]
    return sorted(found)


def _copied(reader: Hdf5Reader) -> set[Path]:
    """Return where in the folder, all links in its own path followed, the HDF5 files lie that the copy holds."""
    root = reader.path.resolve()
    return {root / file.relative_to(reader.path) for file in reader.files}


def _goal(root: Path, copied: set[Path], link: Path) -> Path | None:
    """Return what a link leads to, by way of others, if that is in the folder and will be in the copy; else None."""
    at = link
    try:
        for _ in range(MOST_LINKS):
            at = at.resolve() if at.name == ".." else at.parent.resolve() / at.name
            if at in copied or not at.is_symlink():
                break
            at = at.parent / at.readlink()
        inside = at == root or at.is_relative_to(root)
        kept = inside and (at in copied or (not at.is_symlink() and (at.is_file() or at.is_dir())))
    except OSError:  # nobody may look there
        return None
    return at if kept else None
