"""Compute cyclic redundancy checks that process the highest bit first, as in Ogg and FLAC."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Value = bytes | memoryview
ROW = 64
"""Length in bytes of the rows that data is split into; the remainders of all rows are computed in parallel."""


REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Table that maps each byte to the byte with its bits reversed."""


def crc32_from_the_top(data: bytes) -> int:
    """Return the CRC by zlib's polynomial with an initial register of 0 and the highest bit processed first.

    This equals zlib's CRC of the bytes with reversed bits, with its own bits reversed.

    >>> hex(crc32_from_the_top(b"123456789"))
    '0x89a1897f'
    """
    reversed_crc = zlib.crc32(data.translate(REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(reversed_crc.to_bytes(4, "little").translate(REVERSED_BITS), "big")


@dataclass(frozen=True)
class Crc:
    """CRCs by a polynomial of `width` bits; the register starts at 0, and no bits are reversed.

    >>> hex(Crc(0x8005, 16).checksum(b"123456789"))
    '0xfee8'
    """

    polynomial: int
    width: int

    def checksum(self, data: Value) -> int:
        """Return the CRC of some bytes."""
        rows = len(data) // ROW
        start = len(data) - rows * ROW
        register = self._plain(data[:start])
        if not rows:
            return register
        grid = np.frombuffer(data, np.uint8, rows * ROW, start).reshape(rows, ROW).T.astype(np.uint32)
        mask, table = np.uint32(self._mask), self._table
        shift = np.uint32(self.width - 8)
        remainders = np.zeros(rows, np.uint32)
        for column in grid:
            remainders = (remainders << np.uint32(8) & mask) ^ table[(remainders >> shift) ^ column]
        after_zeros = self._after_zeros
        for remainder in remainders.tolist():
            moved = 0
            for place, values in enumerate(after_zeros):
                moved ^= values[register >> 8 * place & 0xFF]
            register = moved ^ remainder
        return register

    @property
    def _mask(self) -> int:
        return (1 << self.width) - 1

    def _plain(self, data: Value, register: int = 0) -> int:
        table, mask, shift = self._entries, self._mask, self.width - 8
        for byte in data:
            register = (register << 8 & mask) ^ table[register >> shift ^ byte]
        return register

    @cached_property
    def _entries(self) -> list[int]:
        table = []
        top = 1 << self.width - 1
        for byte in range(256):
            register = byte << self.width - 8
            for _ in range(8):
                register = (register << 1 ^ (self.polynomial if register & top else 0)) & self._mask
            table.append(register)
        return table

    @cached_property
    def _table(self) -> NDArray[Any]:
        return np.array(self._entries, np.uint32)

    @cached_property
    def _after_zeros(self) -> list[list[int]]:
        """The register after a row of zeros, for each byte of the register by its position and value."""
        zeros = bytes(ROW)
        return [[self._plain(zeros, byte << 8 * place) for byte in range(256)] for place in range(self.width // 8)]
