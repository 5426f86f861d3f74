"""Test that `show --format json` gives a program what the text says."""

import json

import lmdb
import msgpack
import numpy as np
import pytest
from building import datum, floats, key, write_lmdb
from commanding import datacheck


def shown(*words, status=0, **options):
    done = datacheck("show", *words, "--format", "json", **options)
    assert (done.returncode, done.stderr) == (status, ""), done
    return json.loads(done.stdout, parse_constant=pytest.fail)


@pytest.fixture
def store(tmp_path):
    """Write 12 records, one of them with NaN."""
    values = [floats(number) for number in range(12)]
    values[7][0, 1, 1] = np.nan
    return write_lmdb(tmp_path / "s", {key(number): datum(it, number % 3) for number, it in enumerate(values)})


def test_one_record(store):
    record = shown(store, "00000007", status=1)
    assert (record["schema"], record["source"], record["key"]) == ("datacheck-record/1", str(store), "00000007")
    assert (record["decoder"], record["status"]) == ("datum", 1)
    data, label = record["fields"]
    assert (data["name"], data["shape"], data["dtype"]) == ("data", [2, 4, 4], "float32")
    assert label == {"name": "label", "dtype": "int64", "value": 1}
    (finding,) = record["findings"]
    assert (finding["code"], finding["field"], finding["index"]) == ("nan", "data", None)


def test_several_records_and_one_that_is_not_there(store):
    done = datacheck("show", store, "00000001", "00000099", "--format", "json")
    assert done.returncode == 2
    hint = f"datacheck: to see the first keys: datacheck info {store}\n"
    assert done.stderr == f"datacheck: {store}: has no record with the key 00000099\n{hint}"
    document = json.loads(done.stdout)
    assert document["schema"] == "datacheck-records/1"
    assert [(it["key"], it["status"], it["findings"]) for it in document["records"]] == [("00000001", 0, [])]


def test_the_bad_ones_and_none(store):
    assert [it["key"] for it in shown(store, "--bad", "3", status=1)["records"]] == ["00000007"]
    assert shown(store, "--bad", "3", "--ignore", "nan")["records"] == []


def test_a_field_in_full(store):
    (field,) = shown(store, "00000007", "--field", "data", "--skip", "finite")["fields"]
    assert field["values"][5] is None  # [0, 1, 1] of 2x4x4
    assert [it is None for it in field["values"]].count(True) == 1


def test_texts_and_bytes_of_a_tree(tmp_path):
    with lmdb.open(str(tmp_path / "s")) as env, env.begin(write=True) as txn:
        for number in range(20):
            tree = {"text": "a\x1bb", "names": ["x", "y"], "raw": b"\x00\x01\x02\xff" * 8, "none": None}
            txn.put(key(number), msgpack.packb(tree))
    record = shown(tmp_path / "s", "00000003")
    fields = {it.pop("name"): it for it in record["fields"]}
    assert record["decoder"] == "msgpack"
    assert fields["text"] == {"format": "text", "texts": ["a\\x1bb"], "count": 1, "bytes": 3}
    assert fields["names"]["texts"] == ["x", "y"]
    assert fields["raw"] == {"format": "bytes", "head": "00 01 02 ff 00 01 02 ff", "bytes": 32}


def test_what_no_decoder_knows_has_none(tmp_path):
    write_lmdb(tmp_path / "s", {b"k%d" % n: bytes([1, 2, 3, n, 200, 7] * 9) for n in range(40)})
    record = shown(tmp_path / "s", "k3", status=3)
    assert (record["decoder"], record["bytes"], record["fields"]) == (None, 54, [])


def test_the_file_that_was_saved_is_named(store, tmp_path):
    record = shown(store, "00000001", "--save", tmp_path / "a.npy")
    assert record["saved"] == str(tmp_path / "a.npy")
    assert np.load(record["saved"]).shape == (2, 4, 4)
