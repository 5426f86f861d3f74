"""Test TensorFlow's SequenceExample: features of the context, and a list of features for each step."""

import struct

import pytest
from building import key, write_lmdb

from datacheck import scan
from datacheck.decoders import decoder, kind


def part(number, content):
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([number << 3 | 2]) + length + content


def floats(*values):
    return part(2, part(1, struct.pack(f"<{len(values)}f", *values)))


def integer(value):
    return part(3, part(1, bytes([value])))


def entry(name, content):
    return part(1, part(1, name.encode()) + part(2, content))


def example(number, value=0.5):
    steps = [floats(number, step, value if step == 1 else 2.0) for step in range(4)]
    context = entry("label", integer(number % 10))
    lists = entry("frames", b"".join(part(1, it) for it in steps))
    return part(1, context) + part(2, lists)


def test_the_steps_are_an_array():
    reading = decoder("tf-example").read(example(3), None)
    assert {it.name: it.values.shape for it in reading.fields} == {
        "context/label": (1,),
        "feature_lists/frames": (4, 3),
    }


def test_a_nan_in_a_step_and_a_label_are_named(tmp_path):
    values = {key(it): example(it) for it in range(40)}
    values[key(7)] = example(7, float("nan"))
    values[key(9)] = values[key(9)].replace(integer(9), integer(77))
    values[key(11)] = values[key(11)][:-5]
    report = scan(write_lmdb(tmp_path / "env", values), workers=1, labels=10)
    assert [(it.key, it.field, it.code) for it in report.findings] == [
        ("00000007", "feature_lists/frames", "nan"),
        ("00000009", "context/label", "label"),
        ("00000011", None, "truncated"),
    ]


@pytest.mark.parametrize(
    "value", [part(2, b""), part(2, part(1, b"\x08\x01")), part(3, entry("x", floats(1))), b"\x12\x05"]
)
def test_other_messages_are_none(value):
    assert kind(value) != "tf-example"
