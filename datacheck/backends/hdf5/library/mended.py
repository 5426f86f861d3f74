"""Present a damaged HDF5 file to the library as a Python file, with its superblock and other damage mended."""

from __future__ import annotations

import os
from bisect import bisect_right
from pathlib import Path
from typing import TYPE_CHECKING

from datacheck.backends.hdf5.structure.superblock import READ_BYTES, Beyond, Superblock, header_bytes, heap_bytes
from datacheck.files.regular import open_descriptor
from datacheck.files.retrying import preadv

if TYPE_CHECKING:
    from datacheck.backends.hdf5.recovery.recover import Recovery


class Mended:
    """A damaged file as a Python file, with a superblock that the library accepts. Reads beyond its real end fail.

    Its reported end is that of the superblock, since the library opens no dataset that reaches beyond the end of the
    file. A recovered file also has patches, and its additional bytes lie far behind the end, where nothing else points.
    """

    def __init__(self, path: Path, block: Superblock, recovered: Recovery | None = None) -> None:
        self.descriptor = open_descriptor(path)
        self.size = os.fstat(self.descriptor).st_size
        self._end = max(self.size, block.end)
        self._behind, self._start = b"", self._end
        self._base = block.offset
        patches: dict[int, bytes] = {}
        if recovered is not None:
            block, self._behind, self._start = recovered.block, recovered.behind, recovered.start
            self._end = recovered.start + len(recovered.behind)
            patches.update(recovered.patches)
        patches[block.offset] = block.mended(self._end)
        self._places = sorted(patches)
        self._patches = [patches[at] for at in self._places]
        self._longest = max(map(len, self._patches))
        self._at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, into: memoryview) -> int:
        """Fill `into`. Raises Beyond if the file has no such bytes; the library gets no other exception."""
        wanted, at = len(into), self._at
        if self._behind and at >= self._start:
            content = self._behind[at - self._start : at - self._start + wanted]
            into[:] = content.ljust(wanted, b"\0")  # the library reads ahead beyond the end
            self._at = at + wanted
            return wanted
        available = max(0, min(wanted, self.size - at)) if at >= 0 else 0
        got = 0
        while got < available:
            count = preadv(self.descriptor, [into[got:available]], at + got)
            if not count:
                break
            got += count
        if got < wanted:
            begun = bytes(into[: min(got, READ_BYTES)])
            length = header_bytes(begun) or heap_bytes(begun, at - self._base)
            if length is None or length > got:
                raise Beyond(at, at + wanted, self.size)
            into[got:] = bytes(wanted - got)  # the library reads ahead beyond the end of a header or a local heap
        self._patch(into, at)
        self._at = at + wanted
        return wanted

    def _patch(self, into: memoryview, at: int) -> None:
        end = at + len(into)
        nth = bisect_right(self._places, at - self._longest)
        while nth < len(self._places) and self._places[nth] < end:
            place, patch = self._places[nth], self._patches[nth]
            low, high = max(at, place), min(end, place + len(patch))
            if low < high:
                into[low - at : high - at] = patch[low - place : high - place]
            nth += 1

    def read(self, size: int = -1) -> bytes:
        raw = bytearray(max(0, min(size, self.size)))
        self.readinto(memoryview(raw))
        return bytes(raw)

    def write(self, _: object) -> int:
        raise OSError("a source is never written")

    def flush(self) -> None:
        """Do nothing, since there is nothing to write."""

    def truncate(self, size: int | None = None) -> int:
        """Do nothing and return the end. The library calls this when it closes a file."""
        return self._end

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
