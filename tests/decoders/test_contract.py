"""Test that every row of DECODERS keeps the contract of decoders."""

import io
import json
import pickle

import h5py
import msgspec
import numpy as np
import pytest
from archive_building import npz, safetensors, torch_save
from building import datum, floats, pictures, pixels
from media_building import flac, mkv, mp4, ogg, wav
from message_building import annotated_datum, arrow_stream, audio_example, tensor, tensor_protos, tf_example
from msgpack_building import packed
from PIL import Image

import datacheck
from datacheck.decoders import DECODERS, decoder, value_decoders
from datacheck.decoders.wrappers.table import peel_once
from datacheck.model.blocks import RowBlock
from datacheck.model.settings import Array
from datacheck.scanning.profile.profiling import sums_of_values
from datacheck.testing.decoders import FOREIGN, BlockContract, DecoderContract, block_of, write_lmdb


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
        return len(payload) - 2, len(payload) - 4  # without `encoded`, and also without the label before it


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


class TestNpz(DecoderContract):
    decoder = "npz"

    def payloads(self):
        return [npz(number % 2 == 1, x=floats(number, (3, 5)), y=np.array(number)) for number in range(5)]


class TestTorch(DecoderContract):
    decoder = "torch"

    def payloads(self):
        return [torch_save({"x": floats(number, (3, 5)), "y": number}) for number in range(5)]


class TestSafetensors(DecoderContract):
    decoder = "safetensors"

    def payloads(self):
        return [safetensors({"x": floats(number, (3, 5)), "z": floats(number, (4,))}) for number in range(5)]


class TestWav(DecoderContract):
    decoder = "wav"

    def payloads(self):
        return [wav(number) for number in range(5)]


class TestFlac(DecoderContract):
    decoder = "flac"

    def payloads(self):
        return [flac(number) for number in range(5)]


class TestOgg(DecoderContract):
    decoder = "ogg"

    def payloads(self):
        return [ogg(number) for number in range(5)]


class TestMp4(DecoderContract):
    decoder = "mp4"

    def payloads(self):
        return [mp4(number) for number in range(5)]


class TestMkv(DecoderContract):
    decoder = "mkv"

    def payloads(self):
        return [mkv(number) for number in range(5)]


class TestTensorProtos(DecoderContract):
    decoder = "tensorprotos"

    def payloads(self):
        return [tensor_protos(tensor(floats(number, (3, 4))), tensor([number], 2)) for number in range(5)]

    def sound_cuts(self, payload):
        return (len(payload) - len(tensor_protos(tensor([1], 2))),)


class TestAudioExample(DecoderContract):
    decoder = "audio-example"

    def payloads(self):
        return [audio_example(pixels(number, (2, 40)).astype("<i2"), metadata={"n": "5"}) for number in range(5)]

    def sound_cuts(self, payload):
        return (len(payload) - 8,)


class TestAnnotatedDatum(DecoderContract):
    decoder = "annotated-datum"

    def payloads(self):
        boxes = [(0.25, 0.25, 0.5, 0.75)]
        return [annotated_datum(datum(pixels(it, (3, 4, 5)), 0), (it, boxes)) for it in range(1, 6)]

    def sound_cuts(self, payload):
        group = len(payload) - len(annotated_datum(b"", (1, [(0.25, 0.25, 0.5, 0.75)]), kind=None)) + 2
        return group, group - 2


class TestTfExample(DecoderContract):
    decoder = "tf-example"

    def payloads(self):
        return [tf_example(x=floats(number, (7,)), label=[number]) for number in range(5)]


class TestArrow(DecoderContract):
    decoder = "arrow"

    def payloads(self):
        pytest.importorskip("pyarrow", reason="pyarrow, which reads Arrow streams, is not installed")
        return [arrow_stream(x=floats(number, (8,)), label=[number] * 8) for number in range(5)]

    def sound_cuts(self, payload):
        return (len(payload) - 8,)  # without the end mark, which a writer may leave out


class TestMsgpack(DecoderContract):
    decoder = "msgpack"

    def payloads(self):
        return [packed({"name": f"a{number}", "x": floats(number, (3, 5)), "label": number}) for number in range(5)]


class TestJson(DecoderContract):
    decoder = "json"

    def payloads(self):
        return [json.dumps({"x": floats(number).tolist(), "label": number}).encode() for number in range(5)]


class TestPickle(DecoderContract):
    decoder = "pickle"

    def payloads(self):
        return [pickle.dumps({"x": floats(number, (3, 4)), "y": number, "s": "text"}) for number in range(5)]


class TestPickleOfProtocol0(DecoderContract):
    decoder = "pickle"

    def payloads(self):
        return [pickle.dumps({"x": floats(number, (3, 2)), "y": number}, 0) for number in range(5)]


class TestPickleOfPictures(DecoderContract):
    decoder = "pickle"

    def payloads(self):
        return [pickle.dumps(([picture(number, "PNG")], np.array([number]))) for number in range(5)]


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


class TestRaw(BlockContract):
    decoder = "raw"

    def block(self):
        return block_of([floats(number, (3, 5)).astype("f4").tobytes() for number in range(6)])

    def family(self, block):
        array = Array("f4", (3, 5))
        sums = sums_of_values(block.values, "raw", pixels=True, array=array)
        return msgspec.structs.replace(sums.profile("raw", len(block)), array=array)

    def write(self, path):
        return write_lmdb(path, self.block().values)

    def scan(self, path):
        return datacheck.scan(path, workers=1, array="f4:3,5")

    def test_a_value_cut_anywhere_is_bad(self):
        value = self.block().values[0]
        block = block_of([value[:at] for at in range(len(value))])
        items = self.decoded(block, range(len(block)), self.family(self.block()))
        assert [row for row, _ in items] == list(range(len(value)))

    def test_a_block_with_faults_is_decoded_as_its_records_are_one_by_one(self):
        sound = self.block().values
        self.compare(block_of([*sound, sound[0][:-1], sound[1] + b"\0", *FOREIGN, *sound]), self.family(self.block()))


def test_a_decoder_of_rows_is_no_decoder_of_values(tmp_path):
    store = write_lmdb(tmp_path / "store", [b"%d" % number for number in range(20)])
    with pytest.raises(datacheck.UsageError, match=r"the decoder rows is not for keys and values; there are picture,"):
        datacheck.scan(store, decoder="rows", workers=1)


def test_every_decoder_is_held_to_the_contract():
    classes = [it for it in globals().values() if isinstance(it, type) and issubclass(it, BlockContract)]
    assert {it.decoder for it in classes if hasattr(it, "decoder")} == set(DECODERS)


def contracts():
    classes = [it for it in globals().values() if isinstance(it, type) and issubclass(it, DecoderContract)]
    return [it for it in classes if hasattr(it, "decoder")]


@pytest.mark.parametrize("contract", contracts(), ids=lambda it: it.__name__)
def test_a_sound_payload_is_claimed_by_its_own_decoder_alone(contract):
    """JSON and decimal numbers are also texts, but text comes last; nothing sound is taken for compressed."""
    for payload in contract().payloads():
        claimants = [name for name in value_decoders() if decoder(name).knows(payload)]
        assert [name for name in claimants if name != "text" or claimants == ["text"]] == [contract.decoder]
        assert peel_once(payload) is None
