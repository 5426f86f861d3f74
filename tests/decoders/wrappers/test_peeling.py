"""Test wrappers: what the libraries write, and the same with one thing broken."""

import base64
import bz2
import gzip
import lzma
import random
import struct
import zlib

import cramjam
import pytest

from datacheck.decoders import kind
from datacheck.decoders.wrappers import table
from datacheck.decoders.wrappers.table import WRAPPERS, peel, peel_once

PLAIN = b"PK\x03\x04" + random.Random(1).randbytes(3000) + b"\0" * 200_000
PACK = {
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lz4": lambda it: bytes(cramjam.lz4.compress(it)),
    "zstd": lambda it: bytes(cramjam.zstd.compress(it)),
    "snappy": lambda it: bytes(cramjam.snappy.compress(it)),
    "base64": base64.b64encode,
}
CHECKED = ("zlib", "gzip", "bz2", "xz", "snappy")
"""Wrappers that always have a checksum."""
JOINED = ("gzip", "bz2", "xz", "lz4", "zstd")
"""Wrappers whose streams may be concatenated."""


@pytest.mark.parametrize("name", PACK)
def test_what_a_wrapper_holds(name):
    packed = PACK[name](PLAIN)
    for value in (packed, memoryview(packed)):
        assert WRAPPERS[name].begins(value)
        peeled = WRAPPERS[name].peel(value, 1 << 24)
        assert peeled.value == PLAIN
        assert peeled.finding is None
    assert peel_once(packed)[0] == name


def test_every_wrapper_is_named_where_decoders_are_named():
    from datacheck import decoders

    assert tuple(WRAPPERS) == decoders.WRAPPERS


@pytest.mark.parametrize("name", PACK)
def test_a_wrapper_cut_anywhere_is_truncated(name):
    packed = PACK[name](PLAIN)
    for at in {*range(20, len(packed), len(packed) // 50), len(packed) - 1}:
        peeled = WRAPPERS[name].peel(packed[:at], 1 << 24)
        if name == "base64" and at % 4 == 0:
            assert peeled.finding is None  # a shorter base64 text is valid, too
        else:
            assert peeled.finding.code == "truncated", at
        assert not peeled.value or PLAIN.startswith(peeled.value[:1000])


@pytest.mark.parametrize("name", [*CHECKED, "lz4", "zstd"])
def test_a_flipped_bit_is_never_called_sound_where_there_is_a_checksum(name):
    packed = PACK[name](PLAIN)
    chance = random.Random(14)
    for _ in range(300):
        changed = bytearray(packed)
        at = chance.randrange(len(changed))
        changed[at] ^= 1 << chance.randrange(8)
        peeled = WRAPPERS[name].peel(bytes(changed), 1 << 24)
        if name in CHECKED and peeled.sound:
            assert peeled.value == PLAIN, at
        assert peeled.finding is None or peeled.finding.code in (
            "checksum", "truncated", "undecodable", "trailing-data", "too-large",
        )  # fmt: skip


@pytest.mark.parametrize(("name", "back"), [("zlib", 1), ("gzip", 6), ("zstd", 1)])
def test_a_checksum_that_does_not_match(name, back):
    packed = bytearray(PACK[name](PLAIN))
    if name == "zstd":
        packed = bytearray(
            b"\x28\xb5\x2f\xfd\x24\x04\x21\0\0abcd" + b"\x11\x22\x33\x44"
        )  # a stored block of four bytes, and a wrong checksum
    packed[-back] ^= 1
    assert WRAPPERS[name].peel(bytes(packed), 1 << 24).finding.code == "checksum"


@pytest.mark.parametrize("name", ["zlib", *JOINED])
def test_bytes_behind_the_end(name):
    packed = PACK[name](PLAIN)
    peeled = WRAPPERS[name].peel(packed + b"\0\0\0", 1 << 24)
    assert peeled.value == PLAIN
    assert (peeled.finding.code, peeled.finding.details["offset"]) == ("trailing-data", len(packed))
    assert peeled.sound


@pytest.mark.parametrize("name", JOINED)
def test_members_that_follow_each_other(name):
    pack = PACK[name]
    peeled = WRAPPERS[name].peel(pack(b"one ") + pack(b"two ") + pack(b"three"), 1 << 24)
    assert peeled.value == b"one two three"
    assert peeled.finding is None
    assert WRAPPERS[name].peel(pack(b"one") + pack(b"two")[:-3], 1 << 24).finding.code == "truncated"


@pytest.mark.parametrize("name", [it for it in PACK if it != "base64"])
def test_what_unpacks_to_too_much_is_not_unpacked(name):
    peeled = WRAPPERS[name].peel(PACK[name](bytes(1 << 22)), 1 << 20)
    assert (peeled.finding.code, peeled.finding.verdict) == ("too-large", "unverifiable")
    assert len(peeled.value) <= 1 << 20


def test_ten_thousand_members_are_bounded():
    peeled = WRAPPERS["gzip"].peel(gzip.compress(b"") * 10_000, 1 << 24)
    assert peeled.finding.code == "trailing-data"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("zstd", b"\x28\xb5\x2f\xfd\xe0" + b"\xff" * 8 + b"\x01\0\0"),
        ("lz4", b"\x04\x22\x4d\x18\x68\x70" + b"\xff" * 8 + b"\x73" + b"\0\0\0\0"),
        ("snappy", b"\xff\x06\0\0sNaPpY\0\xff\xff\xff" + b"\0" * 40),
    ],
)
def test_declared_sizes_that_lie(name, value):
    assert not WRAPPERS[name].peel(value, 1 << 24).sound


