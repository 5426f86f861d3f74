"""Test protobuf messages of other projects: sound ones, and ones with one thing broken."""

import random

import numpy as np
import pytest
from building import datum, floats, pictures
from message_building import (
    annotated_datum,
    audio_example,
    held,
    number,
    packed,
    single,
    tensor,
    tensor_protos,
    tf_example,
)

from datacheck.decoders import decoder
from datacheck.decoders.messages.wire import Broken, varints

BOXES = [(0.1, 0.2, 0.5, 0.6), (0.3, 0.3, 0.9, 0.8)]
PICTURE = datum(pictures()[0], -1, encoded=True)
SAMPLES = {
    "tensorprotos": tensor_protos(tensor(floats(1, (3, 4, 4))), tensor([7], 2)),
    "audio-example": audio_example(np.arange(100, dtype="<i2")[None], metadata={"path": "a.wav"}),
    "annotated-datum": annotated_datum(PICTURE, (5, BOXES)),
    "tf-example": tf_example(x=floats(1, (9,)), label=[3], name=b"a name"),
}


def read(name, value):
    return decoder(name).read(value, None)


def codes(name, value):
    return [(it.field, it.code) for it in read(name, value).findings]


def fields(name, value):
    reading = read(name, value)
    assert list(reading.findings) == []
    return {it.name: (it.values.dtype.str, it.values.tolist(), it.label) for it in reading.fields if it.values.size}


@pytest.mark.parametrize("name", SAMPLES)
def test_each_is_known_and_cut_is_truncated_or_less(name):
    value = SAMPLES[name]
    assert decoder(name).knows(value)
    assert decoder(name).knows(memoryview(value))
    assert codes(name, value[:-1])[0][1] == "truncated"


@pytest.mark.parametrize("name", SAMPLES)
def test_flipped_and_random_bytes_raise_nothing(name):
    chance = random.Random(14)
    for _ in range(1000):
        changed = bytearray(SAMPLES[name])
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        decoder(name).knows(bytes(changed))
        read(name, bytes(changed))
    for _ in range(1000):
        value = chance.randbytes(chance.randrange(1, 60))
        assert not decoder(name).knows(value) or name == "tf-example"
        read(name, value)


def test_numbers_of_any_length():
    values = [0, 1, 127, 128, 300, 1 << 20, 1 << 40, (1 << 63) - 1, -1, -(1 << 63)]
    assert varints(packed(values)).tolist() == values
    assert varints(packed([5, 6])).tolist() == [5, 6]
    assert varints(b"").tolist() == []
    for raw in (b"\x80", b"\x05\xff", b"\xff" * 11 + b"\x01"):
        with pytest.raises(Broken):
            varints(raw)


@pytest.mark.parametrize(
    ("kind", "values"),
    [(1, floats(1, (2, 3))), (13, floats(1, (2, 3)).astype("<f8")), (12, floats(1, (4,)).astype("<f2")),
     (2, np.array([1, -2, 300], "<i4")), (10, np.array([1 << 40, -1])),
     (6, np.arange(200, 216, dtype="u1").reshape(4, 4)),
     (3, np.arange(6, dtype="u1")), (7, np.array([-5, 5], "i1"))],
    ids=lambda it: str(it)[:20],
)  # fmt: skip
def test_tensors_of_every_data_type(kind, values):
    value = tensor_protos(tensor(values, kind), tensor(np.array([1]), 2))
    read_ = fields("tensorprotos", value)
    assert read_["[0]"] == (values.dtype.str, values.tolist(), False)


def test_the_second_tensor_is_the_label_and_names_are_paths():
    read_ = fields("tensorprotos", SAMPLES["tensorprotos"])
    assert read_["[1]"] == ("<i4", [7], True)
    named = tensor_protos(tensor(floats(1), name="data"), tensor([3], 2, "label"))
    assert list(fields("tensorprotos", named)) == ["data", "label"]


def test_a_tensor_whose_values_are_not_as_many_as_its_dims():
    short = number(1, 3) + number(1, 5) + number(2, 1) + held(3, floats(1, (14,)).tobytes())
    assert codes("tensorprotos", tensor_protos(short)) == [("[0]", "size-mismatch")]
    assert not decoder("tensorprotos").knows(tensor_protos(short))
    assert codes("tensorprotos", tensor_protos(number(1, 2) + number(2, 1) + held(3, b"abc")))[0][1] == "size-mismatch"
    assert codes("tensorprotos", tensor_protos(number(1, -2) + number(2, 1)))[0][1] == "undecodable"
    assert (
        codes("tensorprotos", tensor_protos(number(1, 1 << 40) + number(1, 1 << 40) + number(2, 1)))[0][1]
        == "size-mismatch"
    )


