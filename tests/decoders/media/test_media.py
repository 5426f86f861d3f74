"""Test containers of sound and video: sound ones, and ones with one thing broken."""

import random
import struct

import pytest
from building import pictures
from media_building import box, element, flac, mkv, mp4, ogg, wav

import datacheck
from datacheck.decoders import decoder
from datacheck.decoders.media.crc import Crc, crc32_from_the_top
from datacheck.decoders.media.decoder import WALKS, media_kind
from datacheck.reporting.summary import text
from datacheck.testing.decoders import write_lmdb

MAKE = {"wav": wav, "flac": flac, "ogg": ogg, "mp4": mp4, "mkv": mkv}


def codes(name, value):
    return [it.code for it in WALKS[name][1](value)]


@pytest.mark.parametrize("name", MAKE)
def test_a_sound_file_has_no_findings(name):
    for value in (MAKE[name](), memoryview(MAKE[name](5))):
        assert media_kind(value) == name
        assert codes(name, value) == []


@pytest.mark.parametrize("name", MAKE)
def test_a_file_cut_anywhere_is_bad(name):
    value = MAKE[name]()
    for at in range(1, len(value)):
        assert any(it.verdict == "bad" for it in WALKS[name][1](value[:at])), at


@pytest.mark.parametrize("name", MAKE)
def test_flipped_and_random_bytes_raise_nothing(name):
    chance = random.Random(14)
    value = MAKE[name]()
    for _ in range(500):
        changed = bytearray(value)
        for _ in range(chance.randrange(1, 5)):
            changed[chance.randrange(len(value))] = chance.randrange(256)
        decoder(name).knows(bytes(changed))
        codes(name, bytes(changed))
        assert codes(name, chance.randbytes(chance.randrange(1, 100))) == ["undecodable"]


@pytest.mark.parametrize(("name", "start"), [("flac", 51), ("ogg", 0)])
def test_every_flipped_bit_that_a_checksum_covers_is_found(name, start):
    value = MAKE[name]()
    chance = random.Random(15)
    for _ in range(500):
        changed = bytearray(value)
        changed[chance.randrange(start, len(value))] ^= 1 << chance.randrange(8)
        assert any(it.verdict == "bad" for it in WALKS[name][1](bytes(changed)))


@pytest.mark.parametrize("name", MAKE)
def test_bytes_behind_the_end(name):
    rest = b"TAG" + bytes(125) if name == "flac" else b"\0\1\2\3" * 8
    assert codes(name, MAKE[name]() + rest) == ["trailing-data"]


def test_remainders_are_those_of_the_catalogue():
    """The check values are from Greg Cook's catalogue of CRC algorithms."""
    assert Crc(0x8005, 16).checksum(b"123456789") == 0xFEE8
    assert Crc(0x07, 8).checksum(b"123456789") == 0xF4
    assert crc32_from_the_top(b"123456789") == Crc(0x04C11DB7, 32).checksum(b"123456789") == 0x89A1897F
    data = random.Random(1).randbytes(5000)
    for size in (0, 1, 63, 64, 65, 128, 4999):
        assert Crc(0x04C11DB7, 32).checksum(data[:size]) == crc32_from_the_top(data[:size])


def test_wav_files_whose_sizes_do_not_add_up():
    value = wav()
    assert codes("wav", value[:40] + b"\xff\xff\xff\x7f" + value[44:]) == ["truncated"]
    assert codes("wav", wav(frames=0)) == ["empty"]
    assert codes("wav", value[:36]) == ["truncated"]
    assert codes("wav", b"RIFF\x04\0\0\0WAVE") == ["undecodable"]
    odd = bytearray(wav(width=2, channels=1))
    odd[40:44] = struct.pack("<I", 99)
    odd[4:8] = struct.pack("<I", len(odd) - 9)
    (finding,) = WALKS["wav"][1](bytes(odd))
    assert (finding.code, finding.verdict) == ("size-mismatch", "suspicious")


def test_wav_files_written_to_a_pipe_do_not_know_their_sizes():
    value = wav()
    for size in (b"\xff\xff\xff\xff", b"\0\0\0\0"):
        assert codes("wav", value[:4] + size + value[8:40] + b"\xff\xff\xff\xff" + value[44:]) == []


def test_a_wav_file_without_a_format_cannot_be_decoded():
    value = wav()
    assert value[12:16] == b"fmt "
    gone = value[:12] + b"junk" + value[16:]
    (finding,) = WALKS["wav"][1](gone)
    assert (finding.code, finding.message) == ("undecodable", "a wav file without a format chunk")


def test_wav_files_of_more_than_32_bits():
    value = wav()
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, len(value) + 36 - 8, len(value) - 44, 50, 0)
    wide = b"RF64\xff\xff\xff\xffWAVE" + ds64 + value[12:40] + b"\xff\xff\xff\xff" + value[44:]
    assert codes("wav", wide) == []
    assert codes("wav", wide[:-7]) == ["truncated"]


def test_flac_files_with_samples_missing_or_a_frame_broken():
    assert codes("flac", flac(samples=1000)) == ["truncated"]
    assert codes("flac", flac(frames=0, samples=0)) == ["empty"]
    assert codes("flac", flac(frames=0, samples=5)) == ["truncated"]
    assert codes("flac", flac(samples=0)) == []
    value = bytearray(flac())
    value[200] ^= 1
    assert codes("flac", bytes(value)) == ["checksum"]


