"""Test long texts of one size in records that are decoded together; some are bytes spelled in letters."""

import pickle

import msgpack
import numpy as np
import pytest
from decoding_together import compared

from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.trees.msgpack_decoder import MsgpackDecoder

PROSE = ("the quick brown fox jumps over the lazy dog " * 6)[:200]
PATH = ("/srv/data/pictures/of-many-dogs/" * 8)[:200]
DIGITS = np.random.default_rng(0).bytes(100).hex()


@pytest.mark.parametrize(("decoder", "pack"), [(PickleDecoder(), pickle.dumps), (MsgpackDecoder(), msgpack.packb)])
@pytest.mark.parametrize("size", [1, 5000])
def test_bytes_spelled_in_letters_are_read_by_themselves(decoder, pack, size):
    records = [pack({"text": it, "more": "y " * size}) for it in (*[PROSE] * 6, PATH, DIGITS)]
    assert compared(decoder, records) == 7
    assert [it.code for it in decoder.read(records[-1], None).findings] == ["unknown-payload"]
