"""Test pictures above the size limit: bad if what is stored cannot decode to that size, otherwise only unverifiable."""

import io
import struct
import zlib

import pytest
from leveldb_building import write_log_store
from PIL import Image, TiffImagePlugin

import datacheck
from datacheck.decoders import npy_bytes
from datacheck.decoders.pictures import jpeg, png
from datacheck.decoders.pictures.decoder import read_picture
from datacheck.decoders.pictures.picture import DEFLATE, LIMIT, LZW, too_large


def chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(side, stream):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return png.SIGNATURE + header + chunk(b"IDAT", stream) + chunk(b"IEND")


def zeros(size):
    """Return a deflate stream of `size` zero bytes."""
    packer = zlib.compressobj(9)
    piece = bytes(1 << 24)
    return b"".join([*(packer.compress(piece[: min(len(piece), size - at)]) for at in range(0, size, len(piece)))]) + (
        packer.flush()
    )


@pytest.fixture(scope="module")
def sound_png():
    """A complete PNG of zeros, 588 million bytes when decoded: the densest data possible."""
    side = 14_000
    return png_of(side, zeros(side * (3 * side + 1)))


def verdict(value):
    picture, [finding] = read_picture(value)
    assert (picture, finding.code, finding.field) == (None, "too-large", "data")
    return finding.verdict


def patched(value, at, new):
    return value[:at] + new + value[at + len(new) :]


def test_a_sound_png_is_only_beyond_the_bound(sound_png):
    assert verdict(sound_png) == "unverifiable"


def test_a_sound_png_in_a_store_leaves_it_undecided(sound_png, tmp_path):
    small = Image.radial_gradient("L").convert("RGB").resize((20, 20))
    out = io.BytesIO()
    small.save(out, "PNG")
    path = write_log_store(tmp_path / "db", [(b"%02d" % n, out.getvalue()) for n in range(30)] + [(b"99", sound_png)])
    report = datacheck.scan(path, workers=1)
    assert [(it.key, it.code, it.verdict) for it in report.findings if it.code != "wrong-format"] == [
        ("99", "too-large", "unverifiable")
    ]
    assert report.status == 3


@pytest.mark.parametrize("side", [1 << 15, 1 << 20, (1 << 31) - 1])
@pytest.mark.parametrize("stored", [40, 4000, 1_000_000])
def test_a_png_that_declares_what_no_stream_of_its_size_makes_is_bad(side, stored):
    assert verdict(png_of(side, bytes(stored))) == "bad"


def test_a_bit_in_the_header_of_a_sound_png_shows(sound_png):
    value = png_of(28_000, sound_png[len(png.SIGNATURE) + 25 + 8 : -12 - 4])
    assert verdict(value) == "bad"


def jpeg_of(quality, mode="RGB", **options):
    out = io.BytesIO()
    Image.radial_gradient("L").convert(mode).resize((512, 512)).save(out, "JPEG", quality=quality, **options)
    return out.getvalue()


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_jpeg_is_bad_only_where_its_scans_are_too_short(options):
    whole = jpeg_of(80, **options)
    frame = whole.index(b"\xff\xc2" if options else b"\xff\xc0")
    large = patched(whole, frame + 5, b"\xff\xff\xff\xff")
    assert verdict(large) == "bad"
    steps = jpeg.walk(large)
    _, stop = steps.scans[0]
    assert verdict(large[:stop] + bytes(27_000_000) + large[stop:]) == "unverifiable"


def test_a_real_jpeg_beyond_the_bound_is_not_bad():
    out = io.BytesIO()
    Image.new("L", (30_000, 18_000), 7).save(out, "JPEG", quality=1)
    assert verdict(out.getvalue()) == "unverifiable"


@pytest.mark.parametrize(("scans", "expected"), [(600, "unverifiable"), (3000, "bad")])
def test_a_jpeg_of_many_scans_is_bad_if_they_are_more_than_there_can_be(scans, expected):
    whole = jpeg_of(80, progressive=True)
    assert verdict(whole[:-2] + b"\xff\xda\0\x08\1\1\0\0\x3f\0" * scans + b"\xff\xd9") == expected


