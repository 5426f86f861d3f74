"""Test TIFF files of many bands, unusual samples and several pictures, which Pillow does not decode or only in part."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from datacheck.decoders.pictures import tiff, tiff_samples
from datacheck.decoders.pictures.decoder import read_picture

BANDS = np.random.default_rng(0).integers(0, 9000, (6, 20, 30)).astype(np.uint16)
FLOATS = BANDS.astype(np.float32) / 7
KINDS = {"u": 1, "i": 2, "f": 3, "c": 6}


def written(dtype, samples, parts, *, order="<", description=b"", **tags):
    """Return a TIFF of one page, the data last; `tags` are its numbers by the number of the tag, as t278=8."""
    dtype = np.dtype(dtype)
    kinds = {256: 30, 257: 20, 258: [dtype.itemsize * 8] * samples, 259: 1, 262: 1, 277: samples, 278: 20, 284: 1}
    kinds |= {339: [KINDS[dtype.kind]] * samples} | {int(name[1:]): it for name, it in tags.items()}
    sizes, places = (325, 324) if 322 in kinds else (279, 273)
    kinds = {sizes: [*map(len, parts)], places: [0] * len(parts)} | kinds
    numbers = {tag: it if isinstance(it, list) else [it] for tag, it in kinds.items()}
    values = {tag: struct.pack(f"{order}{len(it)}I", *it) for tag, it in numbers.items()}
    values |= {270: description} if description else {}
    start = 8 + 2 + 12 * len(values) + 4 + sum(len(it) for it in values.values() if len(it) > 4)
    ends = np.cumsum([start, *map(len, parts)]).tolist()
    starts = [start if part else 0 for start, part in zip(ends[:-1], parts, strict=True)]
    values[places] = struct.pack(f"{order}{len(parts)}I", *starts)
    at, entries, rest = 8 + 2 + 12 * len(values) + 4, b"", b""
    for tag, raw in sorted(values.items()):
        stored = struct.pack(order + "I", at + len(rest)) if len(raw) > 4 else raw.ljust(4, b"\0")
        entries += (
            struct.pack(order + "HHI", tag, 2 if tag == 270 else 4, len(raw) // (1 if tag == 270 else 4)) + stored
        )
        rest += raw if len(raw) > 4 else b""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(values))
    return head + entries + bytes(4) + rest + b"".join(parts)


def differences(values, order="<"):
    """Return rows as bytes with the predictor of floats: the bytes of each place together, and their differences."""
    high = values.astype(values.dtype.newbyteorder(">")).reshape(len(values), -1)
    octets = high.view(np.uint8).reshape(len(values), high.shape[1], -1).transpose(0, 2, 1).reshape(len(values), -1, 6)
    return np.diff(octets, axis=1, prepend=np.zeros_like(octets[:, :1])).tobytes()


LAST = BANDS.transpose(1, 2, 0)
STEPS = np.diff(LAST, axis=1, prepend=np.zeros_like(LAST[:, :1]))
TILES = [np.pad(LAST, ((0, 12), (0, 2), (0, 0)))[y : y + 16, x : x + 16].tobytes() for y in (0, 16) for x in (0, 16)]
SOUND = {
    "bands in each pixel": (written("u2", 6, [LAST.tobytes()]), BANDS),
    "big-endian": (written("u2", 6, [LAST.astype(">u2").tobytes()], order=">"), BANDS),
    "bands apart in strips": (
        written("u2", 6, [it[at : at + 8].tobytes() for it in BANDS for at in (0, 8, 16)], t278=8, t284=2), BANDS,
    ),
    "tiles": (written("u2", 6, TILES, t322=16, t323=16), BANDS),
    "deflate with differences": (written("u2", 6, [zlib.compress(STEPS.tobytes())], t259=8, t317=2), BANDS),
    "deflate with the predictor of floats": (
        written("f4", 6, [zlib.compress(differences(FLOATS.transpose(1, 2, 0)))], t259=8, t317=3), FLOATS,
    ),
    "deflate with reversed bits": (
        written("u2", 6, [zlib.compress(LAST.tobytes()).translate(tiff.REVERSED)], t259=8, t266=2), BANDS,
    ),
    "reversed bits": (written("u2", 6, [LAST.tobytes().translate(tiff.REVERSED)], t266=2), BANDS),
    "three floats": (written("f4", 3, [FLOATS[:3].transpose(1, 2, 0).tobytes()]), FLOATS[:3]),
    "half floats": (written("f2", 1, [FLOATS[0].astype("f2").tobytes()]), FLOATS[:1].astype("f2")),
    "complex numbers": (written("c8", 1, [(FLOATS[0] + 2j).astype("c8").tobytes()]), None),
    "a stack of ImageJ": (
        written("f4", 1, [FLOATS.tobytes()], description=b"ImageJ=1.53\nimages=6\n\0", t279=2400), FLOATS,
    ),
    "a stack without directories": (
        written("f4", 1, [FLOATS.tobytes()], description=b'{"shape": [6, 20, 30], "truncated": true}\0',
                t279=2400), FLOATS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_samples_are_read_as_they_were_written(name):
    value, expected = SOUND[name]
    picture, findings = read_picture(value)
    assert findings == []
    if expected is None:
        expected = np.stack([FLOATS[0], np.full_like(FLOATS[0], 2)])
    assert (picture.pixels.dtype, picture.pixels.tolist()) == (expected.dtype, expected.tolist())
    findings = read_picture(value[:-3])[1]
    assert [(it.code, it.verdict) for it in findings] == [("truncated", "bad")]


def test_tiles_that_were_never_written_are_zeros_and_only_suspicious():
    sparse = written("u2", 6, [TILES[0], b"", *TILES[2:]], t322=16, t323=16)
    picture, findings = read_picture(sparse)
    expected = BANDS.copy()
    expected[:, :16, 16:] = 0
    assert picture.pixels.tolist() == expected.tolist()
    assert [(it.code, it.verdict, it.details["count"]) for it in findings] == [("truncated", "suspicious", 1)]
    without_one = written("u2", 6, TILES[:3], t322=16, t323=16)
    assert [it.code for it in read_picture(without_one)[1]] == ["truncated"]


def test_a_strip_that_is_too_short_is_named():
    short = written("u2", 6, [LAST.tobytes()[:-12]])
    assert [it.message for it in read_picture(short)[1]] == [
        f"the TIFF ends at byte {len(short)}, strip 0 has 7188 of 7200 bytes"
    ]


def test_bands_in_another_compression_are_not_called_broken():
    [finding] = read_picture(written("u2", 6, [b"RIFF" + bytes(50)], t259=50001))[1]
    assert (finding.code, finding.verdict) == ("unknown-payload", "unverifiable")
    assert finding.message == "a TIFF of 6 samples, uint16, in WebP, which datacheck does not decode"


def test_a_description_of_the_file_that_a_picture_was_taken_from_is_only_suspicious():
    alone = written("f4", 1, [FLOATS[0].tobytes()], description=b"ImageJ=1.53\nimages=6\n\0")
    picture, findings = read_picture(alone)
    assert picture.pixels.shape == (1, 20, 30)
    assert [(it.code, it.verdict) for it in findings] == [("truncated", "suspicious")]


def test_pages_of_floats_are_all_read_and_a_cut_directory_is_found():
    out = io.BytesIO()
    pages = [Image.fromarray(it) for it in FLOATS]
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    picture, findings = read_picture(out.getvalue())
    assert (picture.pixels.tolist(), findings) == (FLOATS.tolist(), [])
    layout = tiff.Layout(out.getvalue())
    second = layout.directory(layout.first).following
    [finding] = read_picture(out.getvalue()[: layout.directory(second).following + 40])[1]
    assert (finding.code, finding.verdict) == ("truncated", "bad")
    assert "the directory of page 2 takes up to byte" in finding.message


WIDE = np.random.default_rng(1).integers(0, 256, (20, 30, 5)).astype(np.uint8)


def packed(raw):
    """Return bytes in PackBits, in runs of 100 that are stored as they are."""
    return b"".join(bytes([99]) + raw[at : at + 100] for at in range(0, len(raw), 100))


def test_colours_with_further_bands_are_decoded_in_any_compression():
    for compression, pack in ((1, bytes), (8, zlib.compress), (32773, packed)):
        data = written("u1", 5, [pack(WIDE.tobytes())], t259=compression, t262=2, t338=[0, 0])
        picture, findings = read_picture(data)
        assert findings == []
        np.testing.assert_array_equal(picture.pixels, WIDE.transpose(2, 0, 1)[:3])


def test_tiles_are_not_unpacked_if_they_are_too_large(monkeypatch):
    tile = zlib.compress(bytes(512 * 512 * 12))
    data = written("u2", 6, [tile], t322=512, t323=512, t259=8)
    monkeypatch.setattr(tiff_samples, "LIMIT", 1 << 20)
    picture, [finding] = read_picture(data)
    assert (picture, finding.code, finding.verdict) == (None, "too-large", "unverifiable")


def test_a_description_of_a_larger_file_leaves_its_picture_readable():
    data = written("u2", 6, [WIDE.tobytes() * 4], description=b"ImageJ=1.53\nimages=90000000\n\0")
    [finding] = read_picture(data)[1]
    assert (finding.code, finding.verdict) == ("truncated", "suspicious")


def test_a_description_is_sought_in_linear_time():
    data = written("u2", 6, [bytes(20 * 30 * 12)], description=b"ImageJ=" * 9000)
    start = time.process_time()
    assert read_picture(data)[1] == []
    assert time.process_time() - start < 0.5
