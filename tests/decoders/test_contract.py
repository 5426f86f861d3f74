"""Every row of DECODERS keeps the contract of decoders."""

import io

import h5py
import numpy as np
import pytest
from building import datum, floats, pictures, pixels
from PIL import Image

import datacheck
from datacheck.decoders import DECODERS
from datacheck.model.blocks import RowBlock
from datacheck.testing.decoders import BlockContract, DecoderContract, write_lmdb


def picture(number, form, **options):
    file = io.BytesIO()
    Image.fromarray(pixels(number, (24, 20, 3))).save(file, form, **options)
    return file.getvalue()


class TestJpeg(DecoderContract):
    decoder = "picture"

    def payloads(self):
        return [picture(number, "JPEG") for number in range(5)]


class TestPhotos(DecoderContract):
    decoder = "picture"

    def payloads(self):
        return pictures()[:4]


class TestPng(DecoderContract):
    decoder = "picture"

    def payloads(self):
        return [picture(number, "PNG") for number in range(5)]


class TestNpy(DecoderContract):
    decoder = "npy"

    def payloads(self):
        for number in range(5):
            file = io.BytesIO()
            np.save(file, floats(number, (3, 5)))
            yield file.getvalue()


class TestRawDatum(DecoderContract):
    decoder = "datum"

    def payloads(self):
        return [datum(pixels(number, (3, 4, 5)), number) for number in range(5)]

    def sound_cuts(self, payload):
        return len(payload) - 2, len(payload) - 4  # without `encoded`, and without the label before it


class TestFloatDatum(DecoderContract):
    decoder = "datum"

    def payloads(self):
        return [datum(floats(number, (2, 3, 3)), number, packed=True) for number in range(5)]

    def sound_cuts(self, payload):
        return (len(payload) - 2,)


class TestEncodedDatum(DecoderContract):
    decoder = "datum"

    def payloads(self):
        return [datum(picture(number, "PNG"), number, encoded=True) for number in range(5)]


class TestDecimal(DecoderContract):
    decoder = "decimal"

    def payloads(self):
        return [b"%d.25" % number for number in range(10, 15)]

    def sound_cuts(self, payload):
        return range(1, len(payload))


class TestText(DecoderContract):
    decoder = "text"

    def payloads(self):
        return [b"a line of words, number %d\n" % number for number in range(5)]

    def sound_cuts(self, payload):
        return range(1, len(payload))


class TestByte(DecoderContract):
    decoder = "byte"

    def payloads(self):
        return [bytes([number]) for number in range(5)]


class TestRows(BlockContract):
    decoder = "rows"

    def block(self):
        columns = {"data": np.stack([floats(number) for number in range(6)]), "label": np.arange(6)}
        return RowBlock("/", range(10, 16), columns, labels=("label",))

    def write(self, path):
        with h5py.File(path, "w") as file:
            for name, values in self.block().columns.items():
                file[name] = values
        return path


def test_a_decoder_of_rows_is_no_decoder_of_values(tmp_path):
    store = write_lmdb(tmp_path / "store", [b"%d" % number for number in range(20)])
    with pytest.raises(datacheck.UsageError, match=r"the decoder rows is not for keys and values; there are picture,"):
        datacheck.scan(store, decoder="rows", workers=1)


def test_every_decoder_is_held_to_the_contract():
    classes = [it for it in globals().values() if isinstance(it, type) and issubclass(it, BlockContract)]
    assert {it.decoder for it in classes if hasattr(it, "decoder")} == set(DECODERS)