def test_flac_frames_that_hold_what_looks_like_a_frame():
    head = b"\xff\xf8\x14\x08\x09"
    fake = head + bytes([Crc(0x07, 8).checksum(head)])
    value = flac(frames=1)
    start = value.index(b"\xff\xf8\x14\x08\x00")
    frame = bytearray(value[start:-2])
    frame[50:56] = fake
    frame += Crc(0x8005, 16).checksum(bytes(frame)).to_bytes(2, "big")
    assert codes("flac", value[:start] + bytes(frame)) == []


def test_ogg_pages_that_are_missing():
    value = ogg()
    size = len(value) // 4
    assert codes("ogg", value[:size] + value[2 * size :]) == ["undecodable"]
    assert codes("ogg", value[size:]) == ["undecodable"]
    assert codes("ogg", value[: 3 * size]) == ["truncated"]
    assert codes("ogg", value + ogg(serial=8)) == []
    changed = bytearray(value)
    changed[200] ^= 1
    assert codes("ogg", bytes(changed)) == ["checksum"]


def test_mp4_files_without_an_index_or_with_chunks_beyond_their_end():
    head, data = box(b"ftyp", b"isom", bytes(4)), box(b"mdat", bytes(100))
    assert codes("mp4", head + data) == ["truncated"]
    assert codes("mp4", head + box(b"moov", box(b"mvhd", bytes(100)))) == ["truncated"]
    assert codes("mp4", mp4(offsets=(40, 10_000))) == ["truncated"]
    assert codes("mp4", head + data + box(b"moov", box(b"trak", struct.pack(">I", 500) + b"tkhd"))) == ["undecodable"]
    stco = box(b"stco", struct.pack(">II", 0, 1 << 31))
    assert codes("mp4", head + data + box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", stco)))))) == [
        "undecodable"
    ]


def test_mp4_boxes_of_64_bits_and_to_the_end_of_the_file():
    head, index = box(b"ftyp", b"isom", bytes(4)), box(b"moov", box(b"mvhd", bytes(100)))
    assert codes("mp4", head + index + b"\0\0\0\1mdat" + struct.pack(">Q", 16 + 50) + bytes(50)) == []
    assert codes("mp4", head + index + b"\0\0\0\0mdat" + bytes(50)) == []


def test_boxes_without_end_are_bounded():
    deep = b""
    for _ in range(10_000):
        deep = struct.pack(">I", 8) + b"free" + deep
    assert codes("mp4", box(b"ftyp", b"isom", bytes(4)) + deep * 8) == ["too-large"]


def test_a_million_of_anything_is_one_finding():
    head = element("1a45dfa3", element("4282", b"webm"))
    assert codes("mkv", head + element("18538067", b"\xec\x80" * 1_000_000)) == ["too-large"]
    assert codes("mkv", head + element("18538067", element("ec", bytes(1 << 21)), b"\xec\x80" * 10)) == ["truncated"]
    assert len(codes("flac", flac(frames=1)[:-5] + b"\xff\xf8" * 500_000)) == 1
    assert len(codes("flac", flac(frames=1)[:-5] + b"\xff\xf8\x14\x08\x00\x10" * 100_000)) == 1
    assert len(codes("wav", wav()[:12] + b"abcd\0\0\0\0" * 100_000)) == 1
    assert len(codes("ogg", b"OggS\0" + bytes(22) * 10_000)) == 1


def test_a_box_with_a_copyright_sign_in_its_name():
    whole = mp4() + box(b"\xa9nam", bytes(20))
    assert codes("mp4", whole) == []
    assert codes("mp4", whole[:-1]) == ["truncated"]


def test_still_pictures_in_boxes_are_no_video():
    for brand in (b"avif", b"heic", b"mif1"):
        assert media_kind(mp4(brand=brand)) is None


def test_matroska_of_unknown_size_and_with_checksums():
    assert codes("mkv", mkv(unknown=True)) == []
    assert codes("mkv", mkv(checked=True)) == []
    value = mkv(checked=True)
    assert codes("mkv", value.replace(b"\x0f\x42\x40", b"\x0f\x42\x41")) == ["checksum"]
    head = element("1a45dfa3", element("4282", b"webm"))
    assert codes("mkv", head + element("18538067", element("1654ae6b", bytes(4)))) == ["truncated"]
    assert codes("mkv", head + element("18538067", element("12345678", bytes(4)))) == ["undecodable"]
    assert codes("mkv", head + element("1c53bb6b")) == ["undecodable"]


def test_the_headline_says_that_samples_are_not_decoded(tmp_path):
    report = datacheck.scan(write_lmdb(tmp_path / "store", [wav(it) for it in range(8)]), workers=1)
    assert report.status == 0
    assert "wav files (structure checked, samples not decoded)," in text(report).splitlines()[0]


def test_video_among_pictures_is_another_format_and_not_broken(tmp_path):
    values = [*pictures()[:4] * 5, mp4(), mp4()[:300]]
    report = datacheck.scan(write_lmdb(tmp_path / "store", values), workers=1)
    said = {(it.key, it.code, it.verdict) for it in report.findings if it.key and int(it.key) >= 20}
    other = {(name, "wrong-format", "suspicious") for name in ("00000020", "00000021")}
    assert said == other | {("00000021", "truncated", "bad")}
