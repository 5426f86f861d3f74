"""Test the strips and tiles of TIFF files, unpacked and compared with their sizes and checksums."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from datacheck.decoders.pictures import pillow, tiff, tiff_end
from datacheck.decoders.pictures.decoder import read_picture

LONG, SHORT = 4, 3


def write(pages, *, order="<", big=False):
    """Return a TIFF of pages, each given as tags and the data of its strips or tiles, under the tag 273 or 324."""
    offset, count = ("Q", "Q") if big else ("I", "H")
    head = {False: struct.pack(order + "HI", 42, 0), True: struct.pack(order + "HHHQ", 43, 8, 0, 0)}[big]
    out = bytearray((b"II" if order == "<" else b"MM") + head)
    link = len(out) - struct.calcsize(offset)
    for tags, parts in pages:
        places = []
        for part in parts:
            places.append(len(out))
            out += part + bytes(len(part) & 1)
        first = tiff.TILE_OFFSETS if tiff.TILE_WIDTH in tags else tiff.OFFSETS
        second = tiff.TILE_COUNTS if tiff.TILE_WIDTH in tags else tiff.COUNTS
        every = {**tags, first: places, second: [len(part) for part in parts]}
        values = {tag: it if isinstance(it, list) else [it] for tag, it in sorted(every.items())}
        stored = {}
        for tag, numbers in values.items():
            raw = struct.pack(f"{order}{len(numbers)}I", *numbers)
            if len(raw) > struct.calcsize(offset):
                stored[tag] = struct.pack(order + offset, len(out))
                out += raw
            else:
                stored[tag] = raw.ljust(struct.calcsize(offset), b"\0")
        struct.pack_into(order + offset, out, link, len(out))
        out += struct.pack(order + count, len(values))
        for tag, numbers in values.items():
            out += struct.pack(order + ("HHQ" if big else "HHI"), tag, LONG, len(numbers)) + stored[tag]
        link = len(out)
        out += bytes(struct.calcsize(offset))
    return bytes(out)


PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
GREY = {tiff.WIDTH: 30, tiff.HEIGHT: 20, tiff.BITS: 8, tiff.PHOTOMETRIC: 1, tiff.COMPRESSION: tiff.ADOBE_DEFLATE}


def strips(rows=8, pack=zlib.compress):
    return [pack(PIXELS[at : at + rows].tobytes()) for at in range(0, 20, rows)]


def tiles(pack=zlib.compress):
    padded = np.pad(PIXELS, ((0, 12), (0, 2)))
    return [pack(padded[y : y + 16, x : x + 16].tobytes()) for y in (0, 16) for x in (0, 16)]


def packbits(data):
    return b"".join(bytes([len(part) - 1]) + part for part in (data[at : at + 100] for at in range(0, len(data), 100)))


STRIPED = GREY | {tiff.ROWS: 8}
COLOUR = GREY | {tiff.SAMPLES: 3, tiff.PHOTOMETRIC: 2, tiff.BITS: [8, 8, 8], tiff.PLANAR: 2, tiff.ROWS: 8}
FULL_LAST = [*strips()[:2], zlib.compress(PIXELS[16:].tobytes() + bytes(4 * 30))]
SOUND = {
    "strips": write([(STRIPED, strips())]),
    "big-endian": write([(STRIPED, strips())], order=">"),
    "BigTIFF": write([(STRIPED, strips())], big=True),
    "tiles": write([(GREY | {tiff.TILE_WIDTH: 16, tiff.TILE_HEIGHT: 16}, tiles())]),
    "one strip, no rows given": write([(GREY, strips(20))]),
    "endless rows": write([(GREY | {tiff.ROWS: 0xFFFFFFFF}, strips(20))]),
    "planes": write([(COLOUR, strips() * 3)]),
    "a last strip that is full": write([(STRIPED, FULL_LAST)]),
    "pages": write([(STRIPED, strips()), (GREY, strips(20))]),
    "packbits": write([(STRIPED | {tiff.COMPRESSION: tiff.PACKBITS}, strips(pack=packbits))]),
    "bits turned around": write(
        [(STRIPED | {tiff.FILL_ORDER: 2}, [part.translate(tiff.REVERSED) for part in strips()])]
    ),
    "the old number of deflate": write([(STRIPED | {tiff.COMPRESSION: tiff.DEFLATE}, strips())]),
    "room behind the streams": write([(STRIPED, [part + bytes(5) for part in strips()])]),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_files_have_no_finding(name):
    assert tiff.damage(SOUND[name]) is None
    picture, findings = read_picture(SOUND[name])
    assert findings == []
    assert (picture.pixels[0] == PIXELS).all()
    assert tiff_end.end(SOUND[name]) == len(SOUND[name])


@pytest.mark.parametrize(
    "options", [{"compression": it} for it in ("tiff_lzw", "tiff_adobe_deflate", "packbits")] + [{"big_tiff": True}]
)
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "F"])
def test_sound_files_of_pillow_have_no_finding(mode, options):
    image = Image.fromarray(PIXELS)
    image = image.convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
    for frames in (1, 3):
        out = io.BytesIO()
        image.resize((300, 257)).save(out, "TIFF", save_all=True, append_images=[image] * (frames - 1), **options)
        assert read_picture(out.getvalue())[1] == []


def replaced(parts, number, new):
    return [*parts[:number], new, *parts[number + 1 :]]


def spoiled(data, at, bit=1):
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]


LZW = STRIPED | {tiff.COMPRESSION: tiff.LZW}
WRONG = {
    "checksum": (STRIPED, spoiled(strips()[1], -1 % len(strips()[1])), "checksum", "does not match its checksum"),
    "stream": (STRIPED, b"\xff" * 9, "corrupt-image", "does not inflate after 0 of 240 bytes: Error -3"),
    "short": (STRIPED, zlib.compress(bytes(200)), "corrupt-image", "unpacks to 200 of 240 bytes"),
    "long": (STRIPED, zlib.compress(bytes(300)), "corrupt-image", "unpacks to more than its 240 bytes"),
    "a bomb": (STRIPED, zlib.compress(bytes(1 << 24)), "corrupt-image", "unpacks to more than its 240 bytes"),
    "no checksum": (STRIPED, strips()[1][:-4], "corrupt-image", "ends after 240 of 240 bytes, before its checksum"),
    "LZW codes": (LZW, b"\x80\x7f\xff\xff\xff", "corrupt-image", "has the code 511 after 0 of 240 bytes"),
    "LZW too short": (LZW, b"\x80\x00\x50\x10", "corrupt-image", "of 240 bytes"),
    "packbits": (
        STRIPED | {tiff.COMPRESSION: tiff.PACKBITS},
        packbits(bytes(100)),
        "corrupt-image",
        "unpacks to 100 of 240 bytes",
    ),
    "packbits cut": (
        STRIPED | {tiff.COMPRESSION: tiff.PACKBITS},
        packbits(bytes(240))[:-30],
        "corrupt-image",
        "ends inside a run after 240 of 240 bytes",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_strip_is_named(name):
    tags, data, code, message = WRONG[name]
    compression = tags[tiff.COMPRESSION]
    pack = {tiff.PACKBITS: packbits, tiff.LZW: lambda _: b""}.get(compression, zlib.compress)
    value = write([(STRIPED, strips()), (tags, replaced(strips(pack=pack), 1, data))])
    finding = tiff.damage(value)
    assert finding.code == code
    assert finding.message.startswith(f"TIFF: strip 1 of page 1 at byte {finding.details['offset']} ")
    assert message in finding.message
    assert read_picture(value)[0] is None


def test_a_wrong_checksum_that_pillow_passes_over_is_found():
    value = bytearray(SOUND["strips"])
    part = strips()[0]
    value[value.index(part) + len(part) - 1] ^= 1
    assert read_picture(bytes(value))[1][0].code in ("checksum", "corrupt-image")


def test_damage_in_a_kind_that_pillow_does_not_know_is_found():
    five = GREY | {tiff.SAMPLES: 5, tiff.BITS: [8] * 5, tiff.PLANAR: 1}
    data = zlib.compress(PIXELS.tobytes() * 5)
    picture, findings = read_picture(write([(five, [data])]))
    assert (picture.pixels.shape, findings) == ((5, 20, 30), [])
    assert [it.code for it in read_picture(write([(five, [spoiled(data, 200, 64)])]))[1]] == ["checksum"]


@pytest.mark.parametrize("name", SOUND)
def test_bytes_behind_the_end_are_suspicious(name):
    end = len(SOUND[name])
    picture, [finding] = read_picture(SOUND[name] + b"x" * 100)
    assert picture is not None
    assert (finding.code, finding.verdict, finding.details["offset"]) == ("trailing-data", "suspicious", end)


def test_zeros_behind_a_tiff_fill_it_up():
    """Pillow pads pages to 16 bytes, and rows of HDF5 have the length of the longest picture."""
    assert read_picture(SOUND["strips"] + bytes(1000))[1] == []


def test_where_more_may_be_than_a_directory_says_there_is_no_end():
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, "TIFF", description="ImageJ=1.54f\nimages=3\n")
    value = out.getvalue() + bytes(3 * 600)
    assert tiff_end.end(value) is None
    assert read_picture(value)[1] == []


def test_a_compression_that_pillow_lacks_condemns_nothing(monkeypatch):
    """A compression that libtiff was built without cannot be decoded, which says nothing about the data."""

    def lacking(*_):
        raise OSError("decoder error -2: WEBP compression support is not configured")

    monkeypatch.setattr(pillow.PLUGINS["TIFF"], "load", lacking)
    _, [finding] = read_picture(SOUND["strips"])
    assert (finding.code, finding.verdict) == ("unknown-payload", "unverifiable")


def test_directories_that_lead_in_a_circle_end():
    value = bytearray(SOUND["strips"])
    value[-4:] = value[4:8]
    assert len(list(tiff.pages(bytes(value)))) == 1
    assert tiff_end.end(bytes(value)) is not None


def test_parts_on_one_another_are_unpacked_within_bounds():
    many = GREY | {tiff.HEIGHT: 1 << 20, tiff.WIDTH: 1 << 10, tiff.ROWS: 1 << 10}
    value = write([(many, [zlib.compress(bytes(1 << 20))] * (1 << 10))])
    assert tiff.damage(value) is None


def test_mutations_end_in_findings():
    chance = np.random.default_rng(5)
    for value in SOUND.values():
        for _ in range(60):
            out = bytearray(value)
            for at in chance.integers(4, len(out), 3):
                out[at] ^= 1 << int(chance.integers(8))
            _, findings = read_picture(bytes(out))
            assert all(finding.message for finding in findings)
