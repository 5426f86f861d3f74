"""Test that wrapped payloads keep the contract of decoders, and are named with their wrappers."""

import gzip
import zlib

import cramjam
import numpy as np
import pytest
from building import floats, npy, pictures

import datacheck
from datacheck.decoders import decoder, is_decoder, kind, payload, rank
from datacheck.decoders.wrappers import decoder as wrapped_decoder
from datacheck.reporting.summary import text
from datacheck.testing.decoders import DecoderContract, write_lmdb


class TestZlibNpy(DecoderContract):
    decoder = "zlib+npy"

    def payloads(self):
        return [zlib.compress(npy(floats(number, (3, 5)))) for number in range(5)]


class TestGzipPicture(DecoderContract):
    decoder = "gzip+picture"

    def payloads(self):
        return [gzip.compress(it) for it in pictures()[:4]]


class TestZstdZlibNpy(DecoderContract):
    decoder = "zstd+zlib+npy"

    def payloads(self):
        return [bytes(cramjam.zstd.compress(zlib.compress(npy(floats(number, (3, 5)))))) for number in range(5)]


def scan(path, values, **options):
    return datacheck.scan(write_lmdb(path, values), workers=1, **options)


def test_a_nan_inside_is_found_and_a_broken_wrapper_too(tmp_path):
    values = [floats(number, (20, 5)) for number in range(40)]
    values[7][1, 2] = np.nan
    packed = [zlib.compress(npy(it)) for it in values]
    packed[9] = packed[9][:-30]
    flip = bytearray(packed[11])
    flip[-2] ^= 1
    packed[11] = bytes(flip)
    packed[13] = zlib.compress(b"")
    report = scan(tmp_path / "store", packed)
    said = {(it.key, it.code) for it in report.findings}
    assert said == {("00000007", "nan"), ("00000009", "truncated"), ("00000011", "checksum"), ("00000013", "empty")}
    assert report.source.decoder == "zlib+npy"
    assert "zlib of .npy arrays" in text(report).splitlines()[0]


def test_a_wrapper_around_what_nobody_knows_is_checked_and_undecided(tmp_path):
    packed = [gzip.compress(bytes([200, 1, 2, number]) * 50) for number in range(20)]
    report = scan(tmp_path / "store", packed)
    assert report.status == 3
    assert {it.code for it in report.findings} == {"unknown-payload"}
    report = scan(tmp_path / "cut", [*packed, packed[0][:-4]])
    assert [it.code for it in report.findings if it.verdict == "bad"] == ["truncated"]


def test_a_wrapped_decoder_can_be_asked_for(tmp_path):
    packed = [zlib.compress(npy(floats(number))) for number in range(4)]
    assert scan(tmp_path / "store", packed, decoder="zlib+npy").status == 0
    assert scan(tmp_path / "other", packed, decoder="gzip+npy").status == 1
    for name in ("zlib+rows", "zlib+no", "no+npy", "zlib+", "+npy", "zlib+zlib+zlib+npy"):
        assert not is_decoder(name)
        with pytest.raises(datacheck.UsageError, match="no decoder is called"):
            datacheck.scan(tmp_path / "store", decoder=name)


def test_names_of_wrapped_payloads():
    assert payload("zlib+npy").title == f"zlib of {payload('npy').title}"
    assert rank("zlib+npy") == rank("npy") < rank("text") < rank("zlib+unknown")
    assert decoder("zlib+npy") is decoder("zlib+npy")


def test_two_wrappers_are_peeled_and_a_third_is_not():
    value = npy(floats(1))
    once, twice = zlib.compress(value), gzip.compress(zlib.compress(value))
    assert (kind(once), kind(twice)) == ("zlib+npy", "gzip+zlib+npy")
    assert kind(gzip.compress(twice)) == "gzip+gzip+unknown"


def test_records_are_unpacked_in_pieces_of_bounded_size(monkeypatch):
    monkeypatch.setattr(wrapped_decoder, "TOGETHER", 100)
    contract = TestZlibNpy()
    contract.test_a_block_is_decoded_as_its_records_are_one_by_one()
    contract.test_any_of_the_records_may_be_asked_for()


def test_a_bomb_is_one_finding_and_the_next_record_is_read(tmp_path):
    bomb = zlib.compress(npy(np.zeros(1 << 26, np.float64)), 1)
    report = scan(tmp_path / "store", [*(zlib.compress(npy(floats(number))) for number in range(8)), bomb])
    assert [(it.key, it.code, it.verdict) for it in report.findings if it.code != "constant"] == [
        ("00000008", "too-large", "unverifiable")
    ]
