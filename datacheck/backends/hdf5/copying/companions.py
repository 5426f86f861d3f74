"""List what a source's folder holds beside its HDF5 files: other files, links, and what cannot be copied."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.model.escaping import escape

MOST_LINKS = 40
"""Maximum length of a chain of links that is followed, as in the system."""


Lost = frozenset[tuple[str | None, str]]
"""The file and the escaped path in it of each object that a scan found damaged; the path is empty for a whole file."""


def beside(reader: Hdf5Reader, lost: Lost) -> list[Path]:
    """Return the files below a source's folder that are not its HDF5 files, relative to it, in order.

    Files that are `lost`, or lie in a folder that is, are left out.
    """
    files = [it.relative_to(reader.path) for it in _entries(reader) if not it.is_symlink() and it.is_file()]
    return [it for it in files if not left_out(it, lost)]


def folders(reader: Hdf5Reader, lost: Lost) -> list[Path]:
    """Return the folders below a source's folder, relative to it, parents first, without those that are `lost`."""
    paths = [Path(folder).relative_to(reader.path) for folder, _, _ in os.walk(reader.path)]
    return [it for it in paths if not left_out(it, lost)]


def left_out(relative: Path, lost: Lost) -> bool:
    """Return whether a path, or a folder above it, is in `lost` as a whole: it should be a store but is not."""
    return bool(lost) and any((escape(os.fsencode(it)), "") in lost for it in (relative, *relative.parents))


def links(reader: Hdf5Reader) -> dict[Path, str]:
    """Return the links below a folder that lead into it, by relative path, with the text of each in a copy.

    The text is the relative path from the link to its target, so that a link in the copy leads to what is in the copy.
    A link that is one of the source's HDF5 files is left out, since the copy holds the file itself.
    """
    root, copied = reader.path.resolve(), _copied_files(reader)
    found = {}
    for link in _entries(reader):
        target = _target_of(root, copied, root / link.relative_to(reader.path)) if link.is_symlink() else None
        if target is not None:
            within = link.relative_to(reader.path)
            found[within] = os.path.relpath(target, root / within.parent)
    return found


def not_copied(reader: Hdf5Reader) -> Iterator[str]:
    """Yield a sentence for each entry of a folder that a copy does not have."""
    root, copied = reader.path.resolve(), _copied_files(reader)
    for entry in _entries(reader):
        within = entry.relative_to(reader.path)
        name = escape(os.fsencode(within))
        if entry.is_symlink() and os.path.exists(entry):  # noqa: PTH110  (False, too, where nobody may look)
            if _target_of(root, copied, root / within) is None:
                yield f"{name}: a link that leads out of the folder, or to nothing that is copied; not copied"
        elif not os.path.isfile(entry):  # noqa: PTH113  (the same)
            yield f"{name}: neither a file nor a folder; not copied"


def _entries(reader: Hdf5Reader) -> list[Path]:
    """Return the entries of a folder and all folders below, sorted, except real folders and the source's HDF5 files."""
    ours = set(reader.files)
    found = []
    for folder, folders, names in os.walk(reader.path):
        found += [Path(folder) / it for it in names if Path(folder) / it not in ours]
        found += [Path(folder) / it for it in folders if (Path(folder) / it).is_symlink()]
    return sorted(found)


def _copied_files(reader: Hdf5Reader) -> set[Path]:
    """Return the paths of the HDF5 files that the copy holds, in the folder's path with all links resolved."""
    root = reader.path.resolve()
    return {root / file.relative_to(reader.path) for file in reader.files}


def _target_of(root: Path, copied: set[Path], link: Path) -> Path | None:
    """Return the target of a link, through other links, or None if it is not in the folder or will not be copied."""
    at = link
    try:
        for _ in range(MOST_LINKS):
            at = at.resolve() if at.name == ".." else at.parent.resolve() / at.name
            if at in copied or not at.is_symlink():
                break
            at = at.parent / at.readlink()
        inside = at == root or at.is_relative_to(root)
        kept = inside and (at in copied or (not at.is_symlink() and (at.is_file() or at.is_dir())))
    except OSError:  # the target cannot be examined
        return None
    return at if kept else None
