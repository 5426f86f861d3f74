"""Counts of as many bytes as they have bits, one in each of several databases, as programs for links in graphs have."""

import pickle
import shlex

import lmdb
import numpy as np
import pytest
from commanding import datacheck as command
from convention_stores import picture, read, write

import datacheck

PARTS = {"train_pos": 130, "train_neg": 130, "valid_pos": 40}


def graphs(path, bad=None, gone=None, off=0):
    rng = np.random.default_rng(0)
    with lmdb.open(str(path), map_size=1 << 28, max_dbs=6) as env:
        for part, count in PARTS.items():
            database = env.open_db(part.encode())
            with env.begin(write=True, db=database) as transaction:
                for number in range(count):
                    ratio = float("nan") if (part, number) == ("train_pos", bad) else rng.random()
                    value = pickle.dumps(
                        {"nodes": [1, 2, 3], "n_labels": rng.integers(0, 3, (3, 2)), "enc_ratio": ratio}
                    )
                    if (part, number) != ("train_pos", gone):
                        transaction.put(b"%08d" % number, value)
                said = count + off * (part == "train_pos")
                transaction.put(b"num_graphs", said.to_bytes(said.bit_length(), "little"))
    return path


def load(path, part):
    """Read as their loader does: as many as the count says, from 0 on."""
    with lmdb.open(str(path), readonly=True, lock=False, max_dbs=6) as env:
        database = env.open_db(part.encode(), create=False)
        with env.begin(db=database) as transaction:
            count = int.from_bytes(transaction.get(b"num_graphs"), "little")
            return [pickle.loads(transaction.get(b"%08d" % number))["enc_ratio"] for number in range(count)]


def test_the_count_of_each_database_is_held_to_its_records(tmp_path):
    assert datacheck.scan(graphs(tmp_path / "sound")).counts == {}
    assert datacheck.scan(graphs(tmp_path / "gone", gone=17)).counts == {"dangling": 1}
    assert datacheck.scan(graphs(tmp_path / "off", off=2)).counts == {"count": 1}


def test_a_copy_that_is_closed_up_trains(tmp_path):
    source = graphs(tmp_path / "store", bad=17)
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, renumber=True)
    assert {part: len(load(tmp_path / "copy", part)) for part in PARTS} == PARTS | {"train_pos": 129}
    assert not np.isnan(load(tmp_path / "copy", "train_pos")).any()


def test_the_rebuild_that_is_printed_is_not_refused(tmp_path):
    source = graphs(tmp_path / "store", bad=17)
    printed = command("scan", source).stdout
    (line,) = [it for it in printed.splitlines() if it.startswith("a clean copy: ")]
    assert "--renumber closes them up in each" in printed
    words = shlex.split(line.partition(": ")[2])
    assert command(*words[1:]).returncode == 0


@pytest.mark.parametrize("name", [b"__num_samples__", b"num_instances", b"total_count", b"_TOTAL_COUNT_", b"num"])
def test_further_names_of_counts(tmp_path, name):
    def pictures(cut=None):
        values = {b"%d" % number: picture(number) for number in range(60)}
        return {key: value[: len(value) // (1 + (key == cut))] for key, value in values.items()}

    assert datacheck.scan(write(tmp_path / "sound", pictures() | {name: b"60"})).counts == {}
    assert datacheck.scan(write(tmp_path / "off", pictures() | {name: b"62"})).counts == {"count": 1}
    source = write(tmp_path / "store", pictures(cut=b"17") | {name: b"60"})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert copy[name] == b"59"
    assert copy[b"17"] == picture(18)


@pytest.mark.parametrize("value", [b"abc", b"\x01\x02\x03", b"\xff" * 7, bytes(range(1, 17))])
def test_other_bytes_under_the_name_of_a_count_are_no_number(tmp_path, value):
    store = {b"%d" % number: picture(number) for number in range(60)} | {b"length": value}
    assert "count" not in datacheck.scan(write(tmp_path / "store", store)).counts
