"""Test reading many runs of LZW codes at once: the result is the same as one by one, in sound streams and in others."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from datacheck.decoders.pictures import lzw

KINDS = [*(lzw.Lzw(depth) for depth in (1, 2, 4, 8)), lzw.TIFF]
ALONE = 1 << 60


def packed(codes, kind):
    number = bits = 0
    for code, width in codes:
        number = number << width | code if kind.msb_first else number | code << bits
        bits += width
    room = -bits % 8
    return (
        (number << room).to_bytes((bits + 7) // 8, "big")
        if kind.msb_first
        else number.to_bytes((bits + 7) // 8, "little")
    )


def encoded(pixels, kind, sizes):
    """Return a stream whose table is cleared after numbers of codes that are taken in turn from `sizes`."""
    widths = np.diff(lzw._starts(kind)).tolist()
    codes, table, turn = [(kind.clear, kind.depth + 1)], {}, 0
    at = place = 0
    while at < len(pixels):
        code, end = int(pixels[at]), at + 1
        while end < len(pixels) and (code, int(pixels[end])) in table:
            code, end = table[code, int(pixels[end])], end + 1
        codes.append((code, widths[place]))
        place += 1
        if end < len(pixels):
            table[code, int(pixels[end])] = kind.clear + 2 + len(table)
        at = end
        if place >= sizes[turn % len(sizes)]:
            codes.append((kind.clear, widths[place]))
            place, table, turn = 0, {}, turn + 1
    return packed([*codes, (kind.clear + 1, widths[place])], kind)


def damaged(data, draw):
    yield data
    for _ in range(3):
        out = bytearray(data)
        out[int(draw.integers(len(out)))] ^= 1 << int(draw.integers(8))
        yield bytes(out)
    at = int(draw.integers(len(data)))
    yield from (data[:at], data[:at] + bytes(9) + data[at + 9 :], data[:at] + data[at + 3 :], data + bytes(3))


def fields(walked):
    return dataclasses.astuple(walked)  # comparing the objects themselves would leave out some fields


@pytest.mark.parametrize("kind", KINDS, ids=lambda it: f"{it.depth}{'m' * it.msb_first}")
@pytest.mark.parametrize("sizes", [(1,), (2, 7), (48, 49), (1,) * 9 + (129, 300), (8, 9, 33, 100, 128)], ids=str)
def test_many_runs_together_are_what_they_are_one_by_one(monkeypatch, kind, sizes):
    draw = np.random.default_rng([kind.depth, *sizes])
    used = []
    monkeypatch.setattr(lzw, "_add_runs", lambda *its, made=lzw._add_runs: used.append(its) or made(*its))
    for count in (40, 6000):
        pixels = np.repeat(draw.integers(0, kind.clear, count), 2)
        for data in damaged(encoded(pixels, kind, sizes), draw):
            for limit in (2 * count, int(draw.integers(2 * count)), 1 << 40):
                together = lzw.walk(data, kind, limit)
                with monkeypatch.context() as patch:
                    patch.setattr(lzw, "SHORT", ALONE)
                    assert fields(lzw.walk(data, kind, limit)) == fields(together)
    assert used


def test_whatever_bytes_come_they_are_the_same(monkeypatch):
    draw = np.random.default_rng(3)
    for kind in KINDS:
        for size in (1, 2, 30, 6000):
            data = draw.bytes(size)
            clears = packed([(kind.clear, kind.depth + 1)] * size, kind)
            for value in (data, clears, clears + data):
                together = lzw.walk(value, kind, 1 << 40)
                with monkeypatch.context() as patch:
                    patch.setattr(lzw, "SHORT", ALONE)
                    assert fields(lzw.walk(value, kind, 1 << 40)) == fields(together)