def gif_of(side, stored):
    blocks = b"".join(bytes([255]) + bytes(255) for _ in range(stored // 255))
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    return head + b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02" + blocks + b"\0;"


@pytest.mark.parametrize(("stored", "expected"), [(2_550, "bad"), (2_000_000, "unverifiable")])
def test_a_gif_is_bad_only_where_its_bytes_are_too_few(stored, expected):
    assert verdict(gif_of(65_535, stored)) == expected


def riff(*chunks):
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(data)) + data + bytes(len(data) & 1) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def canvas(width, height):
    return b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


SIDES = struct.pack("<HH", 16_383, 16_383)
LOSSLESS = b"\x2f" + ((16_382) | (16_382 << 14)).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + SIDES + bytes(100))], "bad"),
        ([(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + SIDES + bytes(140_000))], "unverifiable"),
        ([(b"VP8L", LOSSLESS + bytes(20))], "unverifiable"),  # a picture of one colour takes no more than that
        ([(b"VP8X", canvas(16_383, 16_383)), (b"ANMF", bytes(24))], "unverifiable"),
        ([(b"VP8X", canvas(20_000, 16_000)), (b"VP8 ", bytes(24))], "bad"),
        ([(b"VP8X", canvas(20_000, 16_000)), *[(b"ANMF", bytes(24))] * 2], "unverifiable"),
        ([(b"VP8X", canvas(20_000, 16_000)), (b"ANMF", bytes(24))], "bad"),
        ([(b"VP8X", canvas(1 << 24, 1 << 24)), *[(b"ANMF", bytes(24))] * 2], "bad"),
    ],
)
def test_a_webp_is_bad_only_where_its_frames_cannot_fill_it(chunks, expected):
    assert verdict(riff(*chunks)) == expected


def tiff_of(side, stored, compression, **tags):
    entries = {256: side, 257: side, 258: 8, 259: compression, 262: 1, 273: 200, 277: 1, 278: side, 279: stored, **tags}
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items()))
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + rows + bytes(4)
    return head.ljust(200, b"\0") + bytes(stored)


@pytest.mark.parametrize(
    ("compression", "stored", "expected"),
    [
        (1, 4_000, "bad"),
        (8, 4_000, "bad"),
        (8, 2_000_000, "unverifiable"),
        (5, 4_000, "bad"),
        (5, 2_000_000, "unverifiable"),
        (32773, 2_000_000, "bad"),
        (7, 4_000, "unverifiable"),  # the size of JPEG data is not determined
    ],
)
def test_a_tiff_is_bad_only_where_its_compression_cannot_make_so_much(compression, stored, expected):
    assert verdict(tiff_of(40_000, stored, compression)) == expected


def test_the_tags_of_a_tiff_are_those_of_pillow():
    names = {258: "BitsPerSample", 259: "Compression", 262: "PhotometricInterpretation", 277: "SamplesPerPixel"}
    assert {tag: TiffImagePlugin.TiffTags.lookup(tag).name for tag in names} == names


def test_a_bmp_whose_rows_are_all_there_is_only_beyond_the_bound():
    side = 13_500
    head = (
        b"BM" + struct.pack("<IHHI", 0, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 0, 0, 0, 0, 0, 0)
    )
    assert verdict(head + bytes(side * side)) == "unverifiable"
    _, [finding] = read_picture(head + bytes(4_000))
    assert (finding.code, finding.verdict) == ("truncated", "bad")


def test_a_header_of_npy_that_is_longer_than_we_parse_is_not_bad():
    value = b"\x93NUMPY\x02\0" + struct.pack("<I", npy_bytes.LITERAL_BYTES + 1) + bytes(npy_bytes.LITERAL_BYTES + 1)
    finding, _ = npy_bytes._header(value)
    assert (finding.code, finding.verdict) == ("too-large", "unverifiable")


@pytest.mark.parametrize(("least", "expected"), [(101, "bad"), (100, "unverifiable"), (None, "unverifiable")])
def test_the_sentence_says_what_is_stored_where_that_is_too_little(least, expected):
    finding = too_large("PNG", 9, 8, LIMIT + 1, 100, least)
    said = f"the PNG declares 9 x 8 pixels, {LIMIT + 1} bytes when decoded; at most {LIMIT} are"
    said += ", and the 100 bytes stored cannot be so many" if expected == "bad" else ""
    assert (finding.code, finding.verdict, finding.message) == ("too-large", expected, said)


def test_no_stream_makes_more_than_its_bound():
    size = 1 << 22
    assert size / len(zeros(size)) < DEFLATE
    out = io.BytesIO()
    Image.new("L", (2048, 2048)).save(out, "GIF")
    assert size / len(out.getvalue()) < LZW
