"""Test what a report holds for single files, which may come from anywhere: nothing impossible in it is believed."""

import base64
import json
import random
import zlib

import h5py
import msgspec
import numpy as np
import pytest

import datacheck
from datacheck.reporting.packed_tally import unpacked
from datacheck.reporting.per_file import read_per_file


def write(path, seed, *, nan=()):
    values = np.random.default_rng(seed).normal(size=(40, 6)).astype("f4")
    values[list(nan), 0] = np.nan
    with h5py.File(path, "w") as file:
        file["data"] = values
        file["label"] = np.arange(40) % 3


@pytest.fixture(autouse=True)
def large(monkeypatch):
    """Treat the folders as large ones, for which no sums are made that depend on all records."""
    monkeypatch.setattr("datacheck.scanning.planning.STATS_BYTES", 0)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "train"
    made.mkdir()
    for number in range(4):
        write(made / f"{number}.h5", number, nan=[3] if number == 1 else ())
    return made


def forge(path, change):
    """Change what a report holds for its first file with a finding."""
    said = json.loads(path.read_text())
    made = msgspec.msgpack.decode(zlib.decompress(base64.b64decode(said["per_file"])))
    tally = msgspec.msgpack.decode(made[1][6])
    change(made[1], tally)
    made[1][6] = msgspec.msgpack.encode(tally)
    said["per_file"] = base64.b64encode(zlib.compress(msgspec.msgpack.encode(made))).decode()
    path.write_text(json.dumps(said))


RECORDS, CODES, STATISTICS, LABELS, WHOLE = 1, 4, 9, 10, 11


def put(place, value):
    def change(of, tally):
        at = tally
        for step in place[:-1]:
            at = at[step]
        at[place[-1]] = value

    return change


def of_file(place, value):
    return lambda of, tally: of.__setitem__(place, value)


FORGED = {
    "fewer findings": of_file(5, 0),
    "more findings": of_file(5, 1 << 39),
    "findings of somewhere else": of_file(4, 1),
    "other positions": of_file(3, 0),
    "records that nobody has": put([RECORDS], 1 << 63),
    "fewer records than none": put([RECORDS], -40),
    "hardly any records": put([RECORDS], 2),
    "another code": put([CODES], {"inf": 1}),
    "no code": put([CODES], {}),
    "labels of objects": put([LABELS], [["|O8", b"12345678"]]),
    "half a label": put([LABELS], [["<i8", b"1234"]]),
    "sums beyond all values": put([STATISTICS, "data", 5], "f" * 3000),
    "a least value that nobody can print": put([STATISTICS, "data", 3], "f" * 4000),
    "a centre that is no number": put([STATISTICS, "data", 0], float("nan")),
    "fewer values than none": put([STATISTICS, "data", 2], -1),
}


@pytest.mark.parametrize("how", FORGED)
def test_what_cannot_be_true_of_a_file_is_refused(folder, tmp_path, how):
    last = tmp_path / "last.json"
    datacheck.scan(folder, reports=[last], batch_size=8)
    write(folder / "3.h5", 33)
    forge(last, FORGED[how])
    with pytest.raises(datacheck.UsageError, match="damaged, or the report was replaced"):
        datacheck.scan(folder, if_changed=last, batch_size=8)


def test_lists_in_lists_behind_the_last_field_are_refused(folder, tmp_path):
    last = tmp_path / "last.json"
    datacheck.scan(folder, reports=[last])
    (first, *_) = msgspec.msgpack.decode(zlib.decompress(base64.b64decode(json.loads(last.read_text())["per_file"])))
    deep = b"\x91" * 200_000 + b"\x00"
    of_file = b"\x91\x98" + msgspec.msgpack.encode(first)[1:] + deep
    with pytest.raises(ValueError, match="recursion"):
        read_per_file(base64.b64encode(zlib.compress(of_file)).decode())
    with pytest.raises(ValueError, match="recursion"):
        unpacked(b"\x9d" + first[6][1:] + deep)


def test_any_other_bytes_are_refused_or_taken(folder, tmp_path):
    last = tmp_path / "last.json"
    datacheck.scan(folder, reports=[last], batch_size=8)
    raw = zlib.decompress(base64.b64decode(json.loads(last.read_text())["per_file"]))
    chance = random.Random(5)
    outcomes = set()
    for _ in range(2000):
        octets = bytearray(raw)
        for _ in range(chance.choice([1, 1, 3])):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        text = base64.b64encode(zlib.compress(bytes(octets), 1)).decode()
        try:
            for it in read_per_file(text):
                for statistics in unpacked(it.tally).statistics.values():
                    statistics.summary()
            outcomes.add("taken")
        except ValueError:  # what msgspec raises for an invalid message is a ValueError, too
            outcomes.add("refused")
    assert outcomes == {"taken", "refused"}
