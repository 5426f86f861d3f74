"""Test arrays in a record that have equal lengths in nearly all records, and should have them in the others."""

import json
import pickle
import zlib

import msgpack
import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan

COUNT = 60


def atoms(number, positions=0, forces=0, numbers=0):
    count = 2 + number % 6
    rng = np.random.default_rng(number)
    return {
        "numbers": rng.integers(1, 30, count + numbers),
        "positions": rng.normal(size=(count + positions, 3)),
        "forces": rng.normal(size=(count + forces, 3)),
        "energy": -3.5 * number,
    }


def as_json(record):
    held = {
        name: {"__ndarray__": [list(it.shape), it.dtype.name, it.ravel().tolist()]}
        if isinstance(it, np.ndarray)
        else it
        for name, it in record.items()
    }
    return zlib.compress(json.dumps(held).encode())


def as_lists(record):
    return msgpack.packb({name: it.tolist() if isinstance(it, np.ndarray) else it for name, it in record.items()})


PACKED = {"pickle": pickle.dumps, "json": as_json, "msgpack": as_lists}


def found_in(path, **options):
    findings = scan(path, **{"workers": 1, **options}).findings
    return [(it.key, it.field, it.code, it.verdict) for it in findings if it.code != "constant"]


def write(path, records, pack=pickle.dumps):
    return write_lmdb(path, {key(at): pack(it) for at, it in enumerate(records)})


@pytest.mark.parametrize("pack", PACKED)
def test_an_array_that_is_not_as_long_as_the_others_is_named(pack, tmp_path):
    records = [atoms(it) for it in range(COUNT)]
    write(tmp_path / "sound", records, PACKED[pack])
    assert found_in(tmp_path / "sound") == []
    records[0] = atoms(0, positions=1)
    records[-1] = atoms(COUNT - 1, forces=-1)
    records[31] = atoms(31, numbers=2)
    write(tmp_path / "env", records, PACKED[pack])
    said = [
        ("00000000", "positions", "shape", "bad"),
        ("00000031", "numbers", "shape", "bad"),
        ("00000059", "forces", "shape", "bad"),
    ]
    assert found_in(tmp_path / "env") == said
    assert found_in(tmp_path / "env", workers=2) == said


def test_the_message_names_what_the_others_have(tmp_path):
    records = [atoms(it) for it in range(COUNT)]
    records[5] = atoms(5, positions=1)
    [finding] = scan(write(tmp_path / "env", records), workers=1).findings
    assert finding.message == "positions has 8, forces has 7: in nearly all other records they are as long"
    assert (finding.details["found"], finding.details["expected"]) == (8, 7)


def test_time_that_runs_along_the_second_axis_is_compared_too(tmp_path):
    def record(number, more=0):
        frames = 5 + number % 9
        return {"mel": np.ones((8, frames)) * np.arange(frames), "f0": np.arange(frames + more) * 1.5}

    records = [record(it) for it in range(COUNT)]
    records[7] = record(7, more=4)
    assert found_in(write(tmp_path / "env", records)) == [("00000007", "mel", "shape", "bad")]


def test_frames_that_were_rounded_are_suspicious(tmp_path):
    records = [{"mel": np.arange(50.0 + it % 9), "f0": np.arange(50.0 + it % 9 + (it == 7))} for it in range(COUNT)]
    assert found_in(write(tmp_path / "env", records)) == [("00000007", "mel", "shape", "suspicious")]


def test_an_array_of_nothing_may_be_one_that_is_not_there(tmp_path):
    records = [
        {"boxes": np.ones((1 + it % 7, 4)) * it, "ids": np.arange(1 + it % 7) * (it != 3)} for it in range(COUNT)
    ]
    records[3]["ids"] = records[3]["ids"][:0]
    assert found_in(write(tmp_path / "env", records)) == [("00000003", "ids", "shape", "suspicious")]


@pytest.mark.parametrize(
    "second",
    [
        lambda number: 3 + number % 5,  # often the same, by chance
        lambda number: 2 + number % 6 + (number % 10 == 0),  # the same in nine of ten
        lambda number: 4,
    ],
)
def test_arrays_that_are_of_their_own_length_are_sound(second, tmp_path):
    records = [
        {"tokens": np.arange(2 + it % 6), "boxes": np.arange(4 * second(it)).reshape(-1, 4)} for it in range(COUNT)
    ]
    assert found_in(write(tmp_path / "env", records)) == []


def test_two_lengths_are_no_reason_to_expect_a_third_to_agree(tmp_path):
    records = [{"a": np.arange(2.0 + it % 2), "b": np.arange(2.0 + it % 2)} for it in range(COUNT)]
    records[9] = {"a": np.arange(2.0), "b": np.arange(3.0)}
    assert found_in(write(tmp_path / "env", records)) == []


def test_an_optional_array_that_few_have_is_compared_with_nothing(tmp_path):
    records = [{**atoms(it), **({"charges": np.arange(3.0)} if it % 9 == 0 else {})} for it in range(COUNT)]
    assert found_in(write(tmp_path / "env", records)) == []


def test_pictures_that_are_not_square_are_sound_where_most_are(tmp_path):
    def record(number, more=0, mask=0):
        size = 8 + number % 9
        values = np.random.default_rng(number).normal(size=(size, size + more))
        return {"picture": values, "mask": np.concatenate([values] * 2)[: size + mask] > 0}

    records = [record(it) for it in range(COUNT)]
    records[7], records[40] = record(7, more=3), record(40, more=-2)
    assert found_in(write(tmp_path / "sound", records)) == []
    records[20] = record(20, mask=1)
    assert found_in(write(tmp_path / "env", records)) == [("00000020", "picture", "shape", "bad")]
