"""Test arrays of texts in .npz archives: they have no values to judge, but are part of the record like others."""

import io

import numpy as np
from building import key, write_lmdb

from datacheck import scan


def archive(number, **more):
    out = io.BytesIO()
    np.savez(out, x=np.random.default_rng(number).normal(size=(4, 3)), **more)
    return out.getvalue()


def records():
    return {key(it): archive(it, words=np.array(["a", f"b{it}"]), when=np.array(it, "M8[s]")) for it in range(60)}


def test_sound_archives_are_clean(tmp_path):
    report = scan(write_lmdb(tmp_path / "env", records()), workers=1)
    assert report.status == 0
    assert sorted(report.profile.families["#"].fields) == ["when", "words", "x"]


def test_a_record_that_lacks_one_is_named(tmp_path):
    values = {**records(), key(31): archive(31, when=np.array(5, "M8[s]"))}
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert [(it.key, it.field, it.code) for it in report.findings] == [("00000031", "words", "fields")]


def test_what_half_of_the_records_have_is_optional(tmp_path):
    values = {key(it): archive(it, **({"words": np.array(["a"])} if it % 2 else {})) for it in range(60)}
    assert scan(write_lmdb(tmp_path / "env", values), workers=1).status == 0
