"""Test that a family is what most of its sampled values are; others are judged as what they look like, or not."""

import gzip
import io
import struct
import wave
import zlib

import numpy as np
import pytest
from building import datum, floats, key, pictures, pixels, write_lmdb
from PIL import Image

import datacheck
from datacheck.model.blocks import Block, Shard
from datacheck.model.profile import UNKNOWN
from datacheck.scanning.profile.recognition import Look, elect, families_of, main_families, too_few
from datacheck.scanning.profile.sampled import first_records


def encoded(number, form="JPEG", shape=(24, 30, 3)):
    file = io.BytesIO()
    Image.fromarray(pixels(number, shape).squeeze()).save(file, form)
    return file.getvalue()


def npy(number):
    file = io.BytesIO()
    np.save(file, floats(number))
    return file.getvalue()


def raw(number):
    """Return bytes that no decoder knows."""
    return b"\x80" + pixels(number, (200,)).tobytes()


def box(name, content):
    return struct.pack(">I", 8 + len(content)) + name + content


def mp4(number):
    return box(b"ftyp", b"isom\0\0\0\0isom") + box(b"mdat", pixels(number, (500,)).tobytes()) + box(b"moov", bytes(9))


def wav():
    file = io.BytesIO()
    with wave.open(file, "wb") as it:
        it.setparams((1, 2, 8000, 0, "NONE", ""))
        it.writeframes(bytes(range(200)))
    return file.getvalue()


FOREIGN = {
    "avif": (32).to_bytes(4, "big") + b"ftypavif" + bytes(60),
    "exr": b"v/1\x01" + bytes(60),
    "mp3": b"ID3\x04\0\0" + bytes(60),
    "pdf": b"%PDF-1.7\n" + bytes(60),
    "tar": bytes(257) + b"ustar" + bytes(250),
    "sqlite": b"SQLite format 3\0" + bytes(60),
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(60),
}


def said(report):
    return [(it.key, it.code, it.verdict) for it in report.findings]


def codes(report, verdict):
    return {it.code for it in report.findings if it.verdict == verdict}