def test_frames_that_need_a_dictionary_are_not_unpacked():
    assert "dictionary" in WRAPPERS["zstd"].peel(b"\x28\xb5\x2f\xfd\x21\x01\x00\x01\0\0", 100).finding.message
    assert "dictionary" in WRAPPERS["lz4"].peel(b"\x04\x22\x4d\x18\x61\x40" + b"\0" * 9, 100).finding.message


def test_zstd_frames_that_are_to_be_skipped():
    skipped = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    packed = PACK["zstd"](b"one") + skipped + PACK["zstd"](b"two")
    assert WRAPPERS["zstd"].peel(packed, 100).value == b"onetwo"


def test_raw_snappy_is_peeled_only_where_a_magic_is_inside():
    packed = bytes(cramjam.snappy.compress_raw(PLAIN))
    assert peel_once(packed)[0] == "snappy"
    assert WRAPPERS["snappy"].peel(packed, 1 << 24).value == PLAIN
    assert peel_once(bytes(cramjam.snappy.compress_raw(b"only words, " * 40))) is None
    cut = WRAPPERS["snappy"].peel(packed[: len(packed) // 2], 1 << 24)
    assert cut.finding.code in ("truncated", "undecodable")


def test_what_begins_like_raw_snappy_by_chance_and_cannot_be_unpacked_is_none():
    message = b"\x0a\x04" + struct.pack("<i", 640) + b"\x12\x05hello"  # looks like a length of 10, followed by a pickle
    assert WRAPPERS["snappy"].begins(message)
    assert peel_once(message) is None
    assert kind(message) is None


def test_base64_is_peeled_only_where_a_magic_is_inside():
    picture = b"\x89PNG\r\n\x1a\n" + bytes(40)
    for text in (
        base64.b64encode(picture),
        base64.encodebytes(picture),
        b"data:image/png;base64," + base64.b64encode(picture),
    ):
        name, peeled = peel_once(text)
        assert (name, peeled.value) == ("base64", picture)
    assert peel_once(b"d41d8cd98f00b204e9800998ecf8427e") is None
    assert peel_once(base64.b64encode(bytes(60))) is None
    assert WRAPPERS["base64"].peel(b"iVBORw0KGgo\xff", 100).finding.code == "undecodable"


def test_two_wrappers_around_each_other():
    packed = gzip.compress(zlib.compress(PLAIN))
    assert peel(("gzip", "zlib"), packed).value == PLAIN
    assert peel(("gzip", "zlib"), gzip.compress(zlib.compress(PLAIN)[:-9])).finding.code == "truncated"


@pytest.mark.parametrize(
    "value",
    [b"", b"x", b"x^2 + y^2", b"x\x01", b"\x1f\x8b", b"BZh", b"BZh9 is a name", b"\x08\x1d\x10\x1d\x18\x03",
     b"\x02\x01" + bytes(30),
     b"PK\x03\x04", b"\x93NUMPY", b"\xff\xd8\xff", b"\x80\x04N.", b"words"],
)  # fmt: skip
def test_what_has_no_wrapper(value):
    assert peel_once(value) is None


def test_flipped_and_random_bytes_raise_nothing():
    chance = random.Random(15)
    for name, pack in PACK.items():
        packed = pack(PLAIN[:5000])
        for _ in range(300):
            changed = bytearray(packed[: chance.randrange(1, len(packed) + 1)])
            for _ in range(chance.randrange(1, 5)):
                changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
            peel_once(bytes(changed))
            WRAPPERS[name].peel(bytes(changed), 1 << 20)
    for _ in range(500):
        value = chance.randbytes(chance.randrange(1, 100))
        peel_once(value)
        for wrapper in WRAPPERS.values():
            wrapper.peel(value, 1 << 20)


def blosc(plain, packed):
    sizes = (len(plain), len(plain), 16 + len(packed))
    return b"\x02\x01\x02\x04" + b"".join(it.to_bytes(4, "little") for it in sizes) + packed


def test_blosc_names_the_package_that_is_absent(monkeypatch):
    monkeypatch.setattr(table.blosc, "PACKAGES", ("no_such_package",))
    value = blosc(PLAIN, PLAIN)
    assert WRAPPERS["blosc"].begins(value)
    finding = peel_once(value)[1].finding
    assert (finding.code, "blosc" in finding.message) == ("unknown-payload", True)
    assert WRAPPERS["blosc"].peel(value[:-5], 1 << 24).finding.code == "truncated"
    assert WRAPPERS["blosc"].peel(value, 100).finding.code == "too-large"


def test_blosc_is_unpacked_by_a_package_that_is_there(monkeypatch):
    class Package:
        @staticmethod
        def decompress(value):
            if value[16:20] == b"boom":
                raise ValueError("boom")
            return value[16:]

    monkeypatch.setattr(table.blosc.importlib, "import_module", lambda name: Package)
    assert WRAPPERS["blosc"].peel(blosc(PLAIN, PLAIN), 1 << 24).value == PLAIN
    assert WRAPPERS["blosc"].peel(blosc(PLAIN, PLAIN) + b"\0", 1 << 24).finding.code == "trailing-data"
    assert WRAPPERS["blosc"].peel(blosc(PLAIN, b"boom"), 1 << 24).finding.code == "undecodable"
    assert WRAPPERS["blosc"].peel(blosc(PLAIN, PLAIN[:50]), 1 << 24).finding.code == "undecodable"
