"""The copier of HDF5 files as the caller has it: the worker that uses it loads what it needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import msgspec

from datacheck.backends.copy_plan import Copying, Gone, Plan, Verifying
from datacheck.backends.interface import Reader

if TYPE_CHECKING:
    from datacheck.backends.hdf5.copying.copier import Hdf5Copier


class LazyCopier(msgspec.Struct, frozen=True):
    """A copier of HDF5 files that loads the `Hdf5Copier`, with NumPy and h5py, where it is used."""

    lost: frozenset[tuple[str | None, str]] = frozenset()
    to: str = "hdf5"
    acceptable = True

    @property
    def _loaded(self) -> Hdf5Copier:
        from datacheck.backends.hdf5.copying.copier import Hdf5Copier

        return Hdf5Copier(self.lost, self.to)

    def fills(self, decoders: Collection[str]) -> bool:
        """Return True: every judged row is an array."""
        return True

    def objections(self, reader: Reader, *, changed: bool = True) -> list[str]:
        """Return a sentence for each thing in the source that a copy could not keep."""
        return self._loaded.objections(reader, changed=changed)

    def gone(
        self,
        reader: Reader,
        indexes: bytes,
        marked: frozenset[tuple[str | None, str]],
        *,
        drop_rows: bool,
        renumber: bool | None,
    ) -> Gone:
        """Return everything that is dropped along with the records at these indexes and the marked samples."""
        return self._loaded.gone(reader, indexes, marked, drop_rows=drop_rows, renumber=renumber)

    def copy(self, reader: Reader, plan: Plan) -> Copying:
        """Write the copy and the quarantine. Raises OSError if the disk is full or refuses, and RebuildFailed."""
        return self._loaded.copy(reader, plan)

    def verify(self, reader: Reader, plan: Plan, share: int = 0, shares: int = 1) -> Verifying:
        """Open the copy again and read all of it."""
        return self._loaded.verify(reader, plan, share, shares)

    def joined(self, digests: Sequence[str]) -> str | None:
        """Return None: copies of HDF5 files are not read in shares."""
        return None