@pytest.mark.parametrize("stray", [encoded(1, "PNG"), npy(1), datum(pixels(1), 1)], ids=["png", "npy", "datum"])
@pytest.mark.parametrize("count", [40, 2000])
def test_a_few_strays_make_no_store_of_theirs(tmp_path, stray, count):
    records = {key(at): stray if at % (count // 4) == 5 else raw(at) for at in range(count)}
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert (report.bad, report.suspicious, report.status) == (0, 0, 3)
    assert report.profile.families["#"].decoder == UNKNOWN
    assert report.unverifiable >= count - 4


def test_below_half_each_value_is_judged_by_its_own_magic(tmp_path):
    records = {key(at): encoded(at) if at % 2 else b"%PDF-1.7 " + floats(at).tobytes() for at in range(60)}
    records[key(7)] = encoded(7)[:300]
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert [it for it in said(report) if it[0]] == [("00000007", "truncated", "bad")]
    family = report.profile.families["#"]
    assert (family.decoder, sorted(family.kinds)) == (UNKNOWN, ["picture", UNKNOWN])
    assert report.unverifiable == 30


def test_two_kinds_of_equal_number_are_both_sound(tmp_path):
    records = {key(at): encoded(at) if at % 2 else npy(at) for at in range(60)}
    assert datacheck.scan(write_lmdb(tmp_path / "env", records)).status == 0


def test_what_most_are_may_be_broken_in_many(tmp_path):
    records = {key(at): encoded(at) if at % 5 < 3 else bytes(50) for at in range(100)}
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert (report.bad, codes(report, "bad")) == (40, {"undecodable"})


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("usual", [encoded, npy, lambda at: datum(pixels(at), at % 10)], ids=["jpeg", "npy", "datum"])
def test_a_known_format_that_is_not_decoded_is_not_called_broken(tmp_path, what, usual):
    records = {key(at): usual(at) for at in range(40)} | {key(13): FOREIGN[what]}
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert said(report) == [("00000013", "unknown-payload", "unverifiable")]


@pytest.mark.parametrize(
    "broken", [bytes(900), b"\xff" * 900, pixels(5, (900,)).tobytes(), b"x\x9c" + b"\xff" * 99, b"some words"]
)
def test_zeros_and_random_bytes_and_words_among_pictures_are_broken(tmp_path, broken):
    records = {key(at): encoded(at) for at in range(40)} | {key(13): broken}
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert said(report) == [("00000013", "undecodable", "bad")]


def test_what_another_decoder_reads_is_of_another_format(tmp_path):
    records = {key(at): encoded(at) for at in range(40)} | {key(13): npy(1), key(17): npy(2)[:-3]}
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert said(report) == [
        ("00000013", "wrong-format", "suspicious"),
        ("00000017", "wrong-format", "suspicious"),
        ("00000017", "truncated", "bad"),
    ]
    assert next(iter(report.findings)).message == "readable as .npy arrays, most others are pictures"


def test_a_decoder_that_was_named_is_the_only_one(tmp_path):
    records = {key(at): datum(pixels(at), at % 10) for at in range(40)} | {key(13): encoded(1)}
    report = datacheck.scan(write_lmdb(tmp_path / "env", records), decoder="datum")
    assert said(report) == [("00000013", "undecodable", "bad")]


def test_a_grey_picture_among_colour_ones_is_suspicious(tmp_path):
    records = {key(at): encoded(at) for at in range(40)} | {key(13): encoded(1, shape=(24, 30, 1))}
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert said(report) == [("00000013", "wrong-format", "suspicious")]
    assert next(iter(report.findings)).message == "JPEG grey, most others are JPEG colour"


@pytest.mark.parametrize("share", [2, 3, 40])
def test_grey_pictures_alone_or_half_of_all_are_not(tmp_path, share):
    records = {key(at): encoded(at, shape=(24, 30, 1 if at % share else 3)) for at in range(2, 40)}
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert said(report) == []


def test_grey_and_alpha_of_16_bits_are_two_channels(tmp_path):
    header = struct.pack(">IIBBBBB", 4, 3, 16, 4, 0, 0, 0)
    rows = b"".join(b"\0" + struct.pack(">8H", *range(at, at + 8 * 999, 999)) for at in range(3))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))  # noqa: E731
    value = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    report = datacheck.scan(write_lmdb(tmp_path / "env", {key(at): value for at in range(20)}))
    assert report.status == 0
    assert report.profile.families["#"].fields["data"].shape == (2, 3, 4)


def beside(tmp_path, name, values, **options):
    """Return the report of pictures with a text, a number or a byte beside each."""
    records = {b"image-%05d" % at: encoded(at) for at in range(len(values))}
    records |= {b"%s-%05d" % (name.encode(), at): value for at, value in enumerate(values)}
    tmp_path.mkdir(exist_ok=True)
    return datacheck.scan(write_lmdb(tmp_path / "env", records), **options)


@pytest.mark.parametrize("share", [2, 10, 50])
@pytest.mark.parametrize("name", ["label", "caption"])
def test_numbers_among_words_are_words(tmp_path, share, name):
    values = [b"57A1" if at % share == 0 else b"%d" % (1000 + at) for at in range(100)]
    report = beside(tmp_path, name, values)
    assert (said(report), report.status) == ([], 0)


def test_a_word_called_nan_is_a_word_and_a_number_called_nan_is_none(tmp_path):
    words = [b"nan" if at == 7 else b"word %d" % at if at % 2 else b"%d" % at for at in range(60)]
    assert said(beside(tmp_path / "words", "text", words)) == []
    numbers = [b"nan" if at == 7 else b"-inf" if at == 9 else b"%f" % (at / 3) for at in range(60)]
    report = beside(tmp_path / "numbers", "angle", numbers)
    assert said(report) == [("angle-00007", "nan", "bad"), ("angle-00009", "inf", "bad")]
    assert said(beside(tmp_path / "allowed", "angle", numbers, allow_nan=["data"])) == [("angle-00009", "inf", "bad")]
    labels = beside(tmp_path / "labels", "label", numbers)
    assert said(labels) == [("label-00007", "label", "bad"), ("label-00009", "label", "bad")]


