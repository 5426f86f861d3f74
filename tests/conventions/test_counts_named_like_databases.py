"""Counts that lie in one database and are called by the name of another one, such as `num_train` beside `train`."""

import lmdb
import pytest
from commanding import datacheck
from convention_stores import picture


def write(path, databases):
    with lmdb.open(str(path), map_size=1 << 28, max_dbs=len(databases)) as env:
        for name, records in databases.items():
            database = env.open_db(name.encode() if name else None)
            with env.begin(write=True, db=database) as transaction:
                transaction.cursor().putmulti(records.items())
    return path


def read(path, name):
    with lmdb.open(str(path), max_dbs=1, readonly=True, lock=False) as env:
        database = env.open_db(name.encode() if name else None, create=False)
        with env.begin(db=database) as transaction:
            return dict(transaction.cursor())


def sets(train=40, cut=None):
    of_train = {b"%06d" % at: picture(at) for at in range(train)}
    if cut is not None:
        of_train[b"%06d" % cut] = picture(cut)[:100]
    return {"train": of_train, "val": {b"%06d" % at: picture(at) for at in range(12)}}


STALE = {
    "main": ("main", {b"num_train": b"41", b"num_val": b"12"}, "num_train in the main database says 41, there are 40"),
    "small": ("meta", {b"train_len": b"40", b"val_len": b"13"}, "val_len in the database meta says 13, there are 12"),
    "counts": ("counts", {b"train": b"50", b"val": b"12"}, "train in the database counts says 50, there are 40"),
}


@pytest.mark.parametrize(("where", "counts", "text"), STALE.values(), ids=STALE)
def test_a_count_that_is_not_true_is_bad(tmp_path, where, counts, text):
    result = datacheck("scan", write(tmp_path / "store", {**sets(), "" if where == "main" else where: counts}))
    assert (result.returncode, text in result.stdout) == (1, True), result.stdout


SOUND = {
    "true": {b"num_train": b"40", b"num_val": b"12"},
    "size of pictures": {b"train_size": b"224", b"val_size": b"224"},
    "lengths of texts": {b"train_length": b"44"},
    "whole set": {b"total_train": b"60"},
    "epochs and batches": {b"train_batches": b"38", b"num_train_epochs": b"41"},
    "far from it": {b"num_train": b"1000"},
}


@pytest.mark.parametrize("counts", SOUND.values(), ids=SOUND)
def test_a_number_that_is_true_or_may_be_something_else_is_not_bad(tmp_path, counts):
    result = datacheck("scan", write(tmp_path / "store", {**sets(), "": counts}))
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("where", ["", "meta"])
def test_a_copy_counts_what_is_left(tmp_path, where):
    store = write(tmp_path / "store", {**sets(cut=7), where: {b"num_train": b"40", b"num_val": b"12"}})
    made = datacheck("rebuild", store, tmp_path / "copy", "--drop-bad")
    assert (made.returncode, "num_train, as 39" in made.stdout) == (0, True), made.stdout + made.stderr
    copy = read(tmp_path / "copy", where)
    assert (copy[b"num_train"], copy[b"num_val"]) == (b"39", b"12")
    assert sorted(read(tmp_path / "copy", "train")) == [b"%06d" % at for at in range(39)]
    assert datacheck("scan", tmp_path / "copy").returncode == 0
