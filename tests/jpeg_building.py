"""Write grey JPEGs symbol by symbol, with 8-bit codes, so that a test can write what no encoder does."""

from __future__ import annotations

import struct

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
DC = bytes(range(12 + 1))
AC = bytes([0x00, 0xF0, 0x10, 0xE0, *(run << 4 | size for run in (0, 1, 14, 15) for size in range(1, 12))])
BAND = bytes([0x00, 0x10, 0x20, 0xF0, 0x01, 0x02, 0x11, 0xF1])
EOB = (0x00, 0, 0)
SKIP = (0xF0, 0, 0)


def ac(run: int, value: int, size: int | None = None) -> tuple[int, int, int]:
    """Return the symbol of a coefficient after a run of zeros, and the value and number of its extra bits."""
    size = abs(value).bit_length() if size is None else size
    return run << 4 | size, value if value > 0 else value + (1 << size) - 1, size


def dc(value: int) -> tuple[int, int, int]:
    return ac(0, value)


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def table(kind: int, symbols: bytes) -> bytes:
    """Return a Huffman table in which the code of each symbol is its index, in eight bits."""
    counts = bytearray(16)
    counts[7] = len(symbols)
    return segment(0xC4, bytes([kind]) + counts + symbols)


def data(symbols, codes=(DC, AC), *, fill: str = "1") -> bytes:
    """Return the entropy-coded bytes of blocks; a block begins with a DC symbol, and a str is literal bits."""
    bits = ""
    for block in symbols:
        for number, symbol in enumerate(block):
            if isinstance(symbol, str):
                bits += symbol
                continue
            name, value, size = symbol
            bits += f"{codes[min(number, 1)].index(name):08b}" + (f"{value:0{size}b}" if size else "")
    short = -len(bits) % 8
    bits += (fill * 8)[:short]
    return int(bits or "0", 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")


def head(
    width: int, height: int, *, quant: int = 1, progressive: bool = False, restart: int = 0, acs: bytes = AC
) -> bytes:
    quants = segment(0xDB, b"\0" + bytes([quant]) * 64)
    frame = segment(0xC2 if progressive else 0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    every = segment(0xDD, struct.pack(">H", restart)) if restart else b""
    return SOI + quants + frame + table(0x00, DC) + table(0x10, acs) + every


def scan(raw: bytes, band: tuple[int, int, int] = (0, 63, 0)) -> bytes:
    return segment(0xDA, b"\1\1\0" + bytes(band)) + raw


def sequential(blocks, *, fill: str = "1", behind: bytes = b"", acs: bytes = AC, **options) -> bytes:
    """Return a picture of eight rows with these blocks from left to right."""
    raw = data(blocks, (DC, acs), fill=fill)
    return head(8 * len(blocks), 8, acs=acs, **options) + scan(raw + behind) + EOI


def progressive(blocks, *others, **options) -> bytes:
    """Return a progressive picture with these DC values, followed by the scans in `others`, as (band, blocks)."""
    made = head(8 * len(blocks), 8, progressive=True, acs=BAND, **options)
    made += scan(data([[dc(it)] for it in blocks]), (0, 0, 0))
    for band, symbols in others:
        made += scan(data(symbols, (BAND, BAND)), band)
    return made + EOI
