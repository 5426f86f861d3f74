"""Test pictures of known formats that are not decoded: they are not called broken. Their bytes are written out here."""

import pytest

from datacheck.decoders.foreign import PICTURES
from datacheck.decoders.pictures.decoder import read_picture
from datacheck.decoders.pictures.picture import BMP_HEADERS, MAGIC, sniff

STRANGERS = {
    "JPEG 2000 file": ("JPEG 2000", "0000000c6a5020200d0a870a00000014667479706a703220"),
    "JPEG 2000 codestream": ("JPEG 2000", "ff4fff51002f00000000"),
    "JPEG XL file": ("JPEG XL", "0000000c4a584c200d0a870a00000014667479706a786c20"),
    "JPEG XL codestream": ("JPEG XL", "ff0a7f0b00000000"),
    "AVIF": ("AVIF", "0000001c66747970617669660000000061766966"),
    "AVIF sequence": ("AVIF", "0000001c66747970617669730000000061766973"),
    "HEIC": ("HEIF", "00000018667479706865696300000000"),
    "HEIX": ("HEIF", "00000018667479706865697800000000"),
    "HEIF of another coder": ("HEIF", "00000018667479706d69663100000000"),
    "OpenEXR": ("OpenEXR", "762f31010200000063686e6c"),
    "JPEG XR": ("JPEG XR", "4949bc0108000000"),
    "QOI": ("QOI", "716f69660000002800000020"),
    "LERC": ("LERC", "4c65726332200600000000"),
    "Radiance HDR": ("Radiance HDR", "233f52414449414e43450a464f524d4154"),
    "Photoshop": ("Photoshop", "384250530001000000000000"),
    "DDS": ("DDS texture", "444453207c00000007100a00"),
    "KTX": ("KTX texture", "ab4b5458203131bb0d0a1a0a"),
    "PBM": ("PBM", b"P4 40 32\n".hex()),
    "PGM with a comment": ("PGM", b"P5\n# by hand\n40 32\n255\n".hex()),
    "PPM": ("PPM", b"P6\n40 32\n255\n".hex()),
    "PFM of grey": ("PFM", b"Pf\n8 8\n-1.0\n".hex()),
    "PFM of colours": ("PFM", b"PF\n8 8\n-1.0\n".hex()),
    "DICOM": ("DICOM", (bytes(128) + b"DICM\2\0\0\0UL").hex()),
    "NIfTI": ("NIfTI", (b"\x5c\1\0\0" + bytes(340) + b"n+1\0").hex()),
    "NIfTI 2": ("NIfTI", "1c0200006e2b32000d0a1a0a"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_a_picture_of_another_format_is_named(name):
    what, head = STRANGERS[name]
    picture, (finding,) = read_picture(bytes.fromhex(head) + bytes(40))
    assert picture is None
    assert (finding.code, finding.verdict) == ("unknown-payload", "unverifiable")
    assert finding.message == f"{what}, which datacheck does not decode"


@pytest.mark.parametrize("name", STRANGERS)
def test_the_same_bytes_one_further_are_no_picture(name):
    _, (finding,) = read_picture(b"\1" + bytes.fromhex(STRANGERS[name][1]) + bytes(40))
    assert (finding.code, finding.verdict) == ("undecodable", "bad")


def test_each_row_of_the_table_has_a_picture_here():
    heads = [bytes.fromhex(head) for _, head in STRANGERS.values()]
    for at, magic, name in PICTURES:
        assert any(head[at:].startswith(magic) for head in heads), name


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("ffd8ffe000104a464946", "JPEG"),
        ("89504e470d0a1a0a0000000d", "PNG"),
        ("474946383761", "GIF"),
        ("474946383961", "GIF"),
        ("49492a0008000000", "TIFF"),
        ("4d4d002a00000008", "TIFF"),
        ("49492b00080000001000", "TIFF"),
        ("4d4d002b000800000000", "TIFF"),
        ("52494646100000005745425056503820", "WebP"),
        ("424d0000000000000000360000000c000000", "BMP"),
        ("424d00000000000000003600000028000000", "BMP"),
        ("424d00000000000000003600000034000000", "BMP"),
        ("424d00000000000000003600000038000000", "BMP"),
        ("424d00000000000000003600000040000000", "BMP"),
        ("424d0000000000000000360000006c000000", "BMP"),
        ("424d0000000000000000360000007c000000", "BMP"),
        ("424d0000000000000000360000002a000000", None),
        ("ffd8", None),
        ("89504e470d0a1a00", None),
        ("474946383861", None),
        ("49492a01", None),
        ("52494646100000005745425a", None),
    ],
)
def test_a_picture_is_known_by_its_first_bytes(head, name):
    value = bytes.fromhex(head)
    assert sniff(value) == name
    assert sniff(b"\0" + value) is None


def test_each_magic_that_is_known_has_a_row():
    assert {name for _, name in MAGIC} | {"WebP", "BMP"} == {"JPEG", "PNG", "GIF", "TIFF", "WebP", "BMP"}
    assert len(MAGIC) == 8
    assert sorted(BMP_HEADERS) == [12, 40, 52, 56, 64, 108, 124]


@pytest.mark.parametrize(
    "text", [rb"b'\xff\xd8\xff\xe0", rb'b"\x89PNG\r\n\x1a', b"b'GIF87a", b"b'GIF89a", b"b'RIFF\\x10\\x00WEBP"]
)
def test_a_picture_written_out_as_text_is_told(text):
    picture, (finding,) = read_picture(text + b"\\x00'")
    assert picture is None
    assert finding.code == "undecodable"
    assert "str() was called on them before they were stored" in finding.message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (bytes(9), "not a picture: 9 bytes, all zero"),
        (b"hello", "not a picture: 5 bytes, it begins with 68 65 6c 6c 6f"),
    ],
)
def test_what_is_no_picture_is_described(value, message):
    _, (finding,) = read_picture(value)
    assert (finding.code, finding.message) == ("undecodable", message)
