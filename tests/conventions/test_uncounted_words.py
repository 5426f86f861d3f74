"""Word pictures and texts, numbered as OCR loaders ask for them, without the count that is written last."""

from __future__ import annotations

import io

import lmdb
import numpy as np
import pytest
from PIL import Image

import datacheck


def picture(seed):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (16, 32), "u1")).save(buffer, "PNG")
    return buffer.getvalue()


def write(path, *, names=("image-{:09d}", "label-{:09d}"), first=1, further=(), database=None):
    with (
        lmdb.open(str(path), map_size=1 << 26, max_dbs=1) as env,
        env.begin(write=True, db=env.open_db(database)) as txn,
    ):
        for at in range(first, first + 40):
            txn.put(names[0].format(at).encode(), picture(at))
            txn.put(names[1].format(at).encode(), f"word{at}x".encode())
        for key, value in further:
            txn.put(key, value)
    return path


def test_word_pictures_that_nothing_counts_are_suspicious(tmp_path):
    (finding,) = datacheck.scan(write(tmp_path / "a")).findings
    assert (finding.code, finding.verdict, finding.key) == ("count", "suspicious", None)
    assert finding.message.startswith("num-samples is not there")


def test_a_copy_of_them_is_written_as_ever(tmp_path):
    write(tmp_path / "a", further=[(b"image-000000003", picture(3)[:-30])])
    datacheck.rebuild(tmp_path / "a", tmp_path / "copy", drop_bad=True)
    with lmdb.open(str(tmp_path / "copy"), readonly=True) as env, env.begin() as txn:
        assert txn.get(b"image-000000003") is None
        assert txn.get(b"label-000000003") is None
        assert txn.get(b"image-000000004") == picture(4)


@pytest.mark.parametrize(
    "written",
    [
        {"further": [(b"num-samples", b"40")]},
        {"names": ("image-{:08d}", "label-{:08d}")},
        {"names": ("image-{:09d}", "caption-{:09d}")},
        {"first": 0},
        {"further": [(b"length", b"40")]},
        {"further": [(b"meta", b'{"letters": "abc"}')]},
        {"database": b"train"},
    ],
    ids=["counted", "eight digits", "captions", "from 0", "counted otherwise", "metadata", "a database by name"],
)
def test_what_other_loaders_read_needs_no_such_count(tmp_path, written):
    findings = datacheck.scan(write(tmp_path / "a", **written)).findings
    assert not any("num-samples is not there" in it.message for it in findings)
