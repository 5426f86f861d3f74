"""Test that no payload with a magic is missed because of how its base64 begins."""

import base64
import json

import pytest

from datacheck.decoders.pictures.picture import MAGIC
from datacheck.decoders.trees.json_text import JsonDecoder
from datacheck.decoders.trees.within import FIRST_LETTERS, base64_in
from datacheck.decoders.wrappers.table import FIRST_BYTES, has_known_magic

HEADS = (
    *(magic for magic, _ in MAGIC),
    b"RIFF\0\0\0\0WEBPVP8 ", b"RIFF\0\0\0\0WAVEfmt ", b"RIFF\0\0\0\0AVI LIST", b"RF64\0\0\0\0WAVEds64",
    b"BM" + bytes(12) + b"\x28\0\0\0", b"\x93NUMPY\1\0", b"PK\3\4", b"\x80\2}", b"\x80\5\x95", b"\x1f\x8b\x08\0",
    b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18\x60", b"BZh91AY&SY", b"\xfd7zXZ\0",
    b"\x5d\0\0\x80\0" + b"\xff" * 8 + bytes(9),
    b"fLaC\0\0\0\x22", b"OggS\0\2", b"\x1a\x45\xdf\xa3", b"ID3\3\0", b"\0\0\0\x20ftypisom",
)  # fmt: skip


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_every_magic_is_found_in_base64(encode):
    for head in HEADS:
        text = encode(head.ljust(48, b"\0")).decode()
        assert (has_known_magic(head.ljust(48, b"\0")), text[:2] in FIRST_LETTERS) == (True, True), head
        assert base64_in(text), head


def test_each_first_byte_belongs_to_a_magic():
    assert {head[:1] for head in HEADS} >= FIRST_BYTES


def test_a_text_of_less_than_a_payload_is_a_text():
    reading = JsonDecoder().read(json.dumps({"a": "/9j/4AAQSkZJRg==", "b": "AAAA" * 20}).encode(), None)
    assert (reading.findings, [it.format for it in reading.fields]) == ([], ["text", "text"])