def test_numbers_beside_pictures_are_no_pixels(tmp_path):
    report = beside(tmp_path, "time", [b"%d" % (1690000000 + at) for at in range(60)], range=(0, 255))
    assert (said(report), report.status) == ([], 0)
    assert report.statistics["data"].max == 255


@pytest.mark.parametrize("name", ["label", "y", "target", "cls", "gt"])
@pytest.mark.parametrize("form", ["decimal", "byte", "text"])
def test_labels_of_every_kind_are_bounded(tmp_path, name, form):
    values = [at % 10 for at in range(80)]
    values[33], values[40] = 99, 12
    spelled = [bytes([it]) if form == "byte" else b"%d" % it for it in values]
    if form == "text":
        spelled = [b"one" if at % 3 == 0 else it for at, it in enumerate(spelled)]
    options = {"label_field": "gt"} if name == "gt" else {}
    report = beside(tmp_path, name, spelled, labels=10, **options)
    bad = {it.key for it in report.findings if it.code == "label"}
    words = {f"{name}-{at:05d}" for at in range(0, 80, 3)} if form == "text" else set()
    assert bad == words | {f"{name}-00033", f"{name}-00040"}
    assert report.bad == len(bad)
    family = report.profile.families[f"{name}-#"]
    assert (family.decoder, family.label) == (form, True)


def test_single_bytes_beside_pictures_are_labels(tmp_path):
    report = beside(tmp_path, "label", [bytes([at % 10]) for at in range(80)])
    assert (report.status, said(report)) == (0, [])
    assert report.statistics["label"].counts == {str(label): 8 for label in range(10)}


def test_texts_of_one_letter_are_texts(tmp_path):
    report = beside(tmp_path, "label", [b"%c" % (65 + at % 26) for at in range(80)])
    assert (report.status, report.profile.families["label-#"].decoder) == (0, "text")


@pytest.mark.parametrize(
    ("name", "every", "verdict"), [("caption", 30, "suspicious"), ("caption", 3, "bad"), ("label", 30, "bad")]
)
def test_an_empty_text_may_be_meant_where_few_are(tmp_path, name, every, verdict):
    report = beside(tmp_path, name, [b"" if at % every == 0 else b"a word" for at in range(90)])
    assert {(it.code, it.verdict) for it in report.findings} == {("empty", verdict)}


def test_texts_alone_are_the_records(tmp_path):
    report = datacheck.scan(write_lmdb(tmp_path / "env", {key(at): b"a word" for at in range(40)}))
    assert (report.status, said(report), report.profile.families["#"].decoder) == (0, [], "text")


def test_two_families_have_two_decoders(tmp_path):
    records = {b"rgb-%04d" % at: encoded(at) for at in range(60)} | {b"depth-%04d" % at: npy(at) for at in range(60)}
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert report.status == 0
    assert {name: it.decoder for name, it in report.profile.families.items()} == {"depth-#": "npy", "rgb-#": "picture"}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_number_of_few_values_is_part_of_the_name(tmp_path, workers):
    def sized(at, size):
        return datum(pixels(at, (3, size, size)), at % 10)

    records = {b"%d-%05d" % (size, at): sized(at, size) for size in (8, 16) for at in range(60)}
    records[b"8-00030"] = sized(30, 16)
    report = datacheck.scan(write_lmdb(tmp_path / "env", records), workers=workers)
    assert said(report) == [("8-00030", "shape", "bad")]
    assert sorted(report.profile.families) == ["16-#", "8-#"]


