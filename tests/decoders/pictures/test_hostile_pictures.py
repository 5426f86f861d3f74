"""Test pictures made to keep a walker busy: its work is bounded by the number of their bytes."""

import struct
import zlib

import numpy as np
import pytest

from datacheck.decoders.pictures import gif, lzw, png, png_chunks, tiff, tiff_end, webp
from datacheck.decoders.pictures.lzw_windows import BITS


def counted(monkeypatch, module, name):
    """Replace a function by one that records its calls, and return the list of these."""
    calls = []
    plain = getattr(module, name)

    def counting(*given):
        calls.append(None)
        return plain(*given)

    monkeypatch.setattr(module, name, counting)
    return calls


def test_directories_whose_numbers_lie_on_one_another(monkeypatch):
    """Each of many pages points to the same long lists of strips."""
    many, pages = 5000, 900
    lists = struct.pack(f"<{many}I", *[8] * many)
    out = bytearray(b"II*\0" + bytes(4) + lists)
    link = 4
    for _ in range(pages):
        entries = [(256, 1, 1), (257, 1, many), (259, 1, 8), (273, many, 8), (278, 1, 1), (279, many, 8)]
        struct.pack_into("<I", out, link, len(out))
        out += struct.pack("<H", len(entries))
        for tag, count, number in entries:
            out += struct.pack("<HHII", tag, 4, count, number)
        link = len(out)
        out += bytes(4)
    value = bytes(out)
    listed = sum(len(tags.all(273)) + len(tags.all(279)) for tags in tiff.pages(value))
    assert many < listed <= len(value)
    assert tiff_end.end(value) is not None


def test_equal_tiles_are_unpacked_once(monkeypatch):
    calls = counted(monkeypatch, tiff.zlib, "decompressobj")
    data = zlib.compress(bytes(256))
    entries = [(256, 1, 160), (257, 1, 160), (258, 1, 8), (259, 1, 8), (322, 1, 16), (323, 1, 16)]
    head = b"II*\0" + (8 + len(data)).to_bytes(4, "little") + data
    at = len(head) + 2 + 12 * 8 + 4
    body = struct.pack("<H", 8) + b"".join(struct.pack("<HHII", tag, 4, count, it) for tag, count, it in entries)
    body += struct.pack("<HHII", 324, 4, 100, at) + struct.pack("<HHII", 325, 4, 100, at + 400) + bytes(4)
    value = head + body + struct.pack("<100I", *[8] * 100) + struct.pack("<100I", *[len(data)] * 100)
    assert tiff.damage(value) is None
    assert len(calls) == 1


def test_a_chunk_that_comes_many_times_is_judged_once(monkeypatch):
    chunks = png.Chunks([(b"tRNS", 0, 0, 0)] * 50_000 + [(b"iCCP", 0, 0, 0)] * 50_000)
    calls = counted(monkeypatch, png_chunks, "_chunk_problem")
    png_chunks.worst_finding(b"", chunks, png.Header(1, 1, 8, 3, False))
    assert len(calls) == 2


def test_later_frames_of_a_large_animation_are_left(monkeypatch):
    """Few bytes can stand for a very large number of pixels."""
    calls = counted(monkeypatch, webp.pillow, "decodes")
    data = b"\x2f" + (0x3FFF | 0x3FFF << 14).to_bytes(4, "little") + bytes(40)
    part = b"VP8L" + len(data).to_bytes(4, "little") + data + b"\0"
    frame = b"ANMF" + (16 + len(part)).to_bytes(4, "little") + bytes(16) + part
    value = b"RIFF\0\0\0\0WEBP" + frame * 100
    assert len(list(webp.streams(value, len(value)))) == 100
    assert webp.damage(value, len(value)) is None
    assert len(calls) == 0


@pytest.mark.parametrize("depth", [1, 2, 8])
def test_work_grows_with_the_bytes_where_tables_are_cleared_all_the_time(monkeypatch, depth):
    kind = lzw.Lzw(depth)
    alone, windows = counted(monkeypatch, lzw, "_read_to_clear"), counted(monkeypatch, lzw, "Window")
    width = depth + 1
    bits = "".join(format(kind.clear, f"0{width}b")[::-1] for _ in range(80_000))
    data = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    assert lzw.walk(data, kind, 1 << 40).size == 0
    most = len(bits) // BITS + 1
    assert 0 < len(windows) <= most
    assert len(alone) <= lzw.SHORT + most + 1


def test_a_frame_that_declares_very_many_pixels_takes_no_memory():
    value = b"GIF89a" + bytes(7) + b"\x2c" + bytes(4) + b"\xff\xff\xff\xff\0\x08\x02\x00\x01\0;"
    [frame] = gif.frames(value)
    assert frame.pixels == 65535 * 65535
    assert "of 4294836225 pixels" in gif.damage(value).message


def test_lists_of_numbers_are_read_only_of_tags_that_matter():
    chance = np.random.default_rng(0)
    entries = [(65000 + at, 4, int(chance.integers(1 << 20)), 8) for at in range(50)]
    value = b"II*\0\x08\0\0\0" + struct.pack("<H", 50) + b"".join(struct.pack("<HHII", *it) for it in entries)
    assert tiff.Layout(value + bytes(1 << 22)).directory(8).numbers == {}
