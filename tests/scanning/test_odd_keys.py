"""Test stores whose keys all differ from what their loader asks for: spelled like bytes literals, or ending in NUL."""

import pickle
import struct

import pytest
from convention_stores import picture, word_pictures, write

import datacheck

FORMS = {
    "spelled": lambda key: repr(key).encode(),
    "ended": lambda key: key + b"\0",
}


@pytest.mark.parametrize("form", FORMS)
def test_all_keys_are_odd(tmp_path, form):
    records = {FORMS[form](key): value for key, value in word_pictures().items()}
    report = datacheck.scan(write(tmp_path / "store", records))
    odd = [it for it in report.findings if it.code == "odd-text" and it.key is None]
    assert [it.verdict for it in odd] == ["suspicious"]
    assert "a loader that asks for image-# finds nothing" in odd[0].message


@pytest.mark.parametrize(
    "key",
    [
        lambda at: b"image-%09d" % at,
        lambda at: b"b'%d" % at,
        lambda at: struct.pack("<H", at),
        lambda at: struct.pack("<I", at),
        lambda at: struct.pack(">I", at),
        lambda at: struct.pack(">I", 256 * at),
        lambda at: b"\x00%d\x00" % at,
    ],
)
def test_keys_as_they_are_meant(tmp_path, key):
    records = {key(at): picture(at) for at in range(1, 80)}
    assert datacheck.scan(write(tmp_path / "store", records)).counts == {}


def test_some_of_the_keys_are_what_they_are(tmp_path):
    records = word_pictures() | {b"'b%05d'" % at: picture(at) for at in range(40)}
    records |= {b"b'%05d'" % at: picture(at) for at in range(40)}
    assert not [it for it in datacheck.scan(write(tmp_path / "store", records)).findings if it.code == "odd-text"]


def numbered(spell, count=60, **others):
    """Return pictures under numbers spelled by `spell`, and other records."""
    return {spell(at): picture(at) for at in range(count)} | {name.encode(): value for name, value in others.items()}


@pytest.mark.parametrize("ended", [{17}, range(30), range(1, 60)], ids=["one", "half", "all but one"])
@pytest.mark.parametrize("spell", [b"%08d", b"%d", b"img_%04d"])
def test_some_keys_that_end_with_a_nul_are_odd(tmp_path, spell, ended):
    source = write(tmp_path / "store", numbered(lambda at: spell % at + b"\0" * (at in ended)))
    (finding,) = datacheck.scan(source).findings
    assert (finding.code, finding.verdict, finding.key) == ("odd-text", "suspicious", None)
    assert f"{len(ended):,} key" in finding.message
    odd = min(len(ended), 60 - len(ended))
    assert (finding.details["count"], len(finding.details["first"])) == (odd, min(odd, 10))


def test_a_count_without_a_nul_is_asked_for_in_another_form_than_the_records(tmp_path):
    source = write(tmp_path / "store", numbered(lambda at: b"%d\0" % at, length=b"60"))
    (finding,) = datacheck.scan(source).findings
    assert (finding.code, finding.verdict) == ("odd-text", "suspicious")
    assert "every key but that of the count" in finding.message


@pytest.mark.parametrize(
    "records",
    [
        numbered(lambda at: b"%08d\0" % at),  # a loader iterates over them, or asks for them in this form
        numbered(lambda at: b"%d\0" % at, **{"length\0": b"60"}),
        numbered(lambda at: b"%d\0" % at, __keys__=pickle.dumps([b"%d\0" % at for at in range(60)])),
        numbered(lambda at: (b"%d" % (at + 9_999_970)).ljust(8, b"\0")),  # padded to one length
        numbered(lambda at: b"img" + struct.pack("<H", at), 300),  # they include img0 to img9, each followed by a NUL
        numbered(lambda at: struct.pack("<H", 41 * at), 300),  # 48 is the digit 0 followed by a NUL
        numbered(lambda at: struct.pack(">I", at), 60, length=b"60"),
        {struct.pack("<H", at): picture(at % 60) for at in [*range(40, 140), *range(12_300, 12_700)]},
    ],
    ids=[
        "all",
        "all and the count",
        "listed",
        "filled up",
        "a word and two bytes",
        "two bytes",
        "four bytes and a count",
        "many of two bytes",
    ],
)
def test_keys_that_all_end_alike_are_sound(tmp_path, records):
    assert datacheck.scan(write(tmp_path / "store", records)).counts == {}