def test_large_records_are_sampled_sparingly_and_spread_evenly(tmp_path):
    large = b"\xff\xd8\xff" + bytes(700_000)
    records = {key(at): large for at in range(120)}
    family = datacheck.scan(write_lmdb(tmp_path / "env", records), timeout=60).profile.families["#"]
    assert 16 <= family.kinds["picture"] <= 40


def test_each_family_has_enough_values_though_the_records_are_large(tmp_path):
    sizes = {b"a": 300_000, b"b": 300_000, b"c": 300_000, b"d": 300_000, b"n": 10}
    records = {b"%05d-%s" % (at, name): b"\x80" * size for at in range(60) for name, size in sizes.items()}
    profile = datacheck.scan(write_lmdb(tmp_path / "env", records)).profile
    assert {name: it.sampled >= 16 for name, it in profile.families.items()} == {f"#-{it}": True for it in "abcdn"}


def look(name, kind="picture", size=9):
    return Look(None, name, size, kind)


def test_families_of_looks_are_within_their_database():
    seen = [look(b"a1"), look(b"a2"), Look("train", b"a3", 9, "npy")]
    assert families_of(seen) == ["a#", "a#", "train:a#"]


def test_a_family_of_few_values_among_many_is_none_of_the_profile():
    assert main_families(["a"] * 95 + ["b"] * 4 + ["c"]) == ["a", "b"]
    assert main_families(["a"] * 2000 + ["b"] * 16 + ["c"] * 15) == ["a", "b"]
    assert too_few(["a"] * 95 + ["b"] * 4 + ["c"]) == {"b"}


@pytest.mark.parametrize(
    ("kinds", "elected"),
    [
        ({"picture": 51, UNKNOWN: 49}, "picture"),
        ({"picture": 50, UNKNOWN: 50}, UNKNOWN),
        ({"picture": 40, "npy": 30, UNKNOWN: 30}, UNKNOWN),
        ({"picture": 2, "empty": 98}, "picture"),
        ({"empty": 9}, UNKNOWN),
        ({"text": 30, "decimal": 30, UNKNOWN: 40}, "text"),
        ({"decimal": 99, "text": 1}, "decimal"),
        ({"decimal": 90, "text": 10}, "text"),
        ({}, UNKNOWN),
    ],
)
def test_more_than_half_decide(kinds, elected):
    seen = [look(b"k", kind, 0 if kind == "empty" else 9) for kind, count in kinds.items() for _ in range(count)]
    assert elect(seen, None).decoder == elected
    assert elect(seen, "npy").decoder == "npy"


def test_the_profile_does_not_depend_on_the_workers(tmp_path):
    records = {b"image-%05d" % at: pictures()[at % 3] for at in range(200)}
    records |= {b"label-%05d" % at: b"%d" % (at % 7) for at in range(200)}
    path = write_lmdb(tmp_path / "env", records)
    assert datacheck.scan(path, workers=1).profile == datacheck.scan(path, workers=2).profile


class Apart:
    """A reader that yields one record per block."""

    def blocks(self, probe, *, limit):
        for at, size in enumerate((100, 100, 500, 100)):
            yield Block([key(at)], [bytes(size)])


@pytest.mark.parametrize(
    ("limit", "room", "sizes"), [(16, 1000, [100, 100, 500, 100]), (2, 1000, [100, 100]), (16, 300, [100, 100])]
)
def test_a_sample_is_the_first_records_whatever_the_blocks(limit, room, sizes):
    block = first_records(Apart(), Shard(), limit, room)
    assert [len(it) for it in block.values] == sizes


def test_a_record_in_two_wrappers_that_is_cut_is_broken_and_no_slip_of_ours(tmp_path):
    values = [gzip.compress(zlib.compress(npy(at), 0), mtime=0) for at in range(32)]
    values[7] = values[7][:-1]
    report = datacheck.scan(write_lmdb(tmp_path / "store", {key(at): it for at, it in enumerate(values)}), workers=1)
    assert [(it.index, it.code, it.verdict) for it in report.findings] == [(7, "truncated", "bad")]
