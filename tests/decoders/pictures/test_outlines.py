"""Test what the headers of pictures declare, against Pillow; and pictures that end before a later frame."""

import io

import numpy as np
import pytest
from PIL import Image

from datacheck.decoders.pictures import containers, pillow
from datacheck.decoders.pictures.containers import Outline

SIZES = [(1, 1), (40, 24), (3, 200), (256, 1), (300, 257)]


def encode(name, size, frames=1, mode="RGB", **options):
    chance = np.random.default_rng(1)
    images = [
        Image.fromarray(chance.integers(0, 256, (size[1], size[0], 3), np.uint8)).convert(mode) for _ in range(frames)
    ]
    if frames > 1:
        options |= {"save_all": True, "append_images": images[1:]}
    out = io.BytesIO()
    images[0].save(out, name, **options)
    return out.getvalue()


KINDS = {
    "lossless WebP": ("WebP", containers.webp, {"lossless": True}),
    "lossy WebP": ("WebP", containers.webp, {}),
    "WebP with alpha": ("WebP", containers.webp, {"mode": "RGBA"}),
    "lossless WebP with alpha": ("WebP", containers.webp, {"mode": "RGBA", "lossless": True}),
    "animated WebP": ("WebP", containers.webp, {"frames": 3}),
    "WebP with a colour profile": ("WebP", containers.webp, {"icc_profile": bytes(200)}),
    "GIF": ("GIF", containers.gif, {}),
    "animated GIF": ("GIF", containers.gif, {"frames": 3}),
    "BMP": ("BMP", containers.bmp, {}),
    "BMP with a palette": ("BMP", containers.bmp, {"mode": "P"}),
    "BMP of single bits": ("BMP", containers.bmp, {"mode": "1"}),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_outline_has_the_size_that_pillow_has(kind, size):
    name, outline, options = KINDS[kind]
    value = encode(name, size, **options)
    assert outline(value) == Outline(len(value), *size, options.get("frames", 1))
    with Image.open(io.BytesIO(value)) as image:
        assert image.size == size


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_behind_a_picture_are_not_in_its_outline(kind):
    name, outline, options = KINDS[kind]
    value = encode(name, (40, 24), **options)
    assert outline(value + b"more bytes").end == len(value)


@pytest.mark.parametrize(("name", "options"), [("GIF", {}), ("TIFF", {}), ("WebP", {"lossless": True})])
def test_a_picture_that_ends_before_a_later_frame_is_truncated(name, options):
    one, three = (encode(name, (40, 24), frames, **options) for frames in (1, 3))
    assert pillow.read(three, name, 3)[1] == []
    picture, (finding,) = pillow.read(one, name, 3)
    assert picture is None
    assert (finding.code, finding.details) == ("truncated", {"frame": 1})
    assert finding.message == f"the {name} ends before frame 1 of 3"


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        (b"GIF89a\x01\0\x01\0\0\0\0;", "truncated", "GIF: no image before the trailer"),
        (b"GIF89a\x01\0\x01\0\0\0\0\x07;", "corrupt-image", "GIF: a block of type 0x07 at byte 13"),
        (b"GIF89a\x01\0\x01\0\0\0\0", "truncated", "the GIF ends at byte 13, before its trailer"),
    ],
)
def test_a_gif_whose_blocks_are_wrong(value, code, message):
    finding = containers.gif(value)
    assert (finding.code, finding.message) == (code, message)


def riff(*chunks):
    body = b"WEBP" + b"".join(
        kind + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) & 1) for kind, data in chunks
    )
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def canvas(width, height):
    return b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        (riff((b"EXIF", b"abcd")), "corrupt-image", "WebP: no chunk with pixels"),
        (riff((b"VP8X", canvas(9, 9))), "corrupt-image", "WebP: no chunk with pixels"),
        (riff((b"VP8L", b"\x30" + bytes(9))), "corrupt-image", "WebP: no chunk with pixels"),
        (riff((b"VP8 ", bytes(10))), "corrupt-image", "WebP: no chunk with pixels"),
        (riff((b"VP8L", b"\x2f" + bytes(9)))[:-1], "truncated", "the WebP ends at byte 29, 30 bytes are declared"),
        (
            riff((b"VP8X", canvas(16_384, 2)), (b"ANMF", bytes(24))),
            "too-large",
            "the WebP declares 16384 x 2 pixels, its frames have at most 16383 a side",
        ),
        (
            b"RIFF\x14\0\0\0WEBPVP8L\xff\0\0\0" + bytes(8),
            "corrupt-image",
            "WebP: a chunk of 255 bytes at byte 12 leads past the end at 28",
        ),
    ],
)
def test_a_webp_whose_chunks_are_wrong(value, code, message):
    finding = containers.webp(value)
    assert (finding.code, finding.message) == (code, message)


def test_a_webp_may_have_the_largest_side():
    assert containers.webp(riff((b"VP8X", canvas(16_383, 2)), (b"ANMF", bytes(24))))[1:] == (16_383, 2, 1)


def test_a_bmp_whose_head_is_wrong():
    value = bytearray(encode("BMP", (40, 24)))
    assert containers.bmp(bytes(value[:53])).message == "the BMP ends at byte 53, inside its header"
    assert (
        containers.bmp(bytes(value[:-1])).message
        == f"the BMP ends at byte {len(value) - 1}, its pixels take up to byte {len(value)}"
    )
    upside_down = value.copy()
    upside_down[22:26] = (-24).to_bytes(4, "little", signed=True)
    assert containers.bmp(bytes(upside_down)) == Outline(len(value), 40, 24)
    for place, said in ((18, "0 x 24"), (22, "40 x 0")):
        broken = value.copy()
        broken[place : place + 4] = bytes(4)
        finding = containers.bmp(bytes(broken))
        assert (finding.code, finding.message) == ("corrupt-image", f"BMP: declares {said} pixels")


def test_a_bmp_of_os_2_has_its_sizes_in_two_bytes():
    rows = bytes(24 * 40 * 3)
    value = b"BM" + (26 + len(rows)).to_bytes(4, "little") + bytes(4) + (26).to_bytes(4, "little")
    value += (12).to_bytes(4, "little") + b"".join(it.to_bytes(2, "little") for it in (40, 24, 1, 24)) + rows
    assert containers.bmp(value) == Outline(len(value), 40, 24)
    with Image.open(io.BytesIO(value)) as image:
        assert image.size == (40, 24)


@pytest.mark.parametrize("options", [{}, {"big_tiff": True}])
@pytest.mark.parametrize("cut", [1, 3])
def test_a_tiff_that_ends_inside_its_directory_is_truncated(options, cut):
    """The directory is at the very end of the file: a count of entries, and the entries."""
    big = bool(options)
    order = "little"
    head = b"II+\0\x08\0\0\0" + (16).to_bytes(8, order) if big else b"II*\0" + (8).to_bytes(4, order)
    entries = (2).to_bytes(8 if big else 2, order) + bytes(2 * (20 if big else 12))
    whole = head + entries
    assert containers.tiff(whole) is None
    finding = containers.tiff(whole[:-cut])
    assert (finding.code, finding.message) == (
        "truncated",
        f"the TIFF ends at byte {len(whole) - cut}, its directory takes up to byte {len(whole)}",
    )