def test_sound_in_an_audio_example():
    stereo = np.arange(60, dtype="<i2").reshape(2, 30)
    assert fields("audio-example", audio_example(stereo))["waveform"] == ("<i2", stereo.tolist(), False)
    for shape in ((2, 30), (2, 60), ()):
        assert len(fields("audio-example", audio_example(stereo, shape=shape))) == 1
    for precision, dtype in ((1, "<f4"), (2, "<f8"), (0, "<f2"), (4, "<i4"), (5, "<i8")):
        value = audio_example(np.arange(8).reshape(1, 8).astype(dtype), precision)
        assert fields("audio-example", value)["waveform"][0] == dtype


def test_sound_that_is_too_short_for_its_shape():
    samples = np.arange(60, dtype="<i2").reshape(2, 30)
    assert codes("audio-example", audio_example(samples, shape=(2, 59))) == [("waveform", "size-mismatch")]
    assert codes("audio-example", audio_example(np.zeros((1, 7), "u1"), shape=(1, 7))) == [
        ("waveform", "size-mismatch")
    ]


def test_examples_that_hold_only_metadata_or_encoded_sound():
    lazy = b"".join(held(2, held(1, k) + held(2, v)) for k, v in ((b"path", b"a.wav"), (b"length", b"5.2")))
    assert decoder("audio-example").knows(lazy)
    assert fields("audio-example", lazy) == {}
    raw = held(1, held(1, b"w") + held(2, held(3, b"ID3 and so on") + number(4, 6)))
    assert fields("audio-example", raw) == {}


def test_the_picture_and_the_boxes_of_an_annotated_datum():
    reading = read("annotated-datum", SAMPLES["annotated-datum"])
    assert list(reading.findings) == []
    by_name = {it.name: it for it in reading.fields}
    assert list(by_name) == ["data", "boxes", "label"]
    assert np.allclose(by_name["boxes"].values, BOXES)
    assert by_name["label"].values.tolist() == [5]
    assert decoder("annotated-datum").stored_picture(SAMPLES["annotated-datum"]) == pictures()[0]


def test_a_picture_without_boxes_is_sound():
    assert list(read("annotated-datum", annotated_datum(PICTURE)).findings) == []


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ((0, 0, 1, 1), []),
        ((-0.009, 0, 1.009, 1), []),
        ((-0.02, 0, 0.5, 0.5), ["out-of-range"]),
        ((0.1, 0.1, 1.02, 0.5), ["out-of-range"]),
        ((0.8, 0.2, 0.3, 0.6), ["out-of-range"]),
        ((0.2, 0.2, 0.2, 0.6), ["out-of-range"]),
        ((0, 0, 0, 0), ["out-of-range"]),
        ((float("nan"), 0.2, 0.5, 0.6), []),
    ],
)
def test_boxes_beyond_the_picture_or_without_an_area(box, said):
    findings = read("annotated-datum", annotated_datum(PICTURE, (1, [BOXES[0], box]))).findings
    assert [it.code for it in findings] == said
    assert all(it.verdict == "suspicious" for it in findings)


def test_what_is_wrong_in_the_datum_inside():
    cut = annotated_datum(datum(pictures()[0][:300], -1, encoded=True), (1, BOXES))
    assert codes("annotated-datum", cut)[0][1] in ("truncated", "corrupt-image")
    assert codes("annotated-datum", annotated_datum(held(4, b"") + number(7, 1)))[0][1] == "undecodable"
    assert codes("annotated-datum", number(2, 0))[0][1] == "undecodable"
    assert codes("annotated-datum", SAMPLES["annotated-datum"] + number(2, 0) + held(1, PICTURE))[0][1] == "undecodable"


def test_the_features_of_an_example():
    read_ = fields("tf-example", SAMPLES["tf-example"])
    assert read_["x"] == ("<f4", floats(1, (9,)).tolist(), False)
    assert read_["label"] == ("<i8", [3], True)
    unpacked = held(1, held(1, held(1, b"x") + held(2, held(2, single(1, 1.5) + single(1, 2.5)))))
    assert fields("tf-example", unpacked)["x"] == ("<f4", [1.5, 2.5], False)
    ints = held(1, held(1, held(1, b"i") + held(2, held(3, number(1, 5) + number(1, -6)))))
    assert fields("tf-example", ints)["i"] == ("<i8", [5, -6], False)


def test_a_picture_in_an_example_is_decoded():
    value = tf_example(image=pictures()[0], y=[1])
    assert read("tf-example", value).fields[0].format.startswith("JPEG")
    assert codes("tf-example", tf_example(image=pictures()[0][:400], y=[1]))[0][0] == "image"


@pytest.mark.parametrize(
    "message", [b"\xff" * 20, b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x0b", b"\x08\x01", b"\x0a\x80"]
)
def test_lengths_that_lie_and_other_wire_types(message):
    for name in SAMPLES:
        assert not decoder(name).knows(message)
        assert codes(name, message)[0][1] in ("truncated", "undecodable")
